//! The report of making an event void.

use std::path::PathBuf;

use crate::admin::decision::Decision;

/// The result of [`void()`](super::void()). Its `Display` is a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoidReport {
    /// The recorded decision.
    pub decision: Decision,
    /// The event's name; empty if the journal has no name for it.
    pub name: String,
    /// The event's version; 0 if the journal has no name for it.
    pub version: u32,
    /// The event was already void, and the decision in this report is the earlier one.
    pub already: bool,
    /// The reason why no proof of the decision is on disk; `None` if there is a proof. The proof is the start of the
    /// journal's next segment. Writing it failed, usually for lack of space. The decision is valid without the proof, but if
    /// its bytes are damaged later, the damage goes unnoticed and the event takes effect again. The next open writes the
    /// proof if it can. To try earlier, make the event void again.
    pub unproven: Option<String>,
    /// The copy of a torn write that was cleared from the end of the journal first.
    pub quarantined: Option<PathBuf>,
    /// The snapshots and bases that had the effect of the event in them, and were removed.
    pub removed: Vec<PathBuf>,
}
