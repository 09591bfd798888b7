//! The thread of a follower: it polls the journal, and replays what has become durable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{MutexGuard, RwLockWriteGuard};

use super::shared::{Shared, Status};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::Model;
use crate::history::{Polling, SHORTEST_PAUSE};
use crate::image::STACK;
use crate::journal::{Continuity, DigestMark, removed_image};
use crate::log;
use crate::panics::drop_caught;
use crate::recovery::{FollowStep, FollowedJournal};
use crate::seq::Seq;

/// The pauses after a failed read: twice as long after each failure.
const FIRST_RETRY: Duration = Duration::from_millis(5);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// How long the follower pauses after failed reads, in all, before it stops. The time that the reads themselves take does not count: a
/// recovery may take longer than this.
const RETRY_LIMIT: Duration = Duration::from_secs(10);

/// The failed reads since the last success.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    /// The pause after the last failure.
    pause: Duration,
    /// The pauses before it.
    paused: Duration,
    /// The last event in the state that was recovered because the journal seemed to be damaged.
    recovered: Option<Seq>,
}

impl Failures {
    /// One more failure.
    fn next(self) -> Failures {
        let pause = (self.pause * 2).clamp(FIRST_RETRY, LAST_RETRY);
        Failures { pause, paused: self.paused + self.pause, ..self }
    }

    /// Whether the follower tries again.
    fn is_within_limit(&self) -> bool {
        self.paused < RETRY_LIMIT
    }
}

impl<M: Model> Shared<M> {
    pub(super) fn start_thread(self: &Arc<Self>) -> Result<(), Error> {
        let mut thread = self.thread.lock();
        let shared = Arc::clone(self);
        let builder = std::thread::Builder::new().name("memimage-follower".to_owned()).stack_size(STACK);
        self.status.lock().is_stopping = false;
        let spawned = builder.spawn(move || shared.follow());
        *thread = Some(spawned.map_err(|source| Error::io("starting a thread for", self.layout.root(), source))?);
        Ok(())
    }

    /// Ends the thread, and waits for its end, unless this is the thread itself: a value of the model may drop the last handle.
    pub(super) fn stop_thread(&self) {
        let mut thread = self.thread.lock();
        self.status.lock().is_stopping = true;
        self.changed.notify_all();
        if let Some(thread) = thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // the thread catches panics
            let _ = thread.join();
        }
    }

    /// Follows the journal until the thread is to end, or until the follower cannot go on.
    fn follow(&self) {
        // command bodies that are replayed must not call the follower
        let Ok(_entered) = self.enter("replay") else { return };
        let mut polling = Polling::default();
        let mut failures = Failures::default();
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
                    failures = Failures::default();
                    self.pause(polling.pause());
                }
                Err(error) => match self.next_attempt(error, failures) {
                    Ok(next) => {
                        self.pause_to_retry(next.pause);
                        polling = Polling::default();
                        polling.looked(false);
                        failures = next;
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

    /// Like [`pause`](Self::pause), but does not poll more often for a caller that waits: the number of failures would grow.
    fn pause_to_retry(&self, pause: Duration) {
        let mut status = self.status.lock();
        self.changed.wait_while_for(&mut status, |status| !status.is_stopping, pause);
    }

    /// Replays the events that have become durable. Returns whether there were any. With `compare`, also verifies that the journal
    /// still contains the last frame that was read.
    fn advance(&self, compare: bool) -> Result<bool, Error> {
        let mut journal = self.journal.lock();
        if self.state.read().is_none() {
            return self.recover_again(&mut journal, "the last promotion failed");
        }
        // the values notice the destroyed keys themselves; derived fields may have parts of them
        if self.source.keyring().personal().refresh()? && M::DERIVED.is_some() {
            return self.recover_again(&mut journal, "personal data were erased");
        }
        if journal.verify_continuity(compare)? == Continuity::Voided {
            return self.recover_again(&mut journal, "an event became void");
        }
        let durable = journal.synced()?;
        self.update(|status| status.durable = status.durable.max(durable));
        if durable <= journal.last() {
            if let Some(mark) = journal.digest_at_rest::<M>()? {
                self.compare(&mut journal, mark)?;
            }
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
                FollowStep::Compare(mark) => self.compare(&mut journal, mark)?,
            }
            if self.status.lock().is_stopping {
                return Ok(true);
            }
        }
    }

    fn compare(&self, journal: &mut FollowedJournal, mark: DigestMark) -> Result<(), Error> {
        let state = self.state.read();
        journal.compare(state.as_ref().expect("only this thread takes the state"), mark)
    }

    fn update(&self, update: impl FnOnce(&mut Status)) {
        update(&mut self.status.lock());
        self.changed.notify_all();
    }

    /// Recovers the state anew, from the newest snapshot and the events since. Queries read the old state meanwhile.
    fn recover_again(&self, journal: &mut FollowedJournal, reason: &'static str) -> Result<bool, Error> {
        log::warning!(reason, seq = %journal.last(), "the follower recovers its state again");
        let (recovered, state) = self.source.attempt(|| journal.recover_again::<M>())?;
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
    /// Damage is believed only if a recovery finds it, too, while the files do not change: the owner may have removed files between
    /// two reads, or a read may have returned a wrong bit.
    ///
    /// # Errors
    ///
    /// Returns the error with which the follower must stop: a cause of `error` that explains more, or `error` itself.
    fn next_attempt(&self, error: Error, failures: Failures) -> Result<Failures, Error> {
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
        let is_unsure = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Replaced);
        let seems_damaged = is_unsure && failures.recovered != Some(journal.last());
        recover |= error.is_removed() || seems_damaged;
        let error = match recover {
            true => match self.try_to_recover(&mut journal) {
                Ok(()) => {
                    let recovered = seems_damaged.then(|| journal.last());
                    return Ok(Failures { recovered, ..Failures::default() }.next());
                }
                Err(error) => error,
            },
            false => error,
        };
        let next = failures.next();
        if next.is_within_limit() && (error.is_io() || error.is_removed()) {
            log::warning!(%error, "the follower could not read the journal; it tries again");
            return Ok(next);
        }
        Err(error)
    }

    fn try_to_recover(&self, journal: &mut MutexGuard<'_, FollowedJournal>) -> Result<(), Error> {
        let recover = || self.recover_again(journal, "the files changed while they were read, or an event became void");
        catch_unwind(AssertUnwindSafe(recover))
            .unwrap_or_else(|panic| Err(Error::panicked("recovering the state of", self.layout.root(), panic)))
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_may_fail_for_ten_seconds_of_pauses_however_long_they_take() {
        let mut failures = Failures::default().next();
        let mut pauses = vec![failures.pause];
        while failures.next().is_within_limit() {
            failures = failures.next();
            pauses.push(failures.pause);
        }
        assert_eq!(pauses[..3], [5, 10, 20].map(Duration::from_millis));
        assert!(pauses.iter().all(|pause| *pause <= LAST_RETRY) && pauses.len() > 15, "{pauses:?}");
        let total: Duration = pauses.iter().sum();
        assert!((RETRY_LIMIT..RETRY_LIMIT + LAST_RETRY).contains(&total), "{total:?}");
    }
}
