//! An event of the history.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use crate::context::{Metadata, Timestamp};
use crate::event::Model;
use crate::journal::{EventId, ShapeTable};
use crate::outcome::Outcome;
use crate::seq::Seq;
use crate::shape::ShapeTree;
use crate::value::{Value, ValueError};

/// An event of the history: what happened at its newest version, and what the journal recorded.
///
/// If upcasters convert a recorded event to several events, each of them is one `HistoryEvent`, with the same seq and with the
/// parts 1, 2, 3 … If upcasters drop the event, or if the event is void, [`event`](HistoryEvent::event) returns `None`.
pub struct HistoryEvent<M: Model> {
    pub(super) key: EventKey,
    pub(super) time: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) is_void: bool,
    pub(super) metadata: Arc<Metadata>,
    pub(super) event: Option<M::Event>,
    pub(super) recorded: RecordedEvent,
    /// The hash of the frame with the recorded event.
    pub(super) frame: u64,
    /// Whether this is the last of the events to which upcasters converted the recorded event.
    pub(super) is_last_part: bool,
}

impl<M: Model> HistoryEvent<M> {
    /// The seq of the event.
    pub fn seq(&self) -> Seq {
        self.key.seq
    }

    /// The number of this part if upcasters converted the event to several events; 0 otherwise.
    pub fn part(&self) -> u32 {
        self.key.part
    }

    /// The identity of this event among all images and their copies, by which a receiver recognizes an event that it gets twice.
    pub fn key(&self) -> EventKey {
        self.key
    }

    /// The recorded time.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether the command's body returned an error when it was executed. Such an event changed nothing that the error does not
    /// imply: a body may change the model before it returns an error.
    ///
    /// This is the recorded outcome, which the caller got. If an earlier event became void later, a replay may give another outcome:
    /// see [`VoidDryRun::outcomes`](crate::admin::VoidDryRun::outcomes). The past states are those of the replay.
    pub fn is_rejected(&self) -> bool {
        self.outcome == Outcome::Rejected
    }

    /// Whether the event was made void, so that replay skips it. See [`admin::void`](crate::admin::void()).
    pub fn is_void(&self) -> bool {
        self.is_void
    }

    /// The metadata of the command: who ran it, and why.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The event at its newest version; `None` if upcasters drop it, or if it is void.
    pub fn event(&self) -> Option<&M::Event> {
        self.event.as_ref()
    }

    /// Like [`event`](HistoryEvent::event), by value.
    pub fn into_event(self) -> Option<M::Event> {
        self.event
    }

    /// The event as it was recorded.
    pub fn recorded(&self) -> &RecordedEvent {
        &self.recorded
    }
}

/// Shows seq, recorded name and version, time, outcome and metadata. The payload is left out, because it may be large or secret.
impl<M: Model> fmt::Debug for HistoryEvent<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryEvent")
            .field("seq", &self.key.seq.get())
            .field("part", &self.key.part)
            .field("name", &self.recorded.name())
            .field("version", &self.recorded.version())
            .field("time", &self.time)
            .field("is_rejected", &self.is_rejected())
            .field("is_void", &self.is_void)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// The identity of an event among all images and their copies: the image, the event's seq, the hash of its frame, and its part.
///
/// An event has the same key wherever it is read: in a subscription, in the history, by another process, or in a backup. No other
/// event has it. If an image is restored from a backup and goes on, its new events have the seqs of the events that the restore lost,
/// but other keys. In a [branch](crate::Journal::branch) or a [rewritten](crate::admin::rewrite()) image, which has a UUID of its own,
/// every event has another key than in the parent.
///
/// `Display` writes it as one word of at most 81 bytes, `5f0c…-81e5…-1234` or `5f0c…-81e5…-1234.2`, which fits a column or a header for
/// deduplication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// The UUID of the image.
    pub image: [u8; 16],
    /// The seq of the event.
    pub seq: Seq,
    /// The hash of the frame that holds the event. It depends on everything in the journal up to this frame, and on the opening of the
    /// image in which the event was recorded.
    pub frame: u64,
    /// The number of the part if upcasters converted the event to several events; 0 otherwise.
    pub part: u32,
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.image {
            write!(f, "{byte:02x}")?;
        }
        write!(f, "-{:016x}-{}", self.frame, self.seq)?;
        if self.part > 0 {
            f.write_char('.')?;
            self.part.fmt(f)?;
        }
        Ok(())
    }
}

/// An event as it was recorded, perhaps by an older program.
#[derive(Clone)]
pub struct RecordedEvent {
    pub(super) table: Arc<ShapeTable>,
    pub(super) number: EventId,
    pub(super) body: Arc<Vec<u8>>,
    pub(super) payload: Range<usize>,
}

impl RecordedEvent {
    fn row(&self) -> (&str, u32, &ShapeTree) {
        self.table.event(self.number).expect("the reader has looked up the row")
    }

    /// The name under which the event was recorded.
    pub fn name(&self) -> &str {
        self.row().0
    }

    /// The version that was recorded.
    pub fn version(&self) -> u32 {
        self.row().1
    }

    /// The shape with which the event was recorded.
    pub fn shape(&self) -> &ShapeTree {
        self.row().2
    }

    /// The recorded arguments as maps, lists and scalars.
    ///
    /// # Errors
    ///
    /// Returns an error if the arguments contain an [opaque](crate::Shape#opaque-types) value before their end, or are nested too
    /// deeply.
    pub fn value(&self) -> Result<Value, ValueError> {
        Value::decode(self.shape(), self.bytes())
    }

    /// The recorded arguments, as postcard encodes them.
    pub fn bytes(&self) -> &[u8] {
        &self.body[self.payload.clone()]
    }
}

impl fmt::Debug for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedEvent")
            .field("name", &self.name())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
