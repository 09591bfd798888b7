//! Executes recorded payloads as new commands are executed: first the check, then the body.

use std::any::Any;

use super::payload::Payload;
use super::replay_error::ReplayError;
use crate::context::Context;
use crate::outcome::Outcome;

/// Runs the check of the row with this index in the dispatch table on a payload. Returns the refusal as a text.
pub(crate) type CheckOfRow<M> = fn(usize, &dyn Any, &M, &Context) -> Result<(), String>;

/// What a trial does with the checks of an event's payloads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Checks<'a> {
    /// Notes which checks accept.
    Note,
    /// Stops before the body of a payload whose check now refuses it, unless the check refused it before, too. The list says for
    /// each payload whether its check accepted it before.
    Enforce(&'a [bool]),
    /// Like `Enforce`, but runs the body nevertheless.
    Report(&'a [bool]),
    /// Runs no check.
    Skip,
}

/// Executes the payloads of one event on a model.
pub(crate) struct Trial<'a, M> {
    model: &'a mut M,
    context: &'a Context,
    check: CheckOfRow<M>,
    checks: Checks<'a>,
    pub(crate) result: TrialResult,
}

/// What a trial found out.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrialResult {
    /// For each payload, whether its check accepted it.
    pub(crate) accepted: Vec<bool>,
    /// The first refusal by a check that accepted the payload before.
    pub(crate) refusal: Option<String>,
    /// The outcomes of the bodies.
    pub(crate) outcomes: Vec<Outcome>,
}

impl<'a, M> Trial<'a, M> {
    pub(crate) fn new(model: &'a mut M, context: &'a Context, check: CheckOfRow<M>, checks: Checks<'a>) -> Self {
        Trial { model, context, check, checks, result: TrialResult::default() }
    }

    pub(super) fn payload<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), ReplayError> {
        let stops = matches!(self.checks, Checks::Enforce(_));
        if self.result.refusal.is_some() && stops {
            return Ok(());
        }
        if !matches!(self.checks, Checks::Skip) {
            self.check(&payload, part);
        }
        if self.result.refusal.is_some() && stops {
            return Ok(());
        }
        // the check has its own context, because the values that a body draws do not depend on its check
        let applied = payload.apply(self.model, &self.context.for_part(part)).is_ok();
        self.result.outcomes.push(if applied { Outcome::Applied } else { Outcome::Rejected });
        Ok(())
    }

    /// Runs the check of a payload.
    fn check<P: Payload<M>>(&mut self, payload: &P, part: u32) {
        let verdict = (self.check)(P::ROW, payload, self.model, &self.context.for_part(part));
        let before = match self.checks {
            Checks::Enforce(accepted) | Checks::Report(accepted) => accepted.get(self.result.accepted.len()).copied(),
            Checks::Note | Checks::Skip => None,
        };
        self.result.accepted.push(verdict.is_ok());
        if let Err(refusal) = verdict
            && before == Some(true)
        {
            self.result.refusal.get_or_insert(refusal);
        }
    }
}
