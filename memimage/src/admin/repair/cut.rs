//! Giving up the end of a journal, from damage on.

use std::path::{Path, PathBuf};

use super::hold::Hold;
use crate::admin::choice::{Choice, Loss};
use crate::disk::{Access, StoredFile, failed};
use crate::error::Error;
use crate::journal::{Fault, SEGMENT_HEADER, SegmentHeader, rename, sync_dir, unfinished};
use crate::seq::Seq;

/// Zeros are written in pieces of this size.
const CHUNK: usize = 1 << 20;

/// Gives up event `seq` and all after it, where that is the first that is missing or damaged.
///
/// The order is one in which each crash leaves either what was damaged before, with the same place to be cut at, or an image
/// that ends there: the evidence of what is given up goes first, then the later segments, newest first; the segment with the
/// damage is replaced by one rename at the end.
pub(super) fn cut(hold: &mut Hold, seq: Seq) -> Result<Option<Loss>, Error> {
    let Some(fault) = hold.found.first_fault().cloned() else {
        let ends = hold.found.content.last.max(hold.found.base_seq()).unwrap_or(Seq::ZERO);
        return match ends.next() == seq {
            true => Ok(None),
            false => Err(hold.unfit("nothing is damaged".to_owned())),
        };
    };
    if fault.seq != Some(seq) {
        return Err(hold.unfit_for(&fault));
    }
    let Some(mend) = hold.found.cut(&fault) else {
        return Err(hold.unfit("what comes before it has no state to begin with".to_owned()));
    };
    debug_assert_eq!(mend.choice, Choice::CutFrom(seq));
    hold.revived = hold.found.revived(&fault);
    hold.layout().make_dirs(hold.disk())?;

    let kept_to = fault.offset.unwrap_or(0);
    let stays = kept_to > SEGMENT_HEADER as u64;
    let replacement = if stays { Some(Replacement::prepare(hold, &fault, kept_to)?) } else { None };
    let durable = hold.layout().durable_file(hold.disk())?;
    let kept = durable.as_ref().map(|_| hold.keeper().copy(&hold.layout().durable())).transpose();
    let kept = kept.inspect_err(|_| {
        if let Some(replacement) = &replacement {
            hold.discard(&[&replacement.temporary, &replacement.kept]);
        }
    })?;

    hold.take_states_from(seq)?;
    let last = if stays { fault.segment } else { fault.segment.before() };
    let place = hold.place_in(last, if stays { kept_to as usize } else { usize::MAX })?;
    hold.announce(durable, kept, Seq::new(seq.get() - 1), place)?;
    let later = hold.found.segments.iter().rev().filter(|segment| **segment > last);
    let later = later.map(|segment| hold.found.trail.path(*segment)).collect();
    hold.take_all(later)?;
    if let Some(replacement) = replacement {
        replacement.install(hold)?;
    }
    Ok(mend.loses)
}

/// A segment without its end, that is to take the place of the one with it.
struct Replacement {
    path: PathBuf,
    temporary: PathBuf,
    /// The copy of the segment as it was.
    kept: PathBuf,
}

impl Replacement {
    /// Copies the segment to the quarantine, and its header and frames up to `kept_to` to a file of the same length.
    fn prepare(hold: &Hold, fault: &Fault, kept_to: u64) -> Result<Replacement, Error> {
        let path = hold.found.trail.path(fault.segment);
        let temporary = unfinished(&path);
        let kept = hold.keeper().copy(&path)?;
        match write(hold, &path, &temporary, kept_to) {
            Ok(()) => Ok(Replacement { path, temporary, kept }),
            Err(error) => {
                hold.discard(&[&temporary, &kept]);
                Err(error)
            }
        }
    }

    fn install(self, hold: &mut Hold) -> Result<(), Error> {
        rename(hold.disk(), &self.temporary, &self.path)?;
        sync_dir(hold.disk(), &hold.layout().journal())?;
        hold.changed(self.path, "ends before what was damaged", Some(self.kept));
        Ok(())
    }
}

fn write(hold: &Hold, from: &Path, to: &Path, kept_to: u64) -> Result<(), Error> {
    let disk = hold.disk();
    if disk.kind(to).map_err(|error| failed("looking at", to, error))?.is_some() {
        disk.remove(to).map_err(|error| failed("removing", to, error))?;
    }
    let from = StoredFile::open(disk, from, Access::Read)?;
    let mut header = [0; SEGMENT_HEADER];
    from.read_surely(&mut header, 0)?;
    let len = match SegmentHeader::decode(&header) {
        Ok(header) => header.len,
        Err(_) => return Err(hold.unfit("the header of its segment is damaged too".to_owned())),
    };
    let file = StoredFile::create(disk, to)?;
    let (mut chunk, mut offset) = (vec![0; CHUNK], 0);
    while offset < len {
        let piece = &mut chunk[..(len - offset).min(CHUNK as u64) as usize];
        piece.fill(0);
        let of_frames = kept_to.saturating_sub(offset).min(piece.len() as u64) as usize;
        from.read_surely(&mut piece[..of_frames], offset)?;
        file.write_all(piece, offset)?;
        offset += piece.len() as u64;
    }
    file.sync_all()
}
