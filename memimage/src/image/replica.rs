//! The replica of a running image: a second copy of the model, from which snapshots are written and which views read, so that
//! commands do not wait for either.
//!
//! The first use of the replica recovers it from the newest snapshot and the journal; later uses replay the events since. A
//! replica on demand is dropped after its last use. A standing replica stays, and a thread keeps it up to date.
//!
//! Lock order: first `ReplicaSlot::state`, then `core`. A thread that holds `core` may only try to lock the state.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::{MappedRwLockReadGuard, RwLockReadGuard, RwLockWriteGuard};

use super::contradicted::quarantine_contradicted;
use super::core::{Ownership, STACK, Shared};
use super::replica_slot::ReplicaSlot;
use crate::error::Error;
use crate::event::Model;
use crate::log;
use crate::options::Replica;
use crate::panics::drop_caught;
use crate::planted::{Bug, planted};
use crate::recovery::{RecoveryGoal, ReplicaState};
use crate::seq::Seq;

/// How long the thread of a standing replica pauses between two replays. A pause makes each replay longer, so that the thread
/// takes less time from the commands.
const PAUSE: Duration = Duration::from_millis(5);
/// The pauses after a replica could not be brought up to date: twice as long after each failure.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// A use of the replica. The replica is not dropped before its last use ends.
pub(super) struct ReplicaUse<'a, M: Model> {
    shared: &'a Shared<M>,
}

/// The replica, locked for one thread.
pub(super) type LockedReplica<'a, M> = RwLockWriteGuard<'a, Option<ReplicaState<M>>>;

/// The replica's model, locked for reading.
pub(super) struct ReplicaRead<'a, M>(MappedRwLockReadGuard<'a, ReplicaState<M>>);

impl<M> Deref for ReplicaRead<'_, M> {
    type Target = ReplicaState<M>;

    fn deref(&self) -> &ReplicaState<M> {
        &self.0
    }
}

impl<'a, M: Model> ReplicaUse<'a, M> {
    fn slot(&self) -> &'a ReplicaSlot<M> {
        &self.shared.replica
    }

    /// Locks the replica for reading, with at least the durable events up to `seq`.
    pub(super) fn read(&self, seq: Seq) -> Result<ReplicaRead<'a, M>, Error> {
        let slot = self.slot();
        let is_current = |replica: &&ReplicaState<M>| {
            replica.last() >= seq && !slot.is_refuted.load(Ordering::Acquire) || planted(Bug::StaleReplicaViewed)
        };
        // a failed `try_map` returns the guard, which must be dropped before the lock is taken for writing
        if let Ok(current) =
            RwLockReadGuard::try_map(self.slot().state.read(), |state| state.as_ref().filter(is_current)).map_err(drop)
        {
            return Ok(ReplicaRead(current));
        }
        Ok(reading(self.write(true)?))
    }

    /// Locks the replica, with all durable events. `trusts_upcasters` is false if the replica must not begin with a state that
    /// an upcaster created.
    pub(super) fn write(&self, trusts_upcasters: bool) -> Result<LockedReplica<'a, M>, Error> {
        let mut state = self.slot().state.write();
        let updated = self.shared.try_update_replica(&mut state, trusts_upcasters);
        // without a replica, the thread of a standing one makes another
        updated.inspect_err(|_| self.shared.journal.wake_watchers())?;
        Ok(state)
    }
}

/// Lets other threads read the replica.
pub(super) fn reading<M>(locked: LockedReplica<'_, M>) -> ReplicaRead<'_, M> {
    let state = RwLockWriteGuard::downgrade(locked);
    ReplicaRead(RwLockReadGuard::map(state, |state| state.as_ref().expect("the replica exists while it is locked")))
}

impl<M: Model> Drop for ReplicaUse<'_, M> {
    fn drop(&mut self) {
        let mut uses = self.slot().uses.lock();
        *uses -= 1;
        let is_unwanted = self.slot().kind == Replica::OnDemand || self.slot().is_stopping.load(Ordering::Acquire);
        if *uses == 0 && is_unwanted {
            let unused = self.slot().state.write().take();
            drop(uses);
            drop_caught(unused);
        }
    }
}

