//! The records that a query selects, forward or backward.

use super::query::Query;
use super::source::JournalSource;
use crate::error::{Error, ErrorDetail};
use crate::journal::{JournalItem, RecordCursor, ReverseCursor, Scan, ShapeTable, Voids};
use crate::recovery::OpenedJournal;
use crate::seq::Seq;

/// A reader of the records that a query can want.
pub(super) enum Records {
    Forward { cursor: Box<RecordCursor>, voids: Voids, until: Seq },
    Backward(Box<ReverseCursor>),
}

impl Records {
    /// Opens the journal at the first wanted record. Also returns the shape table of the journal. Returns `None` if the journal has no
    /// such record.
    ///
    /// # Errors
    ///
    /// Returns an error if the query begins with an event that was pruned, or that lies after the next one.
    pub(super) fn open(source: &JournalSource, query: &Query) -> Result<Option<(Records, ShapeTable)>, Error> {
        source.attempt_up_to_durable("history", |durable| open(source, query, durable))
    }

    pub(super) fn scan(&self) -> &Scan {
        match self {
            Records::Forward { cursor, .. } => cursor.scan(),
            Records::Backward(cursor) => cursor.scan(),
        }
    }

    /// The void events, as far as this reader has come.
    pub(super) fn voids(&self) -> &Voids {
        match self {
            Records::Forward { voids, .. } => voids,
            Records::Backward(cursor) => cursor.voids(),
        }
    }

    /// The next record that the query can want, or rows that the records after them use.
    ///
    /// # Errors
    ///
    /// Returns the error for [lost events](Error::is_gap) once for each recorded gap, and can be called again after it.
    pub(super) fn next(&mut self, query: &Query) -> Result<Option<JournalItem>, Error> {
        loop {
            let item = match self {
                Records::Forward { cursor, until, .. } => cursor.next(*until)?,
                Records::Backward(cursor) => match cursor.next() {
                    // all events that are left are before the first wanted one
                    Err(error) if error.gap().is_some_and(|(_, last)| query.is_before(last)) => return Ok(None),
                    stored => stored?.map(JournalItem::Record),
                },
            };
            match &item {
                Some(JournalItem::Record(stored)) if query.is_before(stored.record.seq) => return Ok(None),
                Some(JournalItem::Record(stored)) if !query.wants_record(&stored.record) => {}
                // the query may have wanted a lost event
                Some(JournalItem::Gap(gap)) => return Err(self.scan().segments().lost_events(*gap)),
                _ => return Ok(item),
            }
        }
    }
}

fn open(source: &JournalSource, query: &Query, durable: Seq) -> Result<Option<(Records, ShapeTable)>, Error> {
    if let Some(seq) = query.first.filter(|&first| first > durable.next()) {
        let path = source.layout().root().to_owned();
        return Err(Error::new(ErrorDetail::NoSuchEvent { path, seq, last: durable }));
    }
    let until = query.last.map_or(durable, |last| last.min(durable));
    if query.first.is_some_and(|first| first > until) || until == Seq::ZERO {
        return Ok(None);
    }
    let journal = source.open(durable)?;
    if let Some(first) = query.first
        && !journal.segments().reaches(Seq::new(first.get() - 1))?
    {
        return Err(journal.segments().pruned_event(first));
    }
    refuse_pruned(source, &journal, query, until)?;
    let table = journal.scan().table()?;
    if query.newest_first {
        let cursor = Box::new(ReverseCursor::new(journal.into_scan(), until)?);
        return Ok(Some((Records::Backward(cursor), table)));
    }
    let after = match query.first {
        Some(first) => Seq::new(first.get() - 1),
        None => before_first(&journal)?,
    };
    let voids = journal.scan().voids_after(after)?;
    let cursor = Box::new(RecordCursor::new(source.tail_after(after)?, after));
    Ok(Some((Records::Forward { cursor, voids, until }, table)))
}

/// Returns an error if a query without a start, which ends with event `end` at the latest, ends before the first event of a pruned
/// journal. So does the end of the journal, if the owner has pruned it since it was read.
fn refuse_pruned(source: &JournalSource, journal: &OpenedJournal, query: &Query, end: Seq) -> Result<(), Error> {
    let segments = journal.segments();
    if query.first.is_some() || segments.starts_at_genesis() {
        return Ok(());
    }
    let pruned = before_first(journal)?;
    // all events up to the end may be pruned, but none after it
    if query.last.is_some_and(|last| last <= pruned) || end < pruned {
        return Err(segments.pruned_event(end));
    }
    let Some(until) = query.until else { return Ok(()) };
    let mut cursor = RecordCursor::new(source.tail_after(pruned)?, pruned);
    while let Some(item) = cursor.next(end)? {
        match item {
            JournalItem::Record(first) if first.record.time > until => return Err(segments.pruned_event(pruned)),
            JournalItem::Record(_) => break,
            JournalItem::Shapes(..) | JournalItem::Gap(_) => {}
        }
    }
    Ok(())
}

/// The event before the first event of the journal.
pub(super) fn before_first(journal: &OpenedJournal) -> Result<Seq, Error> {
    let segments = journal.segments();
    if segments.starts_at_genesis() {
        return Ok(Seq::ZERO);
    }
    let header = segments.first_frame(segments.first())?;
    Ok(header.map_or(Seq::ZERO, |header| Seq::new(header.first_seq.get().saturating_sub(1))))
}
