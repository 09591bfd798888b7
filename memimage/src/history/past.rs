//! A past state of an image.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;

use super::event::HistoryEvent;
use super::moment::{Moment, oldest_state};
use super::source::JournalSource;
use super::typed::push_events;
use crate::context::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::journal::{
    Continuity, JournalItem, RecordCursor, ShapeRows, StoredRecord, other_timeline, removed_image, shorter_journal,
};
use crate::recovery::{FollowedDispatch, OpenedJournal, SteppedState, dispatch_of};
use crate::seq::{SegmentId, Seq};

/// A past state of an image: the model as it was after some event. [`Journal::at`](crate::Journal::at) returns it.
///
/// It dereferences to the model. [`step`](Past::step) and [`seek`](Past::seek) move it. It is a copy in memory, independent of the
/// running image.
pub struct Past<M: Model> {
    source: JournalSource,
    /// `None` after a failed replay.
    state: Option<SteppedState<M>>,
    cursor: RecordCursor,
    /// Whether the cursor has read the frame with the last event in the state, and must therefore find that frame again.
    is_anchored: bool,
    dispatch: FollowedDispatch,
    /// The last durable event when this state last looked.
    durable: Seq,
    /// The number of void frames that the state takes into account, or less.
    decisions: u32,
    /// The last event that was replayed by a step.
    last: Option<StoredRecord>,
}

impl<M: Model> Past<M> {
    pub(super) fn at(source: &JournalSource, moment: Moment) -> Result<Past<M>, Error> {
        source.attempt_up_to_durable("at", |durable| {
            Past::recover(source, durable, |journal| moment.resolve(journal, durable))
        })
    }

    /// The oldest state that the journal can rebuild.
    pub(crate) fn oldest(source: &JournalSource, call: &'static str) -> Result<Past<M>, Error> {
        source.attempt_up_to_durable(call, |durable| {
            Past::recover(source, durable, |journal| {
                match oldest_state(journal)?.unwrap_or_default() {
                    // the owner has pruned the journal since `durable` was read
                    oldest if oldest > durable => Err(journal.segments().pruned_event(durable)),
                    oldest => Ok(oldest),
                }
            })
        })
    }

