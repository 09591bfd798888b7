//! Making and verifying snapshots of a running image.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::contradicted::{newest_quarantined, quarantine_contradicted};
use super::core::{Shared, next_snapshot};
use crate::context::Timestamp;
use crate::digest::Transcript;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::{Model, panic_message};
use crate::journal::{DigestMark, FrameKind};
use crate::options::SnapshotPolicy;
use crate::planted::{Bug, planted};
use crate::recovery::{Dispatch, Recovered, RecoveryGoal, model_mark, state_digest, unexplained};
use crate::seq::Seq;
use crate::shape::fingerprint;
use crate::snapshot::{SnapshotHeader, StagedSnapshot};

/// The stack size of the snapshot thread, in bytes. It equals that of a main thread: if a main thread can recover a deep
/// model, this thread can verify it.
const STACK: usize = 8 << 20;

/// A finished snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// The last event whose effect it contains.
    pub seq: Seq,
    /// The length of its file, in bytes.
    pub bytes: u64,
    /// Whether replay from disk gave the same state.
    pub verified: bool,
    /// The base up to which the image pruned its journal afterwards, if it did.
    pub pruned: Option<Seq>,
}

/// A snapshot that is written, but not yet verified or installed.
pub(super) struct UnverifiedSnapshot {
    written: StagedSnapshot,
    pub(super) seq: Seq,
    pub(super) digest: u64,
    pub(super) dispatch: Dispatch,
}

/// The proof that replay gives the state of a snapshot.
struct VerifiedSnapshot {
    /// The older snapshot from which replay started.
    from: Option<Seq>,
}

