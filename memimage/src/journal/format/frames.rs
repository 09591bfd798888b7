//! Reads the frames of a segment in order and checks each against the frame before it.

use super::frame::{Frame, FrameFault, FrameKind, FrameSummary, parse, parse_header};
use super::protection::{Checksum, Link};
use super::segment::SEGMENT_HEADER;
use crate::keys::MAC;
use crate::planted::{Bug, planted};
use crate::seq::{Life, SegmentId, Seq};

/// The state of the journal after a frame, which the next frame must continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameChain {
    pub(crate) next_seq: Seq,
    /// The link to the last frame.
    pub(crate) previous: Link,
    /// The life (epoch and id) in which the last frame was written.
    pub(crate) life: Life,
    /// The highest seq that any frame so far reports as synced.
    pub(crate) durable: Seq,
    /// The number of void marks so far, since the image was created.
    pub(crate) decisions: u32,
    /// The hash of the last frame with events; `None` if no such frame was read.
    pub(crate) events: Option<u64>,
}

impl FrameChain {
    /// The state before the first frame of a journal.
    pub(crate) const START: FrameChain = FrameChain {
        next_seq: Seq::new(1),
        previous: Link { hash: 0, mac: [0; MAC] },
        life: Life { epoch: 0, id: 0 },
        durable: Seq::ZERO,
        decisions: 0,
        events: None,
    };

    /// The state after `frame`, in the middle of a journal.
    pub(crate) fn after(frame: &Frame<'_>) -> FrameChain {
        let (header, link) = (&frame.header, frame.link());
        FrameChain {
            next_seq: header.next_seq(),
            previous: link,
            life: header.life,
            durable: header.durable_seq,
            decisions: header.next_decisions(),
            events: (header.count > 0).then_some(link.hash),
        }
    }

    /// The seq of the last event so far.
    pub(crate) fn before(&self) -> Seq {
        Seq::new(self.next_seq.get() - 1)
    }

    /// The state after `frame`, or the reason why `frame` does not continue this state.
    fn followed_by(&self, frame: &Frame<'_>) -> Result<FrameChain, String> {
        let header = &frame.header;
        let skips_events = header.kind == FrameKind::Gap && header.first_seq > self.next_seq;
        if header.first_seq != self.next_seq && !skips_events {
            return Err(format!(
                "the first event of the frame is {}, but event {} must follow here",
                header.first_seq, self.next_seq
            ));
        }
        if header.previous.hash != self.previous.hash && !planted(Bug::ChainUnchecked) {
            return Err("the frame names a wrong hash for the previous frame".to_owned());
        }
        if header.decisions != self.decisions {
            let (named, read) = (header.decisions, self.decisions);
            return Err(format!("the frame counts {named} void frames before it, but there are {read}"));
        }
        if header.life.epoch < self.life.epoch {
            let (epoch, before) = (header.life.epoch, self.life.epoch);
            return Err(format!(
                "the epoch of the frame is {epoch}, which is lower than the epoch {before} of the previous frame"
            ));
        }
        if header.life.epoch == self.life.epoch && header.life.id != self.life.id {
            let epoch = header.life.epoch;
            return Err(format!(
                "the frame belongs to another timeline of this image: another owner wrote the previous frame in epoch {epoch}"
            ));
        }
        let link = frame.link();
        Ok(FrameChain {
            next_seq: header.next_seq(),
            previous: link,
            life: header.life,
            durable: self.durable.max(header.durable_seq),
            decisions: header.next_decisions(),
            events: if header.count > 0 { Some(link.hash) } else { self.events },
        })
    }
}

/// Reads the frames of a segment one after the other.
#[derive(Debug)]
pub(crate) struct FrameReader<'a> {
    bytes: &'a [u8],
    checksum: Checksum,
    offset: usize,
    /// `None` before the first frame, if reading begins in the middle of a journal: the reader then accepts any first frame.
    chain: Option<FrameChain>,
    /// Whether the next frame is the first frame of its segment, which must be a shapes frame.
    first: bool,
    sealed: bool,
}

