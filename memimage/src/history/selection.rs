//! The history of an image: its events in order, selected by range, time, name, actor or outcome.

use std::collections::VecDeque;
use std::fmt;
use std::ops::RangeBounds;

use super::event::HistoryEvent;
use super::query::Query;
use super::source::JournalSource;
use super::typed::push_events;
use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, Payload};
use crate::journal::{JournalItem, RecordCursor, ReverseCursor, Voids};
use crate::outcome::Outcome;
use crate::recovery::{FollowedDispatch, OpenedJournal, dispatch_of};
use crate::seq::Seq;

/// A selection of the events of an image, which a loop reads in order. [`Journal::history`](crate::Journal::history) returns it.
///
/// The loop gets the events that are durable when it begins. It reads the journal piece by piece, so memory use does not depend
/// on the number of events.
///
/// If old events were [pruned](crate::Options::retention), a history without a start begins with the first event that is
/// [left](crate::Journal::first_seq).
#[must_use = "a history is read by iterating over it"]
pub struct History<M: Model> {
    source: JournalSource,
    query: Query,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> History<M> {
    pub(super) fn new(source: JournalSource) -> History<M> {
        History { source, query: Query::default(), model: std::marker::PhantomData }
    }

    /// Selects the events with seqs in this range, such as `Seq::new(100)..`. A further call replaces the range.
    ///
    /// If the range begins with an event that was pruned, or after the event that will be recorded next, the loop gets an error. A
    /// range without a start, such as `..=Seq::new(100)`, begins with the first event that is [left](crate::Journal::first_seq); if it ends
    /// before that event, the loop gets an error ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)).
    pub fn range(mut self, range: impl RangeBounds<Seq>) -> Self {
        self.query.set_range(range);
        self
    }

    /// Selects the events that were recorded at this time or later. A further call replaces the time. Events that were pruned are left
    /// out.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.query.since = Some(time);
        self
    }

    /// Selects the events that were recorded at this time or earlier. A further call replaces the time.
    ///
    /// If the first event that is [left](crate::Journal::first_seq) was recorded later, because earlier events were pruned, the loop gets an
    /// error ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)).
    pub fn until(mut self, time: Timestamp) -> Self {
        self.query.until = Some(time);
        self
    }

    /// Selects the events of one command, such as `history().of::<BankDeposit>()`. Further calls select more commands.
    pub fn of<P: Payload<M>>(self) -> Self {
        self.named(P::NAME)
    }

    /// Selects the events with this name. Further calls select more names. An event counts under its newest name, after upcasting;
    /// an event that upcasters drop, or that is void, counts under the recorded name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.query.names.push(name.into());
        self
    }

    /// Selects the events whose metadata names this [actor](crate::Metadata::actor). Further calls select more actors.
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.query.actors.push(actor.into());
        self
    }

    /// Selects the events whose command returned an error. Replaces [`applied`](History::applied).
    pub fn rejected(mut self) -> Self {
        self.query.outcome = Some(Outcome::Rejected);
        self
    }

    /// Selects the events whose command returned no error. Replaces [`rejected`](History::rejected).
    pub fn applied(mut self) -> Self {
        self.query.outcome = Some(Outcome::Applied);
        self
    }

    /// Returns the events in reverse order, the newest first. Reads only the segments that the loop needs, and those in which an event
    /// became void after the newest event of the range.
    pub fn newest_first(mut self) -> Self {
        self.query.newest_first = true;
        self
    }
}

impl<M: Model> fmt::Debug for History<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("query", &self.query).finish_non_exhaustive()
    }
}

impl<M: Model> IntoIterator for History<M> {
    type Item = Result<HistoryEvent<M>, Error>;
    type IntoIter = HistoryIter<M>;

    fn into_iter(self) -> HistoryIter<M> {
        let History { source, query, .. } = self;
        HistoryIter { state: IterState::Unopened(source), query, events: VecDeque::new() }
    }
}

/// The events of a [`History`]. After an error, the iterator ends.
pub struct HistoryIter<M: Model> {
    state: IterState,
    query: Query,
    /// The events of the records that were read but not returned yet.
    events: VecDeque<HistoryEvent<M>>,
}

enum IterState {
    Unopened(JournalSource),
    Forward { reader: Box<Reader>, until: Seq },
    Backward { cursor: Box<ReverseCursor>, dispatch: FollowedDispatch },
    Ended,
}

