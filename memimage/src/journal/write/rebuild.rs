//! Rebuilds a segment without its damaged frames. The sound frames stay byte for byte the same; gap frames take the place of those
//! that are given up.

use super::segment_builder::SegmentBuilder;
use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{FrameHeader, FrameKind, align_up, finish, head_len, parse, start};
use crate::journal::format::frames::{FrameChain, FrameReader, FrameStep};
use crate::journal::format::gap::GapMark;
use crate::journal::format::protection::{BRIDGE, Checksum, FrameProtection, Link};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::whitening::Salts;
use crate::journal::format::zeros::last_nonzero;
use crate::keys::KeyIds;
use crate::seq::{SegmentId, Seq};

/// A part of a rebuilt segment.
#[derive(Clone, Debug)]
pub(crate) enum RebuiltPart {
    /// The frames of the old segment in this range of bytes, unchanged. A range without an end reaches up to the seal.
    Frames { start: usize, end: Option<usize> },
    /// A new frame with all rows of the shape table.
    Shapes,
    /// A new gap frame. `next` is the event after the gap, and `link` the link that the next frame contains.
    Gap { mark: GapMark, next: Seq, link: Link },
    /// A new seal.
    Seal,
    /// The bytes of the old segment from this offset on, which hold no sound frame: this repair must not hide their damage.
    Rest(usize),
}

/// A segment that is being rebuilt.
#[derive(Debug)]
pub(crate) struct SegmentRebuild<'a> {
    pub(crate) builder: &'a SegmentBuilder,
    pub(crate) segment: SegmentId,
    /// The bytes of the old segment; empty if it is missing.
    pub(crate) old: &'a [u8],
    /// All rows of the shape table.
    pub(crate) table: &'a ShapeTable,
    pub(crate) align_shift: u8,
}

impl SegmentRebuild<'_> {
    /// The frames of the rebuilt segment, and the state of the journal after them. `before` is the state of the journal before the
    /// segment; it is not used if the segment begins with old frames.
    ///
    /// # Errors
    ///
    /// Fails if the old segment does not contain the frames, or if they do not continue each other: then a second reading found
    /// other bytes than the first one.
    pub(crate) fn frames(
        &self,
        parts: &[RebuiltPart],
        before: FrameChain,
        salts: &mut Salts,
    ) -> Result<(Vec<u8>, FrameChain), Error> {
        let mut frames = Vec::new();
        // a segment that begins with old frames need not be compared with the segment before it, which may be damaged
        let mut chain = Some(before).filter(|_| !matches!(parts.first(), Some(RebuiltPart::Frames { .. })));
        for part in parts {
            match part {
                RebuiltPart::Frames { start, end } => chain = Some(self.copy(&mut frames, *start, *end, chain)?),
                RebuiltPart::Shapes => {
                    self.add(&mut frames, FrameKind::Shapes, &self.table.encode(), None, &mut chain, salts)?;
                }
                RebuiltPart::Gap { mark, next, link } => {
                    self.add(&mut frames, FrameKind::Gap, &mark.encode(), Some((*next, *link)), &mut chain, salts)?;
                }
                RebuiltPart::Seal => self.add(&mut frames, FrameKind::Seal, &[], None, &mut chain, salts)?,
                RebuiltPart::Rest(from) => {
                    let rest = self.old.get(*from..).unwrap_or_default();
                    frames.extend_from_slice(&rest[..last_nonzero(rest).map_or(0, |last| last + 1)]);
                }
            }
        }
        Ok((frames, chain.unwrap_or(before)))
    }

    /// Appends old frames, each of which must continue the one before it.
    fn copy(
        &self,
        frames: &mut Vec<u8>,
        start: usize,
        end: Option<usize>,
        before: Option<FrameChain>,
    ) -> Result<FrameChain, Error> {
        let (uuid, is_first) = (&self.builder.identity.uuid, frames.is_empty());
        let mut reader = FrameReader::resume(self.old, uuid, self.segment, start, before, is_first);
        while end.map_or(!reader.is_sealed(), |end| reader.offset() < end) {
            let FrameStep::Frame(frame) = reader.step() else { return Err(self.unstable(reader.offset())) };
            if frame.key_ids != self.builder.protection.key_ids() {
                return Err(self.error(frame.offset, "frames of the same segment have different keys"));
            }
            frames.extend_from_slice(&self.old[frame.offset..frame.offset + frame.len]);
            frames.resize(align_up(frames.len() as u64, frame.header.align_shift) as usize, 0);
        }
        match reader.chain() {
            Some(chain) if end.is_none_or(|end| reader.offset() == end) => Ok(chain),
            _ => Err(self.unstable(reader.offset())),
        }
    }

    /// Appends a new frame without events. `gap` is the event after the frame and the link that the next frame contains, if the
    /// frame is a gap frame.
    fn add(
        &self,
        frames: &mut Vec<u8>,
        kind: FrameKind,
        body: &[u8],
        gap: Option<(Seq, Link)>,
        chain: &mut Option<FrameChain>,
        salts: &mut Salts,
    ) -> Result<(), Error> {
        let before = chain.unwrap_or(FrameChain::START);
        let (first_seq, bridge) = gap.map_or((before.next_seq, None), |(next, link)| (next, Some(link)));
        let header = FrameHeader {
            kind,
            first_seq,
            count: 0,
            durable_seq: before.durable,
            life: before.life,
            decisions: before.decisions,
            time: Timestamp::default(),
            previous: before.previous,
            bridge,
            align_shift: self.align_shift,
        };
        let protection = FrameProtection::new(&self.builder.identity.uuid, self.segment, &self.builder.protection);
        let mut frame = Vec::new();
        start(&mut frame, head_len(protection.key_ids()) + bridge.map_or(0, |_| BRIDGE));
        frame.extend_from_slice(body);
        let offset = (SEGMENT_HEADER + frames.len()) as u64;
        let previous = finish(&mut frame, &header, &protection, &protection.draw()?, offset, salts);
        frames.extend_from_slice(&frame);
        frames.resize(align_up(frames.len() as u64, self.align_shift) as usize, 0);
        *chain = Some(FrameChain { next_seq: first_seq, previous, ..before });
        Ok(())
    }

    fn unstable(&self, offset: usize) -> Error {
        self.error(offset, "a second reading of the file found other frames, so the disk is not reliable")
    }

    fn error(&self, offset: usize, what: &str) -> Error {
        let (path, offset) = (self.builder.layout.segment(self.segment), Some(offset as u64));
        let position = Position { segment: Some(self.segment), offset, seq: None };
        Error::new(ErrorDetail::Corrupt { path, position, what: what.to_owned(), suspect: false })
    }
}

/// The keys of the first frame that is kept; `None` if no frame is kept.
pub(crate) fn key_ids_of(parts: &[RebuiltPart], old: &[u8], uuid: &[u8; 16], segment: SegmentId) -> Option<KeyIds> {
    let start = parts.iter().find_map(|part| match part {
        RebuiltPart::Frames { start, .. } => Some(*start),
        _ => None,
    })?;
    parse(old, start, Checksum::new(uuid, segment)).ok().map(|frame| frame.key_ids)
}
