//! Pruning the journal of a running image, after a snapshot is installed.
//!
//! The steps: create two copies of the base; look once more whether a new subscription needs the events before it; write the prune
//! mark to the journal; remove segments, oldest first; remove older bases. Each step is synced before the next one. After a crash at any point, the image opens, and the next pruning
//! completes the work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::core::Shared;
use super::taken_snapshot::StateMark;
use super::verification::SnapshotProof;
use crate::context::Timestamp;
use crate::disk::{failed, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::history::SubscriptionHold;
use crate::journal::{FrameKind, PruneMark};
use crate::log;
use crate::planted::{Bug, planted};
use crate::recovery::{RecoveryGoal, is_current};
use crate::retention::{Candidate, Retention, RetentionSelection};
use crate::seq::Seq;
use crate::shape::{ShapeTree, fingerprint};

impl<M: Model> Shared<M> {
    /// Prunes the journal as far as the retention allows, and removes the snapshots that the retention does not keep. `newest`
    /// is the state in the newest snapshot, and `proof` what was verified about it. Returns the base up to which the journal
    /// was pruned; `None` if nothing was pruned.
    pub(super) fn apply_retention(&self, newest: &StateMark, proof: SnapshotProof) -> Result<Option<Seq>, Error> {
        // a later snapshot applies the retention
        if self.is_pinned() {
            return Ok(None);
        }
        let (candidates, foreign) = self.candidates(newest.seq)?;
        let (selection, unread) = self.select(&candidates);
        let RetentionSelection { base, next } = selection;
        let start = base.max(self.progress.lock().base).unwrap_or_default();
        let seqs: Vec<Seq> = candidates.iter().map(|candidate| candidate.seq).collect();
        let mut kept = self.kept_snapshots.select(&seqs, start, [base, next]);
        kept.extend(foreign);
        let pruned = base.map_or(Ok(None), |base| self.prune(base, newest, proof));
        // remove old snapshots even if pruning failed, because the disk may be full
        let _exclusive = self.files.write();
        if !self.is_pinned() {
            self.snapshots.retain(&kept)?;
        }
        unread.map_or(pruned, Err)
    }

    /// Selects the base and the snapshots to keep. If the positions of named subscriptions cannot be read, also returns the error,
    /// and selects no base.
    fn select(&self, candidates: &[Candidate]) -> (RetentionSelection, Option<Error>) {
        let confirmed = self.clock.confirmed();
        // the shipper reads the events from the segments
        let shipped = self.journal.replicated();
        let unheld = self.retention.select(candidates, confirmed, shipped);
        let Some(base) = unheld.base else {
            self.progress.lock().held_by = None;
            return (unheld, None);
        };
        let hold = match self.hold(base) {
            Ok(hold) => hold,
            Err(error) => return (self.retention.select(candidates, confirmed, Some(Seq::ZERO)), Some(error)),
        };
        let Some(SubscriptionHold { name, acknowledged }) = hold else {
            self.progress.lock().held_by = None;
            return (unheld, None);
        };
        if !self.retain_for_subscriptions {
            log::warning!(name, %acknowledged, %base, "the journal is pruned up to `base`, which the subscription has not acknowledged");
            return (unheld, None);
        }
        self.report_hold(name, acknowledged);
        let needed = shipped.map_or(acknowledged, |shipped| shipped.min(acknowledged));
        (self.retention.select(candidates, confirmed, Some(needed)), None)
    }

    /// The named subscription that needs the oldest event, if it needs an event up to `base`.
    fn hold(&self, base: Seq) -> Result<Option<SubscriptionHold>, Error> {
        let hold = SubscriptionHold::find(&self.disk, &self.layout, &self.identity.uuid)?;
        Ok(hold.filter(|hold| hold.acknowledged < base))
    }

    fn report_hold(&self, name: String, acknowledged: Seq) {
        log::info!(name, %acknowledged, "a subscription keeps events that the retention would prune");
        self.progress.lock().held_by = Some(name);
    }

    /// Returns the snapshots up to `newest`, newest first, and separately the seqs of later snapshots, which belong to another
    /// image and are kept.
    fn candidates(&self, newest: Seq) -> Result<(Vec<Candidate>, Vec<Seq>), Error> {
        let (foreign, snapshots): (Vec<_>, Vec<_>) =
            self.snapshots.list()?.into_iter().partition(|(seq, _)| *seq > newest);
        let candidate = |(seq, path): (Seq, PathBuf)| {
            // `Retention::Everything` needs only the seqs in the file names
            let header = match self.retention {
                Retention::Everything => None,
                _ => self.snapshots.open(seq, &path).ok().map(|file| file.header.clone()),
            };
            let time = header.as_ref().map_or(Timestamp::default(), |header| header.time);
            let current =
                header.is_some_and(|header| header.identity.uuid == self.identity.uuid && is_current::<M>(&header));
            Candidate { seq, time, current }
        };
        let foreign = foreign.into_iter().map(|(seq, _)| seq).collect();
        Ok((snapshots.into_iter().map(candidate).collect(), foreign))
    }

    fn prune(&self, base: Seq, newest: &StateMark, proof: SnapshotProof) -> Result<Option<Seq>, Error> {
        let journal = self.open_journal()?;
        let segments = journal.segments();
        let first = journal.scan().segment_after(base)?;
        let older_than_the_base = self.progress.lock().base.is_some_and(|there| base < there);
        if first == segments.first() || older_than_the_base {
            return Ok(None);
        }
        if proof.replayed_from != Some(Some(base)) {
            self.verify_base(base, newest)?;
        }
        self.verify_older(base, newest)?;
        let is_installed = self.progress.lock().base == Some(base);
        let bases = self.snapshots.bases();
        let trailer = bases.install(&self.snapshots.path(base), base)?;
        self.sync_journal_dir()?;
        // A subscription that is being created writes its position first, and then looks for a newer base. So either this sees the
        // position, or the subscription sees the base.
        let hold = if self.retain_for_subscriptions { self.hold(base) } else { Ok(None) };
        if !matches!(hold, Ok(None)) {
            // an interrupted pruning may already have recorded this base
            if !is_installed {
                bases.remove(base)?;
            }
            return hold.map(|held| {
                if let Some(SubscriptionHold { name, acknowledged }) = held {
                    self.report_hold(name, acknowledged);
                }
                None
            });
        }
        let mark = PruneMark {
            base,
            first: first.get(),
            model_version: M::VERSION,
            fingerprint: fingerprint(M::SHAPE).to_u64(),
            shape: ShapeTree::of(M::SHAPE).encode(),
            digest: trailer.digest,
        };
        self.journal.record(FrameKind::Prune, &mark.encode())?;
        self.progress.lock().base = Some(base);

        let mut removed = 0;
        {
            let _exclusive = self.files.write();
            if self.is_pinned() {
                return Ok(None);
            }
            for segment in segments.ids().take_while(|segment| *segment < first) {
                self.remove(&segments.path(segment))?;
                removed += segments.len_of(segment).unwrap_or(0);
            }
        }
        self.journal.figures().journal_shrank(removed);
        // sync without holding the lock: a failed sync poisons the journal, and poisoning runs wakers
        self.sync_journal_dir()?;
        {
            let _exclusive = self.files.write();
            if !self.is_pinned() {
                bases.remove_before(base)?;
            }
        }
        log::info!(%base, %first, "pruned the journal: `first` is now its first segment");
        Ok(Some(base))
    }

    /// Verifies that a replay of the journal on disk, from the snapshot that will become the base, gives the state of the
    /// newest snapshot.
    fn verify_base(&self, base: Seq, newest: &StateMark) -> Result<(), Error> {
        let goal = RecoveryGoal {
            until: Some(newest.seq),
            newest_snapshot: Some(base),
            verify_digests: true,
            trust_upcasters: true,
            expected: Some(newest.digest),
            ..RecoveryGoal::default()
        };
        let rebuilt = self.recover_beside(&newest.dispatch, goal)?;
        if rebuilt.snapshot != Some(base) {
            let path = self.snapshots.path(base);
            let why = rebuilt.unusable.into_iter().find(|(unusable, _)| *unusable == path).map(|(_, why)| why);
            let what = why.unwrap_or_else(|| "the file is missing".to_owned());
            return Err(Error::new(ErrorDetail::Snapshot { path, what }));
        }
        Ok(())
    }

    /// Verifies that a replay from a state older than the base gives the state of the newest snapshot too, unless that state was
    /// computed from an older state anyway. If all that is known was computed from the base, or from a later state, nothing shows
    /// whether the base is complete.
    fn verify_older(&self, base: Seq, newest: &StateMark) -> Result<(), Error> {
        // a base that is already beside the journal was verified, and an interrupted pruning may have removed the older states
        let is_installed = self.progress.lock().base == Some(base);
        // genesis, `None`, is the least
        if is_installed || newest.began < Some(base) || planted(Bug::PrunedUnproven) {
            return Ok(());
        }
        let goal = RecoveryGoal {
            verify_digests: true,
            expected: Some(newest.digest),
            until: Some(newest.seq),
            ..RecoveryGoal::before(base)
        };
        self.recover_beside(&newest.dispatch, goal).map(drop)
    }

    /// Syncs the journal's directory. A failed sync poisons the image: afterwards it is uncertain which entries of the
    /// directory are on disk, including the entry of the next segment, and a later sync may succeed without having written
    /// them.
    fn sync_journal_dir(&self) -> Result<(), Error> {
        let sync = || sync_dir(&*self.disk, &self.layout.journal());
        let synced = catch_unwind(AssertUnwindSafe(sync));
        let synced = synced.unwrap_or_else(|panic| Err(Error::panicked("syncing", &self.layout.journal(), panic)));
        synced.inspect_err(|error| self.journal.poison(error))
    }

    fn remove(&self, path: &Path) -> Result<(), Error> {
        self.disk.remove(path).map_err(|error| failed("removing", path, error))
    }
}
