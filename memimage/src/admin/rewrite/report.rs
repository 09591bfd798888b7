//! The progress and the report of a rewrite.

use std::collections::BTreeMap;

use crate::admin::seq_range::SeqRange;
use crate::digest::Digest;
use crate::seq::Seq;

/// The result of a [`rewrite`](super::rewrite()).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewriteReport {
    /// The number of events in the source.
    pub read: u64,
    /// The number of events in the new journal. If an event became several events, each of them counts. If an event became
    /// nothing, its `memimage.dropped` record counts as one event.
    pub written: u64,
    /// The key is the name and a past version of an event; the value is the number of events that were upcast from this
    /// version.
    pub upcasts: BTreeMap<(String, u32), u64>,
    /// The number of events that became several events.
    pub split: u64,
    /// The number of `memimage.dropped` records: events that became nothing in this rewrite or an earlier one, and void events.
    pub dropped: u64,
    /// The last event of the new journal.
    pub seq: Seq,
    /// The events that are lost in the recorded gaps of the new journal, in order; empty without
    /// [`carry_gaps`](super::Rewrite::carry_gaps).
    pub gaps: Vec<SeqRange>,
    /// The digest of the state to which both journals replay.
    pub digest: Digest,
    /// Whether the source ends in a torn write. The rewrite did not copy the torn write, because it was never synced.
    pub torn: bool,
}

/// The progress of a rewrite; see [`Rewrite::progress`](super::Rewrite::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewriteProgress {
    /// The current step.
    pub step: RewriteStep,
    /// The number of events that this step has processed.
    pub events: u64,
    /// The number of all events that this step will process; `None` until the source has been read once.
    pub total: Option<u64>,
    /// The length of the batches that this step has processed, in bytes.
    pub bytes: u64,
}

/// The steps of a rewrite, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RewriteStep {
    /// Replays the source.
    Rebuild,
    /// Reads the source again, and writes the new journal.
    Write,
    /// Replays the new journal.
    Verify,
}
