//! An image that is being repaired: what was found, what was changed so far, and the steps that repairs are made of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backup::BackupKeeper;
use super::report::{FileChange, RepairReport};
use crate::admin::check::{Examination, State};
use crate::admin::choice::{RepairAction, SeqRange};
use crate::disk::{Access, Disk, StoredFile, failed, sync_dir};
use crate::error::{Error, Kind};
use crate::journal::{Damage, DamageKind, FramePosition, Layout, SegmentBuilder, Watermark, end_of, quarantine_file};
use crate::keys::Protection;
use crate::seq::{SegmentId, Seq};

/// From this epoch on no other can be begun.
const LAST: u64 = u64::MAX - 1;
/// The length of a segment that is made here: whoever opens the image makes the next as large as it likes.
const LARGEST: u64 = 1 << 20;

/// An image whose lock is held.
pub(super) struct RepairSession {
    pub(super) found: Examination,
    choice: RepairAction,
    changes: Vec<FileChange>,
    /// Events that are no longer void, since the decisions were given up.
    pub(super) revived: Vec<Seq>,
    /// Events that leave the journal, and whose state stays.
    pub(super) retired: Option<SeqRange>,
    /// The epoch that begins.
    pub(super) epoch: u64,
    raised: bool,
}

impl RepairSession {
    pub(super) fn new(found: Examination, choice: RepairAction) -> Result<RepairSession, Error> {
        if let Some(fault) = found.trailed.faults.iter().find(|fault| fault.flaw == DamageKind::Newer) {
            let (path, what) = (found.trail.path(fault.segment), fault.what.clone());
            return Err(Error::new(Kind::Format { path, act: "repair", what }));
        }
        let newest = found.trailed.epoch.max(found.block.map_or(0, |block| block.epoch));
        let hold = RepairSession {
            found,
            choice,
            changes: Vec::new(),
            revived: Vec::new(),
            retired: None,
            epoch: newest.saturating_add(1),
            raised: false,
        };
        match newest {
            // as an open does: with the last number there is, it would open never again
            LAST.. => Err(hold.unfit(format!("it says that the image was opened {newest} times"))),
            _ => Ok(hold),
        }
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.found.disk
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.found.layout
    }

