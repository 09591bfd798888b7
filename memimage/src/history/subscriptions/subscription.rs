//! The subscription: a blocking iterator over the durable events.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::files::error;
use super::position::LockedPosition;
use super::signal::{Signal, StopHandle};
use crate::error::{Error, ErrorDetail, SubscriptionError};
use crate::event::Model;
use crate::history::event::HistoryEvent;
use crate::history::record_feed::{Look, ModelFeed};
use crate::history::source::{JournalSource, LiveJournal};
use crate::history::typed::push_events;
use crate::planted::{Bug, planted};
use crate::process::Process;
use crate::seq::Seq;

/// The durable events of an image, in order: first those that exist, then each new one. No event is left out, and none comes
/// twice. [`Journal::subscribe`](crate::Journal::subscribe) and [`Journal::subscribe_as`](crate::Journal::subscribe_as) return it.
///
/// A subscription is an iterator that waits for the next event. It ends when the image is closed, or when it is
/// [stopped](Subscription::stop_handle). After an error it ends too; a new subscription can continue after
/// [`seq`](Subscription::seq). There is one exception: if events are [lost in a recorded gap](crate::ErrorKind::LostEvents), it returns one
/// error for the gap, and goes on with the event behind it.
///
/// A subscriber never holds up commands. A slow one is behind; [`lag`](Subscription::lag) tells how far. It reads the journal's
/// files, so events that wait for it take no memory.
pub struct Subscription<M: Model> {
    /// The journal's files.
    source: JournalSource,
    feed: ModelFeed<M>,
    /// The running image in this process. Weak, so that a subscription does not keep the model in memory after the image was closed.
    image: Option<Weak<dyn LiveJournal>>,
    /// The number of this subscription's task, if the image runs in this process.
    task: Option<u64>,
    /// The events of the last record that was read, which were not returned yet.
    events: VecDeque<HistoryEvent<M>>,
    /// The last event of which all parts were returned.
    seq: Seq,
    /// The last event that is known to be durable.
    durable: Seq,
    is_ended: bool,
    position: Option<LockedPosition>,
    signal: Arc<Signal>,
    process: Process,
}

/// The result of asking for the next event without waiting.
pub(super) enum NextEvent<M: Model> {
    Event(HistoryEvent<M>),
    /// No event is durable yet.
    Pending,
    Ended,
}

impl<M: Model> Subscription<M> {
    /// A subscription to the events of `feed`.
    pub(super) fn new(source: &JournalSource, feed: ModelFeed<M>, position: Option<LockedPosition>) -> Subscription<M> {
        let (watch, seq) = (feed.watch().cloned(), feed.last());
        Subscription {
            source: source.without_owner(),
            image: source.weak_live().cloned(),
            task: watch.as_ref().map(|watch| watch.next_number()),
            feed,
            events: VecDeque::new(),
            seq,
            durable: seq,
            is_ended: false,
            position,
            signal: Signal::new(watch),
            process: Process::current(),
        }
    }

    /// The last event that this subscription has returned, or after which it began. If upcasters convert an event to several,
    /// this is the last event of which all parts were returned. After the error for a gap, it is the last event that is lost there.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The number of durable events that this subscription has not returned yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal's files cannot be read. On a running image, no file is read.
    pub fn lag(&self) -> Result<u64, Error> {
        let durable = match self.feed.watch() {
            Some(watch) => watch.durable(),
            None => self.source.durable("lag")?,
        };
        Ok(durable.get().saturating_sub(self.seq.get()))
    }

    /// Whether the subscription has ended: the image was closed and all its events were returned, or the subscription was
    /// stopped, or an error was returned.
    pub fn is_ended(&self) -> bool {
        self.is_ended || self.signal.is_stopped()
    }

