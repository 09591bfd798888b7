//! Making and verifying snapshots of a running image.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use parking_lot::RwLockReadGuard;
use serde::{Serialize, Serializer};

use super::core::{Core, Shared, next_snapshot};
use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::{Model, panic_message};
use crate::journal::{DigestMark, FrameKind};
use crate::options::SnapshotPolicy;
use crate::planted::{Bug, planted};
use crate::recovery::{Dispatch, RecoveryGoal, compare, model_mark, state_digest};
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

/// The current state. Commands wait until it is dropped.
struct LockedState<'a, M>(RwLockReadGuard<'a, Core<M>>);

impl<M: Model> Serialize for LockedState<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.model.serialize(serializer)
    }
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

    /// Writes the current state to a file, and its digest to the journal.
    fn take_snapshot(&self) -> Result<UnverifiedSnapshot, Error> {
        let core = self.core.read();
        let digest = state_digest(&core.model)?.to_u64();
        let fingerprint = fingerprint(M::SHAPE).to_u64();
        let (seq, time, last_events) = {
            let mut open = self.journal.open();
            if let Some(error) = open.ended() {
                return Err(error.clone());
            }
            // a snapshot is valid without its digest in the journal, so a lack of room is no error
            let mark = DigestMark { model: model_mark::<M>(), digest, accepts: !self.verify_digests };
            self.journal.enqueue_open(&mut open);
            let _ = self.journal.insert(&mut open, FrameKind::Digest, &mark.encode());
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
        // the snapshot may get its name only after this sync, which also writes the frame that the snapshot names
        let link = || self.journal.sync().map(|()| last_events.hash());
        let written = self.snapshots.write(header, digest, LockedState(core), link)?;
        Ok(UnverifiedSnapshot { written, seq, digest, dispatch })
    }

    /// Loads the snapshot once. If it does not load to the same state, it must never get its final name.
    fn load(&self, taken: &UnverifiedSnapshot) -> Result<(), Error> {
        if planted(Bug::SnapshotNamedUnloaded) {
            return Ok(());
        }
        let what = match self.snapshots.load::<M>(&taken.written)? {
            Ok(loaded) if state_digest(&loaded)?.to_u64() == taken.digest => return Ok(()),
            Ok(_) => "the loaded state has another digest".to_owned(),
            Err(what) => what,
        };
        let kept = "the new snapshot was removed, and the image keeps its older snapshots";
        Err(Error::new(ErrorDetail::Unloadable { state: "a snapshot", model: M::NAME, what, kept }))
    }

    /// Loads the snapshot, and compares it with the state that replay gives.
    fn verify(&self, taken: &UnverifiedSnapshot) -> Result<Option<VerifiedSnapshot>, Error> {
        self.load(taken)?;
        if !self.verify_snapshots {
            return Ok(None);
        }
        let older = Seq::new(taken.seq.get().saturating_sub(1));
        let goal = RecoveryGoal {
            until: Some(taken.seq),
            newest_snapshot: Some(older),
            verify_digests: self.verify_digests,
            trust_upcasters: false,
            also_void: None,
        };
        let rebuilt = self.recover_beside(&taken.dispatch, goal)?;
        compare(&rebuilt.model, rebuilt.last, rebuilt.snapshot.unwrap_or(Seq::ZERO), taken.digest)?;
        Ok(Some(VerifiedSnapshot { from: rebuilt.snapshot }))
    }
}
