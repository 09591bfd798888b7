//! What stands in the frames of a journal: whether all of it decodes, by the journal's own shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::admin::decision::Decision;
use crate::journal::{
    DamageKind, DigestMark, EventId, Frame, FrameKind, FrameVisitor, Genesis, PruneMark, Record, RecordDamage,
    ShapeTable, Timeline, VoidMark, Voids, records,
};
use crate::seq::{SegmentId, Seq};
use crate::shape::ShapeTree;
use crate::value::Value;

/// A decision that an event is void.
#[derive(Clone, Debug)]
pub(crate) struct VoidReport {
    pub(crate) decision: Decision,
    /// Where it stands.
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
}

/// What was found in the frames so far.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) frames: u64,
    pub(crate) events: u64,
    pub(crate) first: Option<Seq>,
    pub(crate) last: Option<Seq>,
    /// Genesis was read, before any gap.
    pub(crate) genesis: bool,
    pub(crate) voids: Voids,
    /// What they tell of the states that are there.
    lines: Vec<Timeline>,
    pub(crate) voided: Vec<VoidReport>,
    /// The first segment that is kept of a pruned journal, by the newest word on that.
    pub(crate) kept_from: Option<SegmentId>,
    /// The newest table of shapes.
    pub(crate) newest: Option<ShapeTable>,
    /// Where tables stand. Those that are the same are shared.
    tables: Vec<(SegmentId, u64, Arc<ShapeTable>)>,
    /// Events that stand behind a gap with no table in between, in the order of the journal: the last of each frame, and its highest
    /// number of an event.
    untold: Vec<(SegmentId, u64, Seq, EventId)>,
    /// The shapes of models, by their fingerprints.
    pub(crate) models: BTreeMap<u64, ShapeTree>,
    /// The table by which events are numbered here; `None` after a gap.
    table: Option<ShapeTable>,
    /// Something is missing before here.
    gap: bool,
}

impl FrameVisitor for Content {
    fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Vec<RecordDamage> {
        self.frames += 1;
        let header = &frame.header;
        let damaged = |what| Err(RecordDamage { seq: header.first_seq, flaw: DamageKind::Damaged, what });
        let fits = match header.kind {
            FrameKind::Events => return self.records(segment, frame, body),
            FrameKind::Shapes => self.shapes(segment, frame, body).or_else(damaged),
            FrameKind::Genesis => self.state_before_all(body).or_else(damaged),
            FrameKind::Digest => self.digest(frame, body).or_else(damaged),
            FrameKind::Prune => self.pruned(body).or_else(damaged),
            FrameKind::Void => self.void(segment, frame, body).or_else(damaged),
            FrameKind::Seal | FrameKind::Optional(_) => Ok(()),
        };
        fits.err().into_iter().collect()
    }

    fn gap(&mut self) {
        (self.table, self.gap) = (None, true);
    }
}

impl Content {
    /// Before the first frame; what they tell of the states after these events is kept.
    pub(crate) fn telling_of(seqs: impl Iterator<Item = Seq>) -> Content {
        let mut lines: Vec<Timeline> = seqs.map(Timeline::new).collect();
        lines.dedup_by_key(|line| line.seq);
        Content { lines, ..Content::default() }
    }

    /// What the journal tells of a state that is there.
    pub(crate) fn line(&self, seq: Seq) -> Option<&Timeline> {
        self.lines.iter().find(|line| line.seq == seq)
    }

    /// A table by which the events from a place on can be read: the first after it, or else the last before it.
    pub(crate) fn table_for(&self, segment: SegmentId, offset: u64) -> Option<&ShapeTable> {
        let after = self.tables.partition_point(|(its, at, _)| (*its, *at) < (segment, offset));
        let found = self.tables.get(after).or_else(|| self.tables.get(after.checked_sub(1)?));
        found.map(|(_, _, table)| &**table)
    }

    /// Whether that table tells what the events after `seq` are that come before the next one.
    pub(crate) fn tells_from(&self, segment: SegmentId, offset: u64, seq: Seq) -> bool {
        let table = self.table_for(segment, offset);
        let here = self.untold.iter().filter(|(its, at, last, _)| *its == segment && *at >= offset && *last > seq);
        here.map(|(.., highest)| *highest).all(|event| table.is_some_and(|table| table.event(event).is_some()))
    }

