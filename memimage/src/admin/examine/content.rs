//! Collects the content of a journal's frames, and checks that all of it decodes by the shapes in the journal.

use std::collections::BTreeMap;

use super::messages;
use crate::admin::decision::Decision;
use crate::journal::{
    DamageKind, DigestMark, EventId, Frame, FrameKind, FrameVisitor, Gap, GapMark, Genesis, PruneMark, Record,
    RecordDamage, ShapeRows, ShapeTable, ShapeTableError, TimeCorrection, Timeline, VoidMark, Voids, records,
};
use crate::seq::{SegmentId, Seq};
use crate::shape::ShapeTree;
use crate::value::Value;

/// A decision that an event is void, and the place of the frame that records the decision.
#[derive(Clone, Debug)]
pub(crate) struct RecordedVoid {
    pub(crate) decision: Decision,
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
}

/// A gap that a repair has recorded, and the place of its frame.
#[derive(Clone, Debug)]
pub(crate) struct RecordedGap {
    pub(crate) gap: Gap,
    pub(crate) mark: GapMark,
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
}

/// A frame of events that follows a gap without a frame of shapes in between.
struct UndescribedFrame {
    segment: SegmentId,
    offset: u64,
    last: Seq,
    /// The highest event number (row of the shape table) in the frame.
    highest: EventId,
}

/// The content of the frames read so far.
#[derive(Default)]
pub(crate) struct JournalContent {
    pub(crate) frames: u64,
    pub(crate) events: u64,
    pub(crate) first: Option<Seq>,
    pub(crate) last: Option<Seq>,
    /// Whether the genesis frame was read before any gap.
    pub(crate) has_genesis: bool,
    pub(crate) voids: Voids,
    /// A timeline for each event after which there is a usable snapshot or base.
    timelines: Vec<Timeline>,
    pub(crate) recorded_voids: Vec<RecordedVoid>,
    pub(crate) recorded_gaps: Vec<RecordedGap>,
    /// The event after the last frame; `None` after damage.
    next: Option<Seq>,
    /// Whether a frame of shapes was lost whose rows the later frames of its segment do not contain.
    pub(crate) has_lost_rows: bool,
    /// The first segment that the newest prune mark keeps.
    pub(crate) kept_from: Option<SegmentId>,
    /// All rows of the shape table. A newer row with the same number also describes the events of the older row, so the newest
    /// rows describe all events.
    pub(crate) table: ShapeTable,
    /// Whether the frames of shapes read so far contain all rows that the next frame uses. After a gap, this is `false` until
    /// the next frame of shapes.
    is_described: bool,
    /// The frames of events that follow a gap without a frame of shapes in between, in the order of the journal.
    undescribed: Vec<UndescribedFrame>,
    /// The shapes of models, by their fingerprints.
    pub(crate) models: BTreeMap<u64, ShapeTree>,
    /// Whether frames are missing anywhere before the next frame.
    has_gap: bool,
}

impl FrameVisitor for JournalContent {
    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Vec<RecordDamage> {
        self.frames += 1;
        let header = &frame.header;
        let expected = self.next.replace(header.next_seq());
        let damaged = |what| Err(RecordDamage { seq: header.first_seq, kind: DamageKind::Damaged, what });
        let checked = match header.kind {
            FrameKind::Events => return self.records(segment, frame, body),
            FrameKind::Shapes => self.shapes(body).or_else(damaged),
            FrameKind::Genesis => self.genesis(body).or_else(damaged),
            FrameKind::Digest => self.digest(frame, body).or_else(damaged),
            FrameKind::Prune => self.prune(body).or_else(damaged),
            FrameKind::Void => self.void(segment, frame, body).or_else(damaged),
            FrameKind::Time => TimeCorrection::decode(body).map(drop).or_else(damaged),
            FrameKind::Gap => self.recorded_gap(segment, frame, body, expected).or_else(damaged),
            FrameKind::Seal | FrameKind::Optional(_) => Ok(()),
        };
        checked.err().into_iter().collect()
    }

    fn gap(&mut self) {
        (self.is_described, self.has_gap, self.next) = (false, true, None);
    }
}

impl JournalContent {
    /// Creates empty content that will collect a timeline for each of these events.
    pub(super) fn with_timelines_at(seqs: impl Iterator<Item = Seq>) -> JournalContent {
        let mut timelines: Vec<Timeline> = seqs.map(Timeline::new).collect();
        timelines.dedup_by_key(|timeline| timeline.seq);
        JournalContent { timelines, ..JournalContent::default() }
    }

    /// The timeline of event `seq`; `None` if there is no usable snapshot or base after this event.
    pub(super) fn timeline(&self, seq: Seq) -> Option<&Timeline> {
        self.timelines.iter().find(|timeline| timeline.seq == seq)
    }

    /// Whether the shape table describes all events, also those that follow damage.
    pub(super) fn describes_all(&self) -> bool {
        !self.has_lost_rows && self.undescribed.iter().all(|frame| self.table.event(frame.highest).is_some())
    }

    /// Whether the shape table describes certain events of the segment: those after event `seq`, between `offset` and the
    /// segment's next frame of shapes.
    pub(super) fn describes_from(&self, segment: SegmentId, offset: u64, seq: Seq) -> bool {
        let is_here =
            |frame: &&UndescribedFrame| frame.segment == segment && frame.offset >= offset && frame.last > seq;
        self.undescribed.iter().filter(is_here).all(|frame| self.table.event(frame.highest).is_some())
    }

