//! The new files of a backup: copied and verified under temporary names first, and then renamed in an order in which the backup
//! is an image after each step.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::earlier::EarlierBackup;
use super::messages;
use super::source::Source;
use crate::disk::{
    Access, Disk, StagedFile, StoredFile, copy_in_pieces, failed, is_filled_with, is_same_content, write_in_pieces,
};
use crate::error::{Error, ErrorDetail};
use crate::journal::Layout;
use crate::planted::{Bug, planted};
use crate::seq::SegmentId;

/// The lengths of the files of a backup, by the way in which they were made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CopiedBytes {
    pub(super) copied: u64,
    pub(super) shared: u64,
    pub(super) reused: u64,
}

/// The new files of a backup in the directory `target`. Dropping this value removes the files that have no final name.
pub(super) struct Copies<'a> {
    disk: &'a Arc<dyn Disk>,
    image: &'a Path,
    target: &'a Layout,
    earlier: Option<&'a EarlierBackup>,
    segments: BTreeMap<SegmentId, StagedFile>,
    snapshots: Vec<StagedFile>,
    bases: Vec<StagedFile>,
    pub(super) bytes: CopiedBytes,
}

impl<'a> Copies<'a> {
    pub(super) fn new(
        disk: &'a Arc<dyn Disk>,
        image: &'a Path,
        target: &'a Layout,
        earlier: Option<&'a EarlierBackup>,
    ) -> Copies<'a> {
        let bytes = CopiedBytes::default();
        Copies { disk, image, target, earlier, segments: BTreeMap::new(), snapshots: vec![], bases: vec![], bytes }
    }

    /// Copies the files of the image that the backup does not have yet. Returns `false` if the owner of the image removed one of
    /// the files meanwhile; another call with a new reading of the image keeps the segments that were copied.
    pub(super) fn copy(&mut self, source: &Source) -> Result<bool, Error> {
        for old in self.snapshots.drain(..).chain(self.bases.drain(..)) {
            old.discard(&**self.disk);
        }
        self.bytes.reused = 0;
        for (_, path) in &source.bases {
            if self.has_state(path, &self.target.journal())? {
                continue;
            }
            match self.copy_file(path, &self.target.journal())? {
                Some(copy) => self.bases.push(copy),
                None => return Ok(false),
            }
        }
        for (_, path) in &source.snapshots {
            if self.has_state(path, &self.target.snapshots())? {
                continue;
            }
            // a snapshot is a cache: the backup does without one that was just removed
            let copy = self.copy_file(path, &self.target.snapshots())?;
            self.snapshots.extend(copy);
        }
        let first = self.earlier.map_or(SegmentId::FIRST, EarlierBackup::first);
        let before_first: Vec<SegmentId> =
            self.segments.keys().copied().filter(|segment| *segment < source.segments().first()).collect();
        for segment in before_first {
            self.discard(segment);
        }
        for segment in source.ids().filter(|segment| *segment >= first) {
            if !self.copy_segment(source, segment)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies a segment unless the backup has it. Returns `false` if it was removed.
    fn copy_segment(&mut self, source: &Source, segment: SegmentId) -> Result<bool, Error> {
        let len = source.segments().len_of(segment).expect("a segment of the image");
        if let Some(earlier) = self.earlier
            && earlier.has(source, segment)?
        {
            self.bytes.reused += len;
            return Ok(true);
        }
        if segment == source.end.segment {
            let copy = self.copy_end(source)?;
            self.segments.insert(segment, copy);
        } else if !self.segments.contains_key(&segment) {
            match self.copy_file(&source.segments().path(segment), &self.target.journal())? {
                Some(copy) => drop(self.segments.insert(segment, copy)),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Copies the last segment up to the end of the journal, with zeros after it. The last segment is never shared with the image:
    /// a write to a shared block needs new space on disk, and the owner of the image has reserved its space.
    fn copy_end(&mut self, source: &Source) -> Result<StagedFile, Error> {
        let end = &source.end;
        let (path, frames) = (self.target.segment(end.segment), &end.bytes[..end.offset]);
        let copy = StagedFile::write(&**self.disk, &path, true, |file| write_in_pieces(frames, end.len, file))?;
        let written = StoredFile::open(&**self.disk, copy.temporary(), Access::Read);
        let is_same = written.and_then(|file| is_filled_with(&file, frames, end.len));
        self.verified(copy, is_same).inspect(|_| self.bytes.copied += end.len)
    }

    /// Copies a file that never changes again into a directory of the backup. Returns `None` if the file was removed meanwhile.
    fn copy_file(&mut self, from: &Path, to: &Path) -> Result<Option<StagedFile>, Error> {
        let disk = &**self.disk;
        let to = to.join(from.file_name().unwrap_or_default());
        let original = match StoredFile::open(disk, from, Access::Read) {
            Err(error) if error.is_missing() => return Ok(None),
            original => original?,
        };
        let len = original.len()?;
        let shared = match StagedFile::clone_of(disk, from, &to) {
            Err(error) if error.is_missing() && is_missing(disk, from)? => return Ok(None),
            shared => shared?,
        };
        let is_shared = shared.is_some();
        let copy = match shared {
            Some(copy) => copy,
            None => StagedFile::write(disk, &to, true, |file| copy_in_pieces(&original, file))?,
        };
        let written = StoredFile::open(disk, copy.temporary(), Access::Read);
        let is_same = written.and_then(|file| is_same_content(&original, &file));
        let copy = self.verified(copy, is_same)?;
        *(if is_shared { &mut self.bytes.shared } else { &mut self.bytes.copied }) += len;
        Ok(Some(copy))
    }

    /// Returns the copy if it was read back as it was written, and removes it otherwise.
    fn verified(&self, copy: StagedFile, is_same: Result<bool, Error>) -> Result<StagedFile, Error> {
        let differs = || {
            Error::new(ErrorDetail::BackupDamaged {
                image: self.image.to_owned(),
                file: copy.path().to_owned(),
                what: messages::NOT_THE_SAME.to_owned(),
                left: if self.earlier.is_some() { messages::EARLIER_UNCHANGED } else { messages::NO_BACKUP_MADE },
            })
        };
        let verified = is_same.and_then(|is_same| if is_same { Ok(()) } else { Err(differs()) });
        match verified {
            Ok(()) => Ok(copy),
            Err(error) => {
                copy.discard(&**self.disk);
                Err(error)
            }
        }
    }

    fn discard(&mut self, segment: SegmentId) {
        if let Some(copy) = self.segments.remove(&segment) {
            copy.discard(&**self.disk);
        }
    }

    /// Whether the earlier backup has this snapshot or base in the directory `to`. The trailer of a snapshot contains the hash of
    /// the whole file.
    fn has_state(&mut self, path: &Path, to: &Path) -> Result<bool, Error> {
        const COMPARED: usize = 4096;
        let disk = &**self.disk;
        let own = to.join(path.file_name().unwrap_or_default());
        if is_missing(disk, &own)? || is_missing(disk, path)? {
            return Ok(false);
        }
        let ends = |path: &Path| -> Result<(u64, Vec<u8>), Error> {
            let file = StoredFile::open(disk, path, Access::Read)?;
            let (len, mut bytes) = (file.len()?, vec![0; 2 * COMPARED]);
            let (first, last) = bytes.split_at_mut(COMPARED);
            file.read_up_to(first, 0)?;
            file.read_up_to(last, len.saturating_sub(COMPARED as u64))?;
            Ok((len, bytes))
        };
        let (original, own) = (ends(path)?, ends(&own)?);
        let has = original == own;
        self.bytes.reused += if has { own.0 } else { 0 };
        Ok(has)
    }

    /// Gives the copies their final names, each step only once the step before it is on disk:
    ///
    /// 1. the segments, in ascending order. After each of them, the backup has a longer history of the image;
    /// 2. bases and snapshots, which are evidence of the events in the segments;
    /// 3. `journal/durable`.
    pub(super) fn install(&mut self, source: &Source) -> Result<(), Error> {
        if planted(Bug::BackupInWrongOrder) {
            self.install_watermark(source)?;
        }
        while let Some((_, copy)) = self.segments.pop_first() {
            self.install_copy(copy)?;
        }
        for copy in std::mem::take(&mut self.bases).into_iter().chain(std::mem::take(&mut self.snapshots)) {
            self.install_copy(copy)?;
        }
        self.install_watermark(source)
    }

    fn install_copy(&self, copy: StagedFile) -> Result<(), Error> {
        copy.install(&**self.disk).inspect_err(|_| copy.discard(&**self.disk))
    }

    fn install_watermark(&self, source: &Source) -> Result<(), Error> {
        let block = source.watermark().encode(&source.segments().identity().uuid);
        let staged = StagedFile::write(&**self.disk, &self.target.durable(), true, |file| file.write_all(&block, 0))?;
        self.install_copy(staged)
    }
}

impl Drop for Copies<'_> {
    fn drop(&mut self) {
        let segments = std::mem::take(&mut self.segments).into_values();
        for copy in segments.chain(self.snapshots.drain(..)).chain(self.bases.drain(..)) {
            copy.discard(&**self.disk);
        }
    }
}

pub(super) fn is_missing(disk: &dyn Disk, path: &Path) -> Result<bool, Error> {
    Ok(disk.kind(path).map_err(|error| failed("inspecting", path, error))?.is_none())
}
