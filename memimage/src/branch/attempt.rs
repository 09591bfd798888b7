//! Executes one event on a model.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::context::{Context, Metadata, Seed};
use crate::error::Error;
use crate::event::{Checks, Model, Recorded, StoredPayload, Trial, TrialResult};
use crate::journal::StoredRecord;
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::recovery::{ReplayRoute, replay_error};

/// The result of executing one event.
pub(super) enum Attempt {
    Done(TrialResult),
    /// A body panicked, so the model may be half changed.
    Panicked(String),
}

/// An event to execute: a recorded one, or its replacement.
pub(super) struct Attempted<'a, M> {
    pub(super) route: ReplayRoute<'a, M>,
    /// The record whose seq, time and random values the event has.
    pub(super) stored: &'a StoredRecord,
    pub(super) metadata: &'a Metadata,
    pub(super) payload: &'a [u8],
}

/// Executes an event.
///
/// # Errors
///
/// Returns an error if the event cannot be decoded or upcast.
pub(super) fn attempt<M: Model>(
    model: &mut M,
    seed: Seed,
    event: Attempted<'_, M>,
    checks: Checks<'_>,
) -> Result<Attempt, Error> {
    let Attempted { route: ReplayRoute { event, shape, values, .. }, stored, metadata, payload } = event;
    let record = &stored.record;
    let context = Context::new(seed, record.origin, record.time, metadata.clone());
    let recorded = Recorded { seq: record.origin.seq, time: record.time, metadata, outcome: record.outcome };
    let payload = StoredPayload { payload, shape, recorded, part: record.origin.part, values };
    let mut trial = Trial::new(model, &context, check_of_row::<M>, checks);
    match catch_unwind(AssertUnwindSafe(|| (event.deliver)(&payload, &mut trial.target()))) {
        Ok(Ok(())) => Ok(Attempt::Done(trial.result)),
        Ok(Err(fault)) => Err(replay_error(event, record.seq, fault.to_string(), fault.help(event.is_past))),
        Err(panic) => Ok(Attempt::Panicked(panic_message(panic))),
    }
}

/// Runs the check of a row. An event that is only replayed has no check.
fn check_of_row<M: Model>(row: usize, payload: &dyn Any, model: &M, context: &Context) -> Result<(), String> {
    M::EVENTS[row].check.map_or(Ok(()), |check| check(payload, model, context))
}

/// The outcome of an event, from the outcomes of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventOutcome {
    /// Upcasters dropped the event.
    Nothing,
    All(Outcome),
    /// Some parts were applied and some were rejected.
    Mixed,
}

impl EventOutcome {
    pub(super) fn of(outcomes: &[Outcome]) -> EventOutcome {
        match outcomes {
            [] => EventOutcome::Nothing,
            [first, others @ ..] if others.iter().all(|other| other == first) => EventOutcome::All(*first),
            _ => EventOutcome::Mixed,
        }
    }
}
