//! The new files of a backup: copied and verified under temporary names first, and then renamed in an order in which the backup
//! is an image after each step.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::earlier::EarlierBackup;
use super::messages;
use super::source::{Source, StatePath, UnusableState};
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

/// A new file of a backup.
struct NewFile {
    staged: StagedFile,
    len: u64,
    /// Whether the file shares its blocks with that of the image.
    is_shared: bool,
}

/// The new files of a backup in the directory `target`. Dropping this value removes the files that have no final name.
pub(super) struct Copies<'a> {
    disk: &'a Arc<dyn Disk>,
    image: &'a Path,
    target: &'a Layout,
    earlier: Option<&'a EarlierBackup>,
    segments: BTreeMap<SegmentId, NewFile>,
    /// The new copies of bases, and then the new snapshots.
    states: Vec<NewFile>,
    /// The snapshots and copies of bases of the image that are unreadable or damaged.
    pub(super) unusable: Vec<UnusableState>,
    /// The lengths of the files that the earlier backup has.
    reused: u64,
}

impl<'a> Copies<'a> {
    pub(super) fn new(
        disk: &'a Arc<dyn Disk>,
        image: &'a Path,
        target: &'a Layout,
        earlier: Option<&'a EarlierBackup>,
    ) -> Copies<'a> {
        Copies { disk, image, target, earlier, segments: BTreeMap::new(), states: vec![], unusable: vec![], reused: 0 }
    }

    /// Copies the files of the image that the backup does not have yet. Returns `false` if the owner of the image removed one of
    /// the files meanwhile; another call with a new reading of the image keeps the segments that were copied.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal was pruned, and every state from which it could start is unusable.
    pub(super) fn copy(&mut self, source: &Source) -> Result<bool, Error> {
        for old in self.states.drain(..) {
            old.staged.discard(&**self.disk);
        }
        self.reused = 0;
        self.unusable.clone_from(&source.unusable);
        let mut usable = Vec::new();
        for (states, dir) in [(&source.bases, self.target.journal()), (&source.snapshots, self.target.snapshots())] {
            for state in states {
                if self.copy_state(source, state, &dir)? {
                    usable.push(state.0);
                }
            }
        }
        if !source.can_start_after(usable.into_iter()) {
            return if self.are_removed(source)? { Ok(false) } else { Err(self.no_start()) };
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
            self.reused += len;
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
    fn copy_end(&self, source: &Source) -> Result<NewFile, Error> {
        let end = &source.end;
        let (path, frames) = (self.target.segment(end.segment), &end.bytes[..end.offset]);
        let copy = StagedFile::write(&**self.disk, &path, true, |file| write_in_pieces(frames, end.len, file))?;
        let written = StoredFile::open(&**self.disk, copy.temporary(), Access::Read);
        let is_same = written.and_then(|file| is_filled_with(&file, frames, end.len));
        Ok(NewFile { staged: self.verified(copy, is_same)?, len: end.len, is_shared: false })
    }

    /// Copies a snapshot or a copy of a base into a directory of the backup, unless the backup has it. Returns whether the backup
    /// has it now, intact.
    ///
    /// A damaged one is left out, because the copy would be damaged too, and could replace an intact one in the earlier backup.
    fn copy_state(&mut self, source: &Source, state: &StatePath, to: &Path) -> Result<bool, Error> {
        let disk = &**self.disk;
        let (seq, path) = state;
        let own = to.join(path.file_name().unwrap_or_default());
        let has_own = !is_missing(disk, &own)? && source.verify_state(&(*seq, own.clone())).is_ok();
        // the last bytes of a snapshot contain the hash of the whole file
        if has_own && ends_of(disk, path).is_ok_and(|original| ends_of(disk, &own).is_ok_and(|own| own == original)) {
            self.reused += StoredFile::open(disk, &own, Access::Read)?.len()?;
            return Ok(true);
        }
        match source.verify_state(state) {
            Ok(()) => {}
            // the owner removed it
            Err(error) if error.is_missing() => return Ok(false),
            Err(error) => {
                self.unusable.push((path.clone(), error.in_short()));
                return Ok(has_own);
            }
        }
        let copy = self.copy_file(path, to)?;
        let is_copied = copy.is_some();
        self.states.extend(copy);
        Ok(is_copied)
    }

    /// Whether the owner of the image removed one of its states that the source names.
    fn are_removed(&self, source: &Source) -> Result<bool, Error> {
        let mut states = source.bases.iter().chain(&source.snapshots);
        states.try_fold(false, |is, (_, path)| Ok(is || is_missing(&**self.disk, path)?))
    }

    /// The error: the journal was pruned, and no state is left from which it can start.
    fn no_start(&self) -> Error {
        let (path, what) = (self.image.to_owned(), messages::no_start(&self.unusable));
        Error::new(ErrorDetail::BackupSource { path, what, help: messages::HELP_NO_START })
    }

    /// Copies a file that never changes again into a directory of the backup. Returns `None` if the file was removed meanwhile.
    fn copy_file(&self, from: &Path, to: &Path) -> Result<Option<NewFile>, Error> {
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
        Ok(Some(NewFile { staged: self.verified(copy, is_same)?, len, is_shared }))
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
            copy.staged.discard(&**self.disk);
        }
    }

    /// The lengths of the files of the backup. Call this before they get their final names.
    pub(super) fn bytes(&self) -> CopiedBytes {
        let mut bytes = CopiedBytes { reused: self.reused, ..CopiedBytes::default() };
        for file in self.segments.values().chain(&self.states) {
            *(if file.is_shared { &mut bytes.shared } else { &mut bytes.copied }) += file.len;
        }
        bytes
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
            self.install_copy(&copy.staged)?;
        }
        for copy in std::mem::take(&mut self.states) {
            self.install_copy(&copy.staged)?;
        }
        self.install_watermark(source)
    }

    fn install_copy(&self, copy: &StagedFile) -> Result<(), Error> {
        copy.install(&**self.disk).inspect_err(|_| copy.discard(&**self.disk))
    }

    fn install_watermark(&self, source: &Source) -> Result<(), Error> {
        let block = source.watermark().encode(&source.segments().identity().uuid);
        let staged = StagedFile::write(&**self.disk, &self.target.durable(), true, |file| file.write_all(&block, 0))?;
        self.install_copy(&staged)
    }
}

impl Drop for Copies<'_> {
    fn drop(&mut self) {
        for copy in std::mem::take(&mut self.segments).into_values().chain(self.states.drain(..)) {
            copy.staged.discard(&**self.disk);
        }
    }
}

/// The length, the first bytes and the last bytes of a file.
fn ends_of(disk: &dyn Disk, path: &Path) -> Result<(u64, Vec<u8>), Error> {
    const COMPARED: usize = 4096;
    let file = StoredFile::open(disk, path, Access::Read)?;
    let (len, mut bytes) = (file.len()?, vec![0; 2 * COMPARED]);
    let (first, last) = bytes.split_at_mut(COMPARED);
    file.read_up_to(first, 0)?;
    file.read_up_to(last, len.saturating_sub(COMPARED as u64))?;
    Ok((len, bytes))
}

pub(super) fn is_missing(disk: &dyn Disk, path: &Path) -> Result<bool, Error> {
    Ok(disk.kind(path).map_err(|error| failed("inspecting", path, error))?.is_none())
}
