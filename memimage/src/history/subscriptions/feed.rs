//! How a subscriber learns which events are durable: from the running image in this process, or from the files.

use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::reader::EventReader;
use super::signal::Signal;
use crate::error::Error;
use crate::event::Model;
use crate::history::source::LiveJournal;
use crate::journal::Followers;
use crate::seq::Seq;

/// The pauses between two looks at the files: each is twice as long as the one before, until an event arrives.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(20);
/// How many looks at the files without a new event make the subscriber check that the image is still there.
const CHECK_AFTER: u32 = 50;

/// What a subscriber waits for.
pub(super) enum Feed {
    Live(LiveFeed),
    Polled(PolledFeed),
}

/// The running image in this process.
pub(super) struct LiveFeed {
    pub(super) followers: Arc<Followers>,
    /// Weak, so that a subscription does not keep the model in memory after the image was closed.
    pub(super) image: Weak<dyn LiveJournal>,
    /// The number of the subscriber among the followers.
    pub(super) number: u64,
}

/// An image that another process, or nobody, has open.
pub(super) struct PolledFeed {
    pause: Duration,
    /// The number of looks at the files since the last event.
    looks: u32,
}

/// The result of looking for more durable events.
pub(super) enum Look {
    /// The events up to this one are durable.
    Durable(Seq),
    /// Nothing new.
    Nothing,
    /// No more events become durable. An error if the image was poisoned.
    Ended(Result<(), Error>),
}

impl Feed {
    pub(super) fn polled() -> Feed {
        Feed::Polled(PolledFeed { pause: FIRST_PAUSE, looks: 0 })
    }

    /// Looks for durable events after `seq`, up to which `reader` has read.
    pub(super) fn look<M: Model>(&mut self, reader: &mut EventReader<M>, seq: Seq) -> Result<Look, Error> {
        match self {
            Feed::Live(live) => {
                // read before `durable`, which is final once the journal has ended
                let ended = live.followers.ended();
                let durable = live.followers.durable();
                Ok(match ended {
                    _ if durable > seq => Look::Durable(durable),
                    Some(result) => Look::Ended(result),
                    None => Look::Nothing,
                })
            }
            Feed::Polled(polled) => {
                let synced = reader.synced()?;
                if synced > seq {
                    *polled = PolledFeed { pause: FIRST_PAUSE, looks: 0 };
                    return Ok(Look::Durable(synced));
                }
                polled.looks += 1;
                if polled.looks.is_multiple_of(CHECK_AFTER) {
                    reader.check_place()?;
                }
                Ok(Look::Nothing)
            }
        }
    }

    /// Waits until [`look`](Feed::look) may find events after `seq`, until the deadline, or until the subscription is stopped.
    pub(super) fn wait(&mut self, seq: Seq, signal: &Signal, deadline: Option<Instant>) -> Result<(), Error> {
        match self {
            Feed::Live(live) => {
                if let Some(image) = live.image.upgrade() {
                    image.refuse_to_wait("next")?;
                }
                let followers = &live.followers;
                let is_over = || signal.is_stopped() || followers.durable() > seq || followers.is_ended();
                followers.wait(is_over, deadline);
            }
            Feed::Polled(polled) => {
                let pause = polled.next_pause();
                signal.wait_until(deadline.map_or(pause, |deadline| deadline.min(pause)));
            }
        }
        Ok(())
    }

    /// Forgets the task.
    pub(super) fn end(&self) {
        if let Feed::Live(live) = self {
            live.followers.remove_task(live.number);
        }
    }

    /// Makes sure that the task is woken when [`look`](Feed::look) may find more events. Returns whether the caller must look
    /// once more now.
    pub(super) fn register(
        &mut self,
        task: &Waker,
        signal: &Arc<Signal>,
        root: &std::path::Path,
    ) -> Result<bool, Error> {
        signal.set_task(task.clone());
        match self {
            Feed::Live(live) => {
                live.followers.add_task(live.number, task);
                Ok(true)
            }
            Feed::Polled(polled) => {
                signal.wake_task_at(polled.next_pause(), root)?;
                // `stop` may have come before the task was set
                Ok(signal.is_stopped())
            }
        }
    }
}

impl PolledFeed {
    /// The end of the next pause.
    #[expect(clippy::disallowed_methods, reason = "the pauses of a subscriber are not part of a model's state")]
    fn next_pause(&mut self) -> Instant {
        let end = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        end
    }
}