    /// The state after the event that `choose` returns, in a journal whose events up to `durable` are durable.
    fn recover(
        source: &JournalSource,
        durable: Seq,
        choose: impl Fn(&OpenedJournal) -> Result<Seq, Error>,
    ) -> Result<Past<M>, Error> {
        source.attempt(|| {
            // read before the segments are listed: a void frame that is recorded after this read counts as unknown
            let decisions = source.decisions()?;
            let journal = source.open(durable)?;
            let seq = choose(&journal)?;
            let dispatch = dispatch_of::<M>(&journal)?;
            let state = SteppedState::at(&journal, &dispatch, seq)?;
            Ok(Past {
                source: source.clone(),
                state: Some(state),
                cursor: RecordCursor::new(source.tail_after(seq)?, seq),
                is_anchored: false,
                dispatch: FollowedDispatch::new(dispatch),
                durable,
                decisions,
                last: None,
            })
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

    /// The last durable event when this state last looked.
    pub(super) fn durable(&self) -> Seq {
        self.durable
    }

    /// The number of void frames that this state is known to take into account.
    #[cfg(feature = "admin")]
    pub(crate) fn decisions(&self) -> u32 {
        self.decisions
    }

    /// Replays the next event. Returns false, and changes nothing, if no durable event follows.
    ///
    /// If an event became [void](crate::HistoryEvent::is_void) since this state was rebuilt, it is first rebuilt without the event.
    ///
    /// # Errors
    ///
    /// - The next event cannot be read. The state is unchanged, and the call may be repeated. If a backup, a repair or another image
    ///   took the place of the journal, and does not continue this state, the kind is
    ///   [`ErrorKind::Replaced`](crate::ErrorKind::Replaced).
    /// - The next events are lost in a recorded gap ([`ErrorKind::LostEvents`](crate::ErrorKind::LostEvents)). The state is then the
    ///   one behind the gap, without their effect, and the next call goes on with the event after the gap.
    /// - The next event cannot be replayed ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)). Afterwards this state must not be
    ///   used, because the event may be half applied.
    ///
    /// # Panics
    ///
    /// Every method panics after an event could not be replayed.
    pub fn step(&mut self) -> Result<bool, Error> {
        if self.seq() >= self.durable {
            self.look("step")?;
        }
        self.step_until(self.durable)
    }

    /// Looks for events that have become durable, and returns the last durable event.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal cannot be read, or no longer continues this state.
    pub(crate) fn look(&mut self, call: &'static str) -> Result<Seq, Error> {
        let durable = self.source.durable(call);
        durable.and_then(|durable| self.continue_up_to(durable)).map_err(|error| self.failed_read(error))
    }

    /// Verifies that the journal, whose events up to `durable` are durable, continues this state.
    fn continue_up_to(&mut self, durable: Seq) -> Result<Seq, Error> {
        self.anchor()?;
        let durable = durable.max(self.durable);
        if self.cursor.verify_continuity(self.decisions, true)? == Continuity::Voided {
            let seq = self.seq();
            let without_void =
                Past::recover(&self.source, durable, |journal| Moment::Seq(seq).resolve(journal, durable))?;
            *self = Past { last: self.last.take(), ..without_void };
            self.anchor()?;
        }
        self.durable = durable;
        Ok(durable)
    }

    /// Makes the cursor read the frame with the last event in the state, unless it has. By this frame, the cursor notices that
    /// another timeline replaced the journal.
    fn anchor(&mut self) -> Result<(), Error> {
        if !self.is_anchored {
            let (seq, hash) = (self.seq(), self.state().hash());
            let (cursor, shapes) = self.source.attempt(|| anchored_cursor(&self.source, seq, hash))?;
            for (segment, rows) in shapes {
                self.dispatch.add::<M>(cursor.scan(), segment, rows)?;
            }
            (self.is_anchored, self.cursor) = (cursor.has_read(), cursor);
        }
        Ok(())
    }

    /// Replays the next event, up to event `until`, which must be durable.
    pub(super) fn step_until(&mut self, until: Seq) -> Result<bool, Error> {
        let next = self.next_record(until);
        // the cursor goes on behind a gap
        let next = next.map_err(|error| if error.is_gap() { error } else { self.failed_read(error) });
        let Some(stored) = next? else { return Ok(false) };
        let before = self.state.take().expect("the state was lost when an event could not be replayed");
        self.state = Some(before.step(self.cursor.scan(), self.dispatch.get(), &stored)?);
        (self.last, self.is_anchored) = (Some(stored), true);
        Ok(true)
    }

    fn next_record(&mut self, until: Seq) -> Result<Option<StoredRecord>, Error> {
        if self.seq() >= until {
            return Ok(None);
        }
        self.anchor()?;
        loop {
            match self.cursor.next(until)? {
                None => return Ok(None),
                Some(JournalItem::Shapes(segment, rows)) => {
                    self.dispatch.add::<M>(self.cursor.scan(), segment, rows)?;
                }
                Some(JournalItem::Record(stored)) => return Ok(Some(stored)),
                Some(JournalItem::Gap(gap)) => {
                    self.state = self.state.take().map(|state| state.behind(gap));
                    self.last = None;
                    return Err(self.cursor.scan().segments().lost_events(gap));
                }
            }
        }
    }

    /// The error to return after `error`: a journal that was replaced can look damaged, or shorter than it was.
    fn failed_read(&mut self, error: Error) -> Error {
        let replaced = self.replaced(&error);
        // the cursor must not be used again
        self.is_anchored = false;
        replaced.unwrap_or(error)
    }

    /// The error that says how the journal was replaced, if it was.
    fn replaced(&mut self, error: &Error) -> Option<Error> {
        if let Err(found) = self.cursor.verify_continuity(u32::MAX, true) {
            match found.kind() {
                ErrorKind::Replaced => return Some(found),
                _ if found.is_removed_image() => return Some(removed_image(self.source.layout())),
                _ => {}
            }
        }
        if !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::OutOfRange) {
            return None;
        }
        let end = self.source.without_owner().durable("step").ok()?;
        (end < self.durable).then(|| shorter_journal(self.source.layout(), self.durable, end))
    }

    /// Moves to another moment. Moving forward replays the events between; moving backward loads a snapshot and replays from
    /// there.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Journal::at`](crate::Journal::at) and [`step`](Past::step), and then changes nothing unless an
    /// event could not be replayed.
    ///
    /// # Panics
    ///
    /// Panics in the same cases as [`step`](Past::step).
    pub fn seek(&mut self, moment: impl Into<Moment>) -> Result<(), Error> {
        let moment = moment.into();
        if let Moment::Seq(seq) = moment
            && (self.seq()..=self.durable).contains(&seq)
        {
            while self.seq() < seq {
                match self.step_until(seq) {
                    Ok(true) => {}
                    Ok(false) => break,
                    // as for a moment that is sought from a state behind the gap
                    Err(error) if error.is_gap() && self.seq() <= seq => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(());
        }
        let sought = self.anchor().and_then(|()| {
            let past = Past::at(&self.source, moment)?;
            // the journal in which the moment was found must be the one of this state
            self.cursor.verify_continuity(u32::MAX, true)?;
            Ok(past)
        });
        *self = sought.map_err(|error| self.failed_read(error))?;
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

/// A reader of the records after event `seq`, and the shapes that it has read. It has read the frame with the event, which must have
/// the hash `hash`. If the event was pruned, or if `seq` is 0, it has read nothing.
fn anchored_cursor(
    source: &JournalSource,
    seq: Seq,
    hash: u64,
) -> Result<(RecordCursor, Vec<(SegmentId, ShapeRows)>), Error> {
    let unanchored = || Ok((RecordCursor::new(source.tail_after(seq)?, seq), Vec::new()));
    if seq == Seq::ZERO {
        return unanchored();
    }
    let tail = match source.tail_after(seq.before()) {
        Err(error) if error.kind() == ErrorKind::Pruned => return unanchored(),
        tail => tail?,
    };
    let (mut cursor, mut shapes) = (RecordCursor::new(tail, seq.before()), Vec::new());
    while let Some(item) = cursor.next(seq)? {
        match item {
            JournalItem::Shapes(segment, rows) => shapes.push((segment, rows)),
            JournalItem::Record(stored) if stored.hash == hash => return Ok((cursor, shapes)),
            // the state behind a gap
            JournalItem::Gap(gap) if gap.last() == seq => return Ok((cursor, shapes)),
            JournalItem::Gap(_) => {}
            JournalItem::Record(_) => break,
        }
    }
    Err(other_timeline(source.layout(), seq))
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
