//! A fixture contains events in the form in which journals store them, and the state after these events.

use super::error::FixtureError;
use crate::digest::Digest;
use crate::event::Model;
use crate::shape::{ShapeTree, differences};
use crate::testing::model_under_test::{ModelUnderTest, StartState, encoded};
use crate::testing::recorded_event::RecordedEvent;
use crate::testing::{value_difference, value_text};

/// A parsed fixture file.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) model: String,
    /// The events to replay. The fixture tests the last event.
    pub(super) events: Vec<RecordedEvent>,
    /// The recorded state; `Err` if one of its lines is invalid.
    pub(super) outcome: Result<FixtureState, InvalidLine>,
}

/// The state after the events of a fixture.
#[derive(Debug)]
pub(super) struct FixtureState {
    pub(super) shape: ShapeTree,
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
}

/// An invalid line of a fixture.
#[derive(Clone, Debug)]
pub(super) struct InvalidLine {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Fixture {
    /// Creates a fixture of these events.
    pub(super) fn of<M: Model>(events: &[RecordedEvent]) -> Result<Fixture, FixtureError> {
        let state = state_after::<M>(events)?;
        Ok(Fixture { model: M::NAME.to_owned(), events: events.to_vec(), outcome: Ok(state) })
    }

    /// Returns a fixture of the same events, with the state that their replay gives in this program.
    pub(super) fn with_outcome<M: Model>(&self) -> Result<Fixture, FixtureError> {
        Fixture::of::<M>(&self.events)
    }

    /// Replays the events, and compares the state with the recorded one.
    pub(super) fn check<M: Model>(&self) -> Result<(), FixtureError> {
        if self.model != M::NAME {
            return Err(FixtureError::OtherModel(self.model.clone()));
        }
        let found = state_after::<M>(&self.events)?;
        let recorded = match &self.outcome {
            Ok(recorded) => recorded,
            Err(InvalidLine { line, what }) => return Err(FixtureError::Outcome { line: *line, what: what.clone() }),
        };
        if found.shape != recorded.shape {
            let lines = differences("state", &recorded.shape, &found.shape);
            let mut differences: String = lines.iter().map(|line| format!("\n  - {line}")).collect();
            if lines.is_empty() {
                differences.push_str("\n  - an enum in the model has more variants");
            }
            return Err(FixtureError::ModelShape {
                differences: differences.replace("in the journal", "in the fixture"),
            });
        }
        if found.digest != recorded.digest {
            return Err(FixtureError::Digest {
                differences: value_difference::lines(
                    &found.shape,
                    &recorded.bytes,
                    &found.bytes,
                    ["in the fixture", "in this program"],
                ),
                found: found.digest.to_string(),
                recorded: recorded.digest.to_string(),
            });
        }
        Ok(())
    }
}

/// Replays events from the model's `Default`.
fn state_after<M: Model>(events: &[RecordedEvent]) -> Result<FixtureState, FixtureError> {
    let mut subject = ModelUnderTest::<M>::new(StartState::new(None)).map_err(FixtureError::State)?;
    for (number, event) in events.iter().enumerate() {
        subject.replay(event.clone()).map_err(|what| FixtureError::Replay {
            number: number + 1,
            event: event.text(),
            what,
        })?;
    }
    subject.agree().map_err(FixtureError::State)?;
    let digest = subject.digest().map_err(FixtureError::State)?;
    let bytes = encoded(&subject.model).map_err(FixtureError::State)?;
    Ok(FixtureState { shape: ShapeTree::of(M::SHAPE), digest, bytes })
}

impl FixtureState {
    /// The state as readable text.
    pub(super) fn text(&self) -> String {
        value_text::block(&self.shape, &self.bytes)
    }
}