impl<M: Model> Shared<M> {
    /// Starts a snapshot in the background if the policy asks for one.
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
                    tracing::error!(%error, "could not make a snapshot; the image keeps its older snapshots");
                    shared.progress.lock().failure = Some(error.to_string());
                }
            });
        // the count restarts even if the snapshot fails, so that not every command tries again
        self.next_snapshot.store(next_snapshot(self.policy, &self.journal, 0, 0), Ordering::Relaxed);
        match spawned {
            Ok(thread) => progress.thread = Some(thread),
            Err(error) => progress.failure = Some(error.to_string()),
        }
    }

    /// Makes a snapshot. A panic, for example of a `Serialize`, is an ordinary error, because the model was only read.
    pub(super) fn snapshot(&self) -> Result<SnapshotInfo, Error> {
        catch_unwind(AssertUnwindSafe(|| self.make_snapshot())).unwrap_or_else(|panic| {
            let panic = io::Error::other(format!("panic: {}", panic_message(&*panic)));
            Err(Error::io("making a snapshot in", &self.layout.snapshots(), panic))
        })
    }

    /// Takes a snapshot, verifies it, and installs it under its name.
    fn make_snapshot(&self) -> Result<SnapshotInfo, Error> {
        // enter before any lock, and stay inside while verification replays events: their bodies must not call the image
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
            tracing::error!(%error, "could not apply the retention; the image tries again after the next snapshot");
        }
        let (seq, bytes) = (taken.seq, taken.written.bytes);
        let mut progress = self.progress.lock();
        progress.newest = Some(seq);
        progress.failure = None;
        progress.retention_failure = pruned.as_ref().err().map(Error::to_string);
        let info = SnapshotInfo { seq, bytes, verified: verified.is_some(), pruned: pruned.unwrap_or(None) };
        tracing::info!(seq = %info.seq, bytes = info.bytes, verified = info.verified, "made a snapshot");
        Ok(info)
    }

    /// Writes the current state to a file.
    fn take_snapshot(&self) -> Result<UnverifiedSnapshot, Error> {
        let core = self.core.read();
        let digest = state_digest(&core.model)?.to_u64();
        let fingerprint = fingerprint(M::SHAPE).to_u64();
        let (seq, time) = {
            let open = self.journal.open();
            if let Some(error) = open.ended() {
                return Err(error.clone());
            }
            (Seq::new(open.next_seq().get() - 1), open.time())
        };
        let header = SnapshotHeader {
            uuid: self.uuid,
            epoch: self.epoch,
            seq,
            time,
            created: Timestamp::wall_clock(),
            model: M::NAME.to_owned(),
            model_version: M::VERSION,
            fingerprint,
            key_ids: Default::default(),
            prefix: Default::default(),
        };
        let written = self.snapshots.write(header, digest, &core.model)?;
        Ok(UnverifiedSnapshot { written, seq, digest, dispatch: core.dispatch.clone() })
    }

    /// Loads the snapshot once. If it does not load to the same state, it must never get its final name.
    fn load(&self, taken: &UnverifiedSnapshot) -> Result<(), Error> {
        if planted(Bug::SnapshotNamedUnloaded) {
            return Ok(());
        }
        let what = match self.snapshots.load::<M>(&taken.written)? {
            Ok(loaded) if state_digest(&loaded)?.to_u64() == taken.digest => return Ok(()),
            Ok(loaded) => {
                let difference = self.difference(&loaded, taken, ["in the loaded state", "on replay"]);
                let difference = difference.map_or_else(String::new, |difference| format!(": {difference}"));
                format!("the loaded state has another digest{difference}")
            }
            Err(what) => what,
        };
        let kept = "the new snapshot was removed, and the image keeps its older snapshots";
        Err(Error::new(ErrorDetail::Unloadable { state: "a snapshot", model: M::NAME, what, kept }))
    }

    /// Loads the snapshot, syncs the journal up to it, and compares it with the state that replay gives. Records its digest in
    /// the journal if they agree.
    fn verify(&self, taken: &UnverifiedSnapshot) -> Result<Option<VerifiedSnapshot>, Error> {
        self.load(taken)?;
        self.journal.sync()?;
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

    /// If a replay from an earlier snapshot contradicted the journal, this verifies that a state which is written and read again
    /// after the same event now gives the state of the new snapshot. Otherwise the new snapshot would be incomplete too.
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

    /// Records the digest of a snapshot in the journal. A snapshot is valid without it, so a lack of room is no error.
    fn record_digest(&self, taken: &UnverifiedSnapshot) {
        let UnverifiedSnapshot { seq, digest, .. } = *taken;
        let mark = DigestMark { seq, model: model_mark::<M>(), digest, accepts: !self.verify_digests };
        let mut open = self.journal.open();
        if open.ended().is_none() {
            let _ = self.journal.insert(&mut open, FrameKind::Digest, &mark.encode());
        }
    }

    /// The error of a snapshot whose state replay does not give, with the first part that differs.
    fn explained(&self, taken: &UnverifiedSnapshot, error: Error) -> Error {
        let is_of_snapshot = error.position().and_then(|position| position.seq) == Some(taken.seq);
        let Some(since) = error.first_suspect().filter(|_| is_of_snapshot) else { return error };
        let Ok(Ok(live)) = self.snapshots.load::<M>(&taken.written) else { return error };
        match self.difference(&live, taken, ["in the running image", "on replay"]) {
            Some(difference) => error.explained(format!("{difference}; {}", unexplained(since))),
            None => error,
        }
    }

    /// The first part in which a state differs from the one that replay gives, if replay succeeds.
    fn difference(&self, state: &M, taken: &UnverifiedSnapshot, names: [&str; 2]) -> Option<String> {
        let goal = RecoveryGoal::before(taken.seq);
        self.journal.sync().ok()?;
        let replayed = self.recover_beside(&taken.dispatch, goal).ok()?;
        let (state, replayed) = (Transcript::of(state).ok()?, Transcript::of(&replayed.model).ok()?);
        Some(state.difference(&replayed)?.between(names))
    }
}

/// The error of a snapshot that must not be made.
fn incomplete<M: Model>(what: String) -> Error {
    Error::new(ErrorDetail::Incomplete { model: M::NAME, what })
}
