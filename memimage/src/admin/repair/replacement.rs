//! Putting a file in the place of a segment's, with the same frames or fewer.

use std::path::PathBuf;

use super::session::RepairSession;
use crate::disk::{Access, StoredFile, failed};
use crate::error::Error;
use crate::journal::{Framing, SEAL_ROOM, SEGMENT_HEADER, SalvagedSegment, fitting_len, rename, sync_dir, unfinished};
use crate::seq::SegmentId;

/// What is copied, and zeros, are written in pieces of this size.
const CHUNK: usize = 1 << 20;

/// A segment that is to take the place of the one that is there.
pub(super) struct Replacement {
    path: PathBuf,
    temporary: PathBuf,
    /// The copy of the segment as it was.
    kept: PathBuf,
}

impl Replacement {
    /// Copies the segment to the quarantine, and its frames up to `kept_to` to a file of the length that it must have, after the
    /// header that it must have.
    pub(super) fn prepare(hold: &RepairSession, segment: SegmentId, kept_to: u64) -> Result<Replacement, Error> {
        let header = header(hold, segment, kept_to)?;
        let path = hold.found.trail.path(segment);
        let temporary = unfinished(&path);
        let kept = hold.keeper().copy(&path)?;
        let replacement = Replacement { path, temporary, kept };
        match replacement.write(hold, header, kept_to) {
            Ok(()) => Ok(replacement),
            Err(error) => {
                replacement.discard(hold);
                Err(error)
            }
        }
    }

    fn write(
        &self,
        hold: &RepairSession,
        (header, len): ([u8; SEGMENT_HEADER], u64),
        kept_to: u64,
    ) -> Result<(), Error> {
        let (disk, path) = (hold.disk(), &self.temporary);
        if disk.kind(path).map_err(|error| failed("looking at", path, error))?.is_some() {
            disk.remove(path).map_err(|error| failed("removing", path, error))?;
        }
        let from = StoredFile::open(disk, &self.path, Access::Read)?;
        let to = StoredFile::create(disk, path)?;
        let (mut chunk, mut offset) = (vec![0; CHUNK], SEGMENT_HEADER as u64);
        while offset < len {
            let piece = &mut chunk[..(len - offset).min(CHUNK as u64) as usize];
            piece.fill(0);
            let of_frames = kept_to.saturating_sub(offset).min(piece.len() as u64) as usize;
            from.read_surely(&mut piece[..of_frames], offset)?;
            to.write_all(piece, offset)?;
            offset += piece.len() as u64;
        }
        to.write_all(&header, 0)?;
        to.sync_all()
    }

    /// Puts it in its place, by one rename.
    pub(super) fn install(self, hold: &mut RepairSession, what: &'static str) -> Result<(), Error> {
        rename(hold.disk(), &self.temporary, &self.path)?;
        sync_dir(hold.disk(), &hold.layout().journal())?;
        hold.changed(self.path, what, Some(self.kept));
        Ok(())
    }

    /// Removes what was prepared.
    pub(super) fn discard(&self, hold: &RepairSession) {
        hold.discard(&[&self.temporary, &self.kept]);
    }
}

/// Makes those of these segments whole of which the frames are good and what is around them is not.
///
/// Each takes its own place by one rename: a crash leaves it as it was, or whole.
pub(super) fn make_whole(hold: &mut RepairSession, which: impl Fn(SegmentId) -> bool) -> Result<(), Error> {
    let stretches = hold.found.trailed.stretches.iter();
    let broken = stretches.filter(|stretch| matches!(stretch.casing, Framing::Broken { .. }) && which(stretch.segment));
    for segment in broken.map(|stretch| stretch.segment).collect::<Vec<_>>() {
        hold.layout().make_dirs(hold.disk())?;
        let there = StoredFile::open(hold.disk(), &hold.found.trail.path(segment), Access::Read)?.len()?;
        Replacement::prepare(hold, segment, there)?.install(hold, "was made whole")?;
    }
    Ok(())
}

/// The header that a segment must have with its frames up to `kept_to`, and its length: those that it has, or made again from
/// what is known elsewhere.
fn header(hold: &RepairSession, segment: SegmentId, kept_to: u64) -> Result<([u8; SEGMENT_HEADER], u64), Error> {
    let trail = &hold.found.trail;
    if let Some(len) = trail.len_of(segment) {
        let mut bytes = [0; SEGMENT_HEADER];
        StoredFile::open(hold.disk(), &trail.path(segment), Access::Read)?.read_surely(&mut bytes, 0)?;
        return Ok((bytes, len));
    }
    let stretch = hold.found.trailed.stretches.iter().find(|stretch| stretch.segment == segment);
    let Some(&SalvagedSegment { form, casing: Framing::Broken { len }, .. }) = stretch else {
        return Err(hold.unfit("the header of its segment is damaged too".to_owned()));
    };
    // the file may end where its frames do
    let (end, _) = hold.place_in(segment, kept_to as usize)?;
    let len = fitting_len(len, end.offset - SEGMENT_HEADER as u64 + SEAL_ROOM);
    // its frames stay under the key that they are under
    let protection = form.map_or_else(|| trail.current(), |form| trail.protection(segment, form))?;
    Ok((hold.maker(protection)?.header(segment, len)?, len))
}
