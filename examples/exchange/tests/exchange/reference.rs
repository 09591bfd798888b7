//! The engine gives the answers and books of a naive engine: a list of orders that is searched from end to end.

use exchange::bare::BareEngine;
use exchange::engine::{Exchange, ExchangeCancel, ExchangeCommands, ExchangeLimit, ExchangeMarket};
use exchange::ledger::Ledger;
use exchange::order::{Execution, Instrument, OrderId, Price, Quantity, Refusal, Side, Trade};
use exchange::request::{Answer, Request};
use memimage::{CommandError, Image};
use proptest::prelude::*;

/// The instruments 1 and 2 are listed, and 3 is not.
const LISTED: [Instrument; 2] = [Instrument(1), Instrument(2)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NaiveOrder {
    id: OrderId,
    instrument: Instrument,
    side: Side,
    price: Price,
    open: u32,
}

#[derive(Default)]
struct NaiveEngine {
    orders: Vec<NaiveOrder>,
    seq: u64,
}

impl NaiveEngine {
    fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Limit(ExchangeLimit { price, .. }) if price.0 == 0 || price.0 > 1_000_000 => {
                Answer::Refused(Refusal::PriceOutOfRange(price))
            }
            Request::Limit(ExchangeLimit { quantity: Quantity(0), .. })
            | Request::Market(ExchangeMarket { quantity: Quantity(0), .. }) => Answer::Refused(Refusal::NoQuantity),
            Request::Limit(ExchangeLimit { instrument, .. }) | Request::Market(ExchangeMarket { instrument, .. })
                if !LISTED.contains(&instrument) =>
            {
                Answer::Refused(Refusal::NotListed(instrument))
            }
            Request::Limit(ExchangeLimit { instrument, side, price, quantity }) => {
                self.execute(instrument, side, Some(price), quantity)
            }
            Request::Market(ExchangeMarket { instrument, side, quantity }) => {
                self.execute(instrument, side, None, quantity)
            }
            Request::Cancel(ExchangeCancel { order }) => match self.orders.iter().position(|open| open.id == order) {
                None => Answer::Refused(Refusal::NotOpen(order)),
                Some(found) => {
                    self.seq += 1;
                    Answer::Cancelled(Quantity(self.orders.remove(found).open))
                }
            },
        }
    }

    fn execute(&mut self, instrument: Instrument, side: Side, limit: Option<Price>, quantity: Quantity) -> Answer {
        self.seq += 1;
        let id = OrderId(self.seq);
        let mut left = quantity.0;
        let mut execution = Execution { order: id, trades: Default::default(), unfilled: Quantity(0) };
        while left > 0 {
            let makers = self.orders.iter_mut().filter(|maker| maker.instrument == instrument && maker.side != side);
            let maker = match side {
                Side::Buy => makers
                    .filter(|maker| limit.is_none_or(|limit| maker.price <= limit))
                    .min_by_key(|maker| (maker.price, maker.id)),
                Side::Sell => makers
                    .filter(|maker| limit.is_none_or(|limit| maker.price >= limit))
                    .max_by_key(|maker| (maker.price, u64::MAX - maker.id.0)),
            };
            let Some(maker) = maker else { break };
            let traded = u32::min(left, maker.open);
            execution.trades.push(Trade { maker: maker.id, price: maker.price, quantity: Quantity(traded) });
            maker.open -= traded;
            left -= traded;
            self.orders.retain(|order| order.open > 0);
        }
        execution.unfilled = Quantity(left);
        if let (Some(price), 1..) = (limit, left) {
            self.orders.push(NaiveOrder { id, instrument, side, price, open: left });
        }
        Answer::Executed(execution)
    }
}

/// The orders of all books, by number.
fn orders(exchange: &Exchange) -> Vec<NaiveOrder> {
    let mut orders = Vec::new();
    for (instrument, book) in exchange.books() {
        for side in [Side::Buy, Side::Sell] {
            let resting = book.orders(side);
            orders.extend(resting.map(|(price, resting)| NaiveOrder {
                id: resting.order,
                instrument,
                side,
                price,
                open: resting.open.0,
            }));
        }
    }
    orders.sort_by_key(|order| order.id);
    orders
}

fn execute(image: &Image<Exchange>, request: Request) -> Answer {
    let answer = match request {
        Request::Limit(ExchangeLimit { instrument, side, price, quantity }) => {
            image.limit(instrument, side, price, quantity).map(Answer::Executed)
        }
        Request::Market(ExchangeMarket { instrument, side, quantity }) => {
            image.market(instrument, side, quantity).map(Answer::Executed)
        }
        Request::Cancel(ExchangeCancel { order }) => image.cancel(order).map(Answer::Cancelled),
    };
    answer.unwrap_or_else(|error| match error {
        CommandError::Refused(refusal) => Answer::Refused(refusal),
        CommandError::Image(error) => panic!("{error}"),
    })
}

fn request() -> impl Strategy<Value = Request> {
    let instrument = || prop_oneof![5 => Just(Instrument(1)), 4 => Just(Instrument(2)), 1 => Just(Instrument(3))];
    let side = || prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let price =
        prop_oneof![20 => 1..8_u32, 1 => prop_oneof![Just(0), Just(1_000_000), Just(1_000_001), Just(u32::MAX)]];
    let quantity = || prop_oneof![20 => 1..6_u32, 1 => prop_oneof![Just(0), Just(u32::MAX)]].prop_map(Quantity);
    let limit = (instrument(), side(), price, quantity()).prop_map(|(instrument, side, price, quantity)| {
        Request::Limit(ExchangeLimit { instrument, side, price: Price(price), quantity })
    });
    let market = (instrument(), side(), quantity())
        .prop_map(|(instrument, side, quantity)| Request::Market(ExchangeMarket { instrument, side, quantity }));
    let cancel = (0..60_u64).prop_map(|order| Request::Cancel(ExchangeCancel { order: OrderId(order) }));
    prop_oneof![6 => limit, 1 => market, 3 => cancel]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_a_naive_one(requests in prop::collection::vec(request(), 0..80)) {
        let image = Image::<Exchange>::in_memory().unwrap();
        for instrument in LISTED {
            image.list(instrument).unwrap();
        }
        let listed = image.query(Exchange::clone).unwrap();
        let seq = image.journal().seq().get();
        let mut naive = NaiveEngine { orders: Vec::new(), seq };
        let mut bare = BareEngine::new(listed.clone(), seq);
        let mut ledger = Ledger::new(&listed);
        for request in requests {
            let answer = execute(&image, request);
            prop_assert_eq!(&answer, &naive.answer(request), "{:?}", request);
            prop_assert_eq!(&answer, &bare.answer(request), "{:?}", request);
            // the load has no order that is refused, so the ledger refuses such an answer
            if matches!((request, &answer), (Request::Cancel(_), _) | (_, Answer::Executed(_))) {
                ledger.enter(request, &answer).unwrap();
            }
            let exchange = image.query(Exchange::clone).unwrap();
            prop_assert_eq!(orders(&exchange), naive.orders.clone());
            prop_assert_eq!(&exchange, bare.exchange());
            ledger.verify(&exchange).unwrap();
        }
    }
}
