//! Pieces of a journal, and points between them.

use serde::{Deserialize, Serialize};

use crate::context::Timestamp;
use crate::journal::{FrameProtection, FrameReader, FrameStep, SEGMENT_HEADER, records};
use crate::keys::Protection;
use crate::seq::{SegmentId, Seq};

/// A point between two frames of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPoint {
    /// The number of the segment; 0 before the journal begins.
    pub segment: u64,
    /// The offset of the next frame in the file of the segment, in bytes; 0 before the header of the segment.
    pub offset: u64,
    /// The last event before the point.
    pub seq: Seq,
    /// The hash of the last frame before the point, which depends on the whole journal up to there; 0 before the first frame.
    pub hash: u64,
}

impl JournalPoint {
    /// The point before the first segment of a journal.
    pub const START: JournalPoint = JournalPoint { segment: 0, offset: 0, seq: Seq::ZERO, hash: 0 };

    /// Whether the bytes up to this point reach at least as far as those up to `other`, in one journal.
    pub fn reaches(&self, other: &JournalPoint) -> bool {
        (self.segment, self.offset) >= (other.segment, other.offset)
    }
}

/// Where the bytes of a [`Piece`] belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PieceHead {
    /// Where the bytes begin. Its `seq` and `hash` are those of the last complete frame before. If the piece continues a frame, its `offset`
    /// is inside of the frame.
    pub start: JournalPoint,
    /// The end of the last frame that is complete with this piece, or was before.
    pub end: JournalPoint,
    /// The time from which the events of the last frame with events are counted that is complete with this piece: none of them is earlier.
    /// Zero if there is none.
    pub time: Timestamp,
}

/// Some bytes of one segment: the header if they begin at offset 0, and then frames with the zeros between them. The last frame may be
/// incomplete, if it is longer than the piece may be; then the next piece continues it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where the bytes belong.
    pub head: PieceHead,
    /// The bytes, as they are in the file of the segment.
    pub bytes: Vec<u8>,
}

impl Piece {
    /// The recorded time of the last event in the frames of this piece of the image with this UUID. `None` if it has no frame with events
    /// that is whole, or if the events are encrypted.
    pub fn last_event_time(&self, image: &[u8; 16]) -> Option<Timestamp> {
        const ALIGN: u64 = 4096;
        let JournalPoint { segment, offset, .. } = self.head.start;
        // the padding between frames depends on their offsets in the file
        let lead = (offset % ALIGN) as usize;
        let mut bytes = vec![0; lead];
        bytes.extend_from_slice(&self.bytes);
        let first = if offset == 0 { SEGMENT_HEADER } else { lead };
        let segment = SegmentId::new(segment);
        let mut reader = FrameReader::at(&bytes, image, segment, first);
        let mut last = None;
        while let FrameStep::Frame(frame) = reader.step() {
            if frame.header.count > 0 {
                last = Some(frame);
            }
        }
        let frame = last.filter(|frame| frame.key_ids.cipher.is_none())?;
        let plain = Protection::default();
        let body = frame.body(&FrameProtection::new(image, segment, &plain)).ok()?;
        let header = &frame.header;
        records(&body, header.first_seq, header.count, header.time).last()?.ok().map(|record| record.time)
    }
}
