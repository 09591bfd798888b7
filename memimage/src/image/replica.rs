//! The replica of a running image: a second copy of the model, from which snapshots are written and which views read, so that
//! commands do not wait for either.
//!
//! The first use of the replica recovers it from the newest snapshot and the journal; later uses replay the events since. A
//! replica on demand is dropped after its last use. A standing replica stays, and a thread keeps it up to date.
//!
//! Lock order: first `ReplicaSlot::state`, then `core`. A thread that holds `core` may only try to lock the state.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::{MappedRwLockReadGuard, RwLockReadGuard, RwLockWriteGuard};

use super::contradicted::quarantine_contradicted;
use super::core::{STACK, Shared};
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
        let is_current = |replica: &&ReplicaState<M>| replica.last() >= seq || planted(Bug::StaleReplicaViewed);
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
        self.shared.update_replica(&mut state, trusts_upcasters)?;
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
        if *uses == 0 && self.slot().kind == Replica::OnDemand {
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
        if let Some(replica) = state.take().filter(|replica| trusts_upcasters || !replica.is_upcast) {
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
            ..RecoveryGoal::default()
        };
        let replica = {
            let _no_removal = self.files.read();
            ReplicaState::recover(&self.open_journal()?, &dispatch, goal)?
        };
        if !replica.contradicted.is_empty() {
            let _exclusive = self.files.write();
            let paths: Vec<_> = replica.contradicted.iter().map(|(path, _)| path.clone()).collect();
            quarantine_contradicted(&*self.disk, &self.layout, &paths);
        }
        Ok(replica)
    }

    /// The model of a standing replica after event `until`, which must be durable; `None` if there is no such replica, or if it
    /// is in use.
    pub(super) fn take_standing_replica(&self, until: Seq) -> Option<M> {
        if self.replica.kind == Replica::OnDemand {
            return None;
        }
        // a view or a snapshot may hold the lock for a long time
        let replica = self.replica.state.try_write()?.take()?;
        let advanced = self.advance(replica, until).inspect_err(|error| {
            log::warning!(%error, "the replica could not replay new events, so the model is recovered from disk");
        });
        self.journal.wake_followers();
        advanced.ok().filter(|replica| replica.last() == until).map(ReplicaState::into_model)
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
        loop {
            let is_behind = || match self.replica.state.try_read() {
                Some(state) => state.as_ref().is_none_or(|replica| replica.last() < self.journal.durable()),
                None => true,
            };
            self.journal.follow(|| self.replica.is_stopping.load(Ordering::Acquire) || is_behind());
            if self.replica.is_stopping.load(Ordering::Acquire) {
                return;
            }
            // do not wait for a view or a snapshot: a waiting writer would keep other views from beginning
            if let Some(mut state) = self.replica.state.try_write()
                && let Err(error) = self.update_replica(&mut state, true)
            {
                drop(state);
                log::error!(%error, "the standing replica cannot be made; views recover a replica on demand");
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends the thread of a standing replica, and drops the replica unless a view reads it.
    pub(super) fn stop_replica(&self) {
        self.replica.is_stopping.store(true, Ordering::Release);
        self.journal.wake_followers();
        let thread = self.replica.thread.lock().take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
        let unused = self.replica.state.try_write().and_then(|mut state| state.take());
        drop_caught(unused);
    }
}