/// A reader of the events from the oldest to the newest.
struct Reader {
    cursor: RecordCursor,
    dispatch: FollowedDispatch,
    voids: Voids,
}

impl<M: Model> Iterator for HistoryIter<M> {
    type Item = Result<HistoryEvent<M>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = IterState::Ended;
        }
        next
    }
}

impl<M: Model> HistoryIter<M> {
    fn advance(&mut self) -> Result<Option<HistoryEvent<M>>, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                if self.query.wants_event(&event) {
                    return Ok(Some(event));
                }
                continue;
            }
            match &mut self.state {
                IterState::Unopened(source) => {
                    let durable = source.durable("history")?;
                    self.state = source.attempt(|| open::<M>(source, &self.query, durable))?;
                }
                IterState::Forward { reader, until } => {
                    let Reader { cursor, dispatch, voids } = &mut **reader;
                    match cursor.next(*until)? {
                        Some(JournalItem::Shapes(segment, rows)) => dispatch.add::<M>(cursor.scan(), segment, rows)?,
                        Some(JournalItem::Record(stored)) if self.query.wants_record(&stored.record) => {
                            push_events(dispatch, cursor.scan(), voids, &stored, &mut self.events)?;
                        }
                        Some(JournalItem::Record(_)) => {}
                        None => return Ok(None),
                    }
                }
                IterState::Backward { cursor, dispatch } => {
                    let Some(stored) = cursor.next()? else { return Ok(None) };
                    if self.query.first.is_some_and(|first| stored.record.seq < first) {
                        return Ok(None);
                    }
                    if self.query.wants_record(&stored.record) {
                        push_events(dispatch, cursor.scan(), cursor.voids(), &stored, &mut self.events)?;
                        self.events.make_contiguous().reverse();
                    }
                }
                IterState::Ended => return Ok(None),
            }
        }
    }
}

/// Opens the journal, of which the events up to `durable` are read, at the first wanted event.
fn open<M: Model>(source: &JournalSource, query: &Query, durable: Seq) -> Result<IterState, Error> {
    if let Some(seq) = query.first.filter(|&first| first > durable.next()) {
        let path = source.layout().root().to_owned();
        return Err(Error::new(ErrorDetail::NoSuchEvent { path, seq, last: durable }));
    }
    let until = query.last.map_or(durable, |last| last.min(durable));
    if query.first.is_some_and(|first| first > until) || until == Seq::ZERO {
        return Ok(IterState::Ended);
    }
    let journal = source.open(durable)?;
    if let Some(first) = query.first
        && !journal.segments().reaches(Seq::new(first.get() - 1))?
    {
        return Err(journal.segments().pruned_event(first));
    }
    refuse_pruned(source, &journal, query, durable)?;
    let dispatch = FollowedDispatch::new(dispatch_of::<M>(&journal)?);
    if query.newest_first {
        let cursor = Box::new(ReverseCursor::new(journal.into_scan(), until)?);
        return Ok(IterState::Backward { cursor, dispatch });
    }
    let after = match query.first {
        Some(first) => Seq::new(first.get() - 1),
        None => before_first(&journal)?,
    };
    let voids = journal.scan().voids_after(after)?;
    let cursor = RecordCursor::new(source.tail_after(after)?, after);
    Ok(IterState::Forward { reader: Box::new(Reader { cursor, dispatch, voids }), until })
}

/// Returns an error if a query without a start ends before the first event of a pruned journal.
fn refuse_pruned(source: &JournalSource, journal: &OpenedJournal, query: &Query, durable: Seq) -> Result<(), Error> {
    let segments = journal.segments();
    if query.first.is_some() || segments.starts_at_genesis() {
        return Ok(());
    }
    let pruned = before_first(journal)?;
    if let Some(last) = query.last.filter(|&last| last <= pruned) {
        return Err(segments.pruned_event(last));
    }
    let Some(until) = query.until else { return Ok(()) };
    let mut cursor = RecordCursor::new(source.tail_after(pruned)?, pruned);
    while let Some(item) = cursor.next(durable)? {
        match item {
            JournalItem::Record(first) if first.record.time > until => return Err(segments.pruned_event(pruned)),
            JournalItem::Record(_) => break,
            JournalItem::Shapes(..) => {}
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
