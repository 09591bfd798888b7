//! The observers of an image: a named subscriber, a projection and a follower, each in a thread beside the commands.

use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, EventInfo, HistoryEvent, Image, Journal, Projection, Seq, Shape, Subscription};
use memimage_tests::SplitMix64;
use serde::{Deserialize, Serialize};

use crate::model::{Mark, MarkList, MarkListAppend, MarkListEvent, MarkListRejectInBody};
use crate::observed::{ObservedRecord, SUBSCRIPTION};
use crate::parameters::{LifetimeParameters, ObserverKind, PROJECTION, SwarmParameters};

/// How long an observer waits for an event that may never come.
const SHORT: Duration = Duration::from_micros(300);
/// How long a projection or follower may take to show a durable event.
const LONG: Duration = Duration::from_secs(20);

/// Why an observer ends early.
pub(crate) enum Stop {
    /// A call failed, which a fault may explain.
    Failed(String),
    /// A promise was broken.
    Broken(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error.to_string())
    }
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::Broken(why)
    }
}

/// The marks and the number of rejected commands, as a projection of the image.
#[derive(Clone, Default, Serialize, Deserialize, Shape)]
struct MarkCopy {
    marks: Vec<Mark>,
    rejections: u64,
    seq: u64,
}

#[memimage::projection(of = MarkList)]
impl MarkCopy {
    #[on]
    fn append(&mut self, event: &MarkListAppend, info: &EventInfo<'_>) {
        self.marks.push(event.mark);
        self.seq = info.seq().get();
    }

    #[on(rejected)]
    fn rejected(&mut self, _: &MarkListRejectInBody, info: &EventInfo<'_>) {
        self.rejections += 1;
        self.seq = info.seq().get();
    }
}

/// An observer of an image that is open on `disk`.
pub(crate) struct Observer<'a> {
    pub(crate) parameters: &'a SwarmParameters,
    pub(crate) lifetime: &'a LifetimeParameters,
    pub(crate) disk: &'a SimDisk,
    pub(crate) image: Image<MarkList>,
    pub(crate) record: &'a ObservedRecord,
}

impl Observer<'_> {
    /// Observes the image for some time.
    pub(crate) fn run(&self, kind: ObserverKind, rng: &mut SplitMix64) -> Result<(), Stop> {
        match kind {
            ObserverKind::Subscriber => self.subscribe(rng),
            ObserverKind::Projection => self.project(rng),
            ObserverKind::Follower => self.follow(),
        }
    }

    /// Runs `observe` with the journal of the running image, or with the journal as another process sees it.
    fn with_journal(
        &self,
        rng: &mut SplitMix64,
        observe: impl FnOnce(&Journal<MarkList>, &mut SplitMix64) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        match rng.once_in(2) {
            true => observe(&self.parameters.open_journal(self.lifetime, self.disk)?, rng),
            false => observe(&self.image.journal(), rng),
        }
    }

    fn subscribe(&self, rng: &mut SplitMix64) -> Result<(), Stop> {
        self.with_journal(rng, |journal, rng| {
            let subscriptions = 1 + rng.below(3);
            for _ in 0..subscriptions {
                let Some(mut subscriber) = Subscriber::begin(journal, self.record)? else { return Ok(()) };
                for _ in 0..1 + self.lifetime.operations / subscriptions {
                    subscriber.step(journal, rng)?;
                }
            }
            Ok(())
        })
    }

    fn project(&self, rng: &mut SplitMix64) -> Result<(), Stop> {
        self.with_journal(rng, |journal, rng| {
            let options = Projection::<MarkCopy>::options().snapshot_every(1 + rng.below(12));
            let projection = match options.open(journal, PROJECTION) {
                // a power cut took the newer snapshots of the projection
                Err(error) if error.kind() == ErrorKind::Pruned && self.parameters.prunes() => return Ok(()),
                opened => opened?,
            };
            for step in 0..=self.lifetime.operations {
                let durable = journal.durable_seq()?;
                let (timeout, is_last) = (SHORT, step == self.lifetime.operations);
                let is_there = projection.wait_timeout(durable, if is_last { LONG } else { timeout })?;
                let copy = projection.query(MarkCopy::clone)?;
                let events = copy.marks.len() as u64 + copy.rejections;
                if events != copy.seq || is_there && copy.seq < durable.get() || is_last && !is_there {
                    let seq = copy.seq;
                    return Err(format!("a projection has {events} events up to {seq}; durable is {durable}").into());
                }
                self.record.show(copy.marks, copy.seq)?;
            }
            projection.close()?;
            Ok(())
        })
    }

    fn follow(&self) -> Result<(), Stop> {
        let follower = self.parameters.follow(self.lifetime, self.disk)?;
        let journal = self.parameters.open_journal(self.lifetime, self.disk)?;
        for step in 0..=self.lifetime.operations {
            match step == self.lifetime.operations {
                false => drop(follower.wait_timeout(follower.seq().next(), SHORT)?),
                true => {
                    let durable = journal.durable_seq()?;
                    if !follower.wait_timeout(durable, LONG)? {
                        return Err(format!("a follower has {}, and durable is {durable}", follower.seq()).into());
                    }
                }
            }
            let before = follower.seq();
            let (marks, seq) = follower.query(marks_and_seq)?;
            if seq < before.get() {
                return Err(format!("a follower at event {before} shows {seq} events").into());
            }
            self.record.show(marks, seq)?;
        }
        Ok(())
    }
}

