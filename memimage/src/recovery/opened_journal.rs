//! An opened journal: its segments, its snapshots, and the last event that is proven to be synced.
//!
//! Three types represent the stages from files to a running journal. [`OpenedJournal`] only reads. [`WritableJournal`] is open
//! for writing, under the image's lock, but no segment has been changed yet. [`SettledJournal`] has a repaired end, at which
//! writing can resume.

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Access, Disk, StoredFile};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::{
    JournalEnd, JournalTail, Layout, Scan, Segments, TailPosition, Watermark, life_conflict, next_life,
    quarantine_torn_write, rewrite_unproven,
};
use crate::keys::Keyring;
use crate::progress::ProgressReporter;
use crate::seq::{Life, SegmentId, Seq};
use crate::snapshot::{SnapshotHeader, Snapshots};

/// A journal that is opened for reading.
#[derive(Debug)]
pub(crate) struct OpenedJournal {
    disk: Arc<dyn Disk>,
    layout: Layout,
    keyring: Arc<Keyring>,
    scan: Scan,
    snapshots: Snapshots,
    /// The content of `journal/durable`; `None` if the file is missing or damaged.
    watermark: Option<Watermark>,
    /// The last event that `journal/durable`, snapshots and bases prove to be synced.
    proven: Seq,
}

/// Whether the events that are proven to be synced must be in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequiredEnd {
    /// If an event that is proven to be synced is missing, the journal is damaged.
    Proven,
    /// The same, in an image that is being made: the base that replaces its first events may not exist yet.
    #[cfg(feature = "admin")]
    ProvenBeforeBase,
    /// Events that are proven to be synced may be missing at the end of the journal, as in a copy that was made while the image
    /// was in use.
    Any,
}

impl RequiredEnd {
    /// Whether a base must replace the first events if the journal lacks them.
    fn has_base(self) -> bool {
        #[cfg(feature = "admin")]
        if self == RequiredEnd::ProvenBeforeBase {
            return false;
        }
        true
    }
}

