//! How far the files of a journal prove it to be synced, for a reader beside an owner in another process.

use crate::disk::{Access, Disk, StoredFile};
use crate::error::Error;
use crate::journal::{FRAME_HEADER, Layout, SEGMENT_HEADER, frame_summary};
use crate::seq::{SegmentId, Seq};

/// Reads begin at multiples of this number of bytes, which is the largest alignment of a frame.
pub(super) const READ_ALIGN: u64 = 4096;
/// How many bytes are read at once in search of frame headers.
const SEARCH: usize = 64 << 10;

/// How far a reader may read.
#[derive(Clone, Copy)]
pub(super) struct Proven {
    pub(super) seq: Seq,
    /// The end of the frames without events that are proven to be synced; `None` if all are.
    pub(super) place: Option<(SegmentId, u64)>,
}

/// How far the files prove the journal to be synced, for a reader at `offset` of a segment.
pub(super) fn proven(
    (disk, layout, image): (&dyn Disk, &Layout, &[u8; 16]),
    file: &StoredFile,
    (segment, offset): (SegmentId, u64),
) -> Result<Proven, Error> {
    // no frame is written to a segment before the whole segment before it is synced
    let mut header = [0; FRAME_HEADER];
    let next = layout.segment(segment.next());
    let is_followed = match StoredFile::open(disk, &next, Access::Read) {
        Err(error) if error.is_missing() => false,
        opened => {
            opened?.read_up_to(&mut header, SEGMENT_HEADER as u64)?;
            header.iter().any(|byte| *byte != 0)
        }
    };
    if is_followed {
        return Ok(Proven { seq: Seq::new(u64::MAX), place: None });
    }
    let watermark = layout.read_watermark(disk, image)?;
    let mut seq = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq);
    let place = watermark.map_or((segment, 0), |watermark| (watermark.segment, watermark.offset));
    // each frame names the last event that was synced before it was written
    let (mut window, mut base, mut at) = (Vec::new(), 0, offset);
    loop {
        if at + FRAME_HEADER as u64 > base + window.len() as u64 {
            base = at / READ_ALIGN * READ_ALIGN;
            window.resize(SEARCH, 0);
            let read = file.read_up_to(&mut window, base)?;
            window.truncate(read);
        }
        let Some(frame) = frame_summary(&window, (at - base) as usize, image, segment) else { break };
        seq = seq.max(frame.durable_seq);
        at = base + frame.next_offset as u64;
    }
    Ok(Proven { seq, place: Some(place) })
}