/// The marks of a state, and its last event.
pub(crate) fn marks_and_seq(list: &MarkList) -> (Vec<Mark>, u64) {
    (list.marks.clone(), list.marks.len() as u64 + u64::from(list.rejections))
}

/// A subscriber that acknowledges what it gets.
struct Subscriber<'a> {
    subscription: Subscription<MarkList>,
    record: &'a ObservedRecord,
    /// The newest event that was returned.
    newest: Option<HistoryEvent<MarkList>>,
    /// The seq of the next event.
    next: Seq,
}

impl<'a> Subscriber<'a> {
    /// Takes the subscription, which begins with the first event of the image. `None` if that event was pruned before.
    fn begin(journal: &Journal<MarkList>, record: &'a ObservedRecord) -> Result<Option<Subscriber<'a>>, Stop> {
        let subscription = match journal.subscribe_as(SUBSCRIPTION, Seq::ZERO) {
            Err(error) if error.kind() == ErrorKind::Pruned && !record.is_subscribed() => return Ok(None),
            subscription => subscription?,
        };
        let acknowledged = subscription.acknowledged().expect("it has a name");
        record.subscribed(acknowledged.get())?;
        Ok(Some(Subscriber { subscription, record, newest: None, next: acknowledged.next() }))
    }

    fn step(&mut self, journal: &Journal<MarkList>, rng: &mut SplitMix64) -> Result<(), Stop> {
        match rng.below(6) {
            0 | 1 => {
                for _ in 0..1 + rng.below(6) {
                    self.take(SHORT)?;
                }
            }
            2 => {
                let durable = journal.durable_seq()?;
                while self.take(Duration::ZERO)? {}
                if self.next <= durable {
                    return Err(format!("event {} is durable, and does not come: {durable}", self.next).into());
                }
            }
            3 | 4 => {
                let Some(event) = &self.newest else { return Ok(()) };
                self.record.begin_acknowledgement(event.seq().get());
                self.subscription.acknowledge(event)?;
                self.record.acknowledged(event.seq().get());
            }
            _ => {
                self.subscription.sync_acknowledged()?;
                self.record.synced();
            }
        }
        Ok(())
    }

    /// Takes the next event. Returns whether there was one.
    fn take(&mut self, timeout: Duration) -> Result<bool, Stop> {
        let Some(event) = self.subscription.next_timeout(timeout)? else { return Ok(false) };
        let mark = match (event.event(), event.is_rejected()) {
            (Some(MarkListEvent::Append(append)), false) => Some(append.mark),
            (Some(MarkListEvent::RejectInBody(_)), true) => None,
            _ => return Err(format!("an event that no command has: {event:?}").into()),
        };
        if event.seq() != self.next {
            return Err(format!("event {} came instead of event {}", event.seq(), self.next).into());
        }
        self.record.deliver(event.seq().get(), mark)?;
        self.next = event.seq().next();
        self.newest = Some(event);
        Ok(true)
    }
}

/// A follower of the image that is left on a disk, which was closed, or whose process has ended. Takes the image over, after it has
/// shown its state. `None` if there is no image.
pub(crate) fn take_over(
    parameters: &SwarmParameters,
    lifetime: &LifetimeParameters,
    disk: &SimDisk,
    record: &ObservedRecord,
) -> Result<Option<Image<MarkList>>, Stop> {
    let follower = match parameters.follow(lifetime, disk) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotAnImage) => return Ok(None),
        follower => follower?,
    };
    let (marks, seq) = follower.query(marks_and_seq)?;
    record.show(marks, seq)?;
    Ok(Some(follower.promote().map_err(Error::from)?))
}
