//! Reading a journal from some segment to its end, and judging the end.

use std::ops::{ControlFlow, Range};

use super::segments::Segments;
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{Frame, FrameFault, FrameKind, FrameSummary};
use crate::journal::format::frames::{FrameChain, FrameReader, FrameStep, matching_frames};
use crate::journal::format::genesis::DigestMark;
use crate::journal::format::prune::PruneMark;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::timeline::Timeline;
use crate::journal::format::torn_write::{Evidence, Verdict, classify, durable_after};
use crate::journal::format::void::{VoidMark, Voids};
use crate::journal::format::zeros::is_zero;
use crate::keys::AuthenticationError;
use crate::seq::{SegmentId, Seq};

/// Where a journal ends.
#[derive(Debug)]
pub(crate) struct JournalEnd {
    /// The last segment that has frames, or had some before a crash cut the first one short.
    pub(crate) segment: SegmentId,
    /// Its bytes as they were read, up to the last that is used or to where the next frame would start.
    pub(crate) bytes: Vec<u8>,
    /// Its length.
    pub(crate) len: u64,
    /// Where its next frame would start.
    pub(crate) offset: usize,
    pub(crate) chain: FrameChain,
    /// The segment is sealed: the next frame goes to the one after it.
    pub(crate) sealed: bool,
    /// What a crash left of a frame that was being written.
    pub(crate) torn: Option<Range<usize>>,
    /// Frames that nothing proves to be on disk, though they were read.
    pub(crate) unproven: Range<usize>,
    /// The last frame that says of an event that it is void is one that nothing after it, nor anything else, proves to have been
    /// synced: were it damaged, nobody would see it.
    pub(crate) unproven_void: bool,
}

/// Reads a journal.
#[derive(Debug)]
pub(crate) struct Scan {
    segments: Segments,
    /// The last segment that has anything after its header; the first there is if none has.
    active: SegmentId,
    /// The highest seq that anything besides the frames proves to be synced.
    proven: Seq,
}

impl Scan {
    pub(crate) fn new(segments: Segments, proven: Seq) -> Result<Scan, Error> {
        let mut active = segments.first();
        for segment in segments.ids().rev() {
            if segments.is_used(segment)? {
                active = segment;
                break;
            }
        }
        Ok(Scan { segments, active, proven })
    }

    pub(crate) fn segments(&self) -> &Segments {
        &self.segments
    }

    pub(crate) fn active(&self) -> SegmentId {
        self.active
    }

    /// The newest table of shapes.
    pub(crate) fn table(&self) -> Result<ShapeTable, Error> {
        let table = self.newest(FrameKind::Shapes, |segment, frame| self.decode_table(segment, frame))?;
        Ok(table.unwrap_or_default())
    }

    /// What was last said of the journal's being pruned, as far as it can be read.
    pub(crate) fn pruned(&self) -> Result<Option<PruneMark>, Error> {
        self.newest(FrameKind::Prune, |segment, frame| self.decode_prune(segment, frame))
    }

