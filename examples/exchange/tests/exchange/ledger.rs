//! The ledger finds each kind of false answer, and a book that contradicts the answers.

use exchange::bare::BareEngine;
use exchange::engine::{ExchangeCancel, ExchangeLimit, ExchangeMarket};
use exchange::ledger::{Discrepancy, Ledger};
use exchange::order::{Execution, Instrument, OrderId, Price, Quantity, Refusal, Side, Trade};
use exchange::request::{Answer, Request};

use crate::load::listed;

/// Two buyers of 5 each at the price 10; then a seller of 6 at 9, who trades with both. The order numbers are 3, 4 and 5.
fn orders() -> [Request; 3] {
    let buy = ExchangeLimit { instrument: Instrument(1), side: Side::Buy, price: Price(10), quantity: Quantity(5) };
    let sell = ExchangeLimit { side: Side::Sell, price: Price(9), quantity: Quantity(6), ..buy };
    [buy, buy, sell].map(Request::Limit)
}

/// Enters the orders with their answers, of which the last is changed before, and verifies the books.
fn enter(change: impl FnOnce(&mut Execution)) -> Result<(), Discrepancy> {
    let mut engine = BareEngine::new(listed(), 2);
    let mut ledger = Ledger::new(engine.exchange());
    let mut answers = orders().map(|request| engine.answer(request));
    let Answer::Executed(last) = &mut answers[2] else { panic!("a limit order was {:?}", answers[2]) };
    change(last);
    for (request, answer) in orders().into_iter().zip(&answers) {
        ledger.enter(request, answer)?;
    }
    ledger.verify(engine.exchange())
}

#[track_caller]
fn refuses(change: impl FnOnce(&mut Execution)) {
    let discrepancy = enter(change).expect_err("the ledger accepted a false answer").to_string();
    assert!(discrepancy.starts_with("verification failed: "), "{discrepancy}");
}

#[test]
fn true_answers_are_accepted() {
    enter(|last| {
        let trade = |maker, quantity| Trade { maker: OrderId(maker), price: Price(10), quantity: Quantity(quantity) };
        assert_eq!(last.trades[..], [trade(3, 5), trade(4, 1)]);
    })
    .unwrap();
}

#[test]
fn a_trade_with_another_price_quantity_or_maker_is_found() {
    refuses(|last| last.trades[0].price = Price(9));
    refuses(|last| last.trades[0].quantity = Quantity(4));
    refuses(|last| last.trades[0].quantity = Quantity(6));
    refuses(|last| last.trades[0].maker = OrderId(4));
    refuses(|last| last.trades[0].maker = OrderId(99));
}

#[test]
fn a_missing_or_additional_trade_is_found() {
    refuses(|last| last.trades.truncate(1));
    refuses(|last| last.trades.push(last.trades[1]));
}

#[test]
fn a_number_of_another_order_is_found() {
    let mut ledger = Ledger::new(&listed());
    let [first, second, _] = orders();
    let answer = BareEngine::new(listed(), 2).answer(first);
    ledger.enter(first, &answer).unwrap();
    ledger.enter(second, &answer).unwrap_err();
}

#[test]
fn trades_that_were_not_executed_are_found() {
    refuses(|last| {
        last.trades.clear();
        last.unfilled = Quantity(6);
    });
    refuses(|last| last.unfilled = Quantity(1));
}

#[test]
fn a_trade_beyond_the_limit_is_found() {
    let engine = BareEngine::new(listed(), 2);
    let mut ledger = Ledger::new(engine.exchange());
    let [buy, _, Request::Limit(sell)] = orders() else { panic!("the orders are limit orders") };
    let resting = |order| {
        Answer::Executed(Execution { order: OrderId(order), trades: Default::default(), unfilled: Quantity(5) })
    };
    ledger.enter(buy, &resting(3)).unwrap();
    let trade = Trade { maker: OrderId(3), price: Price(10), quantity: Quantity(5) };
    let execution = Execution { order: OrderId(4), trades: [trade].into_iter().collect(), unfilled: Quantity(1) };
    let dearer = Request::Limit(ExchangeLimit { price: Price(11), ..sell });
    ledger.enter(dearer, &Answer::Executed(execution)).unwrap_err();
}

#[test]
fn false_cancellations_and_refusals_are_found() {
    let mut engine = BareEngine::new(listed(), 2);
    let [buy, ..] = orders();
    let answer = engine.answer(buy);
    let cancel = Request::Cancel(ExchangeCancel { order: OrderId(3) });
    let after_buy = || {
        let mut ledger = Ledger::new(&listed());
        ledger.enter(buy, &answer).unwrap();
        ledger
    };
    after_buy().enter(cancel, &Answer::Cancelled(Quantity(5))).unwrap();
    after_buy().enter(cancel, &Answer::Cancelled(Quantity(4))).unwrap_err();
    after_buy().enter(cancel, &Answer::Refused(Refusal::NotOpen(OrderId(3)))).unwrap_err();
    let unknown = Request::Cancel(ExchangeCancel { order: OrderId(4) });
    after_buy().enter(unknown, &Answer::Cancelled(Quantity(5))).unwrap_err();
    after_buy().enter(unknown, &Answer::Refused(Refusal::NotOpen(OrderId(4)))).unwrap();
    let market = ExchangeMarket { instrument: Instrument(1), side: Side::Sell, quantity: Quantity(5) };
    after_buy().enter(Request::Market(market), &Answer::Refused(Refusal::NoQuantity)).unwrap_err();
}

#[test]
fn orders_that_were_open_before_are_known() {
    let mut engine = BareEngine::new(listed(), 2);
    for request in orders() {
        engine.answer(request);
    }
    let mut ledger = Ledger::new(engine.exchange());
    let cancel = Request::Cancel(ExchangeCancel { order: OrderId(4) });
    ledger.enter(cancel, &engine.answer(cancel)).unwrap();
    ledger.verify(engine.exchange()).unwrap();
    assert_eq!((ledger.trades(), ledger.traded()), (0, 0));
}
