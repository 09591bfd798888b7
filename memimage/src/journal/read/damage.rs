//! Places of damage in a journal.

use std::ops::Range;

use crate::seq::{SegmentId, Seq};

/// A place of damage in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) segment: SegmentId,
    /// The offset in the segment's file; `None` if the whole file is damaged.
    pub(crate) offset: Option<u64>,
    /// The event that belongs at this place; `None` if the event is unknown, because frames before this place are missing.
    pub(crate) seq: Option<Seq>,
    /// The number of void marks before this place, since the image was created; `None` if `seq` is `None`.
    pub(crate) decisions: Option<u32>,
    pub(crate) kind: DamageKind,
    /// A description of the damage, for messages.
    pub(crate) what: String,
    /// The repair advice for a foreign file; `None` for other damage.
    pub(crate) help: Option<String>,
    /// Whether only the header or the length of the segment's file is wrong. If so, the correct header or length is known, and
    /// the frames are not affected.
    pub(crate) is_framing: bool,
}

/// The kind of a place of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DamageKind {
    /// These bytes belong to a write that a crash interrupted.
    Torn(Range<usize>),
    /// No crash explains the content of these bytes. The bytes may belong to events that were synced.
    Suspect(Range<usize>),
    /// Written data is missing or damaged.
    Damaged,
    /// The checksums are correct, but the data does not verify with its key: someone without the key changed the data.
    Forged,
    /// A record in an intact frame does not decode by its shape. The other records of the frame may be intact.
    Undecodable,
    /// Data of a newer format. Nothing after this data can be read.
    Newer,
}

/// Damage to a record in a frame with correct checksums.
pub(crate) struct RecordDamage {
    pub(crate) seq: Seq,
    pub(crate) kind: DamageKind,
    pub(crate) what: String,
}
