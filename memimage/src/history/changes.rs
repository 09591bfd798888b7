//! The changes of one value over the history.

use super::event::HistoryEvent;
use super::past::Past;
use super::source::JournalSource;
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::seq::Seq;

/// A change of a value: the event that changed it, and the value before and after. [`Journal::changes`](crate::Journal::changes)
/// returns changes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Change<M: Model, V> {
    /// The seq of the event.
    pub seq: Seq,
    /// The recorded time of the event.
    pub time: Timestamp,
    /// The event: mostly one; several if upcasters convert the recorded event to several.
    pub events: Vec<HistoryEvent<M>>,
    /// The value before the event.
    pub old: V,
    /// The value after the event.
    pub new: V,
}

impl<M: Model> Past<M> {
    /// Each later event that changes a value, as [`Journal::changes`](crate::Journal::changes) returns them.
    pub fn changes<V: PartialEq + Clone, S: FnMut(&M) -> V>(self, select: S) -> Changes<M, V, S> {
        Changes::after(self, select)
    }
}

/// The changes of a value, in the order of the journal, up to the last event that was durable when the loop began. After an error,
/// and after a panic of the closure, the iterator ends.
pub struct Changes<M: Model, V, S> {
    state: State<M, V>,
    select: S,
}

enum State<M: Model, V> {
    Unopened(JournalSource),
    /// The state whose value is known, before the loop began.
    Selected(Box<Past<M>>, V),
    /// The state, its value, and the last event that the loop reads.
    Reading(Box<Past<M>>, V, Seq),
    Ended,
}

impl<M: Model, V: PartialEq + Clone, S: FnMut(&M) -> V> Changes<M, V, S> {
    pub(super) fn new(source: JournalSource, select: S) -> Changes<M, V, S> {
        Changes { state: State::Unopened(source), select }
    }

    pub(super) fn after(past: Past<M>, mut select: S) -> Changes<M, V, S> {
        let value = select(&past);
        Changes { state: State::Selected(Box::new(past), value), select }
    }

    fn advance(&mut self) -> Result<Option<Change<M, V>>, Error> {
        // the loop has ended unless a change is found: after an error, and if `select` panics, because the value of an event is unknown
        let (mut past, mut value, end) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Unopened(source) => {
                let past = Past::oldest(&source, "changes")?;
                let (value, end) = ((self.select)(&past), past.durable());
                (Box::new(past), value, end)
            }
            State::Selected(mut past, value) => {
                let end = past.look("changes")?;
                (past, value, end)
            }
            State::Reading(past, value, end) => (past, value, end),
            State::Ended => return Ok(None),
        };
        loop {
            match past.step_until(end) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(gap) if gap.is_gap() => {
                    self.state = State::Reading(past, value, end);
                    return Err(gap);
                }
                Err(error) => return Err(error),
            }
            let new = (self.select)(&past);
            if new != value {
                let old = std::mem::replace(&mut value, new.clone());
                let (seq, time, events) = (past.seq(), past.time(), past.events()?);
                self.state = State::Reading(past, value, end);
                return Ok(Some(Change { seq, time, events, old, new }));
            }
        }
    }
}

impl<M: Model, V: PartialEq + Clone, S: FnMut(&M) -> V> Iterator for Changes<M, V, S> {
    type Item = Result<Change<M, V>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

impl<M: Model, V, S> std::fmt::Debug for Changes<M, V, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
