//! The result of a salvage: the segments, the runs of frames, and the places of damage in a journal.

use super::damage::{Damage, DamageKind, RecordDamage};
use crate::journal::format::frame::{Frame, FrameHeader};
use crate::journal::format::frames::FrameChain;
use crate::keys::KeyIds;
use crate::seq::{Life, SegmentId, Seq};

/// Examines the frames that a salvage reads.
pub(crate) trait FrameVisitor {
    /// Examines an intact frame and its decrypted body. Returns the damage to the frame's records.
    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Vec<RecordDamage>;

    /// Called when frames are missing between the last examined frame and the next one.
    fn gap(&mut self);
}

/// A segment, as far as it can be read.
#[derive(Clone, Debug)]
pub(crate) struct SalvagedSegment {
    pub(crate) segment: SegmentId,
    /// The first seq of the frame directly after the header, if that frame is intact.
    pub(crate) first: Option<Seq>,
    /// The ids of the keys that protect the first frame, if that frame is intact.
    pub(crate) key_ids: Option<KeyIds>,
    pub(crate) framing: Framing,
}

impl SalvagedSegment {
    /// A segment of which nothing has been read yet.
    pub(super) fn new(segment: SegmentId) -> SalvagedSegment {
        SalvagedSegment { segment, first: None, key_ids: None, framing: Framing::Intact }
    }
}

/// The state of a segment's framing, that is, of the segment's header and of the length of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Intact,
    /// The header or the length is damaged, but the rest of the image shows the correct value.
    Repairable {
        /// The length that the file must have.
        len: u64,
    },
    /// The framing belongs to another segment or image, or cannot be restored from the rest of the image.
    Unusable,
}

/// Consecutive frames with no damage between them.
#[derive(Clone, Debug)]
pub(crate) struct FrameRun {
    /// The segment of the first frame.
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
    /// The header of the first frame, and the keys that protect this frame.
    pub(crate) first: FrameHeader,
    pub(crate) key_ids: KeyIds,
    /// The segment of the last frame.
    pub(crate) last: SegmentId,
    /// The seq of the first event after the last frame.
    pub(crate) next: Seq,
    /// The offset after the first frame.
    pub(crate) first_end: u64,
    /// The offset after the last frame.
    pub(crate) end: u64,
    /// Whether the last frame is the seal of its segment.
    pub(crate) is_sealed: bool,
    /// The state of the journal after the last frame.
    pub(crate) chain: FrameChain,
    /// The damage that ends the run; `None` if the run reaches the end of the journal.
    pub(crate) stopped: Option<DamageKind>,
    /// Whether this damage is in the segment of the last frame, after it.
    pub(crate) stopped_here: bool,
}

/// The result of a salvage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Salvaged {
    pub(crate) segments: Vec<SalvagedSegment>,
    /// The runs, in the order of the journal.
    pub(crate) runs: Vec<FrameRun>,
    /// The places of damage, in the order of the journal. The list is for people, and limited: no decision may depend on a place that
    /// can be missing here.
    pub(crate) damage: Vec<Damage>,
    /// The number of places of damage that are not listed.
    pub(crate) unlisted: u64,
    /// The last segment with damaged or forged frames, listed or not.
    pub(crate) last_damaged: Option<SegmentId>,
    /// Whether two lives have the same epoch, so that some of the segments belong to another history of the image.
    pub(crate) is_mixed: bool,
    /// The highest epoch in any frame or header.
    pub(crate) epoch: u64,
    /// The life (epoch and id) in which the last frame was written.
    pub(crate) life: Option<Life>,
    /// The number of void marks up to the end of a frame: the highest such number in any frame.
    pub(crate) decisions: u32,
    /// The last event that any frame contains or records as synced.
    pub(crate) last_known: Seq,
    /// The `align_shift` of the last frame.
    pub(crate) align_shift: Option<u8>,
    /// The state that a next frame would have to continue; `None` if the journal ends in a gap.
    pub(crate) end: Option<FrameChain>,
}
