//! A fixture: events as journals hold them, and the state they lead to.

use super::failure::Failure;
use crate::digest::Digest;
use crate::event::Model;
use crate::shape::{ShapeTree, differences};
use crate::testing::entry::Entry;
use crate::testing::stage::{Stage, Start, encoded};
use crate::testing::{difference, text};

/// A fixture.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) model: String,
    /// The last one is the one it stands for.
    pub(super) entries: Vec<Entry>,
    /// What it says of the state, or why that cannot be read.
    pub(super) outcome: Result<State, Malformed>,
}

/// The state that events lead to.
#[derive(Debug)]
pub(super) struct State {
    pub(super) shape: ShapeTree,
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
}

/// A line that cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Fixture {
    /// A new fixture of these events.
    pub(super) fn of<M: Model>(entries: &[Entry]) -> Result<Fixture, Failure> {
        let state = state_after::<M>(entries)?;
        Ok(Fixture { model: M::NAME.to_owned(), entries: entries.to_vec(), outcome: Ok(state) })
    }

    /// The same events, with the state that they lead to now.
    pub(super) fn with_outcome<M: Model>(&self) -> Result<Fixture, Failure> {
        Fixture::of::<M>(&self.entries)
    }

    /// Replays the events, and compares the state with what is said of it.
    pub(super) fn check<M: Model>(&self) -> Result<(), Failure> {
        if self.model != M::NAME {
            return Err(Failure::OtherModel(self.model.clone()));
        }
        let found = state_after::<M>(&self.entries)?;
        let recorded = match &self.outcome {
            Ok(recorded) => recorded,
            Err(Malformed { line, what }) => return Err(Failure::Outcome { line: *line, what: what.clone() }),
        };
        if found.shape != recorded.shape {
            let lines = differences("state", &recorded.shape, &found.shape);
            let mut differences: String = lines.iter().map(|line| format!("\n  - {line}")).collect();
            if lines.is_empty() {
                differences.push_str("\n  - an enum in it has more variants");
            }
            return Err(Failure::ModelShape {
                differences: differences.replace("in the journal", "then").replace("in this program", "now"),
            });
        }
        if found.digest != recorded.digest {
            return Err(Failure::Digest {
                differences: difference::lines(&found.shape, &recorded.bytes, &found.bytes, ["then", "now"]),
                found: found.digest.to_string(),
                recorded: recorded.digest.to_string(),
            });
        }
        Ok(())
    }
}

/// Replays events from the model's `Default`.
fn state_after<M: Model>(entries: &[Entry]) -> Result<State, Failure> {
    let mut stage = Stage::<M>::new(Start::new(None)).map_err(Failure::State)?;
    for (number, entry) in entries.iter().enumerate() {
        stage.replay(entry.clone()).map_err(|what| Failure::Replay {
            number: number + 1,
            event: entry.text(),
            what,
        })?;
    }
    stage.agree().map_err(Failure::State)?;
    let digest = stage.digest().map_err(Failure::State)?;
    let bytes = encoded(&stage.model).map_err(Failure::State)?;
    Ok(State { shape: ShapeTree::of(M::SHAPE), digest, bytes })
}

impl State {
    /// The state, in lines for people.
    pub(super) fn text(&self) -> String {
        text::block(&self.shape, &self.bytes)
    }
}
