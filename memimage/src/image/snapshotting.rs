//! Making and verifying snapshots of a running image.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use parking_lot::RwLockReadGuard;
use serde::{Serialize, Serializer};

use super::contradicted::{newest_quarantined, quarantine_contradicted};
use super::core::{Core, Shared, next_snapshot};
use crate::context::Timestamp;
use crate::digest::{Digest, Transcript};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::{Derived, DerivedField, Model, rebuild_derived};
use crate::journal::{DigestMark, FrameKind};
use crate::log;
use crate::options::SnapshotPolicy;
use crate::planted::{Bug, planted};
use crate::recovery::{Dispatch, Recovered, RecoveryGoal, model_mark, no_digest, state_digest, unexplained};
use crate::seq::Seq;
use crate::shape::fingerprint;
use crate::snapshot::{SnapshotHeader, StagedSnapshot};

/// The stack size of the snapshot thread, in bytes: the usual stack size of a main thread, so that the snapshot thread can
/// verify every deeply nested model that a main thread can recover.
const STACK: usize = 8 << 20;

/// The part of an error message that says what happened to an unusable snapshot.
const DISCARDED: &str = "the new snapshot was removed, and the image keeps its older snapshots";

/// A finished snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// The last event whose effect the snapshot contains.
    pub seq: Seq,
    /// The length of the snapshot's file, in bytes.
    pub bytes: u64,
    /// Whether a replay from disk gave the same state as the snapshot; `false` if snapshots are not verified.
    pub verified: bool,
    /// The base up to which the image pruned its journal after the snapshot; `None` if it pruned nothing.
    pub pruned: Option<Seq>,
}

/// A snapshot that is written, but not yet verified or installed.
pub(super) struct UnverifiedSnapshot {
    written: StagedSnapshot,
    pub(super) seq: Seq,
    pub(super) digest: u64,
    /// The digests of the derived fields that the commands maintained; empty if snapshots are not verified.
    derived: Vec<Option<Digest>>,
    pub(super) dispatch: Dispatch,
}

/// The proof that replay gives the state of a snapshot.
struct VerifiedSnapshot {
    /// The older snapshot from which replay started; `None` if replay started from genesis.
    from: Option<Seq>,
}

/// The current state under its read lock. Commands wait until this value is dropped.
struct LockedState<'a, M>(RwLockReadGuard<'a, Core<M>>);

impl<M: Model> Serialize for LockedState<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.model.serialize(serializer)
    }
}

impl<M: Model> Shared<M> {
    /// Starts a snapshot in the background if one is due by the policy.
    pub(super) fn snapshot_if_due(&self) {
        let now = match self.policy {
            SnapshotPolicy::Manual => return,
            SnapshotPolicy::AfterEvents(_) => self.journal.executed().get(),
            SnapshotPolicy::AfterBytes(_) => self.journal.bytes(),
        };
        if now >= self.next_snapshot.load(Ordering::Relaxed) {
            self.begin_snapshot();
        }
    }

    fn begin_snapshot(&self) {
        let Some(mut progress) = self.progress.try_lock() else { return };
        if progress.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let Some(shared) = self.this.upgrade() else { return };
        let spawned =
            std::thread::Builder::new().name("memimage-snapshot".to_owned()).stack_size(STACK).spawn(move || {
                if let Err(error) = shared.snapshot()
                    && error.kind() != ErrorKind::Closed
                {
                    log::error!(%error, "could not make a snapshot; the image keeps its older snapshots");
                    shared.progress.lock().failure = Some(error.to_string());
                }
            });
        // count from 0 again even if this snapshot fails, so that not every later command starts another snapshot
        self.next_snapshot.store(next_snapshot(self.policy, &self.journal, 0, 0), Ordering::Relaxed);
        match spawned {
            Ok(thread) => progress.thread = Some(thread),
            Err(error) => progress.failure = Some(error.to_string()),
        }
    }

    /// Makes a snapshot. A panic, for example in a `Serialize`, is returned as an ordinary error, because the model was only
    /// read.
    pub(super) fn snapshot(&self) -> Result<SnapshotInfo, Error> {
        catch_unwind(AssertUnwindSafe(|| self.make_snapshot()))
            .unwrap_or_else(|panic| Err(Error::panicked("making a snapshot in", &self.layout.snapshots(), panic)))
    }

