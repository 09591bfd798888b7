//! A past state of an image.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;

use super::event::HistoryEvent;
use super::moment::{Moment, oldest_state};
use super::source::JournalSource;
use super::typed::push_events;
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{JournalItem, RecordCursor, StoredRecord};
use crate::recovery::{FollowedDispatch, OpenedJournal, SteppedState, dispatch_of};
use crate::seq::Seq;

/// A past state of an image: the model as it was after some event. [`Journal::at`](crate::Journal::at) returns it.
///
/// It dereferences to the model. [`step`](Past::step) and [`seek`](Past::seek) move it. It is a copy in memory, independent of the
/// running image.
pub struct Past<M: Model> {
    source: JournalSource,
    /// `None` after a failed replay.
    state: Option<SteppedState<M>>,
    cursor: RecordCursor,
    dispatch: FollowedDispatch,
    /// The last durable event when this state last looked.
    durable: Seq,
    /// The last event that was replayed by a step.
    last: Option<StoredRecord>,
}

impl<M: Model> Past<M> {
    pub(super) fn at(source: &JournalSource, moment: Moment) -> Result<Past<M>, Error> {
        let durable = source.durable("at")?;
        source.attempt(|| {
            let journal = source.open(durable)?;
            let seq = moment.resolve(&journal, durable)?;
            Past::open(source, &journal, durable, seq)
        })
    }

    /// The oldest state that the journal can rebuild.
    pub(super) fn oldest(source: &JournalSource, call: &'static str) -> Result<Past<M>, Error> {
        let durable = source.durable(call)?;
        source.attempt(|| {
            let journal = source.open(durable)?;
            let seq = oldest_state(&journal)?.unwrap_or_default();
            Past::open(source, &journal, durable, seq)
        })
    }

    fn open(source: &JournalSource, journal: &OpenedJournal, durable: Seq, seq: Seq) -> Result<Past<M>, Error> {
        let dispatch = dispatch_of::<M>(journal)?;
        let state = SteppedState::at(journal, &dispatch, seq)?;
        Ok(Past {
            source: source.clone(),
            state: Some(state),
            cursor: RecordCursor::new(source.tail_after(seq)?, seq),
            dispatch: FollowedDispatch::new(dispatch),
            durable,
            last: None,
        })
    }

    fn state(&self) -> &SteppedState<M> {
        self.state.as_ref().expect("the state was lost when an event could not be replayed")
    }

    /// The last event in this state; 0 for the state before the first event.
    pub fn seq(&self) -> Seq {
        self.state().last()
    }

    /// The recorded time of the last event in this state; the Unix epoch if there is none.
    pub fn time(&self) -> Timestamp {
        self.state().time()
    }

    /// Replays the next event. Returns false, and changes nothing, if no durable event follows.
    ///
    /// # Errors
    ///
    /// Returns an error if the event cannot be read or replayed. Afterwards this state must not be used.
    ///
    /// # Panics
    ///
    /// Every method panics after such an error, because the event may be half applied.
    pub fn step(&mut self) -> Result<bool, Error> {
        if self.seq() >= self.durable {
            self.durable = self.source.durable("step")?;
        }
        self.step_until(self.durable)
    }

    fn step_until(&mut self, until: Seq) -> Result<bool, Error> {
        loop {
            match self.cursor.next(until)? {
                None => return Ok(false),
                Some(JournalItem::Shapes(segment, rows)) => {
                    self.dispatch.add::<M>(self.cursor.scan(), segment, rows)?;
                }
                Some(JournalItem::Record(stored)) => {
                    let before = self.state.take().expect("the state was lost when an event could not be replayed");
                    self.state = Some(before.step(self.cursor.scan(), self.dispatch.get(), &stored)?);
                    self.last = Some(stored);
                    return Ok(true);
                }
            }
        }
    }

    /// Moves to another moment. Moving forward replays the events between; moving backward loads a snapshot and replays from
    /// there.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Journal::at`](crate::Journal::at), and then changes nothing unless an event could not be
    /// replayed.
    pub fn seek(&mut self, moment: impl Into<Moment>) -> Result<(), Error> {
        let moment = moment.into();
        if let Moment::Seq(seq) = moment
            && (self.seq()..=self.durable).contains(&seq)
        {
            while self.seq() < seq && self.step_until(seq)? {}
            return Ok(());
        }
        *self = Past::at(&self.source, moment)?;
        Ok(())
    }

    /// The events that the last [`step`](Past::step) replayed: mostly one; several if upcasters convert the recorded event to
    /// several; none before the first step.
    ///
    /// # Errors
    ///
    /// Returns an error if the event cannot be decoded.
    pub fn events(&self) -> Result<Vec<HistoryEvent<M>>, Error> {
        let mut events = VecDeque::new();
        if let Some(stored) = &self.last {
            push_events(&self.dispatch, self.cursor.scan(), self.state().voids(), stored, &mut events)?;
        }
        Ok(events.into())
    }

    /// Returns the model.
    pub fn into_model(self) -> M {
        self.state.expect("the state was lost when an event could not be replayed").into_model()
    }
}

impl<M: Model> Deref for Past<M> {
    type Target = M;

    fn deref(&self) -> &M {
        self.state().model()
    }
}

impl<M: Model> fmt::Debug for Past<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past").field("seq", &self.state.as_ref().map(SteppedState::last)).finish_non_exhaustive()
    }
}