    pub(super) fn keeper(&self) -> BackupKeeper<'_> {
        BackupKeeper { disk: self.disk(), layout: self.layout() }
    }

    /// The error of a choice that does not fit.
    pub(super) fn unfit(&self, what: String) -> Error {
        Error::new(Kind::Repair { path: self.layout().root().to_owned(), choice: self.choice.to_string(), what })
    }

    /// Makes sure that what is wrong is so each time it is read: what a disk failed to read once is there, and is not given up.
    pub(super) fn confirm(&self, again: &Examination) -> Result<(), Error> {
        match self.found.agrees(again) {
            true => Ok(()),
            false => Err(self.unfit(
                "what is wrong with it is not the same when it is read again, so its disk fails; copy it to one that does not, \
                 and repair the copy"
                    .to_owned(),
            )),
        }
    }

    /// The same, where this is what is wrong.
    pub(super) fn unfit_for(&self, fault: &Damage) -> Error {
        let place = fault.seq.map_or_else(String::new, |seq| format!(" where event {seq} belongs"));
        self.unfit(format!(
            "what is wrong is in `{}`{place}: {}",
            self.found.trail.path(fault.segment).display(),
            fault.what
        ))
    }

    /// The same, where no frame is missing or damaged.
    pub(super) fn unfit_without_fault(&self) -> Error {
        match self.found.first_around() {
            Some(around) => self.unfit_for(around),
            None => self.unfit("nothing is damaged".to_owned()),
        }
    }

    /// Snapshots and bases may be all that proves what is missing.
    pub(super) fn refuse_damaged_journal(&self) -> Result<(), Error> {
        let damaged = self.found.first_fault().filter(|fault| !matches!(fault.flaw, DamageKind::Torn(_)));
        match damaged.or_else(|| self.found.first_around()) {
            Some(fault) => Err(self.unfit_for(fault)),
            None => Ok(()),
        }
    }

    /// Makes segments in the epoch that begins.
    pub(super) fn maker(&self, protection: Protection) -> Result<SegmentBuilder, Error> {
        let Some(identity) = self.found.trail.identity().cloned() else {
            return Err(self.unfit("no segment says whose journal it is".to_owned()));
        };
        let (disk, layout) = (Arc::clone(&self.found.disk), self.layout().clone());
        Ok(SegmentBuilder { disk, layout, identity, epoch: self.epoch, largest: LARGEST, protection })
    }

    pub(super) fn changed(&mut self, path: PathBuf, what: &'static str, backup: Option<PathBuf>) {
        self.changes.push(FileChange { path, what, backup });
    }

    /// Moves files out of the image, one after the other.
    pub(super) fn take_all(&mut self, paths: Vec<PathBuf>) -> Result<(), Error> {
        self.layout().make_dirs(self.disk())?;
        for path in paths {
            let kept = quarantine_file(self.disk(), self.layout(), &path)?;
            self.changed(path, "was taken out", Some(kept));
        }
        Ok(())
    }

    /// Moves out the snapshots and bases that speak of `seq` or what comes after it, newest first.
    pub(super) fn take_states_from(&mut self, seq: Seq) -> Result<(), Error> {
        let beyond = |state: &&State| state.seq >= seq && state.is_evidence;
        let paths = self.found.states.iter().filter(beyond).map(|state| state.path.clone()).collect();
        self.take_all(paths)
    }

    /// Makes two copies of a good snapshot or base beside the journal, and keeps what is in their way.
    pub(super) fn install_base(&mut self, good: &State) -> Result<(), Error> {
        let copies: Vec<State> = self.found.states.iter().filter(|s| s.is_base && s.seq == good.seq).cloned().collect();
        if copies.iter().filter(|state| state.flaw.is_none()).count() == 2 {
            return Ok(());
        }
        let flawed = copies.into_iter().filter(|state| state.flaw.is_some()).map(|state| state.path);
        self.take_all(flawed.collect())?;
        let bases = self.found.snapshots.bases();
        if let Err(error) = bases.install(&good.path, good.seq) {
            // one that was made before another failed would settle what is not done: that the journal begins there
            let there =
                |path: &PathBuf| self.found.states.iter().any(|state| state.path == *path && state.flaw.is_none());
            let made: Vec<PathBuf> = bases.copies(good.seq).into_iter().filter(|path| !there(path)).collect();
            self.discard(&made.iter().map(PathBuf::as_path).collect::<Vec<_>>());
            return Err(error);
        }
        sync_dir(self.disk(), &self.layout().journal())?;
        self.changed(good.path.clone(), "was copied to be the base, twice", None);
        Ok(())
    }

    /// Where a segment goes on after its frames before `offset`, and the checksum of the last of them.
    pub(super) fn place_in(&self, segment: SegmentId, offset: usize) -> Result<(FramePosition, u32), Error> {
        let path = self.found.trail.path(segment);
        let file = StoredFile::open(self.disk(), &path, Access::Read)?;
        let mut bytes = vec![0; file.len()?.min(offset as u64) as usize];
        let read = file.read_surely(&mut bytes, 0)?;
        let uuid = self.found.trail.identity().map_or([0; 16], |identity| identity.uuid);
        let (offset, previous) = end_of(&bytes[..read], &uuid, segment);
        Ok((FramePosition { segment, offset: offset as u64 }, previous))
    }

    /// Begins a new epoch, in which no more is said to be synced than `durable`.
    pub(super) fn raise(&mut self, durable: Seq, (place, previous): (FramePosition, u32)) -> Result<(), Error> {
        let path = self.layout().durable();
        let file = self.layout().durable_file(self.disk())?;
        let kept = file.as_ref().map(|_| self.keeper().copy(&path)).transpose()?;
        self.announce(file, kept, durable, (place, previous))
    }

    /// As [`raise`](RepairSession::raise), with the backup made before.
    pub(super) fn announce(
        &mut self,
        file: Option<StoredFile>,
        kept: Option<PathBuf>,
        durable_seq: Seq,
        (place, previous): (FramePosition, u32),
    ) -> Result<(), Error> {
        let path = self.layout().durable();
        let FramePosition { segment, offset } = place;
        let block = Watermark { epoch: self.epoch, durable_seq, segment, offset, previous };
        let uuid = self.found.trail.identity().map_or([0; 16], |identity| identity.uuid);
        let file = match file {
            Some(file) => file,
            None => {
                let file = StoredFile::create(self.disk(), &path)?;
                sync_dir(self.disk(), &self.layout().journal())?;
                file
            }
        };
        file.write_all(&block.encode(&uuid), 0)?;
        file.sync_data()?;
        self.raised = true;
        self.changed(path, "says the new epoch", kept);
        Ok(())
    }

    /// Begins a new epoch, if anything was changed, in which all is synced that was.
    pub(super) fn raise_alone(&mut self) -> Result<(), Error> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let (durable, place) = match self.found.block {
            Some(Watermark { durable_seq, segment, offset, previous, .. }) => {
                (durable_seq, (FramePosition { segment, offset }, previous))
            }
            None => {
                let last = self.found.trailed.stretches.iter().rev().find(|stretch| stretch.first.is_some());
                let segment = last.map_or(SegmentId::FIRST, |stretch| stretch.segment);
                let len = StoredFile::open(self.disk(), &self.found.trail.path(segment), Access::Read)?.len()?;
                (self.found.evidence, self.place_in(segment, len as usize)?)
            }
        };
        self.raise(durable, place)
    }

    /// Removes what was prepared and is not to be used.
    pub(super) fn discard(&self, paths: &[&Path]) {
        for path in paths {
            if let Err(error) = self.disk().remove(path) {
                tracing::debug!(error = %failed("removing", path, error), "a copy is left over");
            }
        }
    }

    pub(super) fn done(self, lost: Option<SeqRange>) -> RepairReport {
        let epoch = if self.raised { self.epoch } else { self.epoch - 1 };
        let RepairSession { choice, changes, revived, retired, .. } = self;
        RepairReport { choice, changes, lost, retired, revived, epoch }
    }
}
