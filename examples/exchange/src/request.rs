//! Requests of traders, and the engine's answers.

use crate::engine::{ExchangeCancel, ExchangeLimit, ExchangeMarket};
use crate::order::{Execution, Quantity, Refusal};

/// A command of a trader.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// A limit order.
    Limit(ExchangeLimit),
    /// A market order.
    Market(ExchangeMarket),
    /// A cancellation of an open order.
    Cancel(ExchangeCancel),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The order was executed as far as possible.
    Executed(Execution),
    /// This quantity of the order was cancelled.
    Cancelled(Quantity),
    /// The request was refused, and nothing was recorded.
    Refused(Refusal),
}
