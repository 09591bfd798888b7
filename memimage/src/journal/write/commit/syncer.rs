//! The syncer: the single thread that takes over work from leaders, writes batches that no caller waits for, and syncs
//! at intervals. The thread is started when it is first needed, and ends when the journal has been at rest for a while.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{BatchWriter, Commit, CommitState};
use crate::error::Error;
use crate::journal::write::batch::OpenBatch;
use crate::journal::write::waking::writing;
use crate::panics::panic_message;
use crate::sync::{MutexGuard, has_passed, spawn};

/// The time without work after which the syncer ends.
const REST: Duration = Duration::from_secs(2);

impl<S: BatchWriter> Commit<S> {
    /// Starts the syncer if it does not run. The syncer then runs at least until `open` is unlocked, so a command that is
    /// executed before this can leave its record to the syncer.
    ///
    /// # Errors
    ///
    /// Fails if the operating system provides no thread.
    #[inline]
    pub(crate) fn ensure_syncer(&self, _open: &mut OpenBatch) -> Result<(), Error> {
        if self.has_syncer.load(Ordering::Relaxed) { Ok(()) } else { self.start_syncer(&mut self.state.lock()) }
    }

    /// Starts the syncer if it does not run.
    ///
    /// The thread is started while the state is locked. Otherwise a second caller could leave its work to a thread that the
    /// operating system then refuses to start. To start a thread runs no code of the program (the spawn hooks of the standard
    /// library are unstable).
    pub(super) fn start_syncer(&self, state: &mut CommitState) -> Result<(), Error> {
        if state.syncer.is_some() {
            return Ok(());
        }
        let commit = self.this.upgrade().expect("the group commit is in use");
        let started = spawn("memimage-syncer", move || commit.run_syncer_thread());
        state.syncer = Some(started.map_err(|source| Error::io("starting a thread for", &self.root, source))?);
        self.has_syncer.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Makes the syncer the writing thread. Does nothing if the operating system provides no thread. No thread may be writing.
    pub(super) fn hand_to_syncer(&self, state: &mut CommitState) {
        if self.start_syncer(state).is_ok() {
            state.busy = true;
            state.by_syncer = true;
            self.wake.notify_one();
        }
    }

    /// If there is work and no thread is writing, makes the syncer the writing thread. If the operating system provides no
    /// thread, does the work of the syncer on the calling thread, which must hold no other lock.
    pub(super) fn hand_over(&self, mut state: MutexGuard<'_, CommitState>) {
        if state.busy || state.failed.is_some() || !state.has_work() {
            return;
        }
        self.hand_to_syncer(&mut state);
        if !state.busy {
            state.busy = true;
            drop(state);
            self.lead(|| self.write_without_syncer());
        }
    }

    /// Waits until no thread writes to the journal any more. After [`stop`](Commit::stop), no thread begins to write again.
    pub(crate) fn join(&self) {
        let mut state = self.state.lock();
        while state.syncer.is_none() && (state.busy || !state.sync_wanted.is_empty()) {
            self.wake.wait(&mut state);
        }
        let syncer = state.syncer.take();
        drop(state);
        if let Some(syncer) = syncer {
            syncer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    }

    fn run_syncer_thread(self: Arc<Commit<S>>) {
        let run = || writing(self.id(), || self.run_syncer());
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            self.fail_after_panic(&panic_message(panic), false);
            let mut state = self.state.lock();
            // another owner may open the files as soon as this thread ends, so it waits for another leader. With `by_syncer`, this
            // thread was writing, or was asked to write before the failure
            while state.busy && !state.by_syncer {
                self.wake.wait(&mut state);
            }
            state.busy = false;
            state.by_syncer = false;
            drop(state);
            self.wake.notify_all();
        }
    }

    /// Returns once the group commit is at rest, is [stopped](Commit::stop) or has failed.
    fn run_syncer(&self) {
        let (mut seen, mut rest_at) = (self.figures.batches(), Instant::now() + REST);
        let mut state = self.state.lock();
        // after a failure, waits for the last leader, because another owner may open the files as soon as this thread ends
        while state.failed.is_none() || (state.busy && !state.by_syncer) {
            if state.failed.is_some() {
                self.wake.wait(&mut state);
            } else if state.by_syncer {
                drop(state);
                self.write_pending(true);
                state = self.state.lock();
            } else if !state.busy && (state.is_due() || (state.stopping && state.linger.is_some())) {
                state.busy = true;
                state.by_syncer = true;
            } else if state.stopping && !state.busy {
                return;
            } else if let Some(deadline) = state.deadline().filter(|_| !state.busy) {
                self.wake.wait_until(&mut state, deadline);
            } else if state.busy || seen != self.figures.batches() {
                (seen, rest_at) = (self.figures.batches(), Instant::now() + REST);
                self.wake.wait_until(&mut state, rest_at);
            } else if !has_passed(rest_at) {
                self.wake.wait_until(&mut state, rest_at);
            } else {
                drop(state);
                if self.rest(seen) {
                    return;
                }
                state = self.state.lock();
            }
        }
        state.busy = false;
        state.by_syncer = false;
    }

    /// Writes and syncs until no work is pending. `busy` is set for the calling thread, and is cleared at the end. Returns false if
    /// the journal has failed; then `busy` is still set for the calling thread. `is_syncer` is false if the calling thread stands in for the syncer, which could not be started.
    fn write_pending(&self, is_syncer: bool) -> bool {
        loop {
            let mut state = self.state.lock();
            state.syncing = std::mem::take(&mut state.sync_wanted);
            let requested = !state.syncing.is_empty();
            // called even if another condition already requires a sync, because the call clears a deadline that has passed
            let interval_is_over = self.interval_is_over(&mut state, is_syncer);
            let sync = interval_is_over || requested || (state.stopping && !self.syncs());
            drop(state);
            if !(if sync { self.sync_all() } else { self.write_next() }) {
                return false;
            }
            if self.state.lock().has_work() {
                continue;
            }
            let alive = self.write_watermark(is_syncer);
            let mut state = self.state.lock();
            if !alive {
                return false;
            }
            if !state.has_work() && (is_syncer || state.deadline().is_none()) {
                state.busy = false;
                state.by_syncer = false;
                return true;
            }
        }
    }

    /// Does the work of the syncer on the calling thread, for which `busy` is set.
    pub(super) fn write_without_syncer(&self) {
        let alive = self.write_pending(false);
        let mut state = self.state.lock();
        // otherwise another thread may be writing already
        if !alive {
            state.busy = false;
        }
        self.wake.notify_all();
    }

    /// Ends the syncer, and closes the files that the journal does not need at rest. Does nothing and returns false if there is
    /// work, or if there are more batches than the `seen` ones.
    fn rest(&self, seen: u64) -> bool {
        self.writer.lock().rest();
        let mut open = self.open.lock();
        let mut state = self.state.lock();
        let has_work = state.busy || state.has_work() || state.deadline().is_some();
        if has_work || state.stopping || state.failed.is_some() || seen != self.figures.batches() {
            return false;
        }
        // `join` does not wait for this thread any more, which only drops its last reference
        state.syncer = None;
        self.has_syncer.store(false, Ordering::Relaxed);
        let file = open.reservation().take_next_file();
        drop((state, open));
        drop(file);
        true
    }

    /// Whether the sync interval has ended, or must end now because no syncer waits for its end. If the interval has ended,
    /// clears its deadline.
    fn interval_is_over(&self, state: &mut CommitState, is_syncer: bool) -> bool {
        let over = state.sync_by.is_some_and(|end| !is_syncer || has_passed(end));
        if over {
            state.sync_by = None;
        }
        over
    }

    /// Writes and syncs all pending batches, and settles the tickets of the requested sync. Leaves out batches that callers add
    /// during the writes, because otherwise the sync might never end. Returns whether the journal can still write.
    fn sync_all(&self) -> bool {
        let batches = {
            let mut open = self.open.lock();
            self.enqueue_open(&mut open);
            self.state.lock().queue.len()
        };
        let alive = (0..batches).all(|_| self.write_next()) && self.state.lock().failed.is_none();
        if !alive {
            return false;
        }
        let result = {
            let mut writer = self.writer.lock();
            Self::timed_sync(&mut writer).map(|sync| {
                self.unsynced.store(false, Ordering::Release);
                (writer.durable(), sync)
            })
        };
        match result {
            Ok((durable, sync)) => {
                self.figures.count_sync(sync);
                let is_news = self.advance_durable(durable);
                let synced = std::mem::take(&mut self.state.lock().syncing);
                synced.iter().for_each(|ticket| ticket.settle(Ok(())));
                if is_news {
                    self.watch.wake_waiting();
                }
                self.figures.report_sync(sync);
                true
            }
            Err(error) => {
                self.fail(&error, None);
                false
            }
        }
    }
}
