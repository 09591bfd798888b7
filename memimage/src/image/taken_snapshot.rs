//! Takes a snapshot: writes the state of a running image to a file with a temporary name, from the source that the options name.

use std::time::Duration;

use parking_lot::RwLockReadGuard;
use rustix::time::{ClockId, clock_gettime};
use serde::{Serialize, Serializer};

use super::core::{Core, Shared};
use super::replica::{LockedReplica, reading};
use crate::context::Timestamp;
use crate::digest::Digest;
use crate::error::Error;
use crate::event::{Derived, DerivedField, Model};
use crate::journal::LastEvents;
use crate::options::{Replica, SnapshotSource};
use crate::planted::{Bug, planted};
use crate::recovery::{Dispatch, ReplicaState, no_digest, state_digest};
use crate::requests::RequestLog;
use crate::seq::Seq;
use crate::shape::fingerprint;
use crate::snapshot::{SnapshotHeader, StagedSnapshot};

/// A state after one event, identified by its digest.
pub(super) struct StateMark {
    pub(super) seq: Seq,
    pub(super) digest: u64,
    pub(super) dispatch: Dispatch,
    /// The oldest snapshot or base from which this state is known to have been computed; `None` for genesis. If a snapshot after
    /// `began` lacks something, the state does not lack it.
    pub(super) began: Option<Seq>,
}

/// A snapshot that is written, but not yet verified or installed.
pub(super) struct TakenSnapshot {
    pub(super) written: StagedSnapshot,
    pub(super) state: StateMark,
    /// The digests of the derived fields that the commands maintained; empty if snapshots are not verified.
    pub(super) derived: Vec<Option<Digest>>,
    pub(super) origin: SnapshotOrigin,
}

/// Where the written state came from.
pub(super) enum SnapshotOrigin {
    /// It is a copy of the running state.
    Running,
    /// It is the state of a replica.
    Replica {
        comparison: Comparison,
        /// How the replica was made for this snapshot; `None` for a standing replica, which may be older than all snapshots.
        replay: Option<ReplicaReplay>,
    },
}

/// The replay that made a replica.
pub(super) struct ReplicaReplay {
    /// The snapshot or base at which the replay began; `None` if it began at genesis.
    pub(super) from: Option<Seq>,
    /// The reason why a newer snapshot contradicts the journal, if the replay found such a snapshot.
    pub(super) contradiction: Option<String>,
}

/// The result of comparing a replica with the running state.
pub(super) enum Comparison {
    /// Hashing the running state would have exceeded the pause budget, or snapshots are not verified.
    Skipped,
    /// `began`: see [`StateMark::began`], of the running state.
    Equal { began: Option<Seq> },
    /// The running state differs.
    Different(StateMark),
}

/// The journal at the moment when the running state is locked.
pub(super) struct SealedJournal {
    pub(super) seq: Seq,
    time: Timestamp,
    last_events: LastEvents,
}

/// The running state under its read lock. Commands wait until this value is dropped.
struct LockedState<'a, M>(RwLockReadGuard<'a, Core<M>>);

impl<M: Model> Serialize for LockedState<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.model.serialize(serializer)
    }
}

impl<M: Model> Shared<M> {
    /// Writes the newest state to a file.
    pub(super) fn take_snapshot(&self) -> Result<TakenSnapshot, Error> {
        match self.snapshot_source {
            SnapshotSource::Replica => self.take_from_replica(),
            SnapshotSource::Clone(clone) => self.take_clone(clone),
            SnapshotSource::InPlace => self.take_in_place(),
        }
    }

    fn take_in_place(&self) -> Result<TakenSnapshot, Error> {
        let core = self.core.read();
        let digest = state_digest(&core.model)?.to_u64();
        let derived = self.maintained(&core.model)?;
        let sealed = self.seal()?;
        let state = StateMark { seq: sealed.seq, digest, dispatch: core.dispatch.clone(), began: core.began };
        let requests = core.requests.log();
        let written = self.write_running(&state, sealed, (LockedState(core), &requests))?;
        Ok(TakenSnapshot { written, state, derived, origin: SnapshotOrigin::Running })
    }

    fn take_clone(&self, clone: fn(&M) -> M) -> Result<TakenSnapshot, Error> {
        let (copy, requests, sealed, dispatch, began) = {
            let core = self.core.read();
            (clone(&core.model), core.requests.log(), self.seal()?, core.dispatch.clone(), core.began)
        };
        let digest = state_digest(&copy)?.to_u64();
        let derived = self.maintained(&copy)?;
        let state = StateMark { seq: sealed.seq, digest, dispatch, began };
        let written = self.write_running(&state, sealed, (copy, &requests))?;
        Ok(TakenSnapshot { written, state, derived, origin: SnapshotOrigin::Running })
    }

