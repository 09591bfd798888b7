//! Follows the end of a journal that its owner is writing: reads each frame once, as soon as its events are durable.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::last_frame::FrameMark;
use super::position::TailPosition;
use super::scan::Scan;
use super::segments::Segments;
use super::synced_search::SyncedSearch;
use crate::disk::{Access, Disk, StoredFile};
use crate::error::{Error, ErrorDetail};
use crate::journal::format::frame::{Frame, FrameFault, FrameKind, HEADER};
use crate::journal::format::frames::{FrameChain, FrameReader, FrameStep};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::layout::Layout;
use crate::keys::Keyring;
use crate::seq::{SegmentId, Seq};

/// The size of the first read, in bytes: mostly, only a few small frames are new.
const FIRST_PIECE_LEN: usize = 1 << 16;
/// The size of each further read, in bytes. A longer frame is read as a whole.
const PIECE_LEN: usize = 1 << 20;
/// How often the segments are listed again because one of them was removed meanwhile.
const LISTING_ATTEMPTS: u32 = 16;
/// Reads begin at multiples of this number of bytes, which is the largest alignment of a frame.
const READ_ALIGN: u64 = 4096;

/// A reader of the frames after a position.
#[derive(Debug)]
pub(crate) struct JournalTail {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) layout: Layout,
    pub(super) keyring: Arc<Keyring>,
    /// The segments that were found last; a new segment is not among them until the reader reaches it.
    pub(super) scan: Scan,
    pub(super) position: TailPosition,
    /// The last frame that was read; `None` if no frame was read yet.
    pub(super) last_frame: Option<FrameMark>,
    /// How far this reader has searched for synced events, if further than its position.
    pub(super) searched: Option<SyncedSearch>,
    /// The size of the next read, in bytes.
    wanted: usize,
}

/// Some bytes of a segment.
struct Piece<'a> {
    bytes: &'a [u8],
    /// The offset of the first byte in the segment.
    start: u64,
    /// Whether the file ends with this piece.
    is_last: bool,
}

/// The result of reading one piece of a segment.
enum PieceEnd {
    /// The reader has reached the wanted event, or `visit` broke.
    Reached,
    /// The next frame lies beyond the piece; it has at least this many bytes.
    Needs(usize),
}

impl JournalTail {
    /// Creates a reader that continues at `position`.
    pub(crate) fn new(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        position: TailPosition,
    ) -> Result<JournalTail, Error> {
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        let scan = Scan::of_tail(list(&disk, &layout, &keyring)?);
        Ok(JournalTail {
            disk,
            layout,
            keyring,
            scan,
            position,
            last_frame: None,
            searched: None,
            wanted: FIRST_PIECE_LEN,
        })
    }

    /// Creates a reader of the frames from the one with the event after `seq` on. The reader may begin with earlier frames.
    ///
    /// # Errors
    ///
    /// Returns an error if the event after `seq` was pruned.
    pub(crate) fn after(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        seq: Seq,
    ) -> Result<JournalTail, Error> {
        let mut tail = JournalTail::new(disk, layout, keyring, TailPosition::start_of(SegmentId::FIRST))?;
        if !tail.scan.segments().reaches(seq)? {
            return Err(tail.scan.segments().pruned_event(seq.next()));
        }
        tail.position = TailPosition::start_of(tail.scan.segment_after(seq.next())?);
        Ok(tail)
    }

    /// Creates a reader that begins with the segment of event `seq`, or with the event after it if event `seq` was pruned. Once it
    /// has read up to event `seq`, it knows which frame the next one must continue.
    ///
    /// # Errors
    ///
    /// Returns an error if the event after `seq` was pruned.
    pub(crate) fn in_segment_of(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        seq: Seq,
    ) -> Result<JournalTail, Error> {
        let mut tail = JournalTail::after(disk, layout, keyring, seq)?;
        tail.position = TailPosition::start_of(tail.scan.segment_after(seq)?);
        Ok(tail)
    }

    /// Creates a reader of the frames after the one with event `seq`, which must be durable. Also returns the hash of this frame; `None` if
    /// there is none, because the event was pruned or is lost in a recorded gap, or `seq` is 0.
    ///
    /// # Errors
    ///
    /// Returns an error if the event after `seq` was pruned, or if the journal does not contain event `seq`.
    pub(crate) fn positioned_after(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        seq: Seq,
    ) -> Result<(JournalTail, Option<u64>), Error> {
        let mut tail = JournalTail::in_segment_of(disk, layout, keyring, seq)?;
        let mut hash = None;
        tail.read(seq, |_, _, frame| {
            hash = frame.header.contains(seq).then(|| frame.link().hash);
            Ok(())
        })?;
        match tail.last() == seq {
            true => Ok((tail, hash)),
            false => {
                let what = format!("event {seq} is not the last one of its frame");
                Err(tail.scan.segments().corrupt(tail.position.segment, Some(tail.position.offset), what))
            }
        }
    }

