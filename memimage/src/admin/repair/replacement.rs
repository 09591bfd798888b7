//! Putting a file in the place of a segment's, with the same frames or fewer.

use std::path::PathBuf;

use super::session::RepairSession;
use crate::disk::{Access, StagedFile, StoredFile};
use crate::error::Error;
use crate::journal::{Framing, SEAL_ROOM, SEGMENT_HEADER, SalvagedSegment, fitting_len};
use crate::seq::SegmentId;

/// What is copied, and zeros, are written in pieces of this size.
const CHUNK: usize = 1 << 20;

/// A segment that is to take the place of the one that is there.
pub(super) struct Replacement {
    staged: StagedFile,
    /// The copy of the segment as it was.
    kept: PathBuf,
}

impl Replacement {
    /// Copies the segment to the quarantine, and its frames up to `kept_to` to a file of the length that it must have, after the
    /// header that it must have.
    pub(super) fn prepare(hold: &RepairSession, segment: SegmentId, kept_to: u64) -> Result<Replacement, Error> {
        let (header, len) = header(hold, segment, kept_to)?;
        let path = hold.found.trail.path(segment);
        let kept = hold.keeper().copy(&path)?;
        let staged = StoredFile::open(hold.disk(), &path, Access::Read).and_then(|from| {
            StagedFile::write(hold.disk(), &path, true, |to| {
                copy_frames(&from, to, kept_to, len)?;
                to.write_all(&header, 0)
            })
        });
        match staged {
            Ok(staged) => Ok(Replacement { staged, kept }),
            Err(error) => {
                hold.discard(&[&kept]);
                Err(error)
            }
        }
    }

    /// Puts it in its place, by one rename.
    pub(super) fn install(self, hold: &mut RepairSession, what: &'static str) -> Result<(), Error> {
        self.staged.install(hold.disk())?;
        hold.changed(self.staged.path().to_owned(), what, Some(self.kept));
        Ok(())
    }

    /// Removes what was prepared.
    pub(super) fn discard(&self, hold: &RepairSession) {
        self.staged.discard(hold.disk());
        hold.discard(&[&self.kept]);
    }
}

/// Copies the frames that end at `kept_to`, and fills the file with zeros up to `len`.
fn copy_frames(from: &StoredFile, to: &StoredFile, kept_to: u64, len: u64) -> Result<(), Error> {
    let (mut chunk, mut offset) = (vec![0; CHUNK], SEGMENT_HEADER as u64);
    while offset < len {
        let piece = &mut chunk[..(len - offset).min(CHUNK as u64) as usize];
        piece.fill(0);
        let of_frames = kept_to.saturating_sub(offset).min(piece.len() as u64) as usize;
        from.read_surely(&mut piece[..of_frames], offset)?;
        to.write_all(piece, offset)?;
        offset += piece.len() as u64;
    }
    Ok(())
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
