//! An event of a test: as a journal would hold it.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::text;
use crate::context::{Metadata, Origin, Timestamp};
use crate::digest::{digest, digest_within};
use crate::event::EventType;
use crate::outcome::Outcome;
use crate::seq::Seq;
use crate::shape::{Shape, ShapeTree, differences, is_recursive};
use crate::value::MAX_DEPTH;

/// An event as a journal would hold it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) version: u32,
    /// The shape it was recorded with.
    pub(super) shape: Arc<ShapeTree>,
    pub(super) payload: Vec<u8>,
    pub(super) outcome: Outcome,
    pub(super) origin: Origin,
    pub(super) time: Timestamp,
    pub(super) metadata: Metadata,
}

/// When, by whom and how an event is recorded.
pub(super) struct Stamp<'a> {
    pub(super) seq: Seq,
    pub(super) time: Timestamp,
    pub(super) metadata: &'a Metadata,
    pub(super) outcome: Outcome,
}

impl Entry {
    /// An event of any version.
    pub(super) fn of<T: Shape + Serialize>(
        name: &str,
        version: u32,
        payload: &T,
        stamp: &Stamp<'_>,
    ) -> Result<Entry, String> {
        // an image bounds the depth of what may contain itself, and takes the rest to be what its shape says
        let read = match is_recursive(T::SHAPE) {
            true => digest_within(payload, MAX_DEPTH),
            false => digest(payload),
        };
        read.map_err(|error| format!("the payload of `{name}` v{version} cannot be recorded: {error}"))?;
        let payload = postcard::to_stdvec(payload)
            .map_err(|error| format!("the payload of `{name}` v{version} cannot be encoded: {error}"))?;
        Ok(Entry {
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

    /// The row by which a program replays it.
    ///
    /// # Errors
    ///
    /// What an image says of a journal that holds an event it does not know, or one of another shape.
    pub(super) fn row<M>(&self, events: &'static [EventType<M>]) -> Result<&'static EventType<M>, String> {
        let Entry { name, version, .. } = self;
        let Some(row) = events.iter().find(|row| row.name() == name && row.version() == *version) else {
            return Err(match events.iter().filter(|row| row.name() == name).map(|row| row.version()).max() {
                None => format!(
                    "`{name}` is no event of this program; help: list its past types on the block, `retired(name = {name:?}, \
                     history(…))`, or keep its command, marked `#[command(replay_only)]`"
                ),
                Some(newest) if newest < *version => {
                    format!("`{name}` v{version} is newer than this program, which knows v{newest}")
                }
                Some(_) => format!(
                    "`{name}` v{version} is replayed by nothing; add its past type to the `history(…)` of its command"
                ),
            });
        };
        let Some(shape) = row.shape else { return Ok(row) };
        let root = format!("{name} v{version}: payload");
        let found = differences(&root, &self.shape, &ShapeTree::of(shape));
        match found.is_empty() {
            true => Ok(row),
            false => {
                let mut message = format!("`{name}` v{version} has another shape now:");
                for difference in found {
                    write!(message, "\n  - {difference}").expect("writing to a string does not fail");
                }
                message.push_str("\nraise the command's version and add an upcaster, or undo the change");
                Err(message)
            }
        }
    }

    /// What it is, in one line.
    pub(super) fn text(&self) -> String {
        let mut text = format!("`{}` v{}", self.name, self.version);
        if !self.payload.is_empty() {
            write!(text, " {}", text::line(&self.shape, &self.payload)).expect("writing to a string does not fail");
        }
        if self.outcome == Outcome::Rejected {
            text.push_str(", rejected");
        }
        text
    }
}
