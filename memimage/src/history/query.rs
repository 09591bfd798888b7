//! Which events a reader of the history wants.

use std::ops::{Bound, RangeBounds};

use crate::context::{Metadata, Timestamp};
use crate::event::{Event as _, Model};
use crate::journal::Record;
use crate::outcome::Outcome;
use crate::seq::Seq;

use super::event::HistoryEvent;

/// Which events a reader of the history wants, and in which order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// The first event; `None` if the reader wants events from the start of the journal.
    pub(crate) first: Option<Seq>,
    /// The last event; `None` if the reader wants events up to the newest.
    pub(crate) last: Option<Seq>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) names: Vec<String>,
    /// If there are any, the actor must be one of them.
    pub(crate) actors: Vec<String>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) newest_first: bool,
}

impl Query {
    pub(crate) fn set_range(&mut self, range: impl RangeBounds<Seq>) {
        self.first = match range.start_bound() {
            Bound::Unbounded => None,
            Bound::Included(&first) => Some(first.max(Seq::new(1))),
            Bound::Excluded(&before) => Some(before.next()),
        };
        self.last = match range.end_bound() {
            Bound::Unbounded => None,
            Bound::Included(&last) => Some(last),
            Bound::Excluded(&after) => Some(Seq::new(after.get().saturating_sub(1))),
        };
    }

    /// Whether a reader that comes to event `seq` backward has returned all wanted events.
    pub(super) fn is_before(&self, seq: Seq) -> bool {
        self.newest_first && self.first.is_some_and(|first| seq < first)
    }

    /// Whether an event with this name is wanted.
    pub(super) fn wants_name(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }

    /// Whether a record can have a wanted event.
    pub(super) fn wants_record(&self, record: &Record) -> bool {
        self.first.is_none_or(|first| record.seq >= first)
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time <= until)
            && self.outcome.is_none_or(|outcome| record.outcome == outcome)
            && (self.actors.is_empty() || self.has_actor(&record.metadata))
    }

    fn has_actor(&self, metadata: &Metadata) -> bool {
        metadata.get(Metadata::ACTOR).is_some_and(|actor| self.actors.iter().any(|wanted| wanted == actor))
    }

    /// Whether an event of a wanted record is wanted. An event that upcasters drop is selected by its recorded name.
    pub(super) fn wants_event<M: Model>(&self, event: &HistoryEvent<M>) -> bool {
        let name = event.event().map_or_else(|| event.recorded().name(), |event| event.name());
        self.wants_name(name)
    }
}
