//! The durable events of an image as they were recorded, without the program: each new one, from all owners.

use std::sync::Arc;
use std::time::Instant;

use super::event_log::{LoggedEvent, logged};
use super::query::Query;
use super::record_feed::{Declarations, Look, RecordFeed};
use super::source::JournalSource;
use crate::error::Error;
use crate::journal::{Scan, ShapeRows, ShapeTable};
use crate::recovery::OpenedJournal;
use crate::seq::{SegmentId, Seq};

/// The declarations as they are in the journal.
struct Recorded(Arc<ShapeTable>);

impl Declarations for Recorded {
    fn of(journal: &OpenedJournal) -> Result<Recorded, Error> {
        Ok(Recorded(Arc::new(journal.scan().table()?)))
    }

    fn add(&mut self, scan: &Scan, segment: SegmentId, rows: ShapeRows) -> Result<(), Error> {
        let added = Arc::make_mut(&mut self.0).add(rows);
        added.map_err(|fault| scan.segments().corrupt(segment, None, fault.to_string()))
    }
}

/// The events that a query selects, after some event, as soon as each is durable. Reads the files, so it goes on when the owner ends and
/// another one begins.
pub(crate) struct LogFeed {
    feed: RecordFeed<Recorded>,
    query: Query,
    /// The last event that is known to be durable.
    durable: Seq,
    /// Whether an event was read that is later than the query's last moment.
    is_past_end: bool,
}

impl LogFeed {
    /// A feed of the events after event `after`, which is durable.
    pub(crate) fn open(source: &JournalSource, query: Query, after: Seq) -> Result<LogFeed, Error> {
        let feed = RecordFeed::open(source, None, after)?;
        Ok(LogFeed { feed, query, durable: after, is_past_end: false })
    }

    /// The next event, without waiting; `None` if no event is durable yet, or if the query has no later events.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal was removed, cut or replaced, if the next event was pruned before it was read, and the errors of
    /// reading it. Afterwards the feed must not be used again, unless the error is a [recorded gap](Error::gap): then the next call goes on
    /// behind the gap.
    pub(crate) fn try_next(&mut self) -> Result<Option<LoggedEvent>, Error> {
        while !self.is_over() {
            if self.feed.last() >= self.durable {
                let Look::Durable(durable) = self.feed.look()? else { return Ok(None) };
                self.durable = durable;
            }
            let Some(stored) = self.feed.next(self.durable)? else { continue };
            self.is_past_end = self.query.until.is_some_and(|until| stored.record.time > until);
            if self.query.wants_record(&stored.record) && self.query.last.is_none_or(|last| stored.record.seq <= last) {
                let event = logged(self.feed.scan(), self.feed.voids(), &self.feed.declarations().0, stored)?;
                if self.query.wants_name(event.recorded.name()) {
                    return Ok(Some(event));
                }
            }
        }
        Ok(None)
    }

    /// Whether the query has no later events.
    pub(crate) fn is_over(&self) -> bool {
        self.is_past_end || self.query.last.is_some_and(|last| self.feed.last() >= last)
    }

    /// When to look again.
    pub(crate) fn next_look(&self) -> Instant {
        self.feed.next_look()
    }
}
