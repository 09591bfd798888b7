//! The syncer: the one thread that takes over what a leader leaves, writes what nobody waits for, and syncs at intervals.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{BatchWriter, Commit, CommitState};
use crate::journal::write::ticket::Ticket;
use crate::sync::has_passed;

impl<S: BatchWriter> Commit<S> {
    /// What the syncer thread does until it is [stopped](Commit::stop): takes over what is left, writes what nobody waits
    /// for, and syncs at intervals.
    pub(crate) fn run_syncer(&self) {
        let mut state = self.state.lock();
        // also after a failure it stays until the last leader is done: the files may go to another owner then
        while state.failed.is_none() || (state.busy && !state.handed) {
            if state.failed.is_some() {
                self.wake.wait(&mut state);
            } else if state.handed {
                let wanted = std::mem::take(&mut state.sync_wanted);
                // asked in any case: a deadline that is left standing would be due for ever
                let over = self.interval_is_over(&mut state);
                let sync = over || !wanted.is_empty() || (state.stopping && !self.syncs());
                drop(state);
                let alive = if sync { self.sync_all(&wanted) } else { self.write_next() };
                state = self.state.lock();
                if !alive || state.pressing() {
                    continue;
                }
                drop(state);
                let alive = self.rest();
                state = self.state.lock();
                if alive && !state.pressing() {
                    state.busy = false;
                    state.handed = false;
                }
            } else if !state.busy && (state.due() || (state.stopping && state.linger.is_some())) {
                state.busy = true;
                state.handed = true;
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
        state.handed = false;
    }

    fn interval_is_over(&self, state: &mut CommitState) -> bool {
        let over = state.sync_by.is_some_and(has_passed);
        if over {
            state.sync_by = None;
        }
        over
    }

    /// Writes all that is there and syncs it, for those who asked for that and for the interval's sake. What others add
    /// meanwhile is not waited for, or it might never end.
    fn sync_all(&self, wanted: &[Arc<Ticket>]) -> bool {
        let batches = {
            let mut open = self.open.lock();
            self.send_off(&mut open);
            self.state.lock().queue.len()
        };
        let alive = (0..batches).all(|_| self.write_next()) && self.state.lock().failed.is_none();
        if !alive {
            self.disappoint(wanted);
            return false;
        }
        let result = {
            let mut sink = self.sink.lock();
            sink.sync().map(|()| sink.durable())
        };
        match result {
            Ok(durable) => {
                self.durable.fetch_max(durable.get(), Ordering::AcqRel);
                wanted.iter().for_each(|ticket| ticket.settle(Ok(())));
                true
            }
            Err(error) => {
                self.fail(&error, None);
                self.disappoint(wanted);
                false
            }
        }
    }

    /// Tells those who wanted a sync that there will be none.
    fn disappoint(&self, wanted: &[Arc<Ticket>]) {
        let error = self.state.lock().failed.clone().expect("only after a failure").unsynced;
        wanted.iter().for_each(|ticket| ticket.settle(Err(error.clone())));
    }
}
