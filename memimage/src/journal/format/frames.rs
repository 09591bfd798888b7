//! Reading a segment: frame after frame, each checked against the one before. Pure bytes; no I/O.

use super::frame::{Frame, FrameFault, FrameKind, Skimmed, parse, skim};
use super::protection::{Checksum, Link};
use super::segment::SEGMENT_HEADER;
use crate::keys::MAC;
use crate::planted::{Bug, planted};
use crate::seq::{SegmentId, Seq};

/// What the next frame must continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameChain {
    /// The seq of the next event.
    pub(crate) next_seq: Seq,
    /// The last frame.
    pub(crate) previous: Link,
    /// The epoch of the last frame.
    pub(crate) epoch: u64,
    /// The highest seq that any frame so far says is synced.
    pub(crate) durable: Seq,
}

impl FrameChain {
    /// Before the first frame of a journal.
    pub(crate) const START: FrameChain = FrameChain {
        next_seq: Seq::new(1),
        previous: Link { checksum: 0, mac: [0; MAC] },
        epoch: 0,
        durable: Seq::ZERO,
    };

    /// The last event so far.
    pub(crate) fn before(&self) -> Seq {
        Seq::new(self.next_seq.get() - 1)
    }

    /// The chain after `frame`, or what is wrong with its place in the chain.
    fn followed_by(&self, frame: &Frame<'_>) -> Result<FrameChain, String> {
        let header = &frame.header;
        if header.first_seq != self.next_seq {
            return Err(format!("its first event is {}, not {}", header.first_seq, self.next_seq));
        }
        if header.previous.checksum != self.previous.checksum && !planted(Bug::ChainUnchecked) {
            return Err("it does not follow the frame before it".to_owned());
        }
        if header.epoch < self.epoch {
            return Err(format!("its epoch {} is less than the epoch {} before it", header.epoch, self.epoch));
        }
        Ok(FrameChain {
            next_seq: header.next_seq(),
            previous: frame.link(),
            epoch: header.epoch,
            durable: self.durable.max(header.durable_seq),
        })
    }
}

/// Walks over the frames of a segment.
#[derive(Debug)]
pub(crate) struct FrameReader<'a> {
    bytes: &'a [u8],
    checksum: Checksum,
    offset: usize,
    /// `None` while reading begins in the middle of a journal, where the first frame tells.
    chain: Option<FrameChain>,
    sealed: bool,
}

/// What a walk comes to.
#[derive(Debug)]
pub(crate) enum FrameStep<'a> {
    Frame(Frame<'a>),
    /// The seal was passed: nothing may follow in this segment.
    Sealed,
    /// No frame is here.
    Fault(FrameFault),
    /// A good frame is here, but not the one that belongs here.
    Misplaced(String),
    /// A good frame that names the checksum of the one before it, but not its link of the journal's chain.
    Unlinked(Frame<'a>),
}

impl<'a> FrameReader<'a> {
    /// Starts at the segment's first frame.
    pub(crate) fn new(
        bytes: &'a [u8],
        uuid: &[u8; 16],
        segment: SegmentId,
        chain: Option<FrameChain>,
    ) -> FrameReader<'a> {
        FrameReader { bytes, checksum: Checksum::new(uuid, segment), offset: SEGMENT_HEADER, chain, sealed: false }
    }

    /// Starts at a place in the midst of a segment, where there is a good frame.
    pub(crate) fn at(bytes: &'a [u8], uuid: &[u8; 16], segment: SegmentId, offset: usize) -> FrameReader<'a> {
        FrameReader { offset, ..FrameReader::new(bytes, uuid, segment, None) }
    }

    /// The next frame, or why there is none. A walk that came to anything else than a frame stays there.
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
            return FrameStep::Unlinked(frame);
        }
        match before.followed_by(&frame) {
            Ok(chain) => self.chain = Some(chain),
            Err(what) => return FrameStep::Misplaced(what),
        }
        self.offset = frame.next_offset();
        self.sealed = frame.header.kind == FrameKind::Seal;
        FrameStep::Frame(frame)
    }

    /// Where the next frame starts, or would.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// What the next frame must continue; `None` before the first frame of a walk that began in the middle.
    pub(crate) fn chain(&self) -> Option<FrameChain> {
        self.chain
    }

    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }
}

/// The good frames that are wanted by their headers, from the start of a segment on as far as headers lead. The others are not
/// looked into, nor are any held against the ones before them.
pub(crate) fn frames_of<'a>(
    bytes: &'a [u8],
    uuid: &[u8; 16],
    segment: SegmentId,
    wanted: impl Fn(&Skimmed) -> bool,
) -> impl Iterator<Item = Frame<'a>> {
    let checksum = Checksum::new(uuid, segment);
    let mut at = SEGMENT_HEADER;
    std::iter::from_fn(move || {
        loop {
            let skimmed = skim(bytes, at, checksum)?;
            let offset = std::mem::replace(&mut at, skimmed.next_offset);
            if wanted(&skimmed)
                && let Ok(frame) = parse(bytes, offset, checksum)
            {
                return Some(frame);
            }
        }
    })
}

/// Where the frames of a segment end that stand in these bytes of it, and the checksum of the last.
pub(crate) fn end_of(bytes: &[u8], uuid: &[u8; 16], segment: SegmentId) -> (usize, u32) {
    let mut walk = FrameReader::new(bytes, uuid, segment, None);
    while let FrameStep::Frame(_) = walk.step() {}
    (walk.offset(), walk.chain().map_or(0, |chain| chain.previous.checksum))
}
