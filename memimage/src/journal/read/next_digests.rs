//! Finds the digests that follow the last event that a reader has read, before the next event.

use super::tail::JournalTail;
use crate::disk::Access;
use crate::error::Error;
use crate::journal::format::frame::FrameKind;
use crate::journal::format::frames::{FrameReader, FrameStep};
use crate::journal::format::genesis::DigestMark;
use crate::journal::format::segment::SEGMENT_HEADER;

/// The number of bytes in which the digests are looked for. A frame without events is small, and few of them follow each other.
const READ_LEN: usize = 1 << 16;
/// Reads begin at multiples of this number of bytes, which is the largest alignment of a frame.
const READ_ALIGN: u64 = 4096;

impl JournalTail {
    /// The digests in the frames after the position and before the next event, each with the epoch of its frame. Does not move the
    /// position.
    pub(crate) fn next_digests(&self) -> Result<Vec<(u64, DigestMark)>, Error> {
        let position = if self.position.sealed { self.position.in_next_segment() } else { self.position };
        let (segments, segment) = (self.scan.segments(), position.segment);
        if segments.len_of(segment).is_none() {
            // a new segment: the reader lists it before it reads the next event
            return Ok(Vec::new());
        }
        let start = position.offset / READ_ALIGN * READ_ALIGN;
        let mut bytes = vec![0; READ_LEN];
        let read = segments.file(segment, Access::Read)?.read_up_to(&mut bytes, start)?;
        let (within, is_first) = ((position.offset - start) as usize, position.offset == SEGMENT_HEADER as u64);
        let uuid = segments.identity().uuid;
        let mut reader = FrameReader::resume(&bytes[..read], &uuid, segment, within, position.chain, is_first);
        let mut digests = Vec::new();
        while let FrameStep::Frame(frame) = reader.step() {
            let frame = frame.within(start as usize);
            match frame.header.kind {
                FrameKind::Events => break,
                FrameKind::Digest => {
                    self.scan.verify(segment, &frame)?;
                    digests.push((frame.header.life.epoch, self.scan.decode_digest(segment, &frame)?));
                }
                _ => {}
            }
        }
        Ok(digests)
    }
}
