//! The progress and the report of an export.

use crate::admin::seq_range::SeqRange;
use crate::seq::Seq;

/// The result of an [`export`](super::export()).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// The number of events that were written.
    pub events: u64,
    /// The last event that was written; 0 if the image has no events.
    pub seq: Seq,
    /// The events that are lost in the recorded gaps that were written, in order; empty without
    /// [`carry_gaps`](super::Export::carry_gaps).
    pub gaps: Vec<SeqRange>,
    /// The event whose state was written because the events up to it, or the first of them, were pruned.
    pub base: Option<Seq>,
    /// The number of events whose payload was written as bytes, because it has no JSON that reads back as the same bytes: only
    /// the program knows where an [opaque](crate::Shape#opaque-types) value ends.
    pub undecoded: u64,
}

/// The progress of an export; see [`Export::progress`](super::Export::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportProgress {
    /// The number of events that were written so far.
    pub events: u64,
    /// The number of events that will be written.
    pub total: u64,
}
