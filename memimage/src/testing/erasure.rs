//! Checks that no command decides by personal data: replays each event also with all personal data erased.

use super::model_under_test::{StartState, replay, state_digest};
use super::recorded_event::RecordedEvent;
use crate::digest::Transcript;
use crate::event::Model;
use crate::personal::with_all_erased;
use crate::shape::ShapeTree;

/// What a failed check means, and the help.
const HELP: &str = "after an erasure, a replay would not give the recorded state: a body or an upcaster decides by the value of a \
     `Personal`; help: decide by the subject or by other arguments, and keep what depends on the value in the `Personal` (`map`) or \
     in a derived field";

/// A model that replays the events of a test with all personal data erased; empty for a model without personal data.
pub(super) struct ErasedReplay<M> {
    model: Option<M>,
}

impl<M: Model> ErasedReplay<M> {
    pub(super) fn new(start: &StartState) -> Result<ErasedReplay<M>, String> {
        let mut shapes = M::EVENTS.iter().filter_map(|event| event.shape).chain([M::SHAPE]);
        let has_personal_data = shapes.any(|shape| ShapeTree::of(shape).has_personal_data());
        let model = has_personal_data.then(|| with_all_erased(|| start.model())).transpose()?;
        Ok(ErasedReplay { model })
    }

    /// Replays an event.
    pub(super) fn replay(&mut self, start: &StartState, event: &RecordedEvent) -> Result<(), String> {
        let Some(model) = &mut self.model else { return Ok(()) };
        with_all_erased(|| replay(model, start, event))
            .map_err(|what| format!("with all personal data erased, an event cannot be replayed: {what}\n{HELP}"))
    }

    /// Compares the state with that of the test.
    pub(super) fn compare(&self, model: &M) -> Result<(), String> {
        let Some(erased) = &self.model else { return Ok(()) };
        if state_digest(model)? == state_digest(erased)? {
            return Ok(());
        }
        let transcript = |model: &M| Transcript::of(model).map_err(|error| error.to_string());
        let difference = transcript(model)?.difference(&transcript(erased)?);
        let difference = difference.map_or_else(
            || "the states differ".to_owned(),
            |difference| difference.between(["as executed", "with all personal data erased"]),
        );
        Err(format!("the replay with all personal data erased gives another state: {difference}\n{HELP}"))
    }
}
