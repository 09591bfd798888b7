//! An event of a test, in the form in which a journal records it.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::value_text;
use crate::context::{Metadata, Origin, Timestamp};
use crate::digest::{digest, digest_within};
use crate::event::EventType;
use crate::outcome::Outcome;
use crate::personal::with_test_keys;
use crate::seq::Seq;
use crate::shape::{Shape, ShapeTree, differences, may_be_deep};
use crate::value::MAX_DEPTH;

/// An event in the form in which a journal records it.
#[derive(Clone, Debug)]
pub(super) struct RecordedEvent {
    pub(super) name: String,
    pub(super) version: u32,
    /// The recorded shape of the payload.
    pub(super) shape: Arc<ShapeTree>,
    pub(super) payload: Vec<u8>,
    pub(super) outcome: Outcome,
    pub(super) origin: Origin,
    pub(super) time: Timestamp,
    pub(super) metadata: Metadata,
}

/// The seq, time, metadata and outcome of a new event.
pub(super) struct Stamp<'a> {
    pub(super) seq: Seq,
    pub(super) time: Timestamp,
    pub(super) metadata: &'a Metadata,
    pub(super) outcome: Outcome,
}

impl RecordedEvent {
    /// Creates an event of any version.
    pub(super) fn of<T: Shape + Serialize>(
        name: &str,
        version: u32,
        payload: &T,
        stamp: &Stamp<'_>,
    ) -> Result<RecordedEvent, String> {
        // an image checks only the depth of recursive types; a test checks that every payload matches its shape
        let encodable = match may_be_deep(T::SHAPE) {
            true => digest_within(payload, MAX_DEPTH),
            false => digest(payload),
        };
        encodable.map_err(|error| format!("the payload of `{name}` v{version} cannot be recorded: {error}"))?;
        let payload = with_test_keys(|| postcard::to_stdvec(payload))
            .map_err(|error| format!("the payload of `{name}` v{version} cannot be encoded: {error}"))?;
        Ok(RecordedEvent {
            name: name.to_owned(),
            version,
            shape: Arc::new(ShapeTree::of(T::SHAPE)),
            payload,
            outcome: stamp.outcome,
            origin: Origin::own(stamp.seq),
            time: stamp.time,
            metadata: stamp.metadata.clone(),
        })
    }

    /// The row of the dispatch table that replays the event.
    ///
    /// # Errors
    ///
    /// Returns an error if the program has no such event version, or has another shape for it.
    pub(super) fn row<M>(&self, events: &'static [EventType<M>]) -> Result<&'static EventType<M>, String> {
        let RecordedEvent { name, version, .. } = self;
        let Some(row) = events.iter().find(|row| row.name() == name && row.version() == *version) else {
            return Err(match events.iter().filter(|row| row.name() == name).map(|row| row.version()).max() {
                None => format!(
                    "`{name}` is not an event of this program; help: list its past types on the block with `retired(name = \
                     {name:?}, history(…))`, or keep the command and mark it `#[command(replay_only)]`"
                ),
                Some(newest) if newest < *version => {
                    format!("`{name}` v{version} is not known to this program, whose newest version of it is v{newest}")
                }
                Some(_) => format!(
                    "the program cannot replay `{name}` v{version}; help: add its past type to the `history(…)` of its command"
                ),
            });
        };
        let Some(shape) = row.shape else { return Ok(row) };
        let root = format!("{name} v{version}: payload");
        let found = differences(&root, &self.shape, &ShapeTree::of(shape));
        match found.is_empty() {
            true => Ok(row),
            false => {
                let mut message = format!("`{name}` v{version} has another shape in this program:");
                for difference in found {
                    write!(message, "\n  - {difference}").expect("writing to a string does not fail");
                }
                message.push_str("\nhelp: raise the command's version and add an upcaster, or undo the change");
                Err(message)
            }
        }
    }

    /// The event in one line, for messages.
    pub(super) fn text(&self) -> String {
        let mut text = format!("`{}` v{}", self.name, self.version);
        if !self.payload.is_empty() {
            write!(text, " {}", value_text::line(&self.shape, &self.payload))
                .expect("writing to a string does not fail");
        }
        if self.outcome == Outcome::Rejected {
            text.push_str(", rejected");
        }
        text
    }
}
