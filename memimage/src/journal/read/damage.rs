//! A place of damage in a journal.

use std::ops::Range;

use crate::seq::{SegmentId, Seq};

/// A place where a journal is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) segment: SegmentId,
    /// The offset in the segment's file; `None` if the whole file is meant.
    pub(crate) offset: Option<u64>,
    /// The event that belongs here; `None` if nothing before it says which.
    pub(crate) seq: Option<Seq>,
    pub(crate) kind: DamageKind,
    /// What is wrong, for people.
    pub(crate) what: String,
    /// The header or the length of the segment's file is wrong, its correct value is known, and all frames are intact.
    pub(crate) is_framing: bool,
}

/// The kind of a place of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DamageKind {
    /// These bytes are of a write that a crash cut short.
    Torn(Range<usize>),
    /// These bytes are not proven to have been acknowledged, and no crash explains them.
    Suspect(Range<usize>),
    /// Something that was written is missing or damaged.
    Damaged,
    /// The checksums are right and the keys refuse it: somebody without the keys changed it.
    Forged,
    /// A record of an intact frame does not decode by its shape. The records around it do.
    Undecodable,
    /// It is of a newer format, so nothing after it can be read.
    Newer,
}

/// Damage to a record of an intact frame.
pub(crate) struct RecordDamage {
    pub(crate) seq: Seq,
    pub(crate) kind: DamageKind,
    pub(crate) what: String,
}
