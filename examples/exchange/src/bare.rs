//! The bare engine: the same checks and bodies as in an image, without a journal.

use crate::engine::{Exchange, ExchangeCancel, ExchangeLimit, ExchangeMarket};
use crate::order::{OrderId, Refusal};
use crate::request::{Answer, Request};

/// An exchange without an image. It numbers its orders as an image does: a refused request takes no number.
#[derive(Clone, Debug)]
pub struct BareEngine {
    exchange: Exchange,
    /// The number of the last recorded request.
    seq: u64,
}

impl BareEngine {
    /// Continues from the state of an image after its event `seq`.
    pub fn new(exchange: Exchange, seq: u64) -> BareEngine {
        BareEngine { exchange, seq }
    }

    /// The state.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The number of the last recorded request.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Executes a request.
    pub fn answer(&mut self, request: Request) -> Answer {
        self.execute(request).unwrap_or_else(Answer::Refused)
    }

    fn execute(&mut self, request: Request) -> Result<Answer, Refusal> {
        let exchange = &mut self.exchange;
        let order = OrderId(self.seq + 1);
        let answer = match request {
            Request::Limit(ExchangeLimit { instrument, side, price, quantity }) => {
                exchange.can_limit(instrument, price, quantity)?;
                Answer::Executed(exchange.execute_limit(order, instrument, side, price, quantity))
            }
            Request::Market(ExchangeMarket { instrument, side, quantity }) => {
                exchange.can_market(instrument, quantity)?;
                Answer::Executed(exchange.execute_market(order, instrument, side, quantity))
            }
            Request::Cancel(ExchangeCancel { order }) => {
                exchange.can_cancel(order)?;
                Answer::Cancelled(exchange.execute_cancel(order))
            }
        };
        self.seq += 1;
        Ok(answer)
    }
}
