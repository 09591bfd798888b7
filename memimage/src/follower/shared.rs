//! The part of a follower that its clones and its thread share: the state, the position in the journal, and whether it goes on.
//!
//! Lock order: `thread`, `journal`, `state`, `status`.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};

use crate::disk::Disk;
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::history::JournalSource;
use crate::image::ReentrancyGuard;
use crate::journal::Layout;
use crate::options::Options;
use crate::panics::drop_caught;
use crate::process::Process;
use crate::recovery::{FollowedJournal, FollowedState, RecoveryGoal, state_digest, verify_state};
use crate::seq::Seq;

/// How long a query waits before it looks again for a state that is being recovered.
const RECOVERY_POLL: Duration = Duration::from_millis(10);

pub(super) struct Shared<M> {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) layout: Layout,
    /// The journal's files.
    pub(super) source: JournalSource,
    /// The options of the image that a promotion opens.
    pub(super) options: Mutex<Options<M>>,
    pub(super) process: Process,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    /// The journal, read up to the last event in the state.
    pub(super) journal: Mutex<FollowedJournal>,
    /// `None` if an event could not be replayed, and after a promotion.
    pub(super) state: RwLock<Option<FollowedState<M>>>,
    pub(super) status: Mutex<Status>,
    /// Notified after each change of the status.
    pub(super) changed: Condvar,
}

/// How far a follower is, and whether it goes on.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// The last event in the state.
    pub(super) seq: Seq,
    /// The last event that is known to be durable.
    pub(super) durable: Seq,
    pub(super) recoveries: u64,
    /// The number of threads that wait for an event.
    pub(super) waiting: usize,
    /// Whether the thread is to end.
    pub(super) is_stopping: bool,
    /// Why every call fails, if so.
    pub(super) ended: Option<Error>,
}

impl<M: Model> Shared<M> {
    /// Recovers the state after the last durable event.
    pub(super) fn recover(disk: Arc<dyn Disk>, path: &Path, options: Options<M>) -> Result<Shared<M>, Error> {
        let (layout, keyring) = (Layout::new(path), options.keyring());
        layout.survey(&*disk)?.image(&layout)?;
        let goal = RecoveryGoal {
            verify_digests: options.verify_digests,
            trust_upcasters: true,
            remember: options.remember,
            ..RecoveryGoal::default()
        };
        let source = JournalSource::new(&disk, &layout, &keyring, None);
        let recover = || FollowedJournal::recover::<M>(&disk, &layout, &keyring, goal, None);
        let (journal, state) = source.attempt(recover)?;
        let status = Status { seq: state.last(), durable: state.last(), ..Status::default() };
        Ok(Shared {
            disk,
            layout,
            source,
            options: Mutex::new(options),
            process: Process::current(),
            thread: Mutex::new(None),
            journal: Mutex::new(journal),
            state: RwLock::new(Some(state)),
            status: Mutex::new(status),
            changed: Condvar::new(),
        })
    }

    /// Marks the thread as inside a call on this follower.
    ///
    /// # Errors
    ///
    /// Returns an error if the thread is inside such a call already, or if this is a child of the process that opened the
    /// follower.
    pub(super) fn enter(&self, call: &'static str) -> Result<ReentrancyGuard, Error> {
        self.refuse_if_forked()?;
        ReentrancyGuard::new(std::ptr::from_ref(self).addr(), call)
    }

    fn refuse_if_forked(&self) -> Result<(), Error> {
        match self.process.is_current() {
            true => Ok(()),
            false => Err(Error::new(ErrorDetail::Forked)),
        }
    }

    /// Reads the state. Waits while it is being recovered after a failed promotion.
    pub(super) fn read<R>(&self, read: impl FnOnce(&FollowedState<M>) -> R) -> Result<R, Error> {
        loop {
            let state = self.state.read();
            if let Some(ended) = &self.status.lock().ended {
                return Err(ended.clone());
            }
            if let Some(state) = &*state {
                return Ok(read(state));
            }
            drop(state);
            let mut status = self.status.lock();
            if status.ended.is_none() {
                self.changed.wait_for(&mut status, RECOVERY_POLL);
            }
        }
    }

    pub(super) fn seq(&self) -> Seq {
        self.status.lock().seq
    }

    pub(super) fn lag(&self) -> Result<u64, Error> {
        self.refuse_if_forked()?;
        let status = self.status.lock();
        match &status.ended {
            Some(ended) => Err(ended.clone()),
            None => Ok(status.durable.get().saturating_sub(status.seq.get())),
        }
    }

    pub(super) fn recoveries(&self) -> u64 {
        self.status.lock().recoveries
    }

    /// Waits until event `seq` is in the state, or until the time is over. Returns whether the event is in the state.
    pub(super) fn wait(&self, seq: Seq, timeout: Option<Duration>) -> Result<bool, Error> {
        #[expect(clippy::disallowed_methods, reason = "how long a caller waits is not part of the state")]
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut status = self.status.lock();
        status.waiting += 1;
        // the thread polls more often while somebody waits
        self.changed.notify_all();
        let reached = loop {
            if let Some(ended) = &status.ended {
                break Err(ended.clone());
            }
            if status.seq >= seq {
                break Ok(true);
            }
            match deadline {
                None => self.changed.wait(&mut status),
                Some(deadline) if self.changed.wait_until(&mut status, deadline).timed_out() => {
                    break Ok(status.seq >= seq);
                }
                Some(_) => {}
            }
        };
        status.waiting -= 1;
        reached
    }

    pub(super) fn verify(&self) -> Result<Seq, Error> {
        let (last, digest) = self.read(|state| (state.last(), state_digest(state.model())))?;
        let digest = digest?;
        let verify = || verify_state::<M>(&self.disk, &self.layout, self.source.keyring(), last, digest);
        self.source.attempt(verify).map(|()| last)
    }

    /// Makes every call fail with `error` from now on, and drops the state.
    pub(super) fn end(&self, error: Error) {
        self.status.lock().ended = Some(error);
        self.changed.notify_all();
        let unused = self.state.write().take();
        drop_caught(unused);
    }
}
