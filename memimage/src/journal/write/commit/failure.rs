//! What happens after a failed write or sync: the journal is poisoned, and all callers that wait receive an error.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{BatchWriter, Commit};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::journal::write::ticket::Ticket;
use crate::journal::write::waking::{wake_all, writing};
use crate::log;
use crate::planted::{Bug, planted};

/// The errors that callers receive after a write has failed.
#[derive(Clone)]
pub(super) struct CommitFailure {
    /// The error for callers whose commands were not recorded.
    pub(super) lost: Error,
    /// The error for callers that asked for a sync. If unsynced events may have been written, this error says that the outcome
    /// is unknown.
    pub(super) unsynced: Error,
}

impl<S: BatchWriter> Commit<S> {
    /// Poisons the journal after a failure: the journal accepts no more commands, and the tickets of queued batches, the open
    /// batch and requested syncs receive an error. `written` is the ticket of the batch whose write failed; the outcome of this
    /// batch is unknown. Only the first failure counts.
    pub(super) fn fail(&self, cause: &Error, written: Option<&Arc<Ticket>>) {
        let lost = Error::new(ErrorDetail::Poisoned { cause: cause.clone(), unknown: false });
        let unknown = Error::new(ErrorDetail::Poisoned { cause: cause.clone(), unknown: true });
        // settles the tickets in journal order, and without holding any lock, because a waker may run arbitrary code
        let mut settlements: Vec<(Arc<Ticket>, Error)> = Vec::new();
        let wakers = {
            let mut open = self.open.lock();
            let mut state = self.state.lock();
            if state.failed.is_some() {
                drop((state, open));
                if let Some(ticket) = written {
                    writing(self.id(), || ticket.settle(Err(unknown)));
                }
                return;
            }
            open.end(lost.clone());
            self.ended.store(true, Ordering::Release);
            // the batches that wait for the log are older than the one that is being written
            let unreplicated = self.end_gate(&mut state);
            let is_writing = state.writing.as_ref().is_some_and(|ticket| !ticket.is_settled());
            let in_doubt = is_writing || !unreplicated.is_empty() || self.unsynced.load(Ordering::Acquire);
            let in_files = unreplicated.into_iter().chain(written.map(Arc::clone));
            settlements.extend(in_files.map(|ticket| (ticket, unknown.clone())));
            let unsynced = if in_doubt { unknown.clone() } else { lost.clone() };
            state.failed = Some(CommitFailure { lost: lost.clone(), unsynced: unsynced.clone() });
            settlements.extend(state.queue.drain(..).map(|batch| (batch.ticket, lost.clone())));
            settlements.push((Arc::clone(open.ticket()), lost.clone()));
            let syncs = std::mem::take(&mut state.syncing).into_iter().chain(std::mem::take(&mut state.sync_wanted));
            settlements.extend(syncs.map(|ticket| (ticket, unsynced.clone())));
            self.full.store(false, Ordering::Release);
            self.room.notify_all();
            self.wake.notify_all();
            std::mem::take(&mut state.room_wakers)
        };
        settlements.truncate(if planted(Bug::WaitersNotNotified) { 1 } else { settlements.len() });
        // wakers and subscribers must not wait for this journal: this thread may be the one that they would wait for
        writing(self.id(), || {
            settlements.into_iter().for_each(|(ticket, error)| ticket.settle(Err(error)));
            wake_all(wakers);
            self.watch.end(Err(lost));
            match cause.kind() {
                ErrorKind::Fenced => log::error!(error = %cause, "the image is poisoned"),
                _ => log::error!(error = %cause, "a write failed, so the image is poisoned; help: reopen the image"),
            }
        });
    }

    /// Poisons the journal after the writing thread panicked, for example in the code of a disk that a user supplied. If the
    /// journal were not poisoned, callers would wait for a thread that has ended. `is_writing` is false if another thread may be
    /// writing.
    pub(crate) fn fail_after_panic(&self, message: &str, is_writing: bool) {
        let panic = std::io::Error::other(format!("panic: {message}"));
        let writing = self.state.lock().writing.clone().filter(|ticket| !ticket.is_settled());
        self.fail(&Error::io("writing", std::path::Path::new("journal"), panic), writing.as_ref());
        let mut state = self.state.lock();
        if is_writing {
            state.busy = false;
            state.by_syncer = false;
        }
        drop(state);
        self.wake.notify_all();
    }

    /// Poisons the image because of an error outside the group commit.
    pub(crate) fn poison(&self, cause: &Error) {
        self.fail(cause, None);
    }
}