    /// What the newest frame of a kind says, of those that can be read from the start of a segment on.
    fn newest<T>(
        &self,
        kind: FrameKind,
        decode: impl Fn(SegmentId, &Frame<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        for segment in self.segments.ids().rev().filter(|&segment| segment <= self.active) {
            let bytes = self.segments.read(segment)?;
            let mut walk = FrameReader::new(&bytes, &self.segments.identity().uuid, segment, None);
            let mut newest = None;
            while let FrameStep::Frame(frame) = walk.step() {
                if frame.header.kind == kind {
                    newest = Some(frame);
                }
            }
            if let Some(frame) = newest {
                self.verify(segment, &frame)?;
                return decode(segment, &frame).map(Some);
            }
        }
        Ok(None)
    }

    pub(crate) fn decode_table(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<ShapeTable, Error> {
        let body = self.body(segment, frame)?;
        ShapeTable::decode(&body).map_err(|fault| self.corrupt_frame(segment, frame, fault.to_string()))
    }

    pub(crate) fn decode_prune(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<PruneMark, Error> {
        let body = self.body(segment, frame)?;
        PruneMark::decode(&body).map_err(|what| self.corrupt_frame(segment, frame, what))
    }

    pub(crate) fn decode_void(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<VoidMark, Error> {
        let mark =
            VoidMark::decode(&self.body(segment, frame)?).map_err(|what| self.corrupt_frame(segment, frame, what))?;
        match mark.seq < frame.header.first_seq {
            true => Ok(mark),
            false => {
                let what = format!("it says that event {} is void, which comes after it", mark.seq);
                Err(self.corrupt_frame(segment, frame, what))
            }
        }
    }

    /// The events that the segments from this one on say are void. Of the frames in between the headers alone are read, so
    /// this costs little of what replaying them does.
    pub(crate) fn voids(&self, from: SegmentId) -> Result<Voids, Error> {
        let mut voids = Voids::default();
        self.each(from, is_void, |segment, frame| self.add_void(segment, frame, &mut voids))?;
        Ok(voids)
    }

    /// The void events of the segments that hold the events after `seq`, and the timeline of the state after `seq`.
    pub(crate) fn voids_and_timeline(&self, seq: Seq) -> Result<(Voids, Timeline), Error> {
        let (mut voids, mut line) = (Voids::default(), Timeline::new(seq));
        let wanted = Timeline::new(seq);
        let wanted = |frame: &FrameSummary| is_void(frame) || wanted.is_described_by(frame);
        self.each(self.segment_after(seq)?, wanted, |segment, frame| {
            match frame.header.kind {
                FrameKind::Void => self.add_void(segment, frame, &mut voids)?,
                // what the keys refuse tells nothing, and whoever reads it says so
                _ if self.verify(segment, frame).is_err() => {}
                FrameKind::Events => line.add_events(&frame.header),
                _ => {
                    if let Some(mark) = self.body(segment, frame).ok().and_then(|body| DigestMark::decode(&body).ok()) {
                        line.add_digest(&frame.header, mark);
                    }
                }
            }
            Ok(())
        })?;
        Ok((voids, line))
    }

    /// Shows the good frames that are wanted, of the segments from this one on.
    fn each(
        &self,
        from: SegmentId,
        wanted: impl Fn(&FrameSummary) -> bool,
        mut show: impl FnMut(SegmentId, &Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for segment in self.segments.ids().filter(|&segment| segment >= from && segment <= self.active) {
            let bytes = self.segments.read(segment)?;
            for frame in matching_frames(&bytes, &self.segments.identity().uuid, segment, &wanted) {
                show(segment, &frame)?;
            }
        }
        Ok(())
    }

    fn add_void(&self, segment: SegmentId, frame: &Frame<'_>, voids: &mut Voids) -> Result<(), Error> {
        self.verify(segment, frame)?;
        voids.add(&self.decode_void(segment, frame)?, frame);
        Ok(())
    }

    /// The segment from which to read for all events after `seq`.
    pub(crate) fn segment_after(&self, seq: Seq) -> Result<SegmentId, Error> {
        for segment in self.segments.ids().rev().filter(|&segment| segment <= self.active) {
            let first = self.segments.first_frame(segment)?;
            // the segment that holds `seq` itself: the one after it may begin with what a crash left of a frame
            if first.is_some_and(|header| header.first_seq <= seq) {
                return Ok(segment);
            }
        }
        Ok(self.segments.first())
    }

    /// Reads from the start of segment `from`, shows each frame to `visit`, and judges the end. `None` if `visit` broke off.
    pub(crate) fn read(
        &self,
        from: SegmentId,
        mut visit: impl FnMut(SegmentId, &Frame<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<JournalEnd>, Error> {
        let mut chain = (from == SegmentId::FIRST && self.segments.is_whole()).then_some(FrameChain::START);
        let mut voided = None;
        for segment in self.segments.ids().filter(|&segment| segment >= from && segment <= self.active) {
            let bytes = self.segments.read(segment)?;
            let mut walk = FrameReader::new(&bytes, &self.segments.identity().uuid, segment, chain);
            // frames from here on are beyond the last proof, as far as is known while reading
            let mut events: Vec<(usize, Seq)> = vec![(SEGMENT_HEADER, Seq::ZERO)];
            let stopped = loop {
                match walk.step() {
                    FrameStep::Frame(frame) => {
                        self.verify(segment, &frame)?;
                        if frame.header.count > 0 {
                            events.push((frame.next_offset(), Seq::new(frame.header.next_seq().get() - 1)));
                        }
                        if frame.header.kind == FrameKind::Void {
                            voided = Some((segment, frame.header.first_seq));
                        }
                        if visit(segment, &frame)?.is_break() {
                            return Ok(None);
                        }
                    }
                    stopped => break stopped,
                }
            };
            let offset = walk.offset();
            let found = walk.chain().or(chain).unwrap_or(FrameChain::START);
            let (sealed, torn) = match stopped {
                FrameStep::Sealed => (true, self.after_seal(segment, &bytes, offset, found)?),
                FrameStep::Fault(fault) => (false, self.after_fault(segment, &bytes, &walk, &fault, found)?),
                FrameStep::Misplaced(what) => return Err(self.corrupt(segment, offset, found.next_seq, what)),
                FrameStep::WrongMac(frame) => {
                    self.verify(segment, &frame)?;
                    return Err(self.forged(segment, &frame, "it names another link of the chain than the last one"));
                }
                FrameStep::Frame(_) => unreachable!("the walk goes on after a frame"),
            };
            if segment == self.active {
                let durable = self.proven.max(found.durable);
                if sealed && durable >= found.next_seq {
                    let position = Position { segment: Some(segment.next()), offset: None, seq: Some(found.next_seq) };
                    let what = format!(
                        "its file is missing or empty, and events up to {durable} are known to have been synced"
                    );
                    let path = self.segments.path(segment.next());
                    return Err(Error::new(ErrorDetail::Corrupt { path, position, what, suspect: false }));
                }
                let proven = events.iter().rev().find(|(_, last)| *last <= durable).map_or(SEGMENT_HEADER, |at| at.0);
                let unproven = proven.min(offset)..offset;
                // what a crash left of a segment's first frame is cleared, and then no longer tells of the one before
                let in_last = |of| of == segment || of == segment.before() && offset == SEGMENT_HEADER;
                let unproven_void = voided.is_some_and(|(of, next)| in_last(of) && durable < next);
                let mut bytes = bytes;
                bytes.resize(bytes.len().max(offset), 0);
                let len = self.segments.len_of(segment).expect("a segment of this journal");
                let end =
                    JournalEnd { segment, bytes, len, offset, chain: found, sealed, torn, unproven, unproven_void };
                return Ok(Some(end));
            }
            chain = Some(found);
        }
        unreachable!("the active segment is one of the journal's, and not before the first that is read")
    }

    /// Nothing may stand after a seal, and what is known to have been synced may not be missing.
    fn after_seal(
        &self,
        segment: SegmentId,
        bytes: &[u8],
        offset: usize,
        chain: FrameChain,
    ) -> Result<Option<Range<usize>>, Error> {
        if !is_zero(&bytes[offset.min(bytes.len())..]) {
            return Err(self.corrupt(segment, offset, chain.next_seq, "bytes follow the seal".to_owned()));
        }
        if segment == self.active && self.proven.max(chain.durable) >= chain.next_seq {
            let what = "the segment is missing or empty, and events that belong there are known to have been synced";
            return Err(self.corrupt(segment.next(), SEGMENT_HEADER, chain.next_seq, what.to_owned()));
        }
        Ok(None)
    }

    fn after_fault(
        &self,
        segment: SegmentId,
        bytes: &[u8],
        walk: &FrameReader<'_>,
        fault: &FrameFault,
        chain: FrameChain,
    ) -> Result<Option<Range<usize>>, Error> {
        let (offset, expecting) = (walk.offset(), chain.next_seq);
        if let FrameFault::Unsupported { reason } = fault {
            let path = self.segments.path(segment);
            return Err(Error::new(ErrorDetail::Format {
                path,
                act: "read",
                what: format!("at byte {offset} {reason}"),
            }));
        }
        let evidence = Evidence { durable: self.proven.max(chain.durable), later_segment: segment != self.active };
        let len = self.segments.len_of(segment).expect("a segment of this journal");
        let after = || durable_after(bytes, offset, walk.checksum());
        match classify((bytes, len), offset, fault, expecting, evidence, after) {
            Verdict::Clean => Ok(None),
            Verdict::Torn(range) => Ok(Some(range)),
            Verdict::Corrupt(what) => Err(self.corrupt(segment, offset, expecting, what.to_owned())),
            Verdict::Suspect(what) => Err(self.error(segment, offset, expecting, what.to_owned(), true)),
        }
    }

    /// The body of a frame, decrypted if need be.
    pub(crate) fn body(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<Vec<u8>, Error> {
        frame.body(&self.segments.cover(segment)).map_err(|AuthenticationError| {
            self.forged(segment, frame, "its body does not decrypt under the key that opened the segment's header")
        })
    }

    /// Makes sure that a frame is protected as its segment is, and that its link of the chain is right.
    fn verify(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let cover = self.segments.cover(segment);
        if frame.form != cover.form() {
            return Err(self.forged(segment, frame, "it is not protected in the way that the segment's header says"));
        }
        match frame.has_valid_mac(&cover) {
            true => Ok(()),
            false => Err(self.forged(segment, frame, "its MAC is not valid under the key")),
        }
    }

    fn forged(&self, segment: SegmentId, frame: &Frame<'_>, what: &'static str) -> Error {
        let (offset, seq) = (Some(frame.offset as u64), Some(frame.header.first_seq));
        let position = Position { segment: Some(segment), offset, seq };
        Error::new(ErrorDetail::Forged { path: self.segments.path(segment), position, what })
    }

    /// The error of a frame whose checksums are right and whose content is not.
    pub(crate) fn corrupt_frame(&self, segment: SegmentId, frame: &Frame<'_>, what: String) -> Error {
        self.corrupt(segment, frame.offset, frame.header.first_seq, what)
    }

    fn corrupt(&self, segment: SegmentId, offset: usize, seq: Seq, what: String) -> Error {
        self.error(segment, offset, seq, what, false)
    }

    fn error(&self, segment: SegmentId, offset: usize, seq: Seq, what: String, suspect: bool) -> Error {
        let position = Position { segment: Some(segment), offset: Some(offset as u64), seq: Some(seq) };
        Error::new(ErrorDetail::Corrupt { path: self.segments.path(segment), position, what, suspect })
    }
}

fn is_void(frame: &FrameSummary) -> bool {
    frame.kind == Some(FrameKind::Void)
}
