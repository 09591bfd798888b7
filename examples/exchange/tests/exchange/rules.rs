//! The rules of matching and the refusals, one by one.

use exchange::engine::{Exchange, ExchangeCancel, ExchangeLimit, ExchangeList, ExchangeMarket};
use exchange::order::{Execution, Instrument, OrderId, Price, Quantity, Refusal, Side, Trade};
use memimage::testing::{Given, given};

const GOLD: Instrument = Instrument(1);

/// An exchange whose event 1 lists an instrument.
#[track_caller]
fn listed() -> Given<Exchange> {
    given().event(ExchangeList { instrument: GOLD })
}

fn buy(price: u32, quantity: u32) -> ExchangeLimit {
    ExchangeLimit { instrument: GOLD, side: Side::Buy, price: Price(price), quantity: Quantity(quantity) }
}

fn sell(price: u32, quantity: u32) -> ExchangeLimit {
    ExchangeLimit { side: Side::Sell, ..buy(price, quantity) }
}

fn market(side: Side, quantity: u32) -> ExchangeMarket {
    ExchangeMarket { instrument: GOLD, side, quantity: Quantity(quantity) }
}

fn cancel(order: u64) -> ExchangeCancel {
    ExchangeCancel { order: OrderId(order) }
}

/// The result of an order with trades of the form (maker, price, quantity).
fn execution<const N: usize>(order: u64, trades: [(u64, u32, u32); N], unfilled: u32) -> Execution {
    let trades = trades.map(|(maker, price, quantity)| Trade {
        maker: OrderId(maker),
        price: Price(price),
        quantity: Quantity(quantity),
    });
    Execution { order: OrderId(order), trades: trades.into_iter().collect(), unfilled: Quantity(unfilled) }
}

#[test]
fn the_best_price_trades_first_at_the_makers_price() {
    let asks = listed().event(sell(12, 5)).event(sell(10, 5)).event(sell(11, 5));
    asks.when(buy(11, 12)).then_ok(execution(5, [(3, 10, 5), (4, 11, 5)], 2));
    let bids = listed().event(buy(10, 5)).event(buy(12, 5)).event(buy(11, 5));
    bids.when(sell(11, 12)).then_ok(execution(5, [(3, 12, 5), (4, 11, 5)], 2));
}

#[test]
fn at_one_price_the_oldest_order_trades_first_and_keeps_its_place_after_a_part() {
    let asks = listed().event(sell(10, 5)).event(sell(10, 5));
    asks.when(buy(10, 2)).then_ok(execution(4, [(2, 10, 2)], 0)).when(buy(10, 4)).then_ok(execution(
        5,
        [(2, 10, 3), (3, 10, 1)],
        0,
    ));
}

#[test]
fn the_rest_of_a_limit_order_stays_in_the_book() {
    listed().event(sell(10, 5)).event(buy(10, 8)).when(sell(9, 9)).then_ok(execution(4, [(3, 10, 3)], 6));
}

#[test]
fn a_market_order_trades_at_any_price_and_its_rest_lapses() {
    let asks = listed().event(sell(10, 5)).event(sell(1_000_000, 5));
    asks.when(market(Side::Buy, 11))
        .then_ok(execution(4, [(2, 10, 5), (3, 1_000_000, 5)], 1))
        .then(|exchange| assert_eq!(exchange.open_orders(), 0));
    let bids = listed().event(buy(1, 5));
    bids.when(market(Side::Sell, 7))
        .then_ok(execution(3, [(2, 1, 5)], 2))
        .when(market(Side::Sell, 7))
        .then_ok(execution(4, [], 7));
}

#[test]
fn orders_of_one_side_do_not_trade() {
    listed().event(buy(10, 5)).when(buy(10, 5)).then_ok(execution(3, [], 5));
    listed().event(sell(10, 5)).when(sell(10, 5)).then_ok(execution(3, [], 5));
}

#[test]
fn orders_of_different_instruments_do_not_trade() {
    let silver = Instrument(2);
    let listed = listed().event(ExchangeList { instrument: silver }).event(sell(10, 5));
    listed
        .when(ExchangeLimit { instrument: silver, ..buy(10, 5) })
        .then_ok(execution(4, [], 5))
        .when(ExchangeMarket { instrument: silver, ..market(Side::Buy, 5) })
        .then_ok(execution(5, [], 5));
}

#[test]
fn a_cancelled_order_does_not_trade() {
    let asks = listed().event(sell(10, 5)).event(sell(10, 6)).event(sell(10, 7));
    asks.when(cancel(3)).then_ok(Quantity(6)).when(buy(10, 20)).then_ok(execution(6, [(2, 10, 5), (4, 10, 7)], 8));
}

#[test]
fn a_price_without_orders_leaves_the_book() {
    let best = |exchange: &Exchange| [Side::Buy, Side::Sell].map(|side| exchange.book(GOLD).unwrap().best(side));
    let orders = listed().event(buy(10, 5)).event(buy(11, 5)).event(sell(13, 5)).event(sell(12, 5));
    orders
        .then(|exchange| assert_eq!(best(exchange), [Some(Price(11)), Some(Price(12))]))
        .when(cancel(3))
        .then(|exchange| assert_eq!(best(exchange), [Some(Price(10)), Some(Price(12))]))
        .when(buy(12, 5))
        .then(|exchange| assert_eq!(best(exchange), [Some(Price(10)), Some(Price(13))]))
        .when(cancel(4))
        .then(|exchange| assert_eq!(best(exchange), [Some(Price(10)), None]));
}

#[test]
fn a_cancellation_returns_what_is_not_traded() {
    listed().event(sell(10, 5)).event(buy(10, 2)).when(cancel(2)).then_ok(Quantity(3));
}

#[test]
fn only_an_open_order_can_be_cancelled() {
    let orders = listed().event(sell(10, 5)).event(buy(10, 5)).event(sell(10, 5)).event(cancel(4));
    orders
        .when(cancel(2)) // filled as maker
        .then_refused(&Refusal::NotOpen(OrderId(2)))
        .when(cancel(3)) // filled as taker
        .then_refused(&Refusal::NotOpen(OrderId(3)))
        .when(cancel(4)) // cancelled
        .then_refused(&Refusal::NotOpen(OrderId(4)))
        .when(cancel(99)) // never there
        .then_refused(&Refusal::NotOpen(OrderId(99)))
        .then_no_event();
}

#[test]
fn prices_quantities_and_instruments_are_checked() {
    for price in [0, 1_000_001, u32::MAX] {
        listed().when(buy(price, 1)).then_refused(&Refusal::PriceOutOfRange(Price(price)));
    }
    for price in [1, 1_000_000] {
        listed().when(sell(price, u32::MAX)).then_ok(execution(2, [], u32::MAX));
    }
    listed().when(buy(10, 0)).then_refused(&Refusal::NoQuantity);
    listed().when(market(Side::Sell, 0)).then_refused(&Refusal::NoQuantity);
    given().when(buy(10, 1)).then_refused(&Refusal::NotListed(GOLD));
    given().when(market(Side::Buy, 1)).then_refused(&Refusal::NotListed(GOLD));
}

#[test]
fn an_instrument_is_listed_once() {
    listed().when(ExchangeList { instrument: GOLD }).then_refused(&Refusal::Listed(GOLD));
}
