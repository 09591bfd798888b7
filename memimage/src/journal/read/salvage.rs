//! Salvage: reads a journal past its damage, and collects everything readable and each place of damage.
//!
//! Opening an image stops at the first damage. A check must read on, to report which events are left and which a repair would
//! lose.
//!
//! Salvage, like opening, checks all data against the keys. Data with correct checksums that does not verify with the keys was
//! changed by someone without the keys.

use super::damage::DamageKind;
use super::foreign;
use super::headers::{CheckedHeader, HeaderStanding};
use super::salvage_progress::SalvageProgress;
use super::salvage_segment::{WrongLength, salvage_segment};
use super::salvage_source::SalvageSource;
use super::salvaged::{FrameVisitor, Framing, Salvaged};
use crate::error::Error;
use crate::journal::format::frames::FrameChain;
use crate::journal::format::segment::{HeaderFault, MAX_LARGE_SEGMENT, SEGMENT_HEADER, is_valid_len};
use crate::seq::{SegmentId, Seq};

/// Reads segment `from` and all later segments. `durable` is the last event for which something other than the frames proves
/// that it was synced.
pub(crate) fn salvage(
    source: &SalvageSource,
    from: SegmentId,
    durable: Seq,
    visitor: &mut dyn FrameVisitor,
) -> Result<Salvaged, Error> {
    let mut progress = SalvageProgress::new(durable);
    let active = source.active(from)?;
    let mut before = None;
    for checked in source.headers().iter().filter(|checked| checked.segment >= from) {
        enter(checked.segment, before, &mut progress, visitor);
        before = Some(checked.segment);
        segment(source, checked, active, &mut progress, visitor)?;
        if progress.is_newer_format {
            break;
        }
    }
    Ok(progress.finish())
}

/// Moves from the segment `before` to `segment`, and reports missing segments between the two.
fn enter(
    segment: SegmentId,
    before: Option<SegmentId>,
    progress: &mut SalvageProgress,
    visitor: &mut dyn FrameVisitor,
) {
    match before {
        None => progress.chain = (segment == SegmentId::FIRST).then_some(FrameChain::START),
        Some(before) if segment != before.next() => {
            progress.missing_file(before.next());
            progress.gap(visitor);
        }
        Some(_) => {}
    }
}

/// Reads a segment: its header, the length of its file, and its frames. Does not read the frames if the segment comes after the
/// active segment.
fn segment(
    source: &SalvageSource,
    checked: &CheckedHeader,
    active: SegmentId,
    progress: &mut SalvageProgress,
    visitor: &mut dyn FrameVisitor,
) -> Result<(), Error> {
    let segment = checked.segment;
    progress.begin_segment(segment);
    let len = source.file_len(segment)?;
    header(source, checked, len, progress);
    if progress.is_newer_format {
        return Ok(());
    }
    let created_with = checked.len();
    let wrong = |created_with| format!("the file is {len} bytes long, but was created with {created_with} bytes");
    let wrong_length = match created_with {
        Some(full) if len < full => Some(WrongLength { what: wrong(full), framing: Framing::Repairable { len: full } }),
        None if len > MAX_LARGE_SEGMENT => {
            let what = format!("the file is {len} bytes long, which is longer than any segment");
            Some(WrongLength { what, framing: Framing::Unusable })
        }
        _ => None,
    };
    if segment <= active {
        salvage_segment(source, checked, segment == active, wrong_length, progress, visitor)?;
    } else if let Some(WrongLength { what, .. }) = wrong_length {
        // the missing part of the file may have contained frames
        progress.damage(segment, Some(SEGMENT_HEADER as u64), DamageKind::Damaged, what);
    }
    if !progress.is_newer_format
        && let Some(full) = created_with.filter(|full| len > *full)
    {
        progress.framing_damage(Framing::Repairable { len: full }, segment, full, DamageKind::Damaged, wrong(full));
    }
    Ok(())
}

/// Checks the header of a segment whose file has `len` bytes.
fn header(source: &SalvageSource, checked: &CheckedHeader, len: u64, progress: &mut SalvageProgress) {
    let segment = checked.segment;
    progress.foreign_help = foreign::help(source, checked);
    let (kind, what) = match (&checked.header, &checked.standing) {
        (Err(HeaderFault::Foreign), _) => {
            (DamageKind::Damaged, "the file does not start with the magic number of a segment".to_owned())
        }
        (Err(HeaderFault::Damaged(what)), _) => (DamageKind::Damaged, (*what).to_owned()),
        (Err(HeaderFault::Newer(what) | HeaderFault::NewerToWrite(what)), _) => {
            progress.is_newer_format = true;
            (DamageKind::Newer, what.clone())
        }
        (Ok(header), _) if foreign::is_of_another_image(source, header) => {
            (DamageKind::Damaged, "the file belongs to another image".to_owned())
        }
        (Ok(header), _) if header.segment != segment => {
            (DamageKind::Damaged, format!("the header belongs to segment {}", header.segment))
        }
        (Ok(_), HeaderStanding::Foreign) => (DamageKind::Damaged, "the file belongs to another image".to_owned()),
        (Ok(_), HeaderStanding::Forged(what)) => (DamageKind::Forged, (*what).to_owned()),
        (Ok(header), HeaderStanding::Own(_)) => return progress.life(header.life),
    };
    let framing = match source.identity() {
        Some(_) if kind != DamageKind::Newer && is_valid_len(len) => Framing::Repairable { len },
        _ => Framing::Unusable,
    };
    progress.framing_damage(framing, segment, 0, kind, what);
}