    fn take_from_replica(&self) -> Result<TakenSnapshot, Error> {
        self.refuse_if_ended()?;
        // afterwards all events that were executed before this call are durable
        self.journal.sync()?;
        let in_use = self.use_replica();
        let mut locked = in_use.write(false)?;
        let (digest, comparison) = self.compare(&mut locked)?;
        if let Comparison::Different(_) = comparison {
            self.refute_replica();
        }
        let contradicted = locked.as_mut().map(|replica| std::mem::take(&mut replica.contradicted));
        let copy = reading(locked);
        let contradiction = contradicted.into_iter().flatten().next();
        let contradiction = contradiction.map(|(path, why)| format!("`{}`: {why}", path.display()));
        let is_standing = self.replica.kind == Replica::Standing && contradiction.is_none();
        let replay = (!is_standing).then(|| ReplicaReplay { from: copy.start, contradiction });
        let derived = self.maintained(copy.model())?;
        let began = match comparison {
            Comparison::Equal { began } => began.min(copy.start),
            _ => copy.start,
        };
        let state = StateMark { seq: copy.last(), digest, dispatch: copy.dispatch().clone(), began };
        let content = (copy.model(), &copy.requests());
        let written = self.write_state(&state, copy.time(), content, || Ok(copy.events_hash()))?;
        Ok(TakenSnapshot { written, state, derived, origin: SnapshotOrigin::Replica { comparison, replay } })
    }

    /// Compares the replica with the running state, if hashing the running state fits the pause budget. Afterwards the replica
    /// may contain more events. Returns the digest of the replica.
    fn compare(&self, locked: &mut LockedReplica<'_, M>) -> Result<(u64, Comparison), Error> {
        let digest_of = |replica: &ReplicaState<M>| state_digest(replica.model()).map(Digest::to_u64);
        let started = processor_time();
        let digest = digest_of(locked.as_ref().expect("the replica exists while it is locked"))?;
        let cost = processor_time().saturating_sub(started);
        if !self.verify_snapshots || cost > self.pause_budget {
            return Ok((digest, Comparison::Skipped));
        }
        let running = self.running_state()?;
        self.journal.sync()?;
        let replica = locked.take().expect("the replica exists while it is locked");
        let digest = digest_of(locked.insert(self.advance(replica, running.seq)?))?;
        let is_equal = digest == running.digest || planted(Bug::DisagreementIgnored);
        let began = running.began;
        Ok((digest, if is_equal { Comparison::Equal { began } } else { Comparison::Different(running) }))
    }

    /// Hashes the running state. Commands wait meanwhile.
    pub(super) fn running_state(&self) -> Result<StateMark, Error> {
        let core = self.core.read();
        let digest = state_digest(&core.model)?.to_u64();
        Ok(StateMark { seq: self.seal()?.seq, digest, dispatch: core.dispatch.clone(), began: core.began })
    }

    /// Ends the open batch, so that the last event in the running state is also the last event of its frame. The caller holds
    /// the lock of the running state.
    pub(super) fn seal(&self) -> Result<SealedJournal, Error> {
        let mut open = self.journal.open();
        if let Some(error) = open.ended() {
            return Err(error.clone());
        }
        self.journal.enqueue_open(&mut open);
        Ok(SealedJournal { seq: open.next_seq().before(), time: open.time(), last_events: open.last_events() })
    }

    /// The digests of the derived fields that the commands maintained.
    fn maintained(&self, model: &M) -> Result<Vec<Option<Digest>>, Error> {
        if self.verify_snapshots { derived_digests(model) } else { Ok(Vec::new()) }
    }

    /// Writes a copy of the running state and of its requests.
    fn write_running(
        &self,
        state: &StateMark,
        sealed: SealedJournal,
        content: (impl Serialize, &RequestLog),
    ) -> Result<StagedSnapshot, Error> {
        // the snapshot may get its final name only after this sync, which also writes the frame whose hash the snapshot
        // contains
        self.write_state(state, sealed.time, content, || self.journal.sync().map(|()| sealed.last_events.hash()))
    }

    /// Writes a state and its requests to a file with a temporary name. `link` returns the hash of the frame with the last event, once that event
    /// is durable.
    fn write_state(
        &self,
        state: &StateMark,
        time: Timestamp,
        content: (impl Serialize, &RequestLog),
        link: impl FnOnce() -> Result<u64, Error>,
    ) -> Result<StagedSnapshot, Error> {
        let header = SnapshotHeader {
            identity: self.identity.clone(),
            life: self.life,
            seq: state.seq,
            time,
            created: Timestamp::wall_clock(),
            model_version: M::VERSION,
            fingerprint: fingerprint(M::SHAPE).to_u64(),
            key_ids: Default::default(),
            prefix: Default::default(),
            has_requests: false,
            requests_since: Seq::ZERO,
        };
        self.snapshots.write(header, state.digest, content, link)
    }
}

/// The processor time of this thread. Unlike the time of day, it does not depend on what else the computer does.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// The digests of the derived fields; `None` for a field whose type has no digest.
pub(super) fn derived_digests<M: Model>(model: &M) -> Result<Vec<Option<Digest>>, Error> {
    let Some(Derived { fields, .. }) = M::DERIVED else { return Ok(Vec::new()) };
    let digest = |field: &DerivedField<M>| field.digest(model).transpose();
    fields.iter().map(digest).collect::<Result<_, _>>().map_err(|error| no_digest::<M>(&error))
}