    /// Creates a reader that begins with the last segment that has a frame.
    pub(super) fn in_last_segment(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
    ) -> Result<JournalTail, Error> {
        let mut tail = JournalTail::new(disk, layout, keyring, TailPosition::start_of(SegmentId::FIRST))?;
        let segments = tail.scan.segments();
        let mut last = segments.first();
        for segment in segments.ids().rev() {
            if segments.first_frame(segment)?.is_some() {
                last = segment;
                break;
            }
        }
        tail.position = TailPosition::start_of(last);
        Ok(tail)
    }

    /// A new reader of the frames from the one with the event after `seq` on. See [`JournalTail::after`].
    /// The frames must continue the history that this reader has read, as far as the journal still shows it.
    pub(super) fn reopened_after(&self, seq: Seq) -> Result<JournalTail, Error> {
        let reopen = || JournalTail::after(&self.disk, &self.layout, &self.keyring, seq);
        let mut attempts = 1;
        let tail = loop {
            match reopen() {
                // the owner pruned the journal after `reopen` had listed its segments
                Err(error) if error.is_missing() && attempts < LISTING_ATTEMPTS => attempts += 1,
                reopened => break reopened?,
            }
        };
        let segments = tail.scan.segments();
        if segments.identity().uuid != self.scan.segments().identity().uuid {
            return Err(self.other_image());
        }
        match self.position.chain.is_some_and(|chain| segments.life_conflict(chain.life).is_some()) {
            true => Err(self.other_timeline()),
            false => Ok(tail),
        }
    }

