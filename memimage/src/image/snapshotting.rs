//! Making snapshots of a running image: when one is due, and the steps from the state in memory to the installed file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::core::{STACK, Shared, next_snapshot};
use super::taken_snapshot::SnapshotOrigin;
use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::log;
use crate::options::SnapshotPolicy;
use crate::planted::{Bug, planted};
use crate::seq::Seq;

/// A finished snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// The last event whose effect the snapshot contains.
    pub seq: Seq,
    /// The length of the snapshot's file, in bytes.
    pub bytes: u64,
    /// Whether the running state was found to be equal to the state that a replay of the journal gives. `false` if the
    /// comparison would have exceeded the [`pause_budget`](crate::Options::pause_budget), or if snapshots are not verified.
    pub verified: bool,
    /// The base up to which the image pruned its journal after the snapshot; `None` if it pruned nothing.
    pub pruned: Option<Seq>,
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
            self.record_digest(&taken.state);
        }
        let installed = self.verify(&taken).and_then(|proof| {
            self.snapshots.install(&taken.written)?;
            Ok(proof)
        });
        if let Err(error) = &installed {
            self.snapshots.discard(&taken.written);
            let refutes = error.is_contradiction() || error.kind() == ErrorKind::InvalidModel;
            if refutes && matches!(taken.origin, SnapshotOrigin::Replica { .. }) {
                self.refute_replica();
            }
        }
        let proof = installed?;
        let pruned = self.apply_retention(&taken.state, proof);
        if let Err(error) = &pruned {
            log::error!(%error, "could not apply the retention; the image tries again after the next snapshot");
        }
        let (seq, bytes, verified) = (taken.state.seq, taken.written.bytes, proof.is_of_running_state);
        let mut progress = self.progress.lock();
        progress.newest = Some(seq);
        progress.failure = None;
        progress.retention_failure = pruned.as_ref().err().map(Error::to_string);
        if self.verify_snapshots {
            progress.unverified_since = progress.unverified_since.or(Some(seq)).filter(|_| !verified);
        }
        let info = SnapshotInfo { seq, bytes, verified, pruned: pruned.unwrap_or(None) };
        // a subscriber may ask for the image's figures
        drop(progress);
        log::info!(seq = %info.seq, bytes = info.bytes, verified = info.verified, "made a snapshot");
        Ok(info)
    }
}
