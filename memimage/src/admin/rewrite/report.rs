//! What a rewrite tells of itself, while it runs and when it is done.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::seq::Seq;

/// What a rewrite did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewriteReport {
    /// Events read, all there are up to the end of the source.
    pub read: u64,
    /// Events written. Each part of one that became several is an event of its own, and each that became nothing leaves a
    /// record of that.
    pub written: u64,
    /// Events of past versions, by name and version, and how many there were of each.
    pub upcasts: BTreeMap<(String, u32), u64>,
    /// Events that became several.
    pub split: u64,
    /// Events that became nothing, now or in an earlier rewrite.
    pub dropped: u64,
    /// The last event of the new journal.
    pub seq: Seq,
    /// The digest of the state to which both journals were rebuilt.
    pub digest: Digest,
    /// The source ends in a write that a crash cut short. It was never acknowledged, and was not taken over.
    pub torn: bool,
}

/// How far a rewrite has come; see [`Rewrite::progress`](super::Rewrite::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewriteProgress {
    /// What it is doing.
    pub step: RewriteStep,
    /// Events done in this step.
    pub events: u64,
    /// All events to be done in it; `None` until the source was read once.
    pub total: Option<u64>,
    /// Bytes of the batches done in this step.
    pub bytes: u64,
}

/// The steps of a rewrite, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RewriteStep {
    /// The state is rebuilt from the source.
    Rebuild,
    /// The source is read again, and the new journal written.
    Write,
    /// The state is rebuilt from the new journal.
    Verify,
}
