//! The syncer: the single thread that takes over work from leaders, writes batches that no caller waits for, and syncs
//! at intervals.

use std::sync::atomic::Ordering;

use super::{BatchWriter, Commit, CommitState};
use crate::sync::has_passed;

impl<S: BatchWriter> Commit<S> {
    /// The body of the syncer thread. Returns once the group commit is [stopped](Commit::stop) or has failed.
    pub(crate) fn run_syncer(&self) {
        let mut state = self.state.lock();
        // after a failure, waits for the last leader, because another owner may open the files as soon as this thread ends
        while state.failed.is_none() || (state.busy && !state.by_syncer) {
            if state.failed.is_some() {
                self.wake.wait(&mut state);
            } else if state.by_syncer {
                state.syncing = std::mem::take(&mut state.sync_wanted);
                let requested = !state.syncing.is_empty();
                // called even if another condition already requires a sync, because the call clears a deadline that has passed
                let interval_is_over = self.interval_is_over(&mut state);
                let sync = interval_is_over || requested || (state.stopping && !self.syncs());
                drop(state);
                let alive = if sync { self.sync_all() } else { self.write_next() };
                state = self.state.lock();
                if !alive || state.has_work() {
                    continue;
                }
                drop(state);
                let alive = self.write_watermark();
                state = self.state.lock();
                if alive && !state.has_work() {
                    state.busy = false;
                    state.by_syncer = false;
                }
            } else if !state.busy && (state.is_due() || (state.stopping && state.linger.is_some())) {
                state.busy = true;
                state.by_syncer = true;
            } else if state.stopping && !state.busy {
                return;
            } else {
                match state.deadline().filter(|_| !state.busy) {
                    Some(deadline) => {
                        self.wake.wait_until(&mut state, deadline);
                    }
                    None => self.wake.wait(&mut state),
                }
            }
        }
        state.busy = false;
        state.by_syncer = false;
    }

    /// Whether the sync interval has ended. If the interval has ended, clears its deadline.
    fn interval_is_over(&self, state: &mut CommitState) -> bool {
        let over = state.sync_by.is_some_and(has_passed);
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
                self.advance_durable(durable);
                let synced = std::mem::take(&mut self.state.lock().syncing);
                synced.iter().for_each(|ticket| ticket.settle(Ok(())));
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