    /// Takes a snapshot, verifies it, and installs it under its final name.
    fn make_snapshot(&self) -> Result<SnapshotInfo, Error> {
        // enter the image before taking any lock, and stay inside while verification replays events, because command bodies
        // must not call the image
        let _entered = self.enter_to_wait("snapshot")?;
        let _one = self.snapshotting.lock();
        let taken = self.take_snapshot()?;
        if planted(Bug::DigestBeforeVerification) {
            self.record_digest(&taken);
        }
        let installed = self.verify(&taken).and_then(|verified| {
            self.snapshots.install(&taken.written)?;
            Ok(verified)
        });
        if installed.is_err() {
            self.snapshots.discard(&taken.written);
        }
        let verified = installed?;
        let pruned = self.apply_retention(&taken, verified.as_ref().and_then(|verified| verified.from));
        if let Err(error) = &pruned {
            log::error!(%error, "could not apply the retention; the image tries again after the next snapshot");
        }
        let (seq, bytes) = (taken.seq, taken.written.bytes);
        let mut progress = self.progress.lock();
        progress.newest = Some(seq);
        progress.failure = None;
        progress.retention_failure = pruned.as_ref().err().map(Error::to_string);
        let info = SnapshotInfo { seq, bytes, verified: verified.is_some(), pruned: pruned.unwrap_or(None) };
        // a subscriber may ask for the image's figures
        drop(progress);
        log::info!(seq = %info.seq, bytes = info.bytes, verified = info.verified, "made a snapshot");
        Ok(info)
    }

    /// Writes the current state to a file.
    fn take_snapshot(&self) -> Result<UnverifiedSnapshot, Error> {
        let core = self.core.read();
        let digest = state_digest(&core.model)?.to_u64();
        let derived = if self.verify_snapshots { derived_digests(&core.model)? } else { Vec::new() };
        let fingerprint = fingerprint(M::SHAPE).to_u64();
        let (seq, time, last_events) = {
            let mut open = self.journal.open();
            if let Some(error) = open.ended() {
                return Err(error.clone());
            }
            // end the open batch here, so that the last event in the state is also the last event of its frame
            self.journal.enqueue_open(&mut open);
            (open.next_seq().before(), open.time(), open.last_events())
        };
        let header = SnapshotHeader {
            identity: self.identity.clone(),
            life: self.life,
            seq,
            time,
            created: Timestamp::wall_clock(),
            model_version: M::VERSION,
            fingerprint,
            key_ids: Default::default(),
            prefix: Default::default(),
        };
        let dispatch = core.dispatch.clone();
        // the snapshot may get its final name only after this sync, which also writes the frame whose hash the snapshot
        // contains
        let link = || self.journal.sync().map(|()| last_events.hash());
        let written = self.snapshots.write(header, digest, LockedState(core), link)?;
        Ok(UnverifiedSnapshot { written, seq, digest, derived, dispatch })
    }

    /// Loads the snapshot once. A snapshot that does not load to the same state must never get its final name.
    fn load(&self, taken: &UnverifiedSnapshot) -> Result<(), Error> {
        if planted(Bug::SnapshotNamedUnloaded) {
            return Ok(());
        }
        let what = match self.snapshots.load::<M>(&taken.written)? {
            Ok(loaded) if state_digest(&loaded)?.to_u64() == taken.digest => return rebuild_loaded(loaded, taken),
            Ok(loaded) => {
                let difference = self.difference(&loaded, taken, ["in the loaded state", "on replay"]);
                let difference = difference.map_or_else(String::new, |difference| format!(": {difference}"));
                format!("the loaded state has another digest{difference}")
            }
            Err(what) => what,
        };
        Err(Error::new(ErrorDetail::Unloadable { state: "a snapshot", model: M::NAME, what, kept: DISCARDED }))
    }

    /// Loads the snapshot, and compares its state with the state that replay gives. If the two states are equal, records their
    /// digest in the journal.
    fn verify(&self, taken: &UnverifiedSnapshot) -> Result<Option<VerifiedSnapshot>, Error> {
        self.load(taken)?;
        if !self.verify_snapshots {
            return Ok(None);
        }
        let goal = RecoveryGoal {
            verify_digests: self.verify_digests,
            expected: Some(taken.digest),
            ..RecoveryGoal::before(taken.seq)
        };
        let rebuilt = self.recover_beside(&taken.dispatch, goal).map_err(|error| self.explained(taken, error))?;
        let Recovered { snapshot: from, contradicted, unusable, .. } = rebuilt;
        self.record_digest(taken);
        if let Some(path) = contradicted.first() {
            let why =
                unusable.into_iter().find(|(unusable, _)| unusable == path).map_or_else(String::new, |(_, why)| why);
            let _exclusive = self.files.write();
            quarantine_contradicted(&*self.disk, &self.layout, &contradicted);
            return Err(incomplete::<M>(format!("`{}`: {why}", path.display())));
        }
        self.verify_round_trip(taken, goal, from)?;
        Ok(Some(VerifiedSnapshot { from }))
    }

