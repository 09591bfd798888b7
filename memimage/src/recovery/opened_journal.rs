//! An opened journal: its segments, its snapshots, and how far it is proven to be synced.
//!
//! Three types represent the stages from files to a running journal. [`OpenedJournal`] only reads. [`WritableJournal`]
//! belongs to an image whose lock is held, and changes nothing yet. [`SettledJournal`] has a repaired end, at which
//! writing can resume.

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Access, Disk, StoredFile, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::journal::{
    JournalEnd, Layout, Scan, Segments, Survey, Watermark, next_epoch, quarantine_torn_write, rewrite_unproven,
};
use crate::keys::Keyring;
use crate::seq::{SegmentId, Seq};
use crate::snapshot::Snapshots;

/// A journal that is opened for reading.
#[derive(Debug)]
pub(crate) struct OpenedJournal {
    disk: Arc<dyn Disk>,
    layout: Layout,
    scan: Scan,
    snapshots: Snapshots,
    /// The content of `journal/durable`, if it can be read.
    watermark: Option<Watermark>,
}

impl OpenedJournal {
    /// Opens the journal of an image that has no running owner, or is locked by the caller. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the journal belongs to another model than `model`, if it is damaged, or if its start is missing and no base
    /// replaces it.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        model: Option<&str>,
    ) -> Result<OpenedJournal, Error> {
        let survey = layout.survey(&**disk)?;
        let segments = open_segments(disk, layout, survey.image(layout)?, keyring, model)?;
        OpenedJournal::with_proof(disk, layout, keyring, segments)
    }

    /// Opens the journal of a running image, which has synced its events up to `durable`. Changes nothing.
    pub(crate) fn beside_owner(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        durable: Seq,
    ) -> Result<OpenedJournal, Error> {
        let Survey::Image(segments) = layout.survey(&**disk)? else {
            return Err(Error::new(ErrorDetail::NotFound {
                path: layout.root().to_owned(),
                found: "the journal was removed while the image was open",
            }));
        };
        let segments = open_segments(disk, layout, &segments, keyring, None)?;
        let snapshots = Snapshots::new(disk, layout, keyring);
        let (disk, layout, scan) = (Arc::clone(disk), layout.clone(), Scan::new(segments, durable)?);
        Ok(OpenedJournal { disk, layout, scan, snapshots, watermark: None })
    }

    /// Reads the proof of how far the journal is synced, and verifies that its start is not missing without a reason.
    fn with_proof(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        segments: Segments,
    ) -> Result<OpenedJournal, Error> {
        let snapshots = Snapshots::new(disk, layout, keyring);
        let uuid = &segments.identity().uuid;
        let watermark = layout.read_watermark(&**disk, uuid)?;
        let by_watermark = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq);
        let proven = by_watermark.max(proven_by(&snapshots, uuid)?);
        let scan = Scan::new(segments, proven)?;
        snapshots.bases().verify_start(&scan)?;
        let (disk, layout) = (Arc::clone(disk), layout.clone());
        Ok(OpenedJournal { disk, layout, scan, snapshots, watermark })
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn scan(&self) -> &Scan {
        &self.scan
    }

    pub(crate) fn segments(&self) -> &Segments {
        self.scan.segments()
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// The epoch that begins when the journal is resumed.
    pub(crate) fn next_epoch(&self, end: &JournalEnd) -> Result<u64, Error> {
        next_epoch(self.segments(), end, self.watermark)
    }

    /// Whether nothing proves how far the journal was synced in its last epoch: `journal/durable` is missing, or names
    /// an earlier epoch than the frames.
    pub(crate) fn is_uncertain(&self, end: &JournalEnd) -> bool {
        self.watermark.is_none_or(|watermark| watermark.epoch < end.chain.epoch)
    }

    /// The first segment that the newest prune mark keeps, if there are cut-off segments.
    pub(crate) fn kept_from(&self) -> Result<Option<SegmentId>, Error> {
        match self.segments().cut_off() {
            [] => Ok(None),
            _ => Ok(self.scan.pruned()?.map(|mark| mark.first())),
        }
    }
}

/// A journal that is opened for writing, of an image whose lock is held. Its segments are not changed yet.
#[derive(Debug)]
pub(crate) struct WritableJournal {
    pub(crate) journal: OpenedJournal,
    /// `journal/durable`, if it exists.
    durable_file: Option<StoredFile>,
}

impl WritableJournal {
    /// Opens the journal like [`OpenedJournal::open`], and syncs the directories and the last segment, so that
    /// everything read is on disk. Changes nothing.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        model: Option<&str>,
    ) -> Result<WritableJournal, Error> {
        let survey = layout.survey(&**disk)?;
        let segments = survey.image(layout)?;
        for dir in [layout.root().to_owned(), layout.journal()] {
            sync_dir(&**disk, &dir)?;
        }
        let segments = open_segments(disk, layout, segments, keyring, model)?;
        let durable_file = layout.open_watermark(&**disk)?;
        let journal = OpenedJournal::with_proof(disk, layout, keyring, segments)?;
        journal.segments().file(journal.scan.active(), Access::ReadWrite)?.sync_data()?;
        Ok(WritableJournal { journal, durable_file })
    }

    /// Repairs the end of the journal: copies a torn write to the quarantine and clears it, rewrites the frames that
    /// nothing proves to be on disk, and removes temporary files. Creates the directories and `journal/durable` if they
    /// are missing.
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

/// A journal that is opened for writing, with its end repaired.
#[derive(Debug)]
pub(crate) struct SettledJournal {
    pub(crate) journal: OpenedJournal,
    /// `journal/durable`.
    pub(crate) durable_file: StoredFile,
    /// The copy of the torn write, if there was one.
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

/// The last event that the snapshots and bases prove to be synced: each gets its file name only after its last event is
/// synced.
fn proven_by(snapshots: &Snapshots, uuid: &[u8; 16]) -> Result<Seq, Error> {
    let mut proven = Seq::ZERO;
    for (seq, path) in snapshots.start_candidates()? {
        match snapshots.open(seq, &path) {
            Ok(file) if file.header.uuid == *uuid => proven = proven.max(seq),
            // the file got its name only after the sync, and nothing shows that it belongs to another image
            Err(error) if error.is_io() => proven = proven.max(seq),
            _ => {}
        }
    }
    Ok(proven)
}
