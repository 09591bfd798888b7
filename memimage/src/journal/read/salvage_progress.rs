//! The state of a salvage: its position in the journal, and the results so far.

use std::collections::BTreeMap;

use super::damage::{Damage, DamageKind, RecordDamage};
use super::headers::CheckedHeader;
use super::salvaged::{FrameRun, FrameVisitor, Framing, Salvaged, SalvagedSegment};
use crate::journal::format::frame::{Frame, FrameKind};
use crate::journal::format::frames::FrameChain;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::{Life, SegmentId, Seq};

/// The largest number of places of damage that are listed in each category.
const MAX_LISTED: usize = 256;

pub(super) struct SalvageProgress {
    salvaged: Salvaged,
    /// The state that the next frame must continue; `None` after a gap.
    pub(super) chain: Option<FrameChain>,
    /// Whether the next frame continues the last run.
    continues_run: bool,
    /// The id of each life, by its epoch.
    lives: BTreeMap<u64, u64>,
    /// The segment and the offset of the last damage, listed or not.
    last_place: Option<(SegmentId, Option<u64>)>,
    /// The last event that is proven to be synced.
    pub(super) evidence: Seq,
    /// Whether the salvage found data of a newer format, after which nothing can be read.
    pub(super) is_newer_format: bool,
    /// The number of places of damage in each category. Each category has its own limit, so that no category hides another.
    counts: [usize; 4],
    /// The repair advice for the current file, if its header belongs to another image. The advice applies only if the frames in
    /// the file belong to another image as well.
    pub(super) foreign_help: Option<String>,
}

impl SalvageProgress {
    /// The state of a salvage that has not read any segment yet. `durable` is the last event for which something other than the
    /// frames proves that it was synced.
    pub(super) fn new(durable: Seq) -> SalvageProgress {
        SalvageProgress {
            salvaged: Salvaged::default(),
            chain: None,
            continues_run: false,
            lives: BTreeMap::new(),
            last_place: None,
            evidence: durable,
            is_newer_format: false,
            counts: [0; 4],
            foreign_help: None,
        }
    }

    /// The results, once all segments have been read.
    pub(super) fn finish(mut self) -> Salvaged {
        self.salvaged.end = self.chain;
        self.salvaged
    }

    /// The event that must come next; `None` after a gap.
    pub(super) fn expected(&self) -> Option<Seq> {
        self.chain.map(|chain| chain.next_seq)
    }

    /// The number of void marks so far; `None` after a gap.
    fn decisions(&self) -> Option<u32> {
        self.chain.map(|chain| chain.decisions)
    }

    pub(super) fn begin_segment(&mut self, segment: SegmentId) {
        self.salvaged.segments.push(SalvagedSegment::new(segment));
    }

    /// Adds the life in which a segment was created or a frame was written.
    pub(super) fn life(&mut self, life: Life) {
        self.salvaged.epoch = self.salvaged.epoch.max(life.epoch);
        self.salvaged.is_mixed |= *self.lives.entry(life.epoch).or_insert(life.id) != life.id;
    }

    pub(super) fn frame(&mut self, segment: SegmentId, frame: &Frame<'_>, body: &[u8], visitor: &mut dyn FrameVisitor) {
        let header = &frame.header;
        if let Some(current) = self.salvaged.segments.last_mut()
            && frame.offset == SEGMENT_HEADER
        {
            (current.first, current.key_ids) = (Some(header.first_seq), Some(frame.key_ids));
        }
        self.salvaged.align_shift = Some(header.align_shift);
        self.life(header.life);
        self.salvaged.life = Some(header.life);
        self.salvaged.decisions = self.salvaged.decisions.max(header.next_decisions());
        self.evidence = self.evidence.max(header.durable_seq);
        let last = Seq::new(header.next_seq().get().saturating_sub(1));
        self.salvaged.last_known = self.salvaged.last_known.max(last).max(header.durable_seq);
        let damage = visitor.frame(segment, frame, body);
        let is_intact = damage.iter().all(|record| record.kind == DamageKind::Undecodable);
        for RecordDamage { seq, kind, what } in damage {
            let offset = Some(frame.offset as u64);
            let decisions = Some(header.decisions);
            self.push(Damage { segment, offset, seq: Some(seq), decisions, kind, what, help: None, is_framing: false });
        }
        if is_intact {
            self.extend_run(segment, frame);
        }
    }

