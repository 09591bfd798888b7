//! A running repair: the examination on which it is based, the changes made so far, and the steps that several repairs share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backup::back_up;
use super::messages;
use super::report::{FileChange, RepairReport};
use crate::admin::examine::{Examination, ExaminedSnapshot};
use crate::admin::repair_action::RepairAction;
use crate::admin::seq_range::SeqRange;
use crate::disk::{Access, Disk, StoredFile, failed, sync_dir};
use crate::entropy::random_life;
use crate::error::{Error, ErrorDetail};
use crate::journal::{
    Damage, DamageKind, FramePosition, Layout, SegmentBuilder, Watermark, end_of_frames, quarantine_file,
};
use crate::keys::Protection;
use crate::log;
use crate::seq::{Life, SegmentId, Seq};

/// An image with this epoch or a higher one cannot begin a new epoch.
const LAST_EPOCH: u64 = u64::MAX - 1;
/// The maximum length of a segment that a repair creates. The options of the next open determine the length of later segments.
const SEGMENT_LEN: u64 = 1 << 20;

/// The alignment of new frames if no readable frame shows the alignment of the image: 2^9 = 512 bytes, one sector.
pub(super) const ALIGN_SHIFT: u8 = 9;

/// A repair of an image that this process has locked.
pub(super) struct RepairSession {
    pub(super) examination: Examination,
    action: RepairAction,
    changes: Vec<FileChange>,
    /// The events that are no longer void after the repair.
    pub(super) revived: Vec<Seq>,
    /// The number of void decisions that the repair lost and whose events are unknown.
    pub(super) lost_decisions: u32,
    /// The events that leave the journal although the state keeps their effect.
    pub(super) retired: Option<SeqRange>,
    /// The events that are lost in the gaps that the repair has recorded.
    pub(super) gaps: Vec<SeqRange>,
    /// The life (epoch and id) that the repair begins.
    life: Life,
    has_begun_epoch: bool,
    /// `journal/durable` before the repair, if the repair has already written a preliminary one.
    old_watermark: Option<OldWatermark>,
}

/// The end of a segment's frames: the position of the next frame, the hash of the last frame, the last event, and the number of void
/// marks up to this end.
#[derive(Clone, Copy)]
pub(super) struct FramesEnd {
    pub(super) position: FramePosition,
    pub(super) previous: u64,
    pub(super) last: Seq,
    pub(super) decisions: u32,
}

/// The file `journal/durable` before a repair, and the path of its backup.
pub(super) struct OldWatermark {
    file: Option<StoredFile>,
    backup: Option<PathBuf>,
}

impl RepairSession {
    pub(super) fn new(examination: Examination, action: RepairAction) -> Result<RepairSession, Error> {
        let newer = examination.salvaged.damage.iter().find(|damage| damage.kind == DamageKind::Newer);
        if let Some(newer) = newer {
            let (path, what) = (examination.source.path(newer.segment), newer.what.clone());
            return Err(Error::new(ErrorDetail::Format { path, act: "repair", what }));
        }
        let newest = examination.salvaged.epoch.max(examination.watermark.map_or(0, |watermark| watermark.life.epoch));
        let session = RepairSession {
            examination,
            action,
            changes: Vec::new(),
            revived: Vec::new(),
            lost_decisions: 0,
            retired: None,
            gaps: Vec::new(),
            life: Life { epoch: newest.saturating_add(1), id: random_life()? },
            has_begun_epoch: false,
            old_watermark: None,
        };
        match newest {
            // an open of the image fails at this epoch too
            LAST_EPOCH.. => Err(session.refusal(messages::last_epoch(newest))),
            _ => Ok(session),
        }
    }

    /// The life that the repair begins.
    pub(super) fn life(&self) -> Life {
        self.life
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.examination.disk
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.examination.layout
    }

    pub(super) fn path(&self, segment: SegmentId) -> PathBuf {
        self.examination.source.path(segment)
    }

    /// Copies a file to the quarantine.
    pub(super) fn back_up(&self, path: &Path) -> Result<PathBuf, Error> {
        back_up(self.disk(), self.layout(), path)
    }

    /// Creates the error: the repair does not apply, for the reason `what`.
    pub(super) fn refusal(&self, what: String) -> Error {
        Error::new(ErrorDetail::Repair { path: self.layout().root().to_owned(), action: self.action.to_string(), what })
    }

    /// Creates the error: the repair does not apply to this damage.
    pub(super) fn refusal_for(&self, damage: &Damage) -> Error {
        self.refusal(messages::other_damage(&self.path(damage.segment), damage.seq, &damage.what))
    }

    /// Creates the error: the repair does not apply, because no frame is damaged.
    pub(super) fn refusal_without_damage(&self) -> Error {
        match self.examination.first_framing_damage() {
            Some(damage) => self.refusal_for(damage),
            None => self.refusal(messages::nothing_damaged()),
        }
    }

