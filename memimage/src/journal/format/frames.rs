//! Reads the frames of a segment in order and checks each against the frame before it. No I/O.

use super::frame::{Frame, FrameFault, FrameKind, FrameSummary, parse, parse_header};
use super::protection::{Checksum, Link};
use super::segment::SEGMENT_HEADER;
use crate::keys::MAC;
use crate::planted::{Bug, planted};
use crate::seq::{SegmentId, Seq};

/// The state of the journal after a frame, which the next frame must continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameChain {
    /// The seq of the next event.
    pub(crate) next_seq: Seq,
    /// The link to the last frame.
    pub(crate) previous: Link,
    /// The epoch of the last frame.
    pub(crate) epoch: u64,
    /// The highest seq that any frame so far reports as synced.
    pub(crate) durable: Seq,
}

impl FrameChain {
    /// The state before the first frame of a journal.
    pub(crate) const START: FrameChain = FrameChain {
        next_seq: Seq::new(1),
        previous: Link { checksum: 0, mac: [0; MAC] },
        epoch: 0,
        durable: Seq::ZERO,
    };

    /// The seq of the last event so far.
    pub(crate) fn before(&self) -> Seq {
        Seq::new(self.next_seq.get() - 1)
    }

    /// The state after `frame`, or the reason why `frame` does not continue this state.
    fn followed_by(&self, frame: &Frame<'_>) -> Result<FrameChain, String> {
        let header = &frame.header;
        if header.first_seq != self.next_seq {
            return Err(format!(
                "the first event of the frame is {}, but event {} must follow here",
                header.first_seq, self.next_seq
            ));
        }
        if header.previous.checksum != self.previous.checksum && !planted(Bug::ChainUnchecked) {
            return Err("the frame names another checksum than that of the previous frame".to_owned());
        }
        if header.epoch < self.epoch {
            let (epoch, before) = (header.epoch, self.epoch);
            return Err(format!(
                "the epoch of the frame is {epoch}, which is lower than the epoch {before} of the previous frame"
            ));
        }
        Ok(FrameChain {
            next_seq: header.next_seq(),
            previous: frame.link(),
            epoch: header.epoch,
            durable: self.durable.max(header.durable_seq),
        })
    }
}

/// Reads the frames of a segment one after the other.
#[derive(Debug)]
pub(crate) struct FrameReader<'a> {
    bytes: &'a [u8],
    checksum: Checksum,
    offset: usize,
    /// `None` before the first frame if reading begins in the middle of a journal: then any first frame is accepted.
    chain: Option<FrameChain>,
    sealed: bool,
}

/// The result of reading one frame.
#[derive(Debug)]
pub(crate) enum FrameStep<'a> {
    Frame(Frame<'a>),
    /// The frame before was the seal: no frame may follow in this segment.
    Sealed,
    /// There is no valid frame at the offset.
    Fault(FrameFault),
    /// The frame is valid, but it does not continue the frame before it.
    Misplaced(String),
    /// The frame is valid and names the checksum of the frame before it, but not its MAC.
    WrongMac(Frame<'a>),
}

impl<'a> FrameReader<'a> {
    /// Starts at the first frame of the segment.
    pub(crate) fn new(
        bytes: &'a [u8],
        uuid: &[u8; 16],
        segment: SegmentId,
        chain: Option<FrameChain>,
    ) -> FrameReader<'a> {
        FrameReader { bytes, checksum: Checksum::new(uuid, segment), offset: SEGMENT_HEADER, chain, sealed: false }
    }

    /// Starts in the middle of a segment, at the offset of a valid frame.
    pub(crate) fn at(bytes: &'a [u8], uuid: &[u8; 16], segment: SegmentId, offset: usize) -> FrameReader<'a> {
        FrameReader { offset, ..FrameReader::new(bytes, uuid, segment, None) }
    }

    /// Reads the next frame, or reports why there is none. After any result other than a frame, the reader does not advance.
    pub(crate) fn step(&mut self) -> FrameStep<'a> {
        if self.sealed {
            return FrameStep::Sealed;
        }
        let frame = match parse(self.bytes, self.offset, self.checksum) {
            Ok(frame) => frame,
            Err(fault) => return FrameStep::Fault(fault),
        };
        let before = self.chain.unwrap_or(FrameChain {
            next_seq: frame.header.first_seq,
            previous: frame.header.previous,
            ..FrameChain::START
        });
        if frame.header.previous.mac != before.previous.mac
            && frame.header.previous.checksum == before.previous.checksum
        {
            return FrameStep::WrongMac(frame);
        }
        match before.followed_by(&frame) {
            Ok(chain) => self.chain = Some(chain),
            Err(what) => return FrameStep::Misplaced(what),
        }
        self.offset = frame.next_offset();
        self.sealed = frame.header.kind == FrameKind::Seal;
        FrameStep::Frame(frame)
    }

    /// The offset at which the next frame starts, if there is one.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The state that the next frame must continue; `None` before the first frame if reading began in the middle of a journal.
    pub(crate) fn chain(&self) -> Option<FrameChain> {
        self.chain
    }

    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }
}

/// The valid frames of a segment that `wanted` selects by their headers. The iterator ends at the first offset without a valid
/// header. It reads only the headers of all other frames, and does not check frames against the frames before them.
pub(crate) fn matching_frames<'a>(
    bytes: &'a [u8],
    uuid: &[u8; 16],
    segment: SegmentId,
    wanted: impl Fn(&FrameSummary) -> bool,
) -> impl Iterator<Item = Frame<'a>> {
    let checksum = Checksum::new(uuid, segment);
    let mut at = SEGMENT_HEADER;
    std::iter::from_fn(move || {
        loop {
            let summary = parse_header(bytes, at, checksum)?;
            let offset = std::mem::replace(&mut at, summary.next_offset);
            if wanted(&summary)
                && let Ok(frame) = parse(bytes, offset, checksum)
            {
                return Some(frame);
            }
        }
    })
}

/// The offset at which the frames in `bytes` end, and the checksum of the last frame, or 0 if there is no frame. The bytes are
/// the first bytes of a segment.
pub(crate) fn end_of_frames(bytes: &[u8], uuid: &[u8; 16], segment: SegmentId) -> (usize, u32) {
    let mut reader = FrameReader::new(bytes, uuid, segment, None);
    while let FrameStep::Frame(_) = reader.step() {}
    (reader.offset(), reader.chain().map_or(0, |chain| chain.previous.checksum))
}