    fn shapes(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Result<(), String> {
        let table = ShapeTable::decode(body).map_err(|fault| fault.to_string())?;
        let shared = match self.tables.last() {
            Some((_, _, last)) if **last == table => Arc::clone(last),
            _ => Arc::new(table.clone()),
        };
        self.tables.push((segment, frame.offset as u64, shared));
        let known = self.newest.as_ref().is_none_or(|newest| table.continues(newest));
        (self.newest, self.table) = (Some(table.clone()), Some(table));
        match known {
            true => Ok(()),
            false => Err("its table of shapes numbers the events in another way than the one before it".to_owned()),
        }
    }

    fn state_before_all(&mut self, body: &[u8]) -> Result<(), String> {
        let genesis = Genesis::decode(body)?;
        let shape = self.model(genesis.fingerprint, &genesis.shape)?;
        let state = genesis.state.as_ref().or(genesis.default.as_ref());
        state.map_or(Ok(()), |state| decodes(&shape, state))?;
        self.genesis |= !self.gap;
        Ok(())
    }

    fn pruned(&mut self, body: &[u8]) -> Result<(), String> {
        let mark = PruneMark::decode(body)?;
        self.kept_from = Some(mark.first());
        self.model(mark.fingerprint, &mark.shape).map(drop)
    }

    fn digest(&mut self, frame: &Frame<'_>, body: &[u8]) -> Result<(), String> {
        let mark = DigestMark::decode(body)?;
        self.lines.iter_mut().for_each(|line| line.digest(&frame.header, mark));
        Ok(())
    }

    fn model(&mut self, fingerprint: u64, shape: &[u8]) -> Result<ShapeTree, String> {
        let shape = ShapeTree::decode(shape).map_err(|error| format!("the model's shape: {error}"))?;
        self.models.insert(fingerprint, shape.clone());
        Ok(shape)
    }

    fn void(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Result<(), String> {
        let mark = VoidMark::decode(body)?;
        if mark.seq >= frame.header.first_seq {
            return Err(format!("it says that event {} is void, which comes after it", mark.seq));
        }
        let is_first = !self.voids.has(mark.seq);
        self.voids.add(&mark, frame);
        if is_first {
            self.voided.push(VoidReport { decision: mark.into(), segment, offset: frame.offset as u64 });
        }
        Ok(())
    }

    fn records(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Vec<RecordDamage> {
        let header = &frame.header;
        self.lines.iter_mut().for_each(|line| line.events(header));
        let (mut misfits, mut highest) = (Vec::new(), None);
        for record in records(body, header.first_seq, header.count, header.time) {
            match record {
                Ok(record) => {
                    self.events += 1;
                    self.first = Some(self.first.map_or(record.seq, |first| first.min(record.seq)));
                    self.last = self.last.max(Some(record.seq));
                    highest = highest.max(Some(record.event));
                    misfits.extend(self.record(&record, body).err());
                }
                Err(fault) => {
                    let seq = header.first_seq;
                    misfits.push(RecordDamage { seq, flaw: DamageKind::Damaged, what: fault.to_string() });
                }
            }
        }
        if self.table.is_none()
            && let Some(highest) = highest
        {
            let last = Seq::new(header.next_seq().get() - 1);
            self.untold.push((segment, frame.offset as u64, last, highest));
        }
        misfits
    }

    fn record(&self, record: &Record, body: &[u8]) -> Result<(), RecordDamage> {
        let Some(table) = &self.table else { return Ok(()) };
        let misfit = |flaw, what| Err(RecordDamage { seq: record.seq, flaw, what });
        let Some((name, version, shape)) = table.event(record.event) else {
            return misfit(
                DamageKind::Undecodable,
                format!("event {} has the unknown number {}", record.seq, record.event.0),
            );
        };
        match decodes(shape, &body[record.payload.clone()]) {
            Ok(()) => Ok(()),
            Err(what) => {
                misfit(DamageKind::Undecodable, format!("event {} (`{name}` version {version}): {what}", record.seq))
            }
        }
    }
}

/// Whether bytes are a value of the shape, as far as the shape tells.
pub(crate) fn decodes(shape: &ShapeTree, bytes: &[u8]) -> Result<(), String> {
    match Value::decode(shape, bytes) {
        Err(error) if !error.is_opaque() => Err(format!("it does not decode by its shape: {error}")),
        _ => Ok(()),
    }
}
