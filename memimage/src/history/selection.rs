//! The history of an image: its events in order, selected by range, time, name, actor or outcome.

use std::collections::VecDeque;
use std::fmt;
use std::ops::RangeBounds;

use super::event::HistoryEvent;
use super::query::Query;
use super::records::Records;
use super::source::JournalSource;
use super::typed::push_events;
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::{Model, Payload};
use crate::journal::JournalItem;
use crate::outcome::Outcome;
use crate::recovery::{FollowedDispatch, dispatch_from};
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

/// The events of a [`History`]. If events are lost in a recorded gap, one item is an error of the kind
/// [`ErrorKind::LostEvents`](crate::ErrorKind::LostEvents), and the iterator goes on behind the gap. After any other error, it ends.
pub struct HistoryIter<M: Model> {
    state: IterState,
    query: Query,
    /// The events of the records that were read but not returned yet.
    events: VecDeque<HistoryEvent<M>>,
}

enum IterState {
    Unopened(JournalSource),
    Reading { records: Records, dispatch: Box<FollowedDispatch> },
    Ended,
}

impl<M: Model> Iterator for HistoryIter<M> {
    type Item = Result<HistoryEvent<M>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !next.as_ref().is_some_and(|next| next.as_ref().map_or_else(Error::is_gap, |_| true)) {
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
                    self.state = match Records::open(source, &self.query)? {
                        Some((records, table)) => {
                            let dispatch = dispatch_from::<M>(table, source.layout().root())?;
                            IterState::Reading { records, dispatch: Box::new(FollowedDispatch::new(dispatch)) }
                        }
                        None => IterState::Ended,
                    };
                }
                IterState::Reading { records, dispatch } => match records.next(&self.query)? {
                    Some(JournalItem::Shapes(segment, rows)) => dispatch.add::<M>(records.scan(), segment, rows)?,
                    Some(JournalItem::Record(stored)) => {
                        push_events(dispatch, records.scan(), records.voids(), &stored, &mut self.events)?;
                        if self.query.newest_first {
                            self.events.make_contiguous().reverse();
                        }
                    }
                    Some(JournalItem::Gap(_)) => unreachable!("a gap is an error of the records"),
                    None => return Ok(None),
                },
                IterState::Ended => return Ok(None),
            }
        }
    }
}
