//! Reads a journal from a given segment to its end, and classifies the end.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use parking_lot::Mutex;

use super::position::TailPosition;
use super::segments::Segments;
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{Frame, FrameFault, FrameKind};
use crate::journal::format::frames::{FrameChain, FrameReader, FrameStep};
use crate::journal::format::gap::{Gap, GapMark};
use crate::journal::format::prune::PruneMark;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::shape_table::{ShapeRows, ShapeTable};
use crate::journal::format::torn_write::{Evidence, Verdict, classify, durable_after};
use crate::journal::format::zeros::is_zero;
use crate::keys::AuthenticationError;
use crate::seq::{SegmentId, Seq};

/// The end of a journal.
#[derive(Debug)]
pub(crate) struct JournalEnd {
    /// The active segment: the last one with a non-zero byte after its header. A torn first frame may be all that this segment
    /// contains.
    pub(crate) segment: SegmentId,
    /// The bytes of the segment, up to the last non-zero byte or the offset of the next frame, whichever is later.
    pub(crate) bytes: Vec<u8>,
    /// The length of the segment.
    pub(crate) len: u64,
    /// The offset of the next frame.
    pub(crate) offset: usize,
    pub(crate) chain: FrameChain,
    /// Whether the segment is sealed, so that the next frame is written to the next segment.
    pub(crate) sealed: bool,
    /// The range of a torn write, up to the last non-zero byte; `None` if there is no torn write.
    pub(crate) torn: Option<Range<usize>>,
    /// The range of frames that were read, but that are perhaps not on disk.
    pub(crate) unproven: Range<usize>,
    /// True if neither a later frame nor other evidence proves that the last void mark was synced, so that damage to this mark
    /// would go unnoticed.
    pub(crate) unproven_void: bool,
}

impl JournalEnd {
    /// The position of the next frame.
    pub(crate) fn position(&self) -> TailPosition {
        let (segment, offset, sealed) = (self.segment, self.offset as u64, self.sealed);
        let chain = (self.offset > SEGMENT_HEADER || self.chain.next_seq > Seq::new(1)).then_some(self.chain);
        TailPosition { segment, offset, chain, sealed }
    }
}

#[derive(Debug)]
pub(crate) struct Scan {
    segments: Segments,
    /// The last segment with a non-zero byte after its header; the first segment if there is no such segment.
    active: SegmentId,
    /// The last event for which something other than the frames proves that it was synced.
    proven: Seq,
    /// The bytes of the active segment between the read of the shape table and the read of all frames, so that this segment,
    /// often the only one, is read once.
    active_bytes: Mutex<Option<Arc<Vec<u8>>>>,
}

impl Scan {
    pub(crate) fn new(segments: Segments, proven: Seq) -> Result<Scan, Error> {
        let mut active = segments.first();
        for segment in segments.ids().rev() {
            if segments.has_content(segment)? {
                active = segment;
                break;
            }
        }
        Ok(Scan { segments, active, proven, active_bytes: Mutex::new(None) })
    }

    /// A scan of the events up to `durable`, which an owner has synced. The journal then ends in the last segment with an intact first
    /// frame, so the zeros of a preallocated segment need not be read.
    pub(crate) fn beside_owner(segments: Segments, durable: Seq) -> Result<Scan, Error> {
        let mut active = segments.first();
        for segment in segments.ids().rev() {
            if segments.first_frame(segment)?.is_some() {
                active = segment;
                break;
            }
        }
        Ok(Scan { segments, active, proven: durable, active_bytes: Mutex::new(None) })
    }

    /// A scan of the segments of a running journal, for a reader that knows where the journal ends.
    pub(super) fn of_tail(segments: Segments) -> Scan {
        let active = segments.ids().next_back().unwrap_or(SegmentId::FIRST);
        Scan { segments, active, proven: Seq::ZERO, active_bytes: Mutex::new(None) }
    }

    pub(crate) fn segments(&self) -> &Segments {
        &self.segments
    }

    pub(crate) fn active(&self) -> SegmentId {
        self.active
    }

    /// The newest shape table: the table at the start of the last segment that begins with a table, plus the rows that later
    /// frames in this segment add.
    pub(crate) fn table(&self) -> Result<ShapeTable, Error> {
        let table = self.last_segment_with(
            FrameKind::Shapes,
            |segment| self.read_and_keep(segment),
            |segment, frames| {
                let mut table = ShapeTable::default();
                for frame in frames {
                    let added = table.add(self.rows(segment, frame)?);
                    added.map_err(|fault| self.corrupt_frame(segment, frame, fault.to_string()))?;
                }
                Ok(table)
            },
        )?;
        Ok(table.unwrap_or_default())
    }

