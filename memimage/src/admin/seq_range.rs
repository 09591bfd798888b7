//! A range of events.

use std::fmt;

use crate::seq::Seq;

/// A range of events that are lost or that leave the journal. The range ends with the last event that is known to have existed.
/// Later events may have existed without leaving a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeqRange {
    /// The first event.
    pub first: Seq,
    /// The last event known to have existed.
    pub last: Seq,
}

impl SeqRange {
    /// The range from `first` to `last`; `None` if it is empty.
    pub(super) fn of(first: Seq, last: Seq) -> Option<SeqRange> {
        (first <= last).then_some(SeqRange { first, last })
    }

    /// The range from the first event of the first range to the last event of the last one; `None` without a range.
    pub(super) fn hull(ranges: &[SeqRange]) -> Option<SeqRange> {
        let (first, last) = (ranges.first()?, ranges.last()?);
        Some(SeqRange { first: first.first, last: last.last })
    }

    /// The number of events in the range.
    pub fn events(&self) -> u64 {
        self.last.get() - self.first.get() + 1
    }
}

impl fmt::Display for SeqRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "event {}", self.first),
            false => write!(f, "events {} to {}", self.first, self.last),
        }
    }
}
