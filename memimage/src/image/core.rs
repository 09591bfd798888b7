//! The state of a running image: the model, its journal and snapshots, and the options with which the image was opened.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::recording_clock::{ClockReading, RecordingClock};
use super::recovery_report::RecoveryReport;
use super::reentrancy::{ReentrancyGuard, refuse_in_waker};
use super::replica_slot::ReplicaSlot;
use crate::disk::{Disk, LockGuard};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{Identity, Journal, Layout};
use crate::keys::Keyring;
use crate::log;
use crate::options::{SnapshotPolicy, SnapshotSource};
use crate::process::Process;
use crate::recovery::Dispatch;
use crate::replication::Shipping;
use crate::requests::{RequestFigures, RequestTable};
use crate::retention::{KeptSnapshots, Retention};
use crate::seq::{Life, Seq};
use crate::snapshot::Snapshots;

/// The stack size of the threads that replay events or load states, in bytes: the usual stack size of a main thread, so that
/// these threads can process every deeply nested model that a main thread can recover.
pub(crate) const STACK: usize = 8 << 20;

/// The part of an image that its clones and threads share.
///
/// Lock order: `snapshotting`, the state in `replica`, `core`, `files`, then the locks of the journal. A thread that holds `core`
/// only tries to lock the replica.
pub(super) struct Shared<M> {
    pub(super) this: Weak<Shared<M>>,
    pub(super) core: RwLock<Core<M>>,
    pub(super) journal: Journal,
    pub(super) snapshots: Snapshots,
    pub(super) keyring: Arc<Keyring>,
    /// The engine that ships the journal to a log, if the image is replicated. `close` takes it.
    pub(super) shipping: Mutex<Option<Box<dyn Shipping>>>,
    pub(super) replica: ReplicaSlot<M>,
    /// This mutex is locked while a snapshot is made.
    pub(super) snapshotting: Mutex<()>,
    pub(super) progress: Mutex<SnapshotProgress>,
    /// Held shared while files are read for a second model, and exclusively while snapshots or segments are removed.
    pub(super) files: RwLock<()>,
    /// The number of operations that copy files of the image. While there is one, no segment, snapshot or base is removed.
    pub(super) pins: AtomicUsize,
    /// The event number or byte count at which the next snapshot is due.
    pub(super) next_snapshot: AtomicU64,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) layout: Layout,
    pub(super) ownership: Mutex<Ownership>,
    /// The process that opened the image. No other process may use the image.
    pub(super) process: Process,
    pub(super) identity: Identity,
    pub(super) life: Life,
    pub(super) clock: RecordingClock,
    pub(super) policy: SnapshotPolicy,
    pub(super) snapshot_source: SnapshotSource<M>,
    pub(super) pause_budget: Duration,
    pub(super) retention: Retention,
    pub(super) kept_snapshots: KeptSnapshots,
    pub(super) retain_for_subscriptions: bool,
    pub(super) verify_snapshots: bool,
    pub(super) verify_digests: bool,
    pub(super) record_bytes_max: usize,
    pub(super) allow_network: bool,
    /// The number of last events whose requests are remembered.
    pub(super) remember: u64,
    pub(super) requests: Arc<RequestFigures>,
    pub(super) recovery: RecoveryReport,
}

/// Whether this process owns the image.
pub(super) enum Ownership {
    /// This process owns the image while the guard lives. The guard is `None` while the image is being closed.
    Owned(Option<LockGuard>),
    /// The image was closed, with this result.
    Closed(Result<(), Error>),
}

/// The part of an image that a command may change.
pub(super) struct Core<M> {
    pub(super) model: M,
    /// The requests among the last events. The table does not contain the effect of a command whose body panicked, so a rebuild of
    /// the model leaves it as it is.
    pub(super) requests: RequestTable,
    pub(super) dispatch: Dispatch,
    /// The snapshot or base from which the model was recovered; `None` if it was recovered from genesis.
    pub(super) began: Option<Seq>,
    /// The buffer for the encoded payload of the command that is being executed.
    pub(super) payload: Vec<u8>,
    /// The last reading of the system's clock.
    pub(super) reading: ClockReading,
}