/// The result of reading one frame.
#[derive(Debug)]
pub(crate) enum FrameStep<'a> {
    Frame(Frame<'a>),
    /// The previous frame was the segment's seal, so no frame may follow in this segment.
    Sealed,
    /// There is no valid frame at the offset.
    Fault(FrameFault),
    /// The frame is valid, but it does not continue the frame before it.
    Misplaced(String),
    /// The frame is valid. Its link contains the hash of the previous frame, but not the MAC of the previous frame.
    WrongMac(Frame<'a>),
}

impl<'a> FrameReader<'a> {
    /// Creates a reader that starts at the first frame of the segment.
    pub(crate) fn new(
        bytes: &'a [u8],
        uuid: &[u8; 16],
        segment: SegmentId,
        chain: Option<FrameChain>,
    ) -> FrameReader<'a> {
        FrameReader {
            bytes,
            checksum: Checksum::new(uuid, segment),
            offset: SEGMENT_HEADER,
            chain,
            first: true,
            sealed: false,
        }
    }

    /// Creates a reader that starts at `offset`, where a valid frame begins.
    pub(crate) fn at(bytes: &'a [u8], uuid: &[u8; 16], segment: SegmentId, offset: usize) -> FrameReader<'a> {
        FrameReader { offset, first: false, ..FrameReader::new(bytes, uuid, segment, None) }
    }

    /// Creates a reader that continues in the middle of a journal. `bytes` are a part of a segment, and `offset` is the place
    /// of the next frame within them. `first` is true if that frame is the first one of its segment.
    pub(crate) fn resume(
        bytes: &'a [u8],
        uuid: &[u8; 16],
        segment: SegmentId,
        offset: usize,
        chain: Option<FrameChain>,
        first: bool,
    ) -> FrameReader<'a> {
        FrameReader { offset, first, ..FrameReader::new(bytes, uuid, segment, chain) }
    }

    /// Reads the next frame, or reports why there is none. The reader advances only if the result is a frame.
    pub(crate) fn step(&mut self) -> FrameStep<'a> {
        if self.sealed {
            return FrameStep::Sealed;
        }
        let frame = match parse(self.bytes, self.offset, self.checksum) {
            Ok(frame) => frame,
            Err(fault) => return FrameStep::Fault(fault),
        };
        if self.first && frame.header.kind != FrameKind::Shapes {
            return FrameStep::Misplaced("the first frame of the segment is not a shapes frame".to_owned());
        }
        let before = self.chain.unwrap_or(FrameChain {
            next_seq: frame.header.first_seq,
            previous: frame.header.previous,
            decisions: frame.header.decisions,
            ..FrameChain::START
        });
        if frame.header.previous.mac != before.previous.mac && frame.header.previous.hash == before.previous.hash {
            return FrameStep::WrongMac(frame);
        }
        match before.followed_by(&frame) {
            Ok(chain) => self.chain = Some(chain),
            Err(what) => return FrameStep::Misplaced(what),
        }
        self.offset = frame.next_offset();
        self.first = false;
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

    /// Whether the last frame was the seal of the segment.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed
    }

    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }
}

/// Iterates over the frames of a segment that are valid and whose headers `wanted` selects. The iterator ends at the first
/// offset without a valid header. Of the frames that `wanted` does not select, the iterator reads only the headers. The
/// iterator does not check whether a frame continues the frame before it.
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

/// The header of the frame at `offset` of these bytes of a segment, if it is valid.
pub(crate) fn frame_summary(bytes: &[u8], offset: usize, uuid: &[u8; 16], segment: SegmentId) -> Option<FrameSummary> {
    parse_header(bytes, offset, Checksum::new(uuid, segment))
}

/// The offset at which the frames in `bytes` end, and the state of the journal there; `None` if there is no frame. `bytes` is
/// the start of a segment.
pub(crate) fn end_of_frames(bytes: &[u8], uuid: &[u8; 16], segment: SegmentId) -> (usize, Option<FrameChain>) {
    let mut reader = FrameReader::new(bytes, uuid, segment, None);
    while let FrameStep::Frame(_) = reader.step() {}
    (reader.offset(), reader.chain())
}

#[cfg(test)]
mod tests {
    use super::super::frame::{FrameHeader, finish, head_len, start};
    use super::super::protection::{BRIDGE, FrameProtection};
    use super::super::whitening::Salts;
    use super::*;
    use crate::context::Timestamp;
    use crate::keys::Protection;

    const UUID: [u8; 16] = [9; 16];

    /// The header of a frame with one event, written in epoch 1. No void mark precedes the frame.
    fn event(seq: u64, previous: Link) -> FrameHeader {
        FrameHeader {
            kind: FrameKind::Events,
            first_seq: Seq::new(seq),
            count: 1,
            durable_seq: Seq::ZERO,
            life: Life { epoch: 1, id: 50 },
            decisions: 0,
            time: Timestamp::default(),
            previous,
            bridge: None,
            align_shift: 3,
        }
    }

    /// The header of a bridge before the frame with event `seq`. `replaced` is the link that the bridge contains.
    fn bridge_to(seq: u64, replaced: Link) -> FrameHeader {
        FrameHeader { kind: FrameKind::Shapes, count: 0, bridge: Some(replaced), ..event(seq, Link::default()) }
    }

    /// A segment, to which a test appends frames.
    struct Segment {
        bytes: Vec<u8>,
        protection: Protection,
    }

    impl Segment {
        fn new(chained: bool) -> Segment {
            let protection = if chained { chain_of_macs() } else { Protection::default() };
            Segment { bytes: vec![0; SEGMENT_HEADER], protection }
        }

        /// Appends a frame with this header. Returns the link that the next frame must contain.
        fn append(&mut self, header: &FrameHeader) -> Link {
            let protection = FrameProtection::new(&UUID, SegmentId::FIRST, &self.protection);
            let mut frame = Vec::new();
            start(&mut frame, head_len(protection.key_ids()) + header.bridge.map_or(0, |_| BRIDGE));
            frame.extend_from_slice(&[7; 24]);
            let at = self.bytes.len();
            let link =
                finish(&mut frame, header, &protection, &protection.draw().unwrap(), at as u64, &mut Salts::new(1));
            self.bytes.extend(frame);
            self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
            link
        }

