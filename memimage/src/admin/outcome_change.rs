//! The outcomes of events that a decision of the owner would change.

use std::collections::BTreeMap;
use std::fmt;

use crate::outcome::Outcome;
use crate::seq::Seq;

/// The largest number of changed outcomes that a report lists.
const MAX_LISTED: usize = 20;

/// A later event whose outcome would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeChange {
    /// The event.
    pub seq: Seq,
    /// Whether the event's body would now return an error. If `false`, the body returned an error when the event was recorded,
    /// and would not return one now.
    pub is_rejected: bool,
}

/// The changes that a replay has found, in the order of the events.
pub(super) fn changes(outcomes: BTreeMap<Seq, Outcome>) -> Vec<OutcomeChange> {
    let change = |(seq, now)| OutcomeChange { seq, is_rejected: now == Outcome::Rejected };
    outcomes.into_iter().map(change).collect()
}

/// Prints how many outcomes would change, and the first of them.
pub(super) fn fmt_changes(outcomes: &[OutcomeChange], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match outcomes.len() {
        0 => write!(f, "; the outcomes of all later events stay the same")?,
        1 => write!(f, "; 1 later event would have another outcome")?,
        count => write!(f, "; {count} later events would have another outcome")?,
    }
    for change in outcomes.iter().take(MAX_LISTED) {
        let now = if change.is_rejected {
            "was accepted, and would be rejected"
        } else {
            "was rejected, and would be accepted"
        };
        write!(f, "\n  event {}: {now}", change.seq)?;
    }
    match outcomes.len().checked_sub(MAX_LISTED) {
        Some(more) if more > 0 => write!(f, "\n  and {more} more"),
        _ => Ok(()),
    }
}
