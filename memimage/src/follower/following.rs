//! The thread of a follower: it polls the journal, and replays what has become durable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{MutexGuard, RwLockWriteGuard};

use super::shared::{Shared, Status};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::Model;
use crate::history::{Polling, SHORTEST_PAUSE, removed_image};
use crate::image::STACK;
use crate::journal::Continuity;
use crate::log;
use crate::panics::drop_caught;
use crate::recovery::{FollowStep, FollowedJournal};

/// The pauses after a failed read: twice as long after each failure.
const FIRST_RETRY: Duration = Duration::from_millis(5);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// For how long reads may fail before the follower stops.
const RETRY_LIMIT: Duration = Duration::from_secs(10);

/// The failed reads since the last success.
struct Failures {
    since: Instant,
    pause: Duration,
}

impl<M: Model> Shared<M> {
    pub(super) fn start_thread(self: &Arc<Self>) -> Result<(), Error> {
        let mut thread = self.thread.lock();
        let shared = Arc::clone(self);
        let builder = std::thread::Builder::new().name("memimage-follower".to_owned()).stack_size(STACK);
        let spawned = builder.spawn(move || shared.follow());
        *thread = Some(spawned.map_err(|source| Error::io("starting a thread for", self.layout.root(), source))?);
        Ok(())
    }

    /// Ends the thread, and waits for its end.
    pub(super) fn stop_thread(&self) {
        let mut thread = self.thread.lock();
        self.status.lock().is_stopping = true;
        self.changed.notify_all();
        if let Some(thread) = thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // the thread catches panics
            let _ = thread.join();
        }
        self.status.lock().is_stopping = false;
    }

    /// Follows the journal until the thread is to end, or until the follower cannot go on.
    fn follow(&self) {
        // command bodies that are replayed must not call the follower
        let Ok(_entered) = self.enter("replay") else { return };
        let mut polling = Polling::default();
        let mut failures: Option<Failures> = None;
        let goes_on = || {
            let status = self.status.lock();
            !status.is_stopping && status.ended.is_none()
        };
        while goes_on() {
            let advanced = catch_unwind(AssertUnwindSafe(|| self.advance(polling.is_idle())))
                .unwrap_or_else(|panic| Err(Error::panicked("replaying the journal of", self.layout.root(), panic)));
            match advanced {
                Ok(has_advanced) => {
                    polling.looked(has_advanced);
                    failures = None;
                    self.pause(polling.pause());
                }
                Err(error) => match self.next_attempt(error, failures) {
                    Ok(next) => {
                        self.pause(next.pause);
                        polling = Polling::default();
                        polling.looked(false);
                        failures = Some(next);
                    }
                    Err(error) => {
                        log::error!(%error, path = %self.layout.root().display(), "the follower stopped");
                        let (path, seq) = (self.layout.root().to_owned(), self.seq());
                        return self.end(Error::new(ErrorDetail::FollowerStopped { path, seq, cause: error }));
                    }
                },
            }
        }
    }

    /// Sleeps until the time is over, or until the thread is to end.
    fn pause(&self, pause: Duration) {
        let mut status = self.status.lock();
        if status.is_stopping {
            return;
        }
        let pause = if status.waiting > 0 { pause.min(SHORTEST_PAUSE) } else { pause };
        self.changed.wait_for(&mut status, pause);
    }

    /// Replays the events that have become durable. Returns whether there were any. With `compare`, also verifies that the journal
    /// still contains the last frame that was read.
    fn advance(&self, compare: bool) -> Result<bool, Error> {
        let mut journal = self.journal.lock();
        if self.state.read().is_none() {
            return self.recover_again(&mut journal, "the last promotion failed");
        }
        if journal.verify_continuity(compare)? == Continuity::Voided {
            return self.recover_again(&mut journal, "an event became void");
        }
        let durable = journal.synced()?;
        self.update(|status| status.durable = status.durable.max(durable));
        if durable <= journal.last() {
            return Ok(false);
        }
        loop {
            let step = {
                let mut state = self.state.write();
                let step = journal.replay(&mut state, durable);
                if let Some(state) = &*state {
                    let seq = state.last();
                    self.update(|status| status.seq = seq);
                }
                // a query that waits goes first
                RwLockWriteGuard::unlock_fair(state);
                step?
            };
            match step {
                FollowStep::Continue => {}
                FollowStep::Reached => return Ok(true),
                FollowStep::Recover => return self.recover_again(&mut journal, "an event became void"),
                FollowStep::Compare(mark) => {
                    let state = self.state.read();
                    journal.compare(state.as_ref().expect("only this thread takes the state"), mark)?;
                }
            }
            if self.status.lock().is_stopping {
                return Ok(true);
            }
        }
    }

    fn update(&self, update: impl FnOnce(&mut Status)) {
        update(&mut self.status.lock());
        self.changed.notify_all();
    }

    /// Recovers the state anew, from the newest snapshot and the events since. Queries read the old state meanwhile.
    fn recover_again(&self, journal: &mut FollowedJournal, reason: &'static str) -> Result<bool, Error> {
        log::warning!(reason, seq = %journal.last(), "the follower recovers its state again");
        let (recovered, state) = journal.recover_again::<M>()?;
        let seq = state.last();
        *journal = recovered;
        let old = self.state.write().replace(state);
        self.update(|status| {
            (status.seq, status.durable) = (seq, status.durable.max(seq));
            status.recoveries += 1;
        });
        drop_caught(old);
        Ok(true)
    }

    /// Decides what follows after an error: another attempt, or the end of the follower.
    ///
    /// # Errors
    ///
    /// Returns the error with which the follower must stop: a cause of `error` that explains more, or `error` itself.
    fn next_attempt(&self, error: Error, failures: Option<Failures>) -> Result<Failures, Error> {
        let mut journal = self.journal.lock();
        let continuity = journal.verify_continuity(true);
        let mut recover = false;
        match &continuity {
            Err(found) => match found.kind() {
                ErrorKind::Replaced => return Err(found.clone()),
                ErrorKind::NotFound | ErrorKind::NotAnImage => return Err(removed_image(&self.layout)),
                _ => {}
            },
            Ok(Continuity::Voided) => recover = true,
            Ok(Continuity::Whole) => {}
        }
        recover |= error.is_removed();
        let error = match recover {
            true => match self.try_to_recover(&mut journal) {
                Ok(()) => return Ok(self.failed(None)),
                Err(error) => error,
            },
            false => error,
        };
        let next = self.failed(failures);
        let is_over = next.since.elapsed() > RETRY_LIMIT;
        if !is_over && (error.is_io() || error.is_removed()) && self.state.read().is_some() {
            log::warning!(%error, "the follower could not read the journal; it tries again");
            return Ok(next);
        }
        Err(error)
    }

    fn try_to_recover(&self, journal: &mut MutexGuard<'_, FollowedJournal>) -> Result<(), Error> {
        let recover = || self.recover_again(journal, "the owner removed what was to be read, or an event became void");
        catch_unwind(AssertUnwindSafe(recover))
            .unwrap_or_else(|panic| Err(Error::panicked("recovering the state of", self.layout.root(), panic)))
            .map(drop)
    }

    /// One more failure after `failures`.
    fn failed(&self, failures: Option<Failures>) -> Failures {
        #[expect(clippy::disallowed_methods, reason = "when a read is tried again is not part of the state")]
        let first = || Failures { since: Instant::now(), pause: FIRST_RETRY };
        failures.map_or_else(first, |failures| Failures { pause: (failures.pause * 2).min(LAST_RETRY), ..failures })
    }
}
