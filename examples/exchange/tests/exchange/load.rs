//! The load is the same for the same seed, keeps the books bounded, and has all kinds of requests.

use exchange::bare::BareEngine;
use exchange::engine::{Exchange, ExchangeCommands};
use exchange::load::Load;
use exchange::order::{Instrument, Side};
use exchange::request::{Answer, Request};
use memimage::Image;

/// An exchange with two instruments, after its event 2.
pub(crate) fn listed() -> Exchange {
    let image = Image::<Exchange>::in_memory().unwrap();
    image.list(Instrument(1)).unwrap();
    image.list(Instrument(2)).unwrap();
    image.query(Exchange::clone).unwrap()
}

fn requests(seed: u64, count: usize) -> Vec<Request> {
    Load::new(seed, listed(), 2).take(count).collect()
}

#[test]
fn the_seed_determines_the_load() {
    let texts = [1, 1, 2].map(|seed| format!("{:?}", requests(seed, 1000)));
    assert_eq!(texts[0], texts[1]);
    assert_ne!(texts[0], texts[2]);
}

#[test]
fn the_load_has_all_kinds_of_requests_and_few_are_refused() {
    let mut engine = BareEngine::new(listed(), 2);
    let (mut limit, mut market, mut cancel, mut trading, mut refused) = (0, 0, 0, 0, 0);
    for request in requests(7, 50_000) {
        match request {
            Request::Limit(_) => limit += 1,
            Request::Market(_) => market += 1,
            Request::Cancel(_) => cancel += 1,
        }
        match engine.answer(request) {
            Answer::Executed(execution) => trading += u32::from(!execution.trades.is_empty()),
            Answer::Cancelled(_) => {}
            Answer::Refused(_) => refused += 1,
        }
    }
    assert!(limit > 25_000 && market > 1_000 && cancel > 10_000, "{limit} limit, {market} market, {cancel} cancel");
    assert!(trading > 5_000, "{trading} orders traded at once");
    assert!(0 < refused && refused < 500, "{refused} requests were refused");
}

#[test]
fn the_books_stay_bounded_and_no_bid_reaches_an_ask() {
    let mut load = Load::new(7, listed(), 2);
    for _ in 0..10 {
        load.nth(9_999);
        let exchange = load.engine().exchange();
        assert!(exchange.open_orders() < 2 * 2 * 2000, "{} orders are open", exchange.open_orders());
        for (_, book) in exchange.books() {
            assert!(book.best(Side::Buy).unwrap() < book.best(Side::Sell).unwrap());
        }
    }
}

#[test]
fn a_load_continues_from_any_state() {
    let mut first = Load::new(7, listed(), 2);
    first.nth(4_999);
    let (exchange, seq) = (first.engine().exchange().clone(), first.engine().seq());
    let mut second = Load::new(8, exchange.clone(), seq);
    let mut engine = BareEngine::new(exchange, seq);
    let answers = second.by_ref().take(5000).map(|request| engine.answer(request));
    let refused = answers.filter(|answer| matches!(answer, Answer::Refused(_))).count();
    assert!(refused < 100, "{refused} requests were refused");
    assert_eq!(engine.exchange(), second.engine().exchange());
}
