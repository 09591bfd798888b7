//! The report of making an event void.

use std::path::PathBuf;

use crate::admin::decision::Decision;

/// The result of [`void()`](super::void()). Its `Display` is a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoidReport {
    /// The recorded decision.
    pub decision: Decision,
    /// The event's name; empty if the journal has no event with its number.
    pub name: String,
    /// The event's version; 0 if the journal has no event with its number.
    pub version: u32,
    /// The event was void before, and the decision is the one recorded then.
    pub already: bool,
    /// Why nothing besides the decision itself proves that it was recorded, if nothing does. The start of the journal's next
    /// segment would prove it, and could not be written, usually for lack of space. The decision counts all the same; but if its
    /// bytes are damaged later, that goes unnoticed and the event takes effect again. The next open tries again, and so does
    /// making the event void again.
    pub unproven: Option<String>,
    /// The copy of a torn write that was cleared from the end of the journal first.
    pub quarantined: Option<PathBuf>,
    /// The snapshots and bases that had the effect of the event in them, and were removed.
    pub removed: Vec<PathBuf>,
}
