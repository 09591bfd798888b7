//! An independent check of the exchange: what happened to each order according to the answers.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use crate::book::Resting;
use crate::engine::{Exchange, ExchangeCancel, ExchangeLimit, ExchangeMarket};
use crate::order::{Execution, Instrument, OrderId, Price, Quantity, Side, Trade};
use crate::request::{Answer, Request};

/// An answer or a state contradicts earlier answers.
#[derive(Debug, thiserror::Error)]
#[error("verification failed: {0}")]
pub struct Discrepancy(pub(crate) String);

/// The open orders and the quantities of all orders, according to requests and answers alone.
pub struct Ledger {
    open: OpenOrders,
    bids: Totals,
    asks: Totals,
    trades: u64,
}

type OpenOrders = HashMap<OrderId, OpenOrder, FxBuildHasher>;

/// An order whose quantity is not completely traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OpenOrder {
    instrument: Instrument,
    side: Side,
    /// `None` for a market order.
    limit: Option<Price>,
    open: Quantity,
}

/// The quantities of the orders of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    submitted: u64,
    traded: u64,
    cancelled: u64,
}

impl Ledger {
    /// Begins with the orders that are open in this state.
    pub fn new(exchange: &Exchange) -> Ledger {
        let open = open_orders(exchange);
        let [bids, asks] =
            [Side::Buy, Side::Sell].map(|side| Totals { submitted: resting(&open, side), ..Totals::default() });
        Ledger { open, bids, asks, trades: 0 }
    }

    /// The number of trades so far.
    pub fn trades(&self) -> u64 {
        self.trades
    }

    /// The quantity that was traded so far.
    pub fn traded(&self) -> u64 {
        self.bids.traded
    }

    /// Enters the answer to a request.
    ///
    /// # Errors
    ///
    /// Returns a [`Discrepancy`] if the answer contradicts earlier ones.
    pub fn enter(&mut self, request: Request, answer: &Answer) -> Result<(), Discrepancy> {
        match (request, answer) {
            (Request::Limit(ExchangeLimit { instrument, side, price, quantity }), Answer::Executed(execution)) => {
                self.execute(OpenOrder { instrument, side, limit: Some(price), open: quantity }, execution)
            }
            (Request::Market(ExchangeMarket { instrument, side, quantity }), Answer::Executed(execution)) => {
                self.execute(OpenOrder { instrument, side, limit: None, open: quantity }, execution)
            }
            (Request::Cancel(ExchangeCancel { order }), Answer::Cancelled(quantity)) => self.cancel(order, *quantity),
            (Request::Cancel(ExchangeCancel { order }), Answer::Refused(_)) if !self.open.contains_key(&order) => {
                Ok(())
            }
            _ => Err(Discrepancy(format!("the answer to {request:?} is {answer:?}"))),
        }
    }

    fn execute(&mut self, mut taker: OpenOrder, execution: &Execution) -> Result<(), Discrepancy> {
        self.totals(taker.side).submitted += u64::from(taker.open.0);
        for trade in &execution.trades {
            self.trade(&mut taker, trade)
                .ok_or_else(|| Discrepancy(format!("the order {:?} has an impossible {trade:?}", execution.order)))?;
        }
        if taker.open != execution.unfilled {
            return Err(Discrepancy(format!("{:?} of {execution:?} are left", taker.open)));
        }
        if taker.limit.is_none() {
            self.totals(taker.side).cancelled += u64::from(taker.open.0);
        } else if taker.open > Quantity::ZERO && self.open.insert(execution.order, taker).is_some() {
            return Err(Discrepancy(format!("two orders have the number {:?}", execution.order)));
        }
        Ok(())
    }

    /// Enters a trade; `None` if the two orders do not permit it.
    fn trade(&mut self, taker: &mut OpenOrder, trade: &Trade) -> Option<()> {
        let maker = self.open.get_mut(&trade.maker)?;
        let within_limit = taker.limit.is_none_or(|limit| match taker.side {
            Side::Buy => trade.price <= limit,
            Side::Sell => trade.price >= limit,
        });
        let possible = maker.instrument == taker.instrument
            && maker.side != taker.side
            && maker.limit == Some(trade.price)
            && within_limit
            && trade.quantity > Quantity::ZERO;
        maker.open.0 = maker.open.0.checked_sub(trade.quantity.0)?;
        taker.open.0 = taker.open.0.checked_sub(trade.quantity.0)?;
        let sides = [maker.side, taker.side];
        if maker.open == Quantity::ZERO {
            self.open.remove(&trade.maker);
        }
        for side in sides {
            self.totals(side).traded += u64::from(trade.quantity.0);
        }
        self.trades += 1;
        possible.then_some(())
    }

    fn cancel(&mut self, order: OrderId, quantity: Quantity) -> Result<(), Discrepancy> {
        match self.open.remove(&order) {
            Some(cancelled) if cancelled.open == quantity => {
                self.totals(cancelled.side).cancelled += u64::from(quantity.0);
                Ok(())
            }
            open => {
                Err(Discrepancy(format!("{quantity:?} of the order {order:?} were cancelled, but it was {open:?}")))
            }
        }
    }

    /// Compares the open orders with the books, and the quantities of both sides.
    ///
    /// # Errors
    ///
    /// Returns a [`Discrepancy`] if orders or quantities differ.
    pub fn verify(&self, exchange: &Exchange) -> Result<(), Discrepancy> {
        if self.open != open_orders(exchange) {
            return Err(Discrepancy("the books do not hold the orders that are open".to_owned()));
        }
        for (side, totals) in [(Side::Buy, self.bids), (Side::Sell, self.asks)] {
            let resting = resting(&self.open, side);
            if totals.submitted != totals.traded + totals.cancelled + resting {
                return Err(Discrepancy(format!("{side:?}: {resting} rest, which does not agree with {totals:?}")));
            }
        }
        if self.bids.traded != self.asks.traded {
            return Err(Discrepancy(format!("{} were bought, and {} sold", self.bids.traded, self.asks.traded)));
        }
        Ok(())
    }

    fn totals(&mut self, side: Side) -> &mut Totals {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

fn open_orders(exchange: &Exchange) -> OpenOrders {
    let mut open = OpenOrders::default();
    for (instrument, book) in exchange.books() {
        for side in [Side::Buy, Side::Sell] {
            open.extend(book.orders(side).map(|(price, Resting { order, open })| {
                (order, OpenOrder { instrument, side, limit: Some(price), open })
            }));
        }
    }
    open
}

/// The open quantity of all orders of one side.
fn resting(open: &OpenOrders, side: Side) -> u64 {
    open.values().filter(|order| order.side == side).map(|order| u64::from(order.open.0)).sum()
}
