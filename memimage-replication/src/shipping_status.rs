//! What an owner knows about its log, for other threads.

use std::time::{Duration, Instant};

use memimage::{Error, ErrorKind, Seq};
use parking_lot::{Condvar, Mutex};

use crate::failure::failure;
use crate::journal_source::JournalSource;

/// What an owner knows about its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStatus {
    /// The last event that is in the log.
    pub shipped: Seq,
    /// The position at which this owner appends next: one more than that of the last entry in the log.
    pub position: u64,
    /// The number of claims in the log, up to that of this owner; 0 before it has claimed the log.
    pub term: u64,
    /// The last event in the newest snapshot that this owner has copied to the log.
    pub snapshot: Option<Seq>,
    /// Why the last call on the log failed, or why the journal could not be read, if so. It is tried again.
    pub failure: Option<String>,
    /// How often this owner has looked for a new snapshot.
    pub(crate) snapshot_looks: u64,
    /// Why the last attempt to copy a snapshot, or to remove old entries, failed.
    pub snapshot_failure: Option<String>,
}

#[derive(Default)]
pub(crate) struct ShippingStatus {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    status: LogStatus,
    /// Whether an owner runs.
    is_running: bool,
    /// The number of confirmations that were asked for.
    asked: u64,
    /// The number of confirmations that are answered by the entries that are in the log.
    confirmed: u64,
    /// Why the shipping has ended.
    ended: Option<Error>,
    owner: Option<JournalSource>,
}

impl ShippingStatus {
    pub(crate) fn get(&self) -> LogStatus {
        self.state.lock().status.clone()
    }

    pub(crate) fn update(&self, update: impl FnOnce(&mut LogStatus)) {
        update(&mut self.state.lock().status);
        self.changed.notify_all();
    }

    /// Records that an owner runs.
    pub(crate) fn begin(&self) {
        let mut state = self.state.lock();
        (state.is_running, state.ended, state.owner) = (true, None, None);
    }

    /// Records the journal of the owner, whose image is open now.
    ///
    /// # Errors
    ///
    /// Returns the error with which the shipping has ended meanwhile, such as that another owner took over.
    pub(crate) fn set_owner(&self, owner: JournalSource) -> Result<(), Error> {
        let mut state = self.state.lock();
        if let Some(error) = &state.ended {
            return Err(error.clone());
        }
        state.owner = Some(owner);
        Ok(())
    }

    /// Records that no owner runs any more.
    pub(crate) fn end(&self, error: Option<Error>) {
        let mut state = self.state.lock();
        state.is_running = false;
        state.owner = None;
        state.ended = error;
        self.changed.notify_all();
    }

    /// Why the shipping has ended.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.state.lock().ended.clone()
    }

    /// The journal of the image that runs.
    pub(crate) fn owner(&self) -> Option<JournalSource> {
        self.state.lock().owner.clone()
    }

    /// The number of confirmations that were asked for until now.
    pub(crate) fn asked(&self) -> u64 {
        self.state.lock().asked
    }

    /// Whether somebody waits for a confirmation.
    pub(crate) fn wants_confirmation(&self) -> bool {
        let state = self.state.lock();
        state.asked > state.confirmed
    }

    /// Records that an append that began after the first `asked` confirmations were asked for is in the log.
    pub(crate) fn confirmed(&self, asked: u64) {
        let mut state = self.state.lock();
        if state.confirmed < asked {
            state.confirmed = asked;
            self.changed.notify_all();
        }
    }

    pub(crate) fn confirm(&self, timeout: Duration, address: &str) -> Result<(), Error> {
        // a time that the clock cannot represent never comes
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.state.lock();
        state.asked += 1;
        let number = state.asked;
        if let Some(owner) = &state.owner {
            owner.wake();
        }
        loop {
            if let Some(error) = &state.ended {
                return Err(error.clone());
            }
            if !state.is_running {
                return Err(failure(ErrorKind::Closed, format!("no image that is open uses the log `{address}`")));
            }
            if state.confirmed >= number {
                return Ok(());
            }
            let Some(deadline) = deadline else {
                self.changed.wait(&mut state);
                continue;
            };
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                let why = state.status.failure.clone().unwrap_or_else(|| "it did not answer".to_owned());
                return Err(failure(
                    ErrorKind::Replication,
                    format!("`{address}` has not confirmed the owner within {timeout:?}: {why}; help: try again"),
                ));
            }
        }
    }
}
