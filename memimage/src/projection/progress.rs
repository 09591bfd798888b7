//! How far a projection is, for the threads that wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::Error;
use crate::seq::Seq;

/// How far a projection is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The last event handled.
    pub(super) seq: Seq,
    /// The last durable event that the projection knows.
    pub(super) durable: Seq,
    /// The newest snapshot.
    pub(super) snapshot: Option<Seq>,
    /// Why the last snapshot failed, if it did.
    pub(super) snapshot_failure: Option<Error>,
    /// Whether the running image in this process has ended, and all its events were handled.
    pub(super) has_image_ended: bool,
    /// Why the projection stopped, if it did.
    pub(super) stopped: Option<Error>,
}

/// The progress, shared between threads.
#[derive(Default)]
pub(super) struct SharedProgress {
    progress: Mutex<Progress>,
    /// The last event handled, for a reader that must not wait for the lock: a child made by `fork`.
    seq: AtomicU64,
    changed: Condvar,
}

impl SharedProgress {
    pub(super) fn get(&self) -> Progress {
        self.progress.lock().clone()
    }

    /// Changes the progress, and wakes the waiting threads.
    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        {
            let mut progress = self.progress.lock();
            change(&mut progress);
            self.seq.store(progress.seq.get(), Ordering::Release);
        }
        self.changed.notify_all();
    }

    pub(super) fn seq(&self) -> Seq {
        Seq::new(self.seq.load(Ordering::Acquire))
    }

    /// Waits until event `seq` is handled. Returns false if the deadline passes before, or if the running image ends before.
    ///
    /// # Errors
    ///
    /// Returns the error that stopped the projection before event `seq`.
    pub(super) fn wait(&self, seq: Seq, deadline: Option<Instant>) -> Result<bool, Error> {
        let mut progress = self.progress.lock();
        let had_ended = progress.has_image_ended;
        loop {
            if let Some(error) = &progress.stopped {
                return Err(error.clone());
            }
            if progress.seq >= seq {
                return Ok(true);
            }
            if progress.has_image_ended && !had_ended {
                return Ok(false);
            }
            match deadline {
                None => self.changed.wait(&mut progress),
                Some(deadline) => {
                    if self.changed.wait_until(&mut progress, deadline).timed_out() {
                        return Ok(progress.seq >= seq);
                    }
                }
            }
        }
    }
}