    /// If replay from an earlier snapshot contradicted the journal, verifies that the new snapshot is not incomplete too:
    /// replays once more, encodes and decodes the state at the event of the earlier snapshot, and compares the state at the end
    /// of the replay with the new snapshot.
    fn verify_round_trip(
        &self,
        taken: &UnverifiedSnapshot,
        goal: RecoveryGoal,
        from: Option<Seq>,
    ) -> Result<(), Error> {
        let Some(seq) = newest_quarantined(&*self.disk, &self.layout, from.unwrap_or(Seq::ZERO), taken.seq)? else {
            return Ok(());
        };
        let goal = RecoveryGoal { round_trip: Some(seq), ..goal };
        match self.recover_beside(&taken.dispatch, goal) {
            Ok(_) => Ok(()),
            Err(error) if error.is_contradiction() => Err(incomplete::<M>(format!(
                "an earlier snapshot after event {seq} contradicted the journal, and a state that is written and read again after \
                 this event still does"
            ))),
            Err(error) => Err(error),
        }
    }

    /// Records the digest of a snapshot in the journal. A snapshot is valid without a recorded digest, so a lack of room in the
    /// journal is no error.
    fn record_digest(&self, taken: &UnverifiedSnapshot) {
        let UnverifiedSnapshot { seq, digest, .. } = *taken;
        let mark = DigestMark { seq, model: model_mark::<M>(), digest, accepts: !self.verify_digests };
        let mut open = self.journal.open();
        if open.ended().is_none() {
            let _ = self.journal.insert(&mut open, FrameKind::Digest, &mark.encode());
        }
    }

    /// Adds to a verification error the first place at which the running state and the replayed state differ.
    fn explained(&self, taken: &UnverifiedSnapshot, error: Error) -> Error {
        let is_of_snapshot = error.position().and_then(|position| position.seq) == Some(taken.seq);
        let Some(since) = error.first_suspect().filter(|_| is_of_snapshot) else { return error };
        let Ok(Ok(live)) = self.snapshots.load::<M>(&taken.written) else { return error };
        match self.difference(&live, taken, ["in the running image", "on replay"]) {
            Some(difference) => error.explained(format!("{difference}; {}", unexplained(since))),
            None => error,
        }
    }

    /// Describes the first place at which `state` differs from the state that replay gives; `None` if the states do not differ,
    /// or if replay fails.
    fn difference(&self, state: &M, taken: &UnverifiedSnapshot, names: [&str; 2]) -> Option<String> {
        let goal = RecoveryGoal::before(taken.seq);
        self.journal.sync().ok()?;
        let replayed = self.recover_beside(&taken.dispatch, goal).ok()?;
        let (state, replayed) = (Transcript::of(state).ok()?, Transcript::of(&replayed.model).ok()?);
        Some(state.difference(&replayed)?.between(names))
    }
}

/// The error for a snapshot that lacks part of the state.
fn incomplete<M: Model>(what: String) -> Error {
    Error::new(ErrorDetail::Incomplete { model: M::NAME, what })
}

/// Rebuilds the derived fields of a loaded snapshot, as the next opening will. The rebuild must not change the stored fields,
/// and must give the derived fields the values that the commands maintained. If the rebuild broke one of these rules, later
/// commands could have another effect after the next opening than in the running image.
fn rebuild_loaded<M: Model>(mut loaded: M, taken: &UnverifiedSnapshot) -> Result<(), Error> {
    let (Some(Derived { method, fields, .. }), model) = (M::DERIVED, M::NAME) else { return Ok(()) };
    rebuild_derived(&mut loaded)
        .map_err(|what| Error::new(ErrorDetail::Rebuild { state: "a snapshot", model, what, kept: DISCARDED }))?;
    if state_digest(&loaded)?.to_u64() != taken.digest {
        return Err(Error::new(ErrorDetail::StoredFieldsRebuilt { model, method, kept: DISCARDED }));
    }
    let rebuilt = derived_digests(&loaded)?;
    match fields.iter().zip(rebuilt.iter().zip(&taken.derived)).find(|(_, (rebuilt, taken))| rebuilt != taken) {
        Some((field, _)) => Err(Error::new(ErrorDetail::Derived { model, method, field: field.name, seq: taken.seq })),
        None => Ok(()),
    }
}

/// The digests of the derived fields; `None` for a field whose type has no digest.
fn derived_digests<M: Model>(model: &M) -> Result<Vec<Option<Digest>>, Error> {
    let Some(Derived { fields, .. }) = M::DERIVED else { return Ok(Vec::new()) };
    let digest = |field: &DerivedField<M>| field.digest(model).transpose();
    fields.iter().map(digest).collect::<Result<_, _>>().map_err(|error| no_digest::<M>(&error))
}
