//! Replaces a segment file by a new file with a correct header and length. The new file contains all frames of the old file, or
//! only those before the damage.

use std::path::PathBuf;

use super::messages;
use super::session::RepairSession;
use crate::disk::{Access, StagedFile, StoredFile};
use crate::error::Error;
use crate::journal::{Framing, SEAL_ROOM, SEGMENT_HEADER, SalvagedSegment, fitting_len};
use crate::seq::SegmentId;

/// The size of the pieces in which frames and zeros are written to the new file.
const CHUNK: usize = 1 << 20;

/// A prepared file that is to replace a segment.
pub(super) struct Replacement {
    staged: StagedFile,
    /// The copy of the old segment in the quarantine.
    backup: PathBuf,
}

/// The header and the length that a segment must have.
struct SegmentFraming {
    header: [u8; SEGMENT_HEADER],
    len: u64,
}

impl Replacement {
    /// Backs up the segment, and copies its frames before `frames_end` to a new file with the correct header and length.
    pub(super) fn prepare(session: &RepairSession, segment: SegmentId, frames_end: u64) -> Result<Replacement, Error> {
        let SegmentFraming { header, len } = SegmentFraming::of(session, segment, frames_end)?;
        let path = session.path(segment);
        let backup = session.back_up(&path)?;
        let staged = StoredFile::open(session.disk(), &path, Access::Read).and_then(|from| {
            StagedFile::write(session.disk(), &path, true, |to| {
                copy_frames(&from, to, frames_end, len)?;
                to.write_all(&header, 0)
            })
        });
        match staged {
            Ok(staged) => Ok(Replacement { staged, backup }),
            Err(error) => {
                session.discard(&[&backup]);
                Err(error)
            }
        }
    }

    /// Replaces the segment by the prepared file, with one rename.
    pub(super) fn install(self, session: &mut RepairSession, change: &'static str) -> Result<(), Error> {
        self.staged.install(session.disk())?;
        session.changed(self.staged.path().to_owned(), change, Some(self.backup));
        Ok(())
    }

    /// Removes the prepared file and the backup.
    pub(super) fn discard(&self, session: &RepairSession) {
        self.staged.discard(session.disk());
        session.discard(&[&self.backup]);
    }
}

impl SegmentFraming {
    /// The header and length for a segment of which the repair keeps the frames before `frames_end`. If they are intact, they
    /// stay unchanged; if they are damaged, the repair rebuilds them from the rest of the image.
    fn of(session: &RepairSession, segment: SegmentId, frames_end: u64) -> Result<SegmentFraming, Error> {
        let source = &session.examination.source;
        if let Some(len) = source.len_of(segment) {
            let mut header = [0; SEGMENT_HEADER];
            StoredFile::open(session.disk(), &source.path(segment), Access::Read)?.read_twice(&mut header, 0)?;
            return Ok(SegmentFraming { header, len });
        }
        let salvaged = session.examination.salvaged.segments.iter().find(|salvaged| salvaged.segment == segment);
        let Some(&SalvagedSegment { key_ids, framing: Framing::Repairable { len }, .. }) = salvaged else {
            return Err(session.refusal(messages::damaged_header()));
        };
        // a truncated file may end directly after its frames, but a segment needs room for a seal
        let end = session.end_in(segment, frames_end as usize)?.position;
        let len = fitting_len(len, end.offset - SEGMENT_HEADER as u64 + SEAL_ROOM);
        // the frames are copied unchanged, so the new segment has the keys of the old one
        let protection =
            key_ids.map_or_else(|| source.current_protection(), |key_ids| source.protection(segment, key_ids))?;
        Ok(SegmentFraming { header: session.segment_builder(protection)?.header(segment, len)?, len })
    }
}

/// Copies the frames before `frames_end`, and fills the file with zeros up to `len`.
fn copy_frames(from: &StoredFile, to: &StoredFile, frames_end: u64, len: u64) -> Result<(), Error> {
    let (mut chunk, mut offset) = (vec![0; CHUNK], SEGMENT_HEADER as u64);
    while offset < len {
        let piece = &mut chunk[..(len - offset).min(CHUNK as u64) as usize];
        piece.fill(0);
        let of_frames = frames_end.saturating_sub(offset).min(piece.len() as u64) as usize;
        from.read_twice(&mut piece[..of_frames], offset)?;
        to.write_all(piece, offset)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

/// Repairs the segments that `is_chosen` selects, if their frames are intact but their header or length is wrong.
///
/// Each segment is replaced by one rename, so after a crash the segment is either damaged as before or repaired.
pub(super) fn repair_framing(session: &mut RepairSession, is_chosen: impl Fn(SegmentId) -> bool) -> Result<(), Error> {
    let repairable = |salvaged: &&SalvagedSegment| {
        matches!(salvaged.framing, Framing::Repairable { .. }) && is_chosen(salvaged.segment)
    };
    let chosen: Vec<SegmentId> =
        session.examination.salvaged.segments.iter().filter(repairable).map(|salvaged| salvaged.segment).collect();
    for segment in chosen {
        session.layout().create_dirs(session.disk())?;
        let len = StoredFile::open(session.disk(), &session.path(segment), Access::Read)?.len()?;
        Replacement::prepare(session, segment, len)?.install(session, messages::SEGMENT_REPAIRED)?;
    }
    Ok(())
}