    fn shapes(&mut self, body: &[u8]) -> Result<(), String> {
        let rows = ShapeRows::decode(body).map_err(|fault| fault.to_string())?;
        match self.table.add(rows) {
            Ok(()) => self.is_described = true,
            // the frame with the missing rows was lost in the gap
            Err(ShapeTableError::Gap { .. }) if !self.is_described => self.has_lost_rows = true,
            Err(fault) => return Err(fault.to_string()),
        }
        Ok(())
    }

    fn genesis(&mut self, body: &[u8]) -> Result<(), String> {
        let genesis = Genesis::decode(body)?;
        let shape = self.model(genesis.fingerprint, &genesis.shape)?;
        let state = genesis.state.as_ref().or(genesis.default.as_ref());
        state.map_or(Ok(()), |state| state_decodes(&shape, state))?;
        self.has_genesis |= !self.has_gap;
        Ok(())
    }

    fn prune(&mut self, body: &[u8]) -> Result<(), String> {
        let mark = PruneMark::decode(body)?;
        self.kept_from = Some(mark.first());
        self.model(mark.fingerprint, &mark.shape).map(drop)
    }

    fn digest(&mut self, frame: &Frame<'_>, body: &[u8]) -> Result<(), String> {
        let mark = DigestMark::decode(body, frame.header.first_seq)?;
        self.timelines.iter_mut().for_each(|timeline| timeline.add_digest(&frame.header, mark));
        Ok(())
    }

    fn model(&mut self, fingerprint: u64, shape: &[u8]) -> Result<ShapeTree, String> {
        let shape = ShapeTree::decode(shape).map_err(messages::undecodable_model_shape)?;
        self.models.insert(fingerprint, shape.clone());
        Ok(shape)
    }

    fn void(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Result<(), String> {
        let mark = VoidMark::decode(body)?;
        if mark.seq >= frame.header.first_seq {
            return Err(messages::void_of_later_event(mark.seq));
        }
        let is_first = !self.voids.has(mark.seq);
        self.voids.add(&mark, frame);
        if is_first {
            self.recorded_voids.push(RecordedVoid { decision: mark.into(), segment, offset: frame.offset as u64 });
        }
        Ok(())
    }

    /// Adds a recorded gap. Event `expected` must follow the frame before it, if that is known.
    fn recorded_gap(
        &mut self,
        segment: SegmentId,
        frame: &Frame<'_>,
        body: &[u8],
        expected: Option<Seq>,
    ) -> Result<(), String> {
        let mark = GapMark::decode(body, &frame.header)?;
        let gap = Gap::new(&mark, &frame.header);
        if let Some(what) = expected.and_then(|expected| gap.misplaced(expected)) {
            return Err(what);
        }
        self.recorded_gaps.push(RecordedGap { gap, mark, segment, offset: frame.offset as u64 });
        Ok(())
    }

    fn records(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Vec<RecordDamage> {
        let header = &frame.header;
        self.timelines.iter_mut().for_each(|timeline| timeline.add_events(frame));
        let (mut damage, mut highest) = (Vec::new(), None);
        for record in records(body, header.first_seq, header.count, header.time) {
            match record {
                Ok(record) => {
                    self.events += 1;
                    self.first = Some(self.first.map_or(record.seq, |first| first.min(record.seq)));
                    self.last = self.last.max(Some(record.seq));
                    highest = highest.max(Some(record.event));
                    damage.extend(self.record(&record, body).err());
                }
                Err(fault) => {
                    let seq = header.first_seq;
                    damage.push(RecordDamage { seq, kind: DamageKind::Damaged, what: fault.to_string() });
                }
            }
        }
        if !self.is_described
            && let Some(highest) = highest
        {
            let last = Seq::new(header.next_seq().get() - 1);
            self.undescribed.push(UndescribedFrame { segment, offset: frame.offset as u64, last, highest });
        }
        damage
    }

    fn record(&self, record: &Record, body: &[u8]) -> Result<(), RecordDamage> {
        if !self.is_described {
            return Ok(());
        }
        let seq = record.seq;
        let undecodable = |what| RecordDamage { seq, kind: DamageKind::Undecodable, what };
        let Some((name, version, shape)) = self.table.event(record.event) else {
            return Err(undecodable(messages::unknown_event_number(seq, record.event.0)));
        };
        decodes(shape, &body[record.payload.clone()])
            .map_err(|cause| undecodable(messages::undecodable_event(seq, name, version, &cause)))
    }
}

/// Checks that the bytes are a state of this shape. A state that is nested too deeply for [`Value`] is accepted, because only
/// the program can decode it.
pub(super) fn state_decodes(shape: &ShapeTree, bytes: &[u8]) -> Result<(), String> {
    match Value::decode(shape, bytes) {
        Err(error) if !error.is_opaque() && !error.is_too_deep() => Err(messages::undecodable_value(&error)),
        _ => Ok(()),
    }
}

/// Checks that the bytes are a value of this shape. From the first opaque part of the shape on, any bytes are accepted.
fn decodes(shape: &ShapeTree, bytes: &[u8]) -> Result<(), String> {
    match Value::decode(shape, bytes) {
        Err(error) if !error.is_opaque() => Err(messages::undecodable_value(&error)),
        _ => Ok(()),
    }
}
