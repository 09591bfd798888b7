//! A load for the exchange: limit orders around a moving mid price, market orders, and cancellations.
//!
//! The load follows the exchange's state in an engine of its own, so that a cancellation names an open order, as a trader's
//! does. The seed and the state at the start determine all requests.

use crate::bare::BareEngine;
use crate::book::Book;
use crate::engine::{Exchange, ExchangeCancel, ExchangeLimit, ExchangeMarket};
use crate::order::{Instrument, OrderId, Price, Quantity, Side};
use crate::random::SplitMix64;
use crate::request::{Answer, Request};

/// Cancellations become as frequent as new orders when so many orders of each instrument are open.
const OPEN_ORDERS: u32 = 2_000;
/// The mid price of an instrument without orders.
const FIRST_MID: u32 = 100_000;
/// The mid price stays this far away from the limits of prices.
const MARGIN: u32 = 1_000;
/// Limit orders are less than so many ticks away from the mid price.
const DEPTH: u32 = 64;

/// A generator of requests.
pub struct Load {
    random: SplitMix64,
    engine: BareEngine,
    mids: Vec<(Instrument, u32)>,
    /// The open orders, and some that are filled since.
    open: Vec<OrderId>,
    /// The first maker of the last trades, which is filled as a rule.
    filled: Option<OrderId>,
}

impl Load {
    /// A load for an exchange with at least one instrument, from its state after the event `seq`.
    pub fn new(seed: u64, exchange: Exchange, seq: u64) -> Load {
        let mids = exchange.books().map(|(instrument, book)| (instrument, bounded(mid(book))));
        let orders = exchange.books().flat_map(|(_, book)| [Side::Buy, Side::Sell].map(|side| book.orders(side)));
        Load {
            random: SplitMix64::new(seed),
            mids: mids.collect(),
            open: orders.flatten().map(|(_, resting)| resting.order).collect(),
            filled: None,
            engine: BareEngine::new(exchange, seq),
        }
    }

    /// The state after all requests so far.
    pub fn engine(&self) -> &BareEngine {
        &self.engine
    }

    fn choose(&mut self) -> Request {
        let open = self.engine.exchange().open_orders() as u32;
        if self.random.below(2 * OPEN_ORDERS * self.mids.len() as u32) < open {
            return Request::Cancel(ExchangeCancel { order: self.choose_open() });
        }
        let (instrument, mid) = self.choose_instrument();
        let side = if self.random.once_in(2) { Side::Buy } else { Side::Sell };
        let quantity = Quantity(1 + self.random.below(100));
        if self.random.once_in(20) {
            return Request::Market(ExchangeMarket { instrument, side, quantity });
        }
        // one limit order in eight is on the other side of the mid price, and trades at once as a rule
        let distance = self.random.below(DEPTH) * self.random.below(DEPTH) / DEPTH;
        let above = (side == Side::Sell) != self.random.once_in(8);
        let price = Price(if above { mid + 1 + distance } else { mid - 1 - distance });
        Request::Limit(ExchangeLimit { instrument, side, price, quantity })
    }

    /// An instrument and its mid price, which moves by a tick now and then.
    fn choose_instrument(&mut self) -> (Instrument, u32) {
        let chosen = self.random.below(self.mids.len() as u32);
        let (instrument, mid) = &mut self.mids[chosen as usize];
        if self.random.once_in(32) {
            let moved = if self.random.once_in(2) { *mid + 1 } else { *mid - 1 };
            *mid = bounded(moved);
        }
        (*instrument, *mid)
    }

    /// An open order; now and then a filled one, whose cancellation comes too late.
    fn choose_open(&mut self) -> OrderId {
        if self.open.len() > 2 * self.engine.exchange().open_orders() {
            self.open.retain(|order| self.engine.exchange().is_open(*order));
        }
        if let Some(filled) = self.filled
            && self.random.once_in(100)
        {
            return filled;
        }
        loop {
            let chosen = self.random.below(self.open.len() as u32);
            let order = self.open.swap_remove(chosen as usize);
            if self.engine.exchange().is_open(order) {
                return order;
            }
        }
    }
}

/// An unlimited sequence of requests.
impl Iterator for Load {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let request = self.choose();
        if let Answer::Executed(execution) = self.engine.answer(request) {
            self.filled = execution.trades.first().map(|trade| trade.maker).or(self.filled);
            if matches!(request, Request::Limit(_)) && execution.unfilled > Quantity::ZERO {
                self.open.push(execution.order);
            }
        }
        Some(request)
    }
}

/// The price in the middle between the best bid and the best ask.
fn mid(book: &Book) -> u32 {
    let (bid, ask) = (book.best(Side::Buy), book.best(Side::Sell));
    bid.or(ask).zip(ask.or(bid)).map_or(FIRST_MID, |(bid, ask)| bid.0.midpoint(ask.0))
}

fn bounded(mid: u32) -> u32 {
    mid.clamp(Price::MIN.0 + MARGIN, Price::MAX.0 - MARGIN)
}
