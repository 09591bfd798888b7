//! An earlier backup, which a new backup of the same image continues.

use std::path::Path;
use std::sync::Arc;

use super::messages;
use super::source::Source;
use crate::disk::{Disk, FileType, LockGuard, failed};
use crate::error::{Error, ErrorDetail};
use crate::journal::{JournalEnd, Layout, SEGMENT_HEADER, Survey};
use crate::keys::Keyring;
use crate::new_image::{StagingTask, vacant};
use crate::recovery::OpenedJournal;
use crate::seq::{SegmentId, Seq};

/// An earlier backup, locked.
pub(super) struct EarlierBackup {
    pub(super) layout: Layout,
    journal: OpenedJournal,
    end: JournalEnd,
    /// No process may open the backup while files are added to it.
    _lock: LockGuard,
}

impl EarlierBackup {
    /// Opens and locks the earlier backup in the directory `dir`. Returns `None` if the directory does not exist, or has at most
    /// what an interrupted new backup left.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory contains anything else, if it is in use, or if the backup is damaged.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        image: &Path,
        keyring: &Arc<Keyring>,
        staging: &StagingTask,
    ) -> Result<Option<EarlierBackup>, Error> {
        let kind = disk.kind(dir).map_err(|error| failed("inspecting", dir, error))?;
        if kind != Some(FileType::Dir) || vacant(&**disk, dir, staging).is_ok() {
            return Ok(None);
        }
        let layout = Layout::new(dir);
        if !is_backup(&**disk, &layout)? {
            return match layout.survey(&**disk) {
                Ok(Survey::Image(_)) => Err(refusal(dir, image, messages::NO_BACKUP.into(), messages::HELP_NO_BACKUP)),
                // the staging directory refuses a directory that is not empty
                _ => Ok(None),
            };
        }
        let lock = layout.acquire_lock(&**disk)?;
        if !is_backup(&**disk, &layout)? {
            return Err(refusal(dir, image, messages::NO_BACKUP.into(), messages::HELP_NO_BACKUP));
        }
        let journal = OpenedJournal::open(disk, &layout, keyring, None)?;
        let end = journal.scan().read_end()?;
        Ok(Some(EarlierBackup { layout, journal, end, _lock: lock }))
    }

    /// The last event in the backup.
    pub(super) fn last(&self) -> Seq {
        self.end.chain.before()
    }

    /// The first segment of the backup.
    pub(super) fn first(&self) -> SegmentId {
        self.journal.segments().first()
    }

    /// The segment with the last event of the backup.
    pub(super) fn last_segment(&self) -> SegmentId {
        self.end.segment
    }

    /// Verifies that the history in the backup is the beginning of the image's history. Each frame contains the hash of the
    /// frame before it, so it is enough to compare the last frames.
    pub(super) fn verify_continued_by(&self, source: &Source, image: &Path) -> Result<(), Error> {
        let refused = |what: String, help| Err(refusal(self.layout.root(), image, what, help));
        let (own, segments) = (self.end.segment, source.segments());
        if self.journal.segments().identity() != segments.identity() {
            return refused(messages::OTHER_IMAGE.to_owned(), messages::HELP_OTHER_DIRECTORY);
        }
        if own < segments.first() {
            return refused(messages::too_old(self.last()), messages::HELP_TOO_OLD);
        }
        if own > source.end.segment {
            return refused(messages::newer(self.last(), source.last()), messages::HELP_NEWER);
        }
        let (frames, of_source) = (self.frames(), frames_of(source, own)?);
        let common = frames.len().min(of_source.len());
        let (rest, is_last) = (&frames[common..], own == source.end.segment);
        if frames[..common] != of_source[..common] || !is_last && rest.iter().any(|byte| *byte != 0) {
            return refused(messages::other_timeline(self.last()), messages::HELP_OTHER_TIMELINE);
        }
        if is_last && !rest.is_empty() {
            return refused(messages::newer(self.last(), source.last()), messages::HELP_NEWER);
        }
        Ok(())
    }

    /// Whether the backup has this segment, complete as it is in the image.
    pub(super) fn has(&self, source: &Source, segment: SegmentId) -> Result<bool, Error> {
        if segment < self.end.segment {
            return Ok(self.journal.segments().len_of(segment).is_some());
        }
        // a later segment has no frame: it was empty, or its first frame was torn, when it was copied
        if segment > self.end.segment {
            return Ok(false);
        }
        let of_source = frames_of(source, segment)?;
        let rest = of_source.get(self.frames().len()..).unwrap_or_default();
        Ok(self.end.torn.is_none() && rest.iter().all(|byte| *byte == 0))
    }

    /// The frames of the last segment.
    fn frames(&self) -> &[u8] {
        &self.end.bytes[SEGMENT_HEADER..self.end.offset]
    }
}

/// The frames of a segment of the image, up to the end of the journal. Zeros at the end may be missing.
fn frames_of(source: &Source, segment: SegmentId) -> Result<Vec<u8>, Error> {
    let mut bytes = match segment == source.end.segment {
        true => source.end.bytes[..source.end.offset].to_vec(),
        false => source.segments().read(segment)?,
    };
    Ok(bytes.split_off(SEGMENT_HEADER.min(bytes.len())))
}

/// Whether the directory contains a backup that was never opened.
fn is_backup(disk: &dyn Disk, layout: &Layout) -> Result<bool, Error> {
    let marker = layout.backup_marker();
    Ok(disk.kind(&marker).map_err(|error| failed("inspecting", &marker, error))? == Some(FileType::File))
}

/// The error: the directory cannot take a backup of the image.
fn refusal(dir: &Path, image: &Path, what: String, help: &'static str) -> Error {
    Error::new(ErrorDetail::BackupTarget { dir: dir.to_owned(), image: image.to_owned(), what, help })
}