    /// Reads on until the frame with event `until`, which must be durable, and passes each frame to `visit`. Does nothing if
    /// that frame was already read.
    ///
    /// # Errors
    ///
    /// Returns the errors of `visit`, and an error if the journal is damaged before event `until`, or if the events were pruned
    /// before they were read. After an error the reader must not be used again.
    pub(crate) fn read(
        &mut self,
        until: Seq,
        mut visit: impl FnMut(&Scan, SegmentId, &Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while self.read_piece(until, &mut visit)?.is_continue() {}
        Ok(())
    }

    /// Like [`read`](JournalTail::read), but reads at most one piece of a segment. Breaks if the frame with event `until` was read.
    pub(crate) fn read_piece(
        &mut self,
        until: Seq,
        mut visit: impl FnMut(&Scan, SegmentId, &Frame<'_>) -> Result<(), Error>,
    ) -> Result<ControlFlow<()>, Error> {
        self.read_piece_while(until, |scan, segment, frame| {
            visit(scan, segment, frame).map(|()| ControlFlow::Continue(()))
        })
    }

    /// Like [`read_piece`](JournalTail::read_piece), but stops before the first frame for which `visit` breaks. A later read
    /// passes this frame to its `visit` again. Breaks if `visit` broke, or if the frame with event `until` was read.
    pub(crate) fn read_piece_while(
        &mut self,
        until: Seq,
        mut visit: impl FnMut(&Scan, SegmentId, &Frame<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        if self.last() >= until {
            return Ok(ControlFlow::Break(()));
        }
        if self.position.sealed {
            self.position = self.position.in_next_segment();
        }
        let file = self.open_segment()?;
        let start = self.position.offset / READ_ALIGN * READ_ALIGN;
        let mut bytes = vec![0; self.wanted + (self.position.offset - start) as usize];
        let read = file.read_up_to(&mut bytes, start)?;
        let piece = Piece { bytes: &bytes[..read], start, is_last: read < bytes.len() };
        let (next, flow) = match self.piece(&piece, until, &mut visit)? {
            PieceEnd::Reached => (FIRST_PIECE_LEN, ControlFlow::Break(())),
            PieceEnd::Needs(len) => (len.max(PIECE_LEN), ControlFlow::Continue(())),
        };
        self.wanted = next;
        Ok(flow)
    }

    pub(crate) fn scan(&self) -> &Scan {
        &self.scan
    }

    /// The last event before the position; 0 if no frame was read yet.
    pub(crate) fn last(&self) -> Seq {
        self.position.chain.map_or(Seq::ZERO, |chain| chain.before())
    }

    /// The state of the journal after the last frame that was read; `None` if no frame was read yet.
    pub(crate) fn chain(&self) -> Option<FrameChain> {
        self.position.chain
    }

    /// The hash of the last frame with events; `None` if the reader has read no such frame.
    pub(crate) fn events_hash(&self) -> Option<u64> {
        self.position.chain?.events
    }

    /// Reads the frames of a piece.
    fn piece(
        &mut self,
        piece: &Piece<'_>,
        until: Seq,
        visit: &mut impl FnMut(&Scan, SegmentId, &Frame<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<PieceEnd, Error> {
        let (segment, start) = (self.position.segment, piece.start);
        let uuid = self.scan.segments().identity().uuid;
        let within = (self.position.offset - start) as usize;
        let first = self.position.offset == SEGMENT_HEADER as u64;
        let mut reader = FrameReader::resume(piece.bytes, &uuid, segment, within, self.position.chain, first);
        loop {
            let before = reader.chain();
            match reader.step() {
                FrameStep::Frame(frame) => {
                    let frame = frame.within(start as usize);
                    self.scan.verify(segment, &frame)?;
                    if frame.header.kind == FrameKind::Gap {
                        self.scan.verify_gap(segment, &frame, before)?;
                    }
                    if visit(&self.scan, segment, &frame)?.is_break() {
                        return Ok(PieceEnd::Reached);
                    }
                    self.last_frame = Some(FrameMark::of(segment, &frame));
                    self.position.offset = frame.next_offset() as u64;
                    self.position.chain = reader.chain();
                    self.position.sealed = reader.is_sealed();
                    if self.last() >= until {
                        return Ok(PieceEnd::Reached);
                    }
                }
                FrameStep::Sealed => return Ok(PieceEnd::Needs(0)),
                FrameStep::Fault(fault) => {
                    let left = piece.bytes.len().saturating_sub(reader.offset());
                    let needed = match &fault {
                        FrameFault::Header => HEADER,
                        FrameFault::Body { len } => *len,
                        FrameFault::Unsupported { .. } => 0,
                    };
                    if needed > left && !piece.is_last {
                        return Ok(PieceEnd::Needs(needed));
                    }
                    if let FrameFault::Unsupported { reason } = fault {
                        let path = self.scan.segments().path(segment);
                        let what = format!("{reason}, at byte {}", self.position.offset);
                        return Err(Error::new(ErrorDetail::Format { path, act: "read", what }));
                    }
                    let what = format!("a frame is missing or damaged here, but the events up to {until} were synced");
                    return Err(self.scan.segments().corrupt(segment, Some(self.position.offset), what));
                }
                FrameStep::Misplaced(what) => {
                    return Err(self.scan.segments().corrupt(segment, Some(self.position.offset), what));
                }
                FrameStep::WrongMac(frame) => {
                    let frame = frame.within(start as usize);
                    self.scan.verify(segment, &frame)?;
                    let what = "a frame names a wrong MAC for the previous frame";
                    return Err(self.scan.forged(segment, &frame, what));
                }
            }
        }
    }

    /// Opens the file of the current segment. Lists the segments again if the owner created this one after the last listing, or
    /// removed it.
    fn open_segment(&mut self) -> Result<StoredFile, Error> {
        let segment = self.position.segment;
        if self.scan.segments().len_of(segment).is_some() {
            match self.scan.segments().file(segment, Access::Read) {
                Err(error) if error.is_missing() => {}
                opened => return opened,
            }
        }
        self.relist()?;
        if segment < self.scan.segments().first() {
            return Err(self.scan.segments().pruned_event(self.last().next()));
        }
        if self.scan.segments().len_of(segment).is_none() {
            let what = "the segment is missing, so the events after the last one that was read are lost";
            return Err(self.scan.segments().corrupt(segment, None, what.to_owned()));
        }
        self.scan.segments().file(segment, Access::Read)
    }

    /// Lists the segments again.
    pub(super) fn relist(&mut self) -> Result<(), Error> {
        let scan = Scan::of_tail(list(&self.disk, &self.layout, &self.keyring)?);
        let (before, now) = (self.scan.segments().identity().uuid, scan.segments().identity().uuid);
        if before != now {
            return Err(Error::new(ErrorDetail::Replaced {
                path: self.layout.root().to_owned(),
                what: "the directory now contains another image".to_owned(),
            }));
        }
        self.scan = scan;
        Ok(())
    }
}

/// The segments that exist now.
fn list(disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Result<Segments, Error> {
    let mut attempts = 0;
    loop {
        let survey = layout.survey(&**disk)?;
        let listed = Segments::open(disk, layout, survey.image(layout)?, keyring);
        attempts += 1;
        match listed {
            // the owner pruned the journal after this function had listed its segments
            Err(error) if error.is_missing() && attempts < LISTING_ATTEMPTS => {}
            listed => return listed,
        }
    }
}