/// The results of the last snapshot, and the thread of the snapshot that the policy started.
#[derive(Debug, Default)]
pub(super) struct SnapshotProgress {
    pub(super) newest: Option<Seq>,
    /// The first snapshot since the last verification that was not verified.
    pub(super) unverified_since: Option<Seq>,
    pub(super) failure: Option<String>,
    /// The newest base beside the journal.
    pub(super) base: Option<Seq>,
    pub(super) retention_failure: Option<String>,
    /// The named subscription for which events were kept that the retention would have pruned.
    pub(super) held_by: Option<String>,
    /// The thread that makes the snapshot that the policy started.
    pub(super) thread: Option<JoinHandle<()>>,
}

impl<M: Model> Shared<M> {
    /// Marks the thread as inside a call that may wait for the journal. Returns an error if [`enter`](Shared::enter) returns
    /// one, or if the thread is running the waker of a task.
    #[inline]
    pub(super) fn enter_to_wait(&self, call: &'static str) -> Result<ReentrancyGuard, Error> {
        refuse_in_waker(self.journal.id(), call)?;
        self.enter(call)
    }

    /// Marks the thread as inside a call on this image, before any lock is taken. Returns an error if the thread is already
    /// inside the image, or if this is a child of the process that opened the image.
    #[inline]
    pub(super) fn enter(&self, call: &'static str) -> Result<ReentrancyGuard, Error> {
        self.refuse_if_forked()?;
        ReentrancyGuard::new(self.journal.id(), call)
    }

    /// Returns an error in a child of the process that opened the image. In the child, a lock that another thread of the parent
    /// held at the fork is never released.
    #[inline]
    pub(super) fn refuse_if_forked(&self) -> Result<(), Error> {
        match self.process.is_current() {
            true => Ok(()),
            false => Err(Error::new(ErrorDetail::Forked)),
        }
    }

    /// Abandons the image in a child of the process that opened the image. Closes the child's copy of the lock's descriptor,
    /// which would otherwise keep the image locked after the parent has ended. Changes nothing else.
    pub(super) fn abandon(self: &Arc<Self>) {
        // if this mutex is locked, another thread of the parent held it at the fork
        if let Some(mut ownership) = self.ownership.try_lock()
            && let Ownership::Owned(lock) = &mut *ownership
        {
            drop(lock.take());
        }
        // never drop the state: the drop would wait for threads that exist only in the parent
        std::mem::forget(Arc::clone(self));
    }

    pub(super) fn refuse_if_ended(&self) -> Result<(), Error> {
        self.journal.ended().map_or(Ok(()), Err)
    }

    pub(super) fn close(&self) -> Result<(), Error> {
        let _entered = self.enter_to_wait("close")?;
        if !self.process.is_certainly_current() {
            return Err(Error::new(ErrorDetail::Forked));
        }
        self.bound_waits_for_log();
        self.join_snapshot();
        self.stop_replica();
        // hold `ownership` to the end, so that a concurrent close of another clone does not return before the image is closed
        let mut ownership = self.ownership.lock();
        let lock = match &mut *ownership {
            Ownership::Owned(lock) => lock.take(),
            Ownership::Closed(closed) => return closed.clone(),
        };
        let verified = self.verify_at_close();
        // wait for a snapshot in progress, since the next owner of the image may make snapshots too
        let _no_snapshot = self.snapshotting.lock();
        let closed = self.journal.close(|| self.stop_shipping()).and(verified);
        drop(lock);
        *ownership = Ownership::Closed(closed.clone());
        log::debug!(path = %self.layout.root().display(), "closed the image");
        closed
    }

    /// Verifies the running state if a snapshot was not verified.
    fn verify_at_close(&self) -> Result<(), Error> {
        if self.journal.ended().is_some() || self.progress.lock().unverified_since.is_none() {
            return Ok(());
        }
        self.verify_running().map(drop)
    }

    /// Waits for a snapshot that the policy started.
    fn join_snapshot(&self) {
        let thread = self.progress.lock().thread.take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // the snapshot thread has already logged its error
            let _ = thread.join();
        }
    }
}

/// The event number or byte count at which the next snapshot is due, if `events` events with `bytes` bytes were recorded since
/// the last snapshot.
pub(super) fn next_snapshot(policy: SnapshotPolicy, journal: &Journal, events: u64, bytes: u64) -> u64 {
    match policy {
        SnapshotPolicy::Manual => u64::MAX,
        SnapshotPolicy::AfterEvents(each) => journal.executed().get().saturating_add(each.saturating_sub(events)),
        SnapshotPolicy::AfterBytes(each) => journal.bytes().saturating_add(each.saturating_sub(bytes)),
    }
}