    /// The newest prune mark, if one is readable.
    pub(crate) fn pruned(&self) -> Result<Option<PruneMark>, Error> {
        self.last_segment_with(
            FrameKind::Prune,
            |segment| self.segments.read(segment).map(Arc::new),
            |segment, frames| self.decode_prune(segment, frames.last().expect("a segment with such a frame")),
        )
    }

    /// The last event of the journal. Reads only the active segment and the segment before it.
    pub(crate) fn last_event(&self) -> Result<Seq, Error> {
        Ok(self.read_end()?.chain.before())
    }

    /// The end of the journal. Reads only the active segment and the segment before it.
    pub(crate) fn read_end(&self) -> Result<JournalEnd, Error> {
        // a torn first frame may be all that the active segment contains
        let from = self.segments.ids().rev().find(|&segment| segment < self.active).unwrap_or(self.active);
        let end = self.read(from, |_, _| Ok(ControlFlow::Continue(())))?;
        Ok(end.expect("it is read to its end"))
    }

    /// Decodes the frames of this kind in the last segment that contains such frames. After the first damage in a segment,
    /// ignores the segment's later frames.
    fn last_segment_with<T>(
        &self,
        kind: FrameKind,
        read: impl Fn(SegmentId) -> Result<Arc<Vec<u8>>, Error>,
        decode: impl Fn(SegmentId, &[Frame<'_>]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        for segment in self.segments.ids().rev().filter(|&segment| segment <= self.active) {
            let bytes = read(segment)?;
            let mut reader = FrameReader::new(&bytes, &self.segments.identity().uuid, segment, None);
            let mut frames = Vec::new();
            while let FrameStep::Frame(frame) = reader.step() {
                if frame.header.kind == kind {
                    frames.push(frame);
                }
            }
            for frame in &frames {
                self.verify(segment, frame)?;
            }
            if !frames.is_empty() {
                return decode(segment, &frames).map(Some);
            }
        }
        Ok(None)
    }

    /// The rows of a frame of shapes.
    pub(crate) fn rows(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<ShapeRows, Error> {
        let body = self.body(segment, frame)?;
        ShapeRows::decode(&body).map_err(|fault| self.corrupt_frame(segment, frame, fault.to_string()))
    }

    pub(crate) fn decode_prune(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<PruneMark, Error> {
        let body = self.body(segment, frame)?;
        PruneMark::decode(&body).map_err(|what| self.corrupt_frame(segment, frame, what))
    }

    pub(crate) fn decode_gap(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<Gap, Error> {
        self.decode_gap_mark(segment, frame).map(|(_, gap)| gap)
    }

    /// Like [`decode_gap`](Scan::decode_gap), with the whole decision.
    pub(crate) fn decode_gap_mark(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(GapMark, Gap), Error> {
        let mark = GapMark::decode(&self.body(segment, frame)?, &frame.header);
        let mark = mark.map_err(|what| self.corrupt_frame(segment, frame, what))?;
        let gap = Gap::new(&mark, &frame.header);
        Ok((mark, gap))
    }

    /// Verifies that a gap frame begins with the event that must follow the frame before it.
    pub(super) fn verify_gap(
        &self,
        segment: SegmentId,
        frame: &Frame<'_>,
        before: Option<FrameChain>,
    ) -> Result<(), Error> {
        let (gap, Some(before)) = (self.decode_gap(segment, frame)?, before) else { return Ok(()) };
        gap.misplaced(before.next_seq).map_or(Ok(()), |what| Err(self.corrupt_frame(segment, frame, what)))
    }

    /// The segment from which a reader must start to read all events after `seq`.
    pub(crate) fn segment_after(&self, seq: Seq) -> Result<SegmentId, Error> {
        for segment in self.segments.ids().rev().filter(|&segment| segment <= self.active) {
            let first = self.segments.first_frame(segment)?;
            // starts no later than the segment that contains event `seq`, because the next segment may begin with a torn frame
            if first.is_some_and(|header| header.first_seq <= seq) {
                return Ok(segment);
            }
        }
        Ok(self.segments.first())
    }

    /// Reads a segment, and keeps its bytes if it is the active segment.
    fn read_and_keep(&self, segment: SegmentId) -> Result<Arc<Vec<u8>>, Error> {
        let bytes = Arc::new(self.segments.read(segment)?);
        if segment == self.active {
            *self.active_bytes.lock() = Some(Arc::clone(&bytes));
        }
        Ok(bytes)
    }

    /// The segments from `from` to the active segment.
    pub(super) fn segments_from(&self, from: SegmentId) -> impl Iterator<Item = SegmentId> {
        self.segments.ids().filter(move |&segment| segment >= from && segment <= self.active)
    }

    /// The bytes of a segment, if they are kept from an earlier read.
    pub(super) fn kept(&self, segment: SegmentId) -> Option<Arc<Vec<u8>>> {
        self.active_bytes.lock().clone().filter(|_| segment == self.active)
    }

    /// Like [`kept`](Scan::kept), and does not keep the bytes any longer.
    pub(super) fn take_kept(&self, segment: SegmentId) -> Option<Vec<u8>> {
        if segment != self.active {
            return None;
        }
        self.active_bytes.lock().take().map(Arc::unwrap_or_clone)
    }

    /// Reads from the start of segment `from`, passes each frame to `visit`, and classifies the end of the journal. Returns
    /// `None` if `visit` returns `Break`.
    pub(crate) fn read(
        &self,
        from: SegmentId,
        visit: impl FnMut(SegmentId, &Frame<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<JournalEnd>, Error> {
        let kept = self.active_bytes.lock().take();
        let chain = (from == SegmentId::FIRST && self.segments.starts_at_genesis()).then_some(FrameChain::START);
        let mut reading = Reading { scan: self, chain, last_void: None, visit };
        let mut unread: Vec<SegmentId> = self.segments_from(from).collect();
        if kept.is_some() {
            unread.pop();
        }
        let mut end = self.segments.read_each(&unread, |segment, bytes| reading.segment(segment, bytes))?;
        if let (None, Some(bytes)) = (&end, kept)
            && let ControlFlow::Break(at) = reading.segment(self.active, Arc::unwrap_or_clone(bytes))?
        {
            end = Some(at);
        }
        Ok(end.expect("the active segment is among the segments read"))
    }

    /// Verifies that only zeros follow a seal, and that the journal has not lost an event that is proven to be synced.
    fn after_seal(
        &self,
        segment: SegmentId,
        bytes: &[u8],
        offset: usize,
        chain: FrameChain,
    ) -> Result<Option<Range<usize>>, Error> {
        if !is_zero(&bytes[offset.min(bytes.len())..]) {
            return Err(self.corrupt(
                segment,
                offset,
                chain.next_seq,
                "the segment has bytes after its seal".to_owned(),
            ));
        }
        let durable = self.proven.max(chain.durable);
        if segment == self.active && durable >= chain.next_seq {
            let what = format!("the file is missing or empty, but the events up to {durable} were synced");
            return Err(self.corrupt(segment.next(), SEGMENT_HEADER, chain.next_seq, what));
        }
        Ok(None)
    }

    /// Classifies the bytes at the first offset at which no intact frame starts. If the bytes are a torn write, returns its
    /// range.
    fn after_fault(
        &self,
        segment: SegmentId,
        bytes: &[u8],
        reader: &FrameReader<'_>,
        fault: &FrameFault,
        chain: FrameChain,
    ) -> Result<Option<Range<usize>>, Error> {
        let (offset, expecting) = (reader.offset(), chain.next_seq);
        if let FrameFault::Unsupported { reason } = fault {
            let path = self.segments.path(segment);
            return Err(Error::new(ErrorDetail::Format {
                path,
                act: "read",
                what: format!("{reason}, at byte {offset}"),
            }));
        }
        let evidence = Evidence { durable: self.proven.max(chain.durable), later_segment: segment != self.active };
        let len = self.segments.len_of(segment).expect("a segment of this journal");
        let after = || durable_after(bytes, offset, reader.checksum());
        match classify((bytes, len), offset, fault, expecting, evidence, after) {
            Verdict::Clean => Ok(None),
            Verdict::Torn(range) => Ok(Some(range)),
            Verdict::Corrupt(what) => Err(self.corrupt(segment, offset, expecting, what.to_owned())),
            Verdict::Suspect(what) => Err(self.error(segment, offset, expecting, what.to_owned(), true)),
        }
    }

    /// The body of a frame, decrypted if it is encrypted.
    pub(crate) fn body(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<Vec<u8>, Error> {
        frame.body(&self.segments.frame_protection(segment)).map_err(|AuthenticationError| {
            self.forged(
                segment,
                frame,
                "the body of a frame does not decrypt with the key that decrypted the segment's header",
            )
        })
    }

    /// Verifies that a frame has the protection of its segment, and that its MAC is valid.
    pub(super) fn verify(&self, segment: SegmentId, frame: &Frame<'_>) -> Result<(), Error> {
        let protection = self.segments.frame_protection(segment);
        if frame.key_ids != protection.key_ids() {
            return Err(self.forged(
                segment,
                frame,
                "the protection of a frame differs from that in the segment's header",
            ));
        }
        if frame.has_valid_mac(&protection) {
            Ok(())
        } else {
            Err(self.forged(segment, frame, "the MAC of a frame is not valid under the key"))
        }
    }

    pub(super) fn forged(&self, segment: SegmentId, frame: &Frame<'_>, what: &'static str) -> Error {
        let (offset, seq) = (Some(frame.offset as u64), Some(frame.header.first_seq));
        let position = Position { segment: Some(segment), offset, seq };
        Error::new(ErrorDetail::Forged { path: self.segments.path(segment), position, what })
    }

    /// The error for a frame whose checksums are correct but whose content is invalid.
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

/// The progress of reading a journal.
struct Reading<'a, V> {
    scan: &'a Scan,
    /// The state after the last frame; `None` before the first frame if reading began in the middle of a journal.
    chain: Option<FrameChain>,
    /// The segment of the last void frame, and the seq of the first event after it.
    last_void: Option<(SegmentId, Seq)>,
    visit: V,
}

impl<V: FnMut(SegmentId, &Frame<'_>) -> Result<ControlFlow<()>, Error>> Reading<'_, V> {
    /// Reads the frames of the next segment. Breaks at the end of the journal, or with `None` if `visit` breaks.
    fn segment(&mut self, segment: SegmentId, mut bytes: Vec<u8>) -> Result<ControlFlow<Option<JournalEnd>>, Error> {
        let scan = self.scan;
        let mut reader = FrameReader::new(&bytes, &scan.segments.identity().uuid, segment, self.chain);
        // for each frame with events: the offset at which the next frame starts, and the last event. Frames after the last
        // event that is proven to be synced are unproven
        let mut events: Vec<(usize, Seq)> = vec![(SEGMENT_HEADER, Seq::ZERO)];
        let stopped = loop {
            let before = reader.chain();
            match reader.step() {
                FrameStep::Frame(frame) => {
                    scan.verify(segment, &frame)?;
                    if frame.header.kind == FrameKind::Gap {
                        scan.verify_gap(segment, &frame, before)?;
                    }
                    if frame.header.count > 0 {
                        events.push((frame.next_offset(), Seq::new(frame.header.next_seq().get() - 1)));
                    }
                    if frame.header.kind == FrameKind::Void {
                        self.last_void = Some((segment, frame.header.first_seq));
                    }
                    if (self.visit)(segment, &frame)?.is_break() {
                        return Ok(ControlFlow::Break(None));
                    }
                }
                stopped => break stopped,
            }
        };
        let offset = reader.offset();
        let end_chain = reader.chain().or(self.chain).unwrap_or(FrameChain::START);
        let (sealed, torn) = match stopped {
            FrameStep::Sealed => (true, scan.after_seal(segment, &bytes, offset, end_chain)?),
            FrameStep::Fault(fault) => (false, scan.after_fault(segment, &bytes, &reader, &fault, end_chain)?),
            FrameStep::Misplaced(what) => return Err(scan.corrupt(segment, offset, end_chain.next_seq, what)),
            FrameStep::WrongMac(frame) => {
                scan.verify(segment, &frame)?;
                return Err(scan.forged(segment, &frame, "a frame names a wrong MAC for the previous frame"));
            }
            FrameStep::Frame(_) => unreachable!("the loop continues after a frame"),
        };
        self.chain = Some(end_chain);
        if segment != scan.active {
            return Ok(ControlFlow::Continue(()));
        }
        let durable = scan.proven.max(end_chain.durable);
        let proven = events.iter().rev().find(|(_, last)| *last <= durable).map_or(SEGMENT_HEADER, |at| at.0);
        let unproven = proven.min(offset)..offset;
        // once recovery has cleared the torn first frame of a segment, this segment no longer proves that the previous segment
        // was synced
        let in_last = |of| of == segment || of == segment.before() && offset == SEGMENT_HEADER;
        let unproven_void = self.last_void.is_some_and(|(of, next)| in_last(of) && durable < next);
        bytes.resize(bytes.len().max(offset), 0);
        let len = scan.segments.len_of(segment).expect("a segment of this journal");
        let end = JournalEnd { segment, bytes, len, offset, chain: end_chain, sealed, torn, unproven, unproven_void };
        Ok(ControlFlow::Break(Some(end)))
    }
}