impl OpenedJournal {
    /// Opens the journal of an image that has no running owner, or whose lock the caller holds. Changes nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal belongs to another model than `model`, if the journal is damaged, or if its start is
    /// missing and no base replaces the missing events.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        model: Option<&str>,
    ) -> Result<OpenedJournal, Error> {
        let survey = layout.survey(&**disk)?;
        let segments = open_segments(disk, layout, survey.image(layout)?, keyring, model)?;
        OpenedJournal::with_proof(disk, layout, keyring, segments, RequiredEnd::Proven)
    }

    /// Opens the journal of a running image, whose events up to `durable` are synced. Changes nothing.
    pub(crate) fn beside_owner(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        durable: Seq,
    ) -> Result<OpenedJournal, Error> {
        let survey = layout.survey(&**disk)?;
        let segments = open_segments(disk, layout, survey.image(layout)?, keyring, None)?;
        let snapshots = Snapshots::new(disk, layout, keyring);
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        let scan = Scan::beside_owner(segments, durable)?;
        Ok(OpenedJournal { disk, layout, keyring, scan, snapshots, watermark: None, proven: durable })
    }

    /// Opens the journal of an image that its owner may be using, in this process or in another one. The events up to `synced`
    /// must be in the journal. Changes nothing.
    ///
    /// Reads the evidence of synced events before it lists the segments: an owner may append events meanwhile.
    pub(crate) fn in_use(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        synced: Seq,
    ) -> Result<OpenedJournal, Error> {
        let open = || -> Result<Segments, Error> {
            let survey = layout.survey(&**disk)?;
            open_segments(disk, layout, survey.image(layout)?, keyring, None)
        };
        let before = open()?;
        let snapshots = Snapshots::new(disk, layout, keyring);
        let watermark = layout.read_watermark(&**disk, &before.identity().uuid)?;
        let by_watermark = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq);
        let proven = synced.max(by_watermark).max(proven_by(&snapshots, &before)?);
        let segments = open()?;
        if let Some(watermark) = &watermark {
            refuse_missing_segment(&segments, watermark)?;
        }
        let scan = Scan::new(segments, proven)?;
        snapshots.bases().verify_start(&scan)?;
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        Ok(OpenedJournal { disk, layout, keyring, scan, snapshots, watermark, proven })
    }

    /// Determines the last event that is proven to be synced, and verifies that a missing start of the journal was pruned.
    fn with_proof(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        segments: Segments,
        end: RequiredEnd,
    ) -> Result<OpenedJournal, Error> {
        let snapshots = Snapshots::new(disk, layout, keyring);
        let uuid = &segments.identity().uuid;
        let watermark = layout.read_watermark(&**disk, uuid)?;
        if let Some(watermark) = &watermark
            && end != RequiredEnd::Any
        {
            refuse_missing_segment(&segments, watermark)?;
        }
        let by_watermark = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq);
        let proven = by_watermark.max(proven_by(&snapshots, &segments)?);
        let scan = Scan::new(segments, if end == RequiredEnd::Any { Seq::ZERO } else { proven })?;
        if end.has_base() {
            snapshots.bases().verify_start(&scan)?;
        }
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        Ok(OpenedJournal { disk, layout, keyring, scan, snapshots, watermark, proven })
    }

    /// From now on, reports the progress of loading a snapshot.
    pub(crate) fn report_to(&mut self, reporter: Option<&Arc<ProgressReporter>>) {
        self.snapshots = self.snapshots.reporting_to(reporter);
    }

    /// The segment and the offset at which the journal ends, as far as this is known before the journal is read.
    pub(crate) fn expected_end(&self) -> (SegmentId, u64) {
        let active = self.scan.active();
        match self.watermark {
            Some(watermark) if watermark.segment == active => (active, watermark.offset),
            _ => (active, self.segments().len_of(active).unwrap_or(0)),
        }
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Reads the keys of the image's personal data, which decoding needs.
    pub(crate) fn open_personal_keys(&self) -> Result<(), Error> {
        self.keyring.personal().open(&self.disk, self.layout.root())
    }

    /// Calls `read`, which finds the personal data whose keys are in the key file of this image, and no others.
    pub(crate) fn with_own_keys<R>(&self, read: impl FnOnce() -> R) -> R {
        self.keyring.personal().reading(read)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn scan(&self) -> &Scan {
        &self.scan
    }

    pub(crate) fn into_scan(self) -> Scan {
        self.scan
    }

    pub(crate) fn segments(&self) -> &Segments {
        self.scan.segments()
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// A reader of the frames that the owner of the journal writes after `position`.
    pub(crate) fn tail(&self, position: TailPosition) -> Result<JournalTail, Error> {
        JournalTail::new(&self.disk, &self.layout, &self.keyring, position)
    }

    /// The newest life of which the journal or `journal/durable` has a trace.
    pub(crate) fn life(&self, end: &JournalEnd) -> Life {
        let by_watermark = self.watermark.map(|watermark| watermark.life);
        by_watermark.filter(|life| life.epoch > end.chain.life.epoch).unwrap_or(end.chain.life)
    }

    /// The life that begins when writing to the journal resumes.
    pub(crate) fn next_life(&self, end: &JournalEnd) -> Result<Life, Error> {
        next_life(self.segments(), end, self.watermark)
    }

    /// Returns an error if `journal/durable` contradicts the end of the journal: the file belongs to another timeline, or the
    /// journal contains fewer void frames than the file counts.
    pub(crate) fn check_watermark(&self, end: &JournalEnd) -> Result<(), Error> {
        let Some(watermark) = self.watermark else { return Ok(()) };
        if let Some(what) = life_conflict([end.chain.life].into_iter(), watermark.life) {
            let path = self.layout.durable();
            return Err(Error::new(ErrorDetail::Corrupt { path, position: Position::default(), what, suspect: false }));
        }
        if watermark.decisions > end.chain.decisions && self.given_up(end).is_none() {
            let what = format!(
                "the journal has {} void frames, but `journal/durable` counts {}",
                end.chain.decisions, watermark.decisions
            );
            return Err(self.segments().corrupt(end.segment, Some(end.offset as u64), what));
        }
        Ok(())
    }

    /// Reads the end of the journal as an opening does, and syncs it: an owner may have written the last frames without having
    /// synced them.
    pub(crate) fn read_synced_end(&self) -> Result<JournalEnd, Error> {
        let end = self.scan.read_end()?;
        self.check_watermark(&end)?;
        self.segments().file(end.segment, Access::Read)?.sync_data()?;
        Ok(end)
    }

    /// The first and the last of the events that are proven to be synced but are missing after the journal's end `end`.
    pub(crate) fn given_up(&self, end: &JournalEnd) -> Option<(Seq, Seq)> {
        (self.proven >= end.chain.next_seq).then_some((end.chain.next_seq, self.proven))
    }

    /// Whether nothing proves how far the journal was synced in its last epoch: `journal/durable` is missing or damaged, or
    /// contains an earlier epoch than the last frame.
    pub(crate) fn is_uncertain(&self, end: &JournalEnd) -> bool {
        self.watermark.is_none_or(|watermark| watermark.life.epoch < end.chain.life.epoch)
    }

    /// The first segment that the newest prune mark keeps; `None` if no gap cuts off segments, or if the journal has no prune
    /// mark.
    pub(crate) fn kept_from(&self) -> Result<Option<SegmentId>, Error> {
        match self.segments().cut_off() {
            [] => Ok(None),
            _ => Ok(self.scan.pruned()?.map(|mark| mark.first())),
        }
    }
}

/// A journal that is opened for writing. The image's lock is held, and no segment has been changed yet.
#[derive(Debug)]
pub(crate) struct WritableJournal {
    pub(crate) journal: OpenedJournal,
    /// The file `journal/durable`; `None` if it does not exist.
    durable_file: Option<StoredFile>,
}

impl WritableJournal {
    /// Opens the journal like [`OpenedJournal::open`], and syncs the directories and the last segment, so that all bytes that
    /// were read are certain to be on disk. Changes nothing.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        model: Option<&str>,
        end: RequiredEnd,
    ) -> Result<WritableJournal, Error> {
        let survey = layout.survey(&**disk)?;
        let segments = survey.image(layout)?;
        layout.sync_names(&**disk)?;
        let segments = open_segments(disk, layout, segments, keyring, model)?;
        let durable_file = layout.open_watermark(&**disk)?;
        let journal = OpenedJournal::with_proof(disk, layout, keyring, segments, end)?;
        journal.segments().file(journal.scan.active(), Access::ReadWrite)?.sync_data()?;
        Ok(WritableJournal { journal, durable_file })
    }

    /// Repairs the end of the journal: copies a torn write to the quarantine and overwrites its bytes with zeros, rewrites the
    /// frames that nothing proves to be on disk, and removes temporary files. Creates the directories and `journal/durable` if
    /// they are missing.
    ///
    /// If a crash interrupts this repair, the next opening repeats the whole repair.
    pub(crate) fn settle(self, end: &JournalEnd) -> Result<SettledJournal, Error> {
        let WritableJournal { journal, durable_file } = self;
        let (disk, layout) = (&*journal.disk, &journal.layout);
        layout.create_dirs(disk)?;
        let file = journal.segments().file(end.segment, Access::ReadWrite)?;
        let quarantined = quarantine_torn_write(disk, layout, &file, end)?;
        rewrite_unproven(disk, layout, &file, end)?;
        let durable_file = match durable_file {
            Some(file) => file,
            None => StoredFile::create(disk, &layout.durable())?,
        };
        layout.remove_unfinished(disk)?;
        Ok(SettledJournal { journal, durable_file, quarantined })
    }
}

/// A journal that is opened for writing, and whose end has been repaired.
#[derive(Debug)]
pub(crate) struct SettledJournal {
    pub(crate) journal: OpenedJournal,
    /// The file `journal/durable`.
    pub(crate) durable_file: StoredFile,
    /// The copy of the torn write; `None` if there was no torn write.
    pub(crate) quarantined: Option<PathBuf>,
}

fn open_segments(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    segments: &[SegmentId],
    keyring: &Keyring,
    model: Option<&str>,
) -> Result<Segments, Error> {
    let segments = Segments::open(disk, layout, segments, keyring)?;
    if let Some(model) = model {
        layout.refuse_other_model(segments.identity(), model)?;
    }
    Ok(segments)
}

/// Returns an error if the segment that `journal/durable` names as the last one written does not exist. An owner writes to a
/// segment only once the segment's file is durable, so the file was lost.
fn refuse_missing_segment(segments: &Segments, watermark: &Watermark) -> Result<(), Error> {
    let last = segments.ids().next_back().unwrap_or(SegmentId::FIRST);
    if watermark.segment <= last {
        return Ok(());
    }
    let what = format!(
        "this segment is missing, but `journal/durable` names segment {} as the last one written",
        watermark.segment
    );
    Err(segments.corrupt(last.next(), None, what))
}

/// The last event that the snapshots and bases prove to be synced: a snapshot or base gets its final file name only after its
/// last event is synced.
fn proven_by(snapshots: &Snapshots, segments: &Segments) -> Result<Seq, Error> {
    let is_own = |header: &SnapshotHeader| {
        header.identity.uuid == segments.identity().uuid && segments.life_conflict(header.life).is_none()
    };
    let mut proven = Seq::ZERO;
    for (seq, path) in snapshots.start_candidates()? {
        match snapshots.open(seq, &path) {
            Ok(file) if is_own(&file.header) => proven = proven.max(seq),
            // this file cannot be read, but it got its name only after its last event was synced, and nothing shows that it
            // belongs to another image
            Err(error) if error.is_io() => proven = proven.max(seq),
            _ => {}
        }
    }
    Ok(proven)
}
