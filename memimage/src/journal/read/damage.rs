//! What is wrong with a journal, and where.

use std::ops::Range;

use crate::seq::{SegmentId, Seq};

/// A place where a journal is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) segment: SegmentId,
    /// Where in its file; `None` if it is about all of it.
    pub(crate) offset: Option<u64>,
    /// The event that belongs here; `None` if nothing before it tells.
    pub(crate) seq: Option<Seq>,
    pub(crate) flaw: DamageKind,
    pub(crate) what: String,
    /// It is around frames of which none is damaged by it: wrong with the header of their segment, or with the length of its
    /// file, and known how it must be.
    pub(crate) around: bool,
}

/// What kind of fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DamageKind {
    /// A write that a crash cut short; these bytes are of it.
    Torn(Range<usize>),
    /// Bytes that nothing proves to have been acknowledged, and that no crash explains.
    Suspect(Range<usize>),
    /// What was written is missing or damaged.
    Damaged,
    /// Its checksums are right, and what the keys make of it is something else: somebody changed it who has not the key.
    Forged,
    /// A record of a good frame does not decode by its shape. Those around it do.
    Undecodable,
    /// It is of a newer format: nothing more can be said.
    Newer,
}

/// What a frame holds that it should not.
pub(crate) struct RecordDamage {
    pub(crate) seq: Seq,
    pub(crate) flaw: DamageKind,
    pub(crate) what: String,
}