    /// Returns an error if the second reading `again` does not show the same damage. A failing disk may return some data only
    /// at the second reading; a repair must not give up such data.
    pub(super) fn confirm(&self, again: &Examination) -> Result<(), Error> {
        match self.examination.agrees(again) {
            true => Ok(()),
            false => Err(self.refusal(messages::unstable_damage())),
        }
    }

    /// Returns an error if the journal is damaged, except by a torn write: snapshots and bases may be the only evidence of its
    /// missing events.
    pub(super) fn refuse_damaged_journal(&self) -> Result<(), Error> {
        let damaged = self.examination.first_damage().filter(|damage| !matches!(damage.kind, DamageKind::Torn(_)));
        match damaged.or_else(|| self.examination.first_framing_damage()) {
            Some(damage) => Err(self.refusal_for(damage)),
            None => Ok(()),
        }
    }

    /// Returns a builder for segments of the epoch that the repair begins.
    pub(super) fn segment_builder(&self, protection: Protection) -> Result<SegmentBuilder, Error> {
        let Some(identity) = self.examination.source.identity().cloned() else {
            return Err(self.refusal(messages::unidentified()));
        };
        let (disk, layout) = (Arc::clone(&self.examination.disk), self.layout().clone());
        Ok(SegmentBuilder { disk, layout, identity, life: self.life, largest: SEGMENT_LEN, protection })
    }

    pub(super) fn changed(&mut self, path: PathBuf, change: &'static str, backup: Option<PathBuf>) {
        self.changes.push(FileChange { path, change, backup });
    }

    /// Moves files to the quarantine, in the order of `paths`.
    pub(super) fn remove_all(&mut self, paths: Vec<PathBuf>) -> Result<(), Error> {
        self.layout().create_dirs(self.disk())?;
        for path in paths {
            let backup = quarantine_file(self.disk(), self.layout(), &path)?;
            self.changed(path, messages::REMOVED, Some(backup));
        }
        Ok(())
    }

    /// Moves to the quarantine, newest first, the snapshots and bases that are evidence of event `seq` or a later event.
    pub(super) fn remove_snapshots_from(&mut self, seq: Seq) -> Result<(), Error> {
        let is_beyond = |snapshot: &&ExaminedSnapshot| snapshot.seq >= seq && snapshot.is_evidence;
        let beyond = self.examination.examined_snapshots.iter().filter(is_beyond);
        self.remove_all(beyond.map(|snapshot| snapshot.path.clone()).collect())
    }

    /// Installs a usable snapshot or base as the base, in two copies. Moves unusable copies of this base to the quarantine.
    pub(super) fn install_base(&mut self, usable: &ExaminedSnapshot) -> Result<(), Error> {
        let is_copy = |snapshot: &&ExaminedSnapshot| snapshot.is_base && snapshot.seq == usable.seq;
        let copies: Vec<ExaminedSnapshot> =
            self.examination.examined_snapshots.iter().filter(is_copy).cloned().collect();
        if copies.iter().filter(|copy| copy.is_usable()).count() == 2 {
            return Ok(());
        }
        let unusable = copies.into_iter().filter(|copy| !copy.is_usable()).map(|copy| copy.path);
        self.remove_all(unusable.collect())?;
        let bases = self.examination.snapshots.bases();
        if let Err(error) = bases.install(&usable.path, usable.seq) {
            // if a new copy remained, it would claim that the journal begins with the state of this base, although the repair
            // is not complete
            let existed = |path: &PathBuf| {
                self.examination.examined_snapshots.iter().any(|old| old.path == *path && old.is_usable())
            };
            let new: Vec<PathBuf> = bases.copies(usable.seq).into_iter().filter(|path| !existed(path)).collect();
            self.discard(&new.iter().map(PathBuf::as_path).collect::<Vec<_>>());
            return Err(error);
        }
        sync_dir(self.disk(), &self.layout().journal())?;
        self.changed(usable.path.clone(), messages::BASE_INSTALLED, None);
        Ok(())
    }

    /// The end of the frames that are completely within the first `offset` bytes of a segment.
    pub(super) fn end_in(&self, segment: SegmentId, offset: usize) -> Result<FramesEnd, Error> {
        let file = StoredFile::open(self.disk(), &self.path(segment), Access::Read)?;
        let mut bytes = vec![0; file.len()?.min(offset as u64) as usize];
        let read = file.read_twice(&mut bytes, 0)?;
        let (offset, chain) = end_of_frames(&bytes[..read], &self.uuid(), segment);
        let position = FramePosition { segment, offset: offset as u64 };
        Ok(chain.map_or(FramesEnd { position, previous: 0, last: Seq::ZERO, decisions: 0 }, |chain| FramesEnd {
            position,
            previous: chain.previous.hash,
            last: chain.before(),
            decisions: chain.decisions,
        }))
    }

