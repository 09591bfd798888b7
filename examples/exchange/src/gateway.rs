//! Submits requests to the image, many in flight, and collects the durable answers in order.

use std::collections::VecDeque;
use std::time::Instant;

use memimage::{Bulk, CommandError, Error, Execute as _, Image, PendingAll};

use crate::engine::Exchange;
use crate::latency::Latencies;
use crate::order::Refusal;
use crate::request::{Answer, Request};

/// So many requests are submitted together, and their answers are collected together. Before the program notices that answers
/// are durable, it submits up to this number of further requests; this time is part of the measured latencies.
const TOGETHER: usize = 256;

/// The way from traders to an image.
pub(crate) struct Gateway<'a> {
    image: &'a Image<Exchange>,
    in_flight: VecDeque<InFlight>,
    latencies: Latencies,
}

/// Requests that are executed and perhaps not durable yet.
struct InFlight {
    answers: PendingAll<Answer>,
    /// The times at which the timed requests among them were submitted.
    submitted: Vec<Instant>,
}

/// Executes a request. The answer is not durable yet.
fn execute(exchange: &Bulk<'_, Exchange>, request: Request) -> Result<Answer, Error> {
    let answer = match request {
        Request::Limit(order) => exchange.execute(order).map(Answer::Executed),
        Request::Market(order) => exchange.execute(order).map(Answer::Executed),
        Request::Cancel(cancellation) => exchange.execute(cancellation).map(Answer::Cancelled),
    };
    answer.or_else(|error: CommandError<Refusal>| match error {
        CommandError::Refused(refusal) => Ok(Answer::Refused(refusal)),
        CommandError::Image(error) => Err(error),
    })
}

impl<'a> Gateway<'a> {
    /// A gateway for batches of this size.
    pub(crate) fn new(image: &'a Image<Exchange>, batch: usize) -> Gateway<'a> {
        Gateway { image, in_flight: VecDeque::new(), latencies: Latencies::new(batch) }
    }

    /// Submits a batch, waits until it is durable, and appends the answers in the order of the requests.
    pub(crate) fn process(&mut self, requests: &[Request], answers: &mut Vec<Answer>) -> Result<(), Error> {
        for together in requests.chunks(TOGETHER) {
            let mut submitted = Vec::new();
            let pending = self.image.submit_each(together, |exchange, request| {
                submitted.extend(self.latencies.begin());
                execute(exchange, *request)
            });
            self.in_flight.push_back(InFlight { answers: pending, submitted });
            while let Some(oldest) = self.in_flight.pop_front_if(|oldest| oldest.answers.is_ready()) {
                oldest.collect(&mut self.latencies, answers)?;
            }
        }
        while let Some(oldest) = self.in_flight.pop_front() {
            oldest.collect(&mut self.latencies, answers)?;
        }
        Ok(())
    }

    /// The latencies of all batches.
    pub(crate) fn into_latencies(self) -> Latencies {
        self.latencies
    }
}

impl InFlight {
    fn collect(self, latencies: &mut Latencies, answers: &mut Vec<Answer>) -> Result<(), Error> {
        for answer in self.answers.wait() {
            answers.push(answer?);
        }
        self.submitted.into_iter().for_each(|submitted| latencies.end(submitted));
        Ok(())
    }
}