    /// A handle that ends this subscription from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle::new(&self.signal)
    }

    /// Waits for the next event, but not longer than `timeout`. Returns `None` if no event became durable in this time, or if the
    /// subscription [has ended](Subscription::is_ended). With a timeout of zero, this does not wait.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal is damaged, if the next event was pruned before it was read
    /// ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)), if an upcaster fails, if the image was poisoned and all durable events were
    /// returned, or, beside an owner in another process, if the journal was removed, cut or replaced
    /// ([`ErrorKind::Replaced`](crate::ErrorKind::Replaced)). Afterwards the subscription has ended.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<HistoryEvent<M>>, Error> {
        // a deadline that the clock cannot represent never passes
        #[expect(clippy::disallowed_methods, reason = "how long a subscriber waits is not part of a model's state")]
        self.next_until(Instant::now().checked_add(timeout))
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Result<Option<HistoryEvent<M>>, Error> {
        loop {
            match self.next_event()? {
                NextEvent::Event(event) => return Ok(Some(event)),
                NextEvent::Ended => return Ok(None),
                NextEvent::Pending if deadline.is_some_and(crate::sync::has_passed) => return Ok(None),
                NextEvent::Pending => {
                    let allowed = self.refuse_to_wait();
                    self.end_after(allowed)?;
                    self.feed.wait(|| self.signal.is_stopped(), deadline, |until| self.signal.wait_until(until));
                }
            }
        }
    }

    /// The name of a named subscription.
    pub fn name(&self) -> Option<&str> {
        self.position.as_ref().map(LockedPosition::name)
    }

    /// The last acknowledged event of a named subscription.
    pub fn acknowledged(&self) -> Option<Seq> {
        self.position.as_ref().map(LockedPosition::acknowledged)
    }

    /// Acknowledges an event and all events before it: they do not come again. For named subscriptions, once the event's side
    /// effects are done.
    ///
    /// An acknowledgement survives a kill of the process. After a power cut, those of the last seconds may be lost, and the events
    /// come again; [`sync_acknowledged`](Subscription::sync_acknowledged) prevents that. If upcasters convert an event to several,
    /// the event is acknowledged with its last part.
    ///
    /// # Errors
    ///
    /// Returns an error if the write fails. The event then counts as not acknowledged, and the call can be repeated. Returns
    /// [`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable) if the subscription has no name, or has not returned this event.
    pub fn acknowledge(&mut self, event: &HistoryEvent<M>) -> Result<(), Error> {
        let is_own = event.key().image == self.feed.uuid();
        // the parts before the last one acknowledge nothing yet
        let frame = event.is_last_part.then_some(event.frame);
        self.acknowledge_up_to(event.seq(), frame, is_own)
    }

    /// Acknowledges the events that are lost in a recorded gap, and all events before them: the gap is not reported again, and the lost
    /// events do not keep the journal from being pruned. `gap` is the error that this subscription has returned for the gap. Not needed
    /// if a later event is acknowledged.
    ///
    /// # Errors
    ///
    /// The errors of [`acknowledge`](Subscription::acknowledge); also [`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable) if the
    /// error is not that of a [gap](Error::gap).
    pub fn acknowledge_lost(&mut self, gap: &Error) -> Result<(), Error> {
        let Some((_, last)) = gap.gap() else {
            return Err(error(SubscriptionError::NoGap { cause: gap.in_short() }));
        };
        // no frame has a lost event
        self.acknowledge_up_to(last, Some(0), true)
    }

    /// Acknowledges the events up to `seq`. `frame` is the hash of the frame with this event; without it, only verifies that the event
    /// can be acknowledged. `is_own` is false if the event belongs to another image.
    fn acknowledge_up_to(&mut self, seq: Seq, frame: Option<u64>, is_own: bool) -> Result<(), Error> {
        self.refuse_if_forked()?;
        let refuse = |what, help| Err(error(SubscriptionError::NotDelivered { seq, what, help }));
        let Some(position) = &mut self.position else {
            return refuse("the subscription has no name", "subscribe with `subscribe_as`");
        };
        if !is_own || seq > self.feed.last() {
            return refuse("this subscription has not returned it", "acknowledge the events that it has returned");
        }
        frame.map_or(Ok(()), |frame| position.acknowledge(seq, frame))
    }

    /// Makes the acknowledgements so far survive a power cut. Takes one sync of the disk. Dropping the subscription does the same.
    ///
    /// # Errors
    ///
    /// Returns an error if the sync fails.
    pub fn sync_acknowledged(&mut self) -> Result<(), Error> {
        self.refuse_if_forked()?;
        self.position.as_mut().map_or(Ok(()), LockedPosition::sync)
    }

    /// A child made by `fork` has a copy of the lock and of the position.
    fn refuse_if_forked(&self) -> Result<(), Error> {
        if self.process.is_current() { Ok(()) } else { Err(Error::new(ErrorDetail::Forked)) }
    }

    /// The next event, without waiting.
    pub(super) fn next_event(&mut self) -> Result<NextEvent<M>, Error> {
        if self.is_ended() {
            return Ok(NextEvent::Ended);
        }
        let next = self.try_next_event();
        self.is_ended = match &next {
            Ok(NextEvent::Event(_) | NextEvent::Pending) => false,
            Ok(NextEvent::Ended) => true,
            Err(error) => !error.is_gap(),
        };
        next
    }

    fn try_next_event(&mut self) -> Result<NextEvent<M>, Error> {
        self.refuse_if_forked()?;
        loop {
            if let Some(event) = self.events.pop_front() {
                if self.events.is_empty() {
                    self.seq = event.seq();
                }
                return Ok(NextEvent::Event(event));
            }
            if self.feed.last() < self.durable {
                if let Err(error) = self.read_record() {
                    // a subscription that continues after `seq` must not come to the gap again
                    self.seq = error.gap().map_or(self.seq, |(_, last)| last);
                    return Err(error);
                }
                continue;
            }
            match self.feed.look()? {
                Look::Durable(durable) => self.durable = durable,
                Look::Nothing => return Ok(NextEvent::Pending),
                Look::Ended(result) => return result.map(|()| NextEvent::Ended),
            }
        }
    }

    fn read_record(&mut self) -> Result<(), Error> {
        let Some(stored) = self.feed.next(self.durable)? else { return Ok(()) };
        let feed = &self.feed;
        push_events(feed.dispatch(), feed.scan(), feed.voids(), &stored, &mut self.events)?;
        if let Some(position) = &mut self.position
            && planted(Bug::AcknowledgedBeforeDelivery)
        {
            position.acknowledge(stored.record.seq, stored.hash)?;
        }
        Ok(())
    }

    /// Makes sure that the task is woken when there may be another event. Returns whether the caller must ask once more now.
    pub(super) fn register(&mut self, task: &Waker) -> Result<bool, Error> {
        self.signal.set_task(task.clone());
        if let (Some(watch), Some(number)) = (self.feed.watch(), self.task) {
            watch.add_task(number, task);
            return Ok(true);
        }
        let started = self.signal.wake_task_at(self.feed.next_look(), self.source.layout().root());
        self.end_after(started)?;
        // `stop` may have come before the task was set
        Ok(self.signal.is_stopped())
    }

    /// Returns an error if this thread is inside a call on the running image, whose events it would wait for.
    fn refuse_to_wait(&self) -> Result<(), Error> {
        let image = self.image.as_ref().and_then(Weak::upgrade);
        image.map_or(Ok(()), |image| image.refuse_to_wait("next"))
    }

    fn end_after<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.is_ended |= result.is_err();
        result
    }
}

impl<M: Model> Iterator for Subscription<M> {
    type Item = Result<HistoryEvent<M>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_until(None).transpose()
    }
}

impl<M: Model> std::iter::FusedIterator for Subscription<M> {}

impl<M: Model> Drop for Subscription<M> {
    fn drop(&mut self) {
        // in a child made by `fork`, a lock that another thread of the parent held is never released
        if self.process.is_certainly_current() {
            if let (Some(watch), Some(number)) = (self.feed.watch(), self.task) {
                watch.remove_task(number);
            }
            self.signal.end();
        }
    }
}

impl<M: Model> fmt::Debug for Subscription<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("name", &self.name())
            .field("seq", &self.seq)
            .field("acknowledged", &self.acknowledged())
            .finish_non_exhaustive()
    }
}
