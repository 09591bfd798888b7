//! The progress and the report of an import.

use crate::admin::seq_range::SeqRange;
use crate::history::Parent;
use crate::seq::Seq;

/// The result of an [`import`](super::import()).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The UUID of the new image.
    pub uuid: [u8; 16],
    /// The exported image.
    pub parent: Parent,
    /// The number of events in the new image.
    pub events: u64,
    /// The last event of the new image; 0 if it has no events.
    pub seq: Seq,
    /// The events that are lost in the recorded gaps of the new image, in order.
    pub gaps: Vec<SeqRange>,
    /// The event whose state replaces the events that were pruned before the export.
    pub base: Option<Seq>,
}

/// The progress of an import; see [`Import::progress`](super::Import::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportProgress {
    /// The number of events that were read so far.
    pub events: u64,
    /// The number of events in the export.
    pub total: u64,
}
