//! The report of a void operation.

use std::path::PathBuf;

use crate::admin::decision::Decision;

/// The result of [`void()`](super::void()). `Display` prints it as a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoidReport {
    /// The recorded decision.
    pub decision: Decision,
    /// The event's name; empty if the journal has no name for it.
    pub name: String,
    /// The event's version; 0 if the journal has no name for it.
    pub version: u32,
    /// Whether the event was already void. If `true`, `decision` is the decision that was recorded earlier.
    pub already: bool,
    /// The reason why the journal does not prove that the decision was synced; `None` if it does. The start of the journal's
    /// next segment would be the proof, but this segment could not be created, usually for lack of space. The decision is valid
    /// without the proof, but if the bytes of the decision are damaged later, the damage goes unnoticed and the event takes
    /// effect again. The next open tries again to create the segment. To create the segment before that, make the event void
    /// again.
    pub unproven: Option<String>,
    /// The copy of the torn write that the operation first cleared from the end of the journal; `None` without a torn write.
    pub quarantined: Option<PathBuf>,
    /// The removed snapshots and bases, whose states contained the effect of the event.
    pub removed: Vec<PathBuf>,
}
