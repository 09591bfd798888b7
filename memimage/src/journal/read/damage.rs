//! Places of damage in a journal.

use std::ops::Range;

use crate::seq::{SegmentId, Seq};

/// A place of damage in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) segment: SegmentId,
    /// The offset in the segment's file; `None` if the whole file is damaged.
    pub(crate) offset: Option<u64>,
    /// The event that belongs here; `None` if it is unknown, because frames before it are missing.
    pub(crate) seq: Option<Seq>,
    pub(crate) kind: DamageKind,
    /// A description of the damage, for messages.
    pub(crate) what: String,
    /// The repair advice for a foreign file; `None` for other damage.
    pub(crate) help: Option<String>,
    /// Only the header or the length of the segment's file is wrong. The correct value is known, and all frames are
    /// intact.
    pub(crate) is_framing: bool,
}

/// The kind of a place of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DamageKind {
    /// These bytes belong to a write that a crash interrupted.
    Torn(Range<usize>),
    /// No crash explains the content of these bytes, and they may belong to events that were synced.
    Suspect(Range<usize>),
    /// Written data is missing or damaged.
    Damaged,
    /// The checksums are correct but a key refuses the data: someone without the key changed it.
    Forged,
    /// A record in an intact frame does not decode by its shape. The surrounding records do.
    Undecodable,
    /// Data of a newer format. Nothing after this data can be read.
    Newer,
}

/// Damage to a record of an intact frame.
pub(crate) struct RecordDamage {
    pub(crate) seq: Seq,
    pub(crate) kind: DamageKind,
    pub(crate) what: String,
}
