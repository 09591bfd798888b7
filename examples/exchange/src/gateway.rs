//! Submits requests to the image, many in flight, and collects the durable answers in order.

use std::collections::VecDeque;
use std::time::Instant;

use memimage::{CommandError, Error, Image, Pending};

use crate::engine::Exchange;
use crate::latency::Latencies;
use crate::order::{Execution, Quantity, Refusal};
use crate::request::{Answer, Request};

/// After so many submissions the gateway looks for answers. A measured latency is too long by the time of as many submissions
/// at most.
const COLLECT_EVERY: usize = 64;

/// The way from traders to an image.
pub(crate) struct Gateway<'a> {
    image: &'a Image<Exchange>,
    in_flight: VecDeque<InFlight>,
    latencies: Latencies,
}

/// A request that is executed and perhaps not durable yet.
struct InFlight {
    answer: PendingAnswer,
    /// The time of submission, if the request is timed.
    submitted: Option<Instant>,
}

enum PendingAnswer {
    Execution(Pending<Execution, CommandError<Refusal>>),
    Cancellation(Pending<Quantity, CommandError<Refusal>>),
}

impl PendingAnswer {
    fn submit(image: &Image<Exchange>, request: Request) -> Result<PendingAnswer, Error> {
        Ok(match request {
            Request::Limit(order) => PendingAnswer::Execution(image.submit(order)?),
            Request::Market(order) => PendingAnswer::Execution(image.submit(order)?),
            Request::Cancel(cancellation) => PendingAnswer::Cancellation(image.submit(cancellation)?),
        })
    }

    fn is_ready(&self) -> bool {
        match self {
            PendingAnswer::Execution(pending) => pending.is_ready(),
            PendingAnswer::Cancellation(pending) => pending.is_ready(),
        }
    }

    fn wait(self) -> Result<Answer, Error> {
        let answer = match self {
            PendingAnswer::Execution(pending) => pending.wait().map(Answer::Executed),
            PendingAnswer::Cancellation(pending) => pending.wait().map(Answer::Cancelled),
        };
        answer.or_else(|error| match error {
            CommandError::Refused(refusal) => Ok(Answer::Refused(refusal)),
            CommandError::Image(error) => Err(error),
        })
    }
}

impl<'a> Gateway<'a> {
    /// A gateway for batches of this size.
    pub(crate) fn new(image: &'a Image<Exchange>, batch: usize) -> Gateway<'a> {
        Gateway { image, in_flight: VecDeque::new(), latencies: Latencies::new(batch) }
    }

    /// Submits a batch, waits until it is durable, and appends the answers in the order of the requests.
    pub(crate) fn process(&mut self, requests: &[Request], answers: &mut Vec<Answer>) -> Result<(), Error> {
        for chunk in requests.chunks(COLLECT_EVERY) {
            for &request in chunk {
                let submitted = self.latencies.begin();
                let answer = PendingAnswer::submit(self.image, request)?;
                self.in_flight.push_back(InFlight { answer, submitted });
            }
            while let Some(oldest) = self.in_flight.pop_front_if(|oldest| oldest.answer.is_ready()) {
                answers.push(oldest.wait(&mut self.latencies)?);
            }
        }
        while let Some(oldest) = self.in_flight.pop_front() {
            answers.push(oldest.wait(&mut self.latencies)?);
        }
        Ok(())
    }

    /// The latencies of all batches.
    pub(crate) fn into_latencies(self) -> Latencies {
        self.latencies
    }
}

impl InFlight {
    fn wait(self, latencies: &mut Latencies) -> Result<Answer, Error> {
        let answer = self.answer.wait()?;
        if let Some(submitted) = self.submitted {
            latencies.end(submitted);
        }
        Ok(answer)
    }
}