impl<M: Model> Shared<M> {
    /// Begins a use of the replica.
    pub(super) fn use_replica(&self) -> ReplicaUse<'_, M> {
        *self.replica.uses.lock() += 1;
        ReplicaUse { shared: self }
    }

    /// Replays the durable events that the replica lacks. Recovers the replica from disk if there is none, or if the events
    /// were pruned before the replica read them.
    fn update_replica(&self, state: &mut Option<ReplicaState<M>>, trusts_upcasters: bool) -> Result<(), Error> {
        let durable = self.journal.durable();
        let is_refuted = self.replica.is_refuted.swap(false, Ordering::AcqRel);
        let is_usable = |replica: &ReplicaState<M>| !is_refuted && (trusts_upcasters || !replica.is_upcast);
        if let Some(replica) = state.take().filter(is_usable) {
            match self.advance(replica, durable) {
                Ok(replica) => {
                    *state = Some(replica);
                    return Ok(());
                }
                Err(error) => {
                    log::warning!(%error, "the replica could not replay new events; it is recovered from disk");
                }
            }
        }
        *state = Some(self.recover_replica(durable, trusts_upcasters)?);
        Ok(())
    }

    /// Like [`update_replica`](Shared::update_replica), and returns a panic, for example of a `Drop`, as an error.
    fn try_update_replica(&self, state: &mut Option<ReplicaState<M>>, trusts_upcasters: bool) -> Result<(), Error> {
        catch_unwind(AssertUnwindSafe(|| self.update_replica(state, trusts_upcasters)))
            .unwrap_or_else(|panic| Err(Error::panicked("replaying the journal of", self.layout.root(), panic)))
    }

    /// Makes the next use recover the replica from disk.
    pub(super) fn refute_replica(&self) {
        self.replica.is_refuted.store(true, Ordering::Release);
        self.journal.wake_watchers();
    }

    /// Replays the events up to `until`, which must be durable.
    pub(super) fn advance(&self, replica: ReplicaState<M>, until: Seq) -> Result<ReplicaState<M>, Error> {
        let _no_removal = self.files.read();
        replica.catch_up(until)
    }

    /// Recovers a replica from the newest snapshot and the events since. A snapshot that contradicts the journal is moved to
    /// the quarantine.
    fn recover_replica(&self, durable: Seq, trust_upcasters: bool) -> Result<ReplicaState<M>, Error> {
        let dispatch = self.core.read().dispatch.clone();
        let goal = RecoveryGoal {
            until: Some(durable),
            verify_digests: self.verify_digests,
            trust_upcasters,
            remember: self.remember,
            ..RecoveryGoal::default()
        };
        let replica = {
            let _no_removal = self.files.read();
            ReplicaState::recover(&self.open_journal()?, &dispatch, goal)?
        };
        // after a close, the directory may belong to another owner; `close` holds this lock to its end
        let ownership = self.ownership.try_lock();
        let is_owner = ownership.as_ref().is_some_and(|held| matches!(**held, Ownership::Owned(Some(_))));
        if is_owner && !replica.contradicted.is_empty() {
            let _exclusive = self.files.write();
            let paths: Vec<_> = replica.contradicted.iter().map(|(path, _)| path.clone()).collect();
            quarantine_contradicted(&*self.disk, &self.layout, &paths);
        }
        Ok(replica)
    }

    /// The model of a standing replica after event `until`, which must be durable, and the stored state at which its replay began;
    /// `None` if there is no such replica, or if it is in use.
    pub(super) fn take_standing_replica(&self, until: Seq) -> Option<(M, Option<Seq>)> {
        if self.replica.kind == Replica::OnDemand || self.replica.is_refuted.load(Ordering::Acquire) {
            return None;
        }
        // a view or a snapshot may hold the lock for a long time
        let replica = self.replica.state.try_write()?.take()?;
        let began = replica.start;
        let advanced = catch_unwind(AssertUnwindSafe(|| self.advance(replica, until)))
            .unwrap_or_else(|panic| Err(Error::panicked("replaying the journal of", self.layout.root(), panic)))
            .inspect_err(|error| {
                log::warning!(%error, "the replica could not replay new events, so the model is recovered from disk");
            });
        self.journal.wake_watchers();
        advanced.ok().filter(|replica| replica.last() == until).map(|replica| (replica.into_model(), began))
    }

    /// The last event of the standing replica; `None` if there is none at this moment.
    pub(super) fn standing_replica(&self) -> Option<Seq> {
        let state = self.replica.state.try_read().filter(|_| self.replica.kind == Replica::Standing)?;
        state.as_ref().map(ReplicaState::last)
    }

    /// Starts the thread that keeps a standing replica up to date.
    pub(super) fn start_replica(self: &Arc<Self>) -> Result<(), Error> {
        if self.replica.kind == Replica::OnDemand {
            return Ok(());
        }
        let shared = Arc::clone(self);
        let builder = std::thread::Builder::new().name("memimage-replica".to_owned()).stack_size(STACK);
        let spawned = builder.spawn(move || shared.keep_replica());
        let thread = spawned.map_err(|source| Error::io("starting a thread for", self.layout.root(), source))?;
        *self.replica.thread.lock() = Some(thread);
        Ok(())
    }

    /// Keeps the replica up to date until the image is closed.
    fn keep_replica(&self) {
        let _use = self.use_replica();
        let mut retry = FIRST_RETRY;
        loop {
            let is_behind = || match self.replica.state.try_read() {
                Some(state) => state.as_ref().is_none_or(|replica| replica.last() < self.journal.durable()),
                None => true,
            } || self.replica.is_refuted.load(Ordering::Acquire);
            self.journal.follow(|| self.replica.is_stopping.load(Ordering::Acquire) || is_behind());
            if self.replica.is_stopping.load(Ordering::Acquire) {
                return;
            }
            match self.update_standing_replica() {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    std::thread::sleep(PAUSE);
                }
                Err(error) => {
                    if retry == FIRST_RETRY {
                        log::error!(%error, "the standing replica cannot be brought up to date; the image tries again");
                    }
                    // an earlier `unpark` may have been used up while the replica was recovered
                    if !self.replica.is_stopping.load(Ordering::Acquire) {
                        std::thread::park_timeout(retry);
                    }
                    retry = (retry * 2).min(LAST_RETRY);
                }
            }
        }
    }

    fn update_standing_replica(&self) -> Result<(), Error> {
        // command bodies that are replayed must not call the image
        let _entered = self.enter("replay")?;
        // do not wait for a view or a snapshot: a waiting writer would keep other views from beginning
        let Some(mut state) = self.replica.state.try_write() else { return Ok(()) };
        self.try_update_replica(&mut state, true)
    }

    /// Ends the thread of a standing replica, and drops the replica unless a view reads it.
    pub(super) fn stop_replica(&self) {
        self.replica.is_stopping.store(true, Ordering::Release);
        self.journal.wake_watchers();
        // the lock is held while the thread ends, so that no other caller closes the image meanwhile
        let mut thread = self.replica.thread.lock();
        if let Some(thread) = thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            thread.thread().unpark();
            // the thread catches panics
            let _ = thread.join();
        }
        drop(thread);
        let unused = self.replica.state.try_write().and_then(|mut state| state.take());
        drop_caught(unused);
    }
}