    /// The last segment whose first frame is intact.
    pub(super) fn last_segment(&self) -> Option<SegmentId> {
        let last = self.examination.salvaged.segments.iter().rfind(|segment| segment.first.is_some());
        last.map(|last| last.segment)
    }

    /// Opens `journal/durable` if it exists, and backs it up.
    pub(super) fn back_up_watermark(&self) -> Result<OldWatermark, Error> {
        let file = self.layout().open_watermark(self.disk())?;
        let backup = file.as_ref().map(|_| self.back_up(&self.layout().durable())).transpose()?;
        Ok(OldWatermark { file, backup })
    }

    /// Begins the new epoch: writes and syncs `journal/durable`, with `durable` as the highest synced seq.
    pub(super) fn begin_epoch(&mut self, durable: Seq, end: FramesEnd) -> Result<(), Error> {
        let old = self.old_watermark.take().map_or_else(|| self.back_up_watermark(), Ok)?;
        self.begin_epoch_over(old, durable, end)
    }

    /// Like [`begin_epoch`](RepairSession::begin_epoch), for a `journal/durable` that is already opened and backed up as `old`.
    pub(super) fn begin_epoch_over(
        &mut self,
        old: OldWatermark,
        durable_seq: Seq,
        end: FramesEnd,
    ) -> Result<(), Error> {
        self.write_watermark(old.file, self.life, durable_seq, end)?;
        self.has_begun_epoch = true;
        self.changed(self.layout().durable(), messages::EPOCH_RAISED, old.backup);
        Ok(())
    }

    /// If no `journal/durable` tells the epoch before the repair, writes and syncs one for the last life before it, which ends with
    /// `end`. Then the epoch in this file tells, after a crash, whether the repair was completed.
    pub(super) fn restore_watermark(&mut self, end: FramesEnd) -> Result<(), Error> {
        let (None, Some(life)) = (self.examination.watermark, self.examination.salvaged.life) else { return Ok(()) };
        let OldWatermark { file, backup } = self.back_up_watermark()?;
        let file = Some(self.write_watermark(file, life, self.examination.evidence, end)?);
        self.old_watermark = Some(OldWatermark { file, backup });
        Ok(())
    }

    /// Writes and syncs `journal/durable`; `file` is the one that exists.
    fn write_watermark(
        &self,
        file: Option<StoredFile>,
        life: Life,
        durable_seq: Seq,
        FramesEnd { position: FramePosition { segment, offset }, previous, decisions, .. }: FramesEnd,
    ) -> Result<StoredFile, Error> {
        let watermark = Watermark { life, durable_seq, segment, offset, previous, decisions };
        let file = match file {
            Some(file) => file,
            None => {
                let file = StoredFile::create(self.disk(), &self.layout().durable())?;
                sync_dir(self.disk(), &self.layout().journal())?;
                file
            }
        };
        file.write_all(&watermark.encode(&self.uuid()), 0)?;
        file.sync_data()?;
        Ok(file)
    }

    /// Begins the new epoch if the repair has changed any file. An existing watermark keeps its durable seq and its position.
    pub(super) fn begin_epoch_if_changed(&mut self) -> Result<(), Error> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let (durable, end) = match self.examination.watermark {
            Some(Watermark { durable_seq, segment, offset, previous, decisions, .. }) => {
                let position = FramePosition { segment, offset };
                (durable_seq, FramesEnd { position, previous, last: durable_seq, decisions })
            }
            None => {
                let segment = self.last_segment().unwrap_or(SegmentId::FIRST);
                let len = StoredFile::open(self.disk(), &self.path(segment), Access::Read)?.len()?;
                (self.examination.evidence, self.end_in(segment, len as usize)?)
            }
        };
        self.begin_epoch(durable, end)
    }

    /// Removes prepared files that the repair will not use.
    pub(super) fn discard(&self, paths: &[&Path]) {
        for path in paths {
            if let Err(error) = self.disk().remove(path) {
                log::debug!(error = %failed("removing", path, error), "could not remove a copy that is no longer needed");
            }
        }
    }

    pub(super) fn finish(self, lost: Option<SeqRange>) -> RepairReport {
        let epoch = self.life.epoch - u64::from(!self.has_begun_epoch);
        let RepairSession { action, changes, revived, lost_decisions, retired, gaps, .. } = self;
        RepairReport { action, changes, lost, gaps, retired, revived, lost_decisions, epoch }
    }

    fn uuid(&self) -> [u8; 16] {
        self.examination.source.identity().map_or([0; 16], |identity| identity.uuid)
    }
}