        /// The number of frames that can be read, and the reason why the next frame cannot be read; `None` if no frame is left.
        fn read(&self) -> (usize, Option<String>) {
            let mut reader = FrameReader::at(&self.bytes, &UUID, SegmentId::FIRST, SEGMENT_HEADER);
            let mut frames = 0;
            loop {
                match reader.step() {
                    FrameStep::Frame(_) => frames += 1,
                    FrameStep::Misplaced(why) => return (frames, Some(why)),
                    FrameStep::WrongMac(_) => return (frames, Some("wrong MAC".to_owned())),
                    FrameStep::Fault(_) if reader.offset() == self.bytes.len() => return (frames, None),
                    step => panic!("{step:?}"),
                }
            }
        }
    }

    #[cfg(feature = "chain")]
    fn chain_of_macs() -> Protection {
        use crate::keys::{Key, Keyring, Keys};
        let keys = Keys::one(Key::new([5; 32]));
        Keyring::new(None, Some(keys)).current(&UUID, std::path::Path::new("image")).unwrap()
    }

    #[cfg(not(feature = "chain"))]
    fn chain_of_macs() -> Protection {
        Protection::default()
    }

    #[test]
    fn the_frames_after_a_bridge_continue_the_frames_that_it_replaces() {
        for chained in [false, true] {
            let mut whole = Segment::new(chained);
            let first = whole.append(&event(1, Link::default()));
            let second = whole.append(&event(2, first));
            let third = whole.append(&event(3, second));
            whole.append(&event(4, third));
            assert_eq!(whole.read(), (4, None));

            let bridged = |replaced| {
                let mut segment = Segment::new(chained);
                segment.append(&bridge_to(3, replaced));
                assert_eq!(segment.append(&event(3, second)), third, "the frame is the same after the bridge");
                segment.append(&event(4, third));
                segment.read()
            };
            assert_eq!(bridged(second), (3, None), "chained: {chained}");
            let (frames, why) = bridged(first);
            assert_eq!(frames, 1);
            assert!(why.unwrap().contains("names a wrong hash"), "the frame after the bridge has another link");
            if chained && cfg!(feature = "chain") {
                assert_eq!(bridged(Link { mac: first.mac, ..second }), (1, Some("wrong MAC".to_owned())));
            }
        }
    }

    #[test]
    fn a_segment_begins_with_a_table_of_shapes() {
        let mut segment = Segment::new(false);
        segment.append(&event(1, Link::default()));
        let mut reader = FrameReader::new(&segment.bytes, &UUID, SegmentId::FIRST, None);
        assert!(matches!(reader.step(), FrameStep::Misplaced(why) if why.contains("not a shapes frame")));
    }

    #[test]
    fn a_bridge_after_another_frame_is_misplaced() {
        for chained in [false, true] {
            let mut segment = Segment::new(chained);
            let first = segment.append(&event(1, Link::default()));
            segment.append(&bridge_to(2, first));
            segment.append(&event(2, first));
            let (frames, why) = segment.read();
            assert_eq!(frames, 1, "chained: {chained}");
            assert!(why.unwrap().contains("names a wrong hash"));
        }
    }

    #[test]
    fn a_frame_of_another_life_in_the_same_epoch_or_of_a_lower_epoch_is_misplaced() {
        let second = |epoch, id| {
            let mut segment = Segment::new(false);
            let previous =
                segment.append(&FrameHeader { life: Life { epoch: 3, id: 50 }, ..event(1, Link::default()) });
            segment.append(&FrameHeader { life: Life { epoch, id }, ..event(2, previous) });
            segment.read()
        };
        assert_eq!(second(3, 50), (2, None));
        assert_eq!([50, 51].map(|id| second(4, id)), [(2, None), (2, None)], "each epoch has its own life");
        let (frames, why) = second(3, 51);
        assert_eq!(frames, 1);
        assert!(why.unwrap().contains("another owner wrote the previous frame in epoch 3"));
        for id in [50, 51] {
            let (frames, why) = second(2, id);
            assert_eq!(frames, 1);
            assert!(why.unwrap().contains("2, which is lower than the epoch 3"));
        }
    }

    #[test]
    fn each_frame_names_the_number_of_void_marks_before_it() {
        let after_a_void_mark = |decisions| {
            let mut segment = Segment::new(false);
            // reading begins in the middle of a journal that has four void marks already
            let before = segment.append(&FrameHeader { decisions: 4, ..event(1, Link::default()) });
            let void = FrameHeader { kind: FrameKind::Void, count: 0, decisions: 4, ..event(2, before) };
            let void = segment.append(&void);
            segment.append(&FrameHeader { decisions, ..event(2, void) });
            segment.read()
        };
        assert_eq!(after_a_void_mark(5), (3, None));
        for decisions in [0, 4, 6] {
            let (frames, why) = after_a_void_mark(decisions);
            assert_eq!(frames, 2, "{decisions}");
            let expected = format!("counts {decisions} void frames before it, but there are 5");
            assert!(why.unwrap().contains(&expected));
        }
    }
}