    fn extend_run(&mut self, segment: SegmentId, frame: &Frame<'_>) {
        let end = frame.next_offset() as u64;
        if !self.continues_run {
            self.salvaged.runs.push(FrameRun {
                segment,
                offset: frame.offset as u64,
                first: frame.header,
                key_ids: frame.key_ids,
                last: segment,
                next: frame.header.next_seq(),
                first_end: end,
                end,
                is_sealed: false,
                chain: FrameChain::after(frame),
                stopped: None,
                stopped_here: false,
            });
            self.continues_run = true;
        }
        let run = self.salvaged.runs.last_mut().expect("the run was pushed or is continued");
        (run.last, run.next, run.end) = (segment, frame.header.next_seq(), end);
        run.is_sealed = frame.header.kind == FrameKind::Seal;
        run.chain = self.chain.unwrap_or(run.chain);
    }

    /// Records damage that affects frames or a whole file.
    pub(super) fn damage(
        &mut self,
        segment: SegmentId,
        offset: Option<u64>,
        kind: DamageKind,
        what: impl Into<String>,
    ) {
        let (seq, decisions) = (self.expected(), self.decisions());
        self.push(Damage { segment, offset, seq, decisions, kind, what: what.into(), help: None, is_framing: false });
    }

    /// Reports that a segment's file is missing, unless the last reported damage already says so.
    pub(super) fn missing_file(&mut self, segment: SegmentId) {
        if !self.is_missing(segment) {
            self.damage(segment, None, DamageKind::Damaged, "the file is missing");
        }
    }

    /// Records damage that affects the framing of the current segment.
    pub(super) fn framing_damage(
        &mut self,
        framing: Framing,
        segment: SegmentId,
        offset: u64,
        kind: DamageKind,
        what: String,
    ) {
        // the end of the previous segment may already have shown that this segment has lost its content
        let is_missing = self.is_missing(segment);
        if let Some(current) = self.salvaged.segments.last_mut() {
            current.framing = if is_missing { Framing::Unusable } else { framing };
        }
        if is_missing {
            return;
        }
        let (seq, decisions, is_framing) = (self.expected(), self.decisions(), framing != Framing::Unusable);
        self.push(Damage { segment, offset: Some(offset), seq, decisions, kind, what, help: None, is_framing });
    }

    /// Whether the last reported damage says that the segment's whole file is missing or has no content.
    fn is_missing(&self, segment: SegmentId) -> bool {
        self.last_place == Some((segment, None))
    }

    /// If the header or the length of the current file is damaged, marks the file's content as foreign as well, and returns
    /// true. The report of the damaged header or length then also covers the content.
    pub(super) fn mark_foreign(&mut self, checked: &CheckedHeader) -> bool {
        let current = self.salvaged.segments.last_mut().filter(|current| current.framing != Framing::Intact);
        let Some(current) = current else { return false };
        current.framing = Framing::Unusable;
        if let Some(damage) = self.salvaged.damage.last_mut().filter(|damage| damage.segment == checked.segment) {
            damage.is_framing = false;
            if let Some(help) = self.foreign_help.take() {
                damage.help = Some(help);
            }
        }
        self.end_run(&DamageKind::Damaged, (checked.segment, Some(0)));
        true
    }

    /// Records that frames are missing before the next frame.
    pub(super) fn gap(&mut self, visitor: &mut dyn FrameVisitor) {
        self.chain = None;
        visitor.gap();
    }

    /// Ends the last run at the damage of this kind and place.
    fn end_run(&mut self, kind: &DamageKind, (segment, offset): (SegmentId, Option<u64>)) {
        if matches!(kind, DamageKind::Damaged | DamageKind::Forged) {
            self.salvaged.last_damaged = self.salvaged.last_damaged.max(Some(segment));
        }
        if std::mem::take(&mut self.continues_run)
            && let Some(run) = self.salvaged.runs.last_mut()
        {
            run.stopped = Some(kind.clone());
            run.stopped_here = segment == run.last && offset >= Some(run.end);
        }
    }

    fn push(&mut self, damage: Damage) {
        // an undecodable event or a damaged framing causes no loss of frames
        if damage.kind != DamageKind::Undecodable && !damage.is_framing {
            self.end_run(&damage.kind, (damage.segment, damage.offset));
        }
        self.last_place = Some((damage.segment, damage.offset));
        let category = match damage.kind {
            _ if damage.is_framing => 0,
            DamageKind::Undecodable => 1,
            DamageKind::Newer => 2,
            DamageKind::Torn(_) | DamageKind::Suspect(_) | DamageKind::Damaged | DamageKind::Forged => 3,
        };
        self.counts[category] += 1;
        if self.counts[category] <= MAX_LISTED {
            self.salvaged.damage.push(damage);
        } else {
            self.salvaged.unlisted += 1;
        }
    }
}
