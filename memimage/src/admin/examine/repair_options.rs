//! The repairs that apply to an examined image, and the events that each repair loses.

use super::examination::{Examination, reaches_back_to};
use super::snapshot::ExaminedSnapshot;
use crate::admin::repair_action::{RepairAction, RepairOption};
use crate::admin::seq_range::SeqRange;
use crate::journal::{Damage, DamageKind, FrameRun, Framing, SEGMENT_HEADER, SalvagedSegment};
use crate::seq::{SegmentId, Seq};

/// The part of a journal that continues from the state of a snapshot or base.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptEvents<'a> {
    pub(crate) run: &'a FrameRun,
    /// The first segment that the repair keeps.
    pub(crate) segment: SegmentId,
    /// The first event that the repair keeps.
    pub(crate) first: Seq,
    /// Whether the repair must rewrite the first segment without the bytes before `run`, because these bytes or the segment's
    /// header are damaged.
    pub(crate) is_rewritten: bool,
}

impl Examination {
    /// The repairs of the journal that apply to this image. The repair that loses the fewest events comes first; the one that gives
    /// up the damaged frames alone comes last.
    pub(crate) fn repair_options(&self) -> Vec<RepairOption> {
        if self.has_newer_format() {
            return Vec::new();
        }
        let Some(damage) = self.first_damage() else {
            let framing = self.first_framing_damage().map(|_| RepairOption::lossless(RepairAction::Segments));
            return framing.into_iter().collect();
        };
        match damage.kind {
            DamageKind::Torn(_) => vec![self.clear_option(damage, RepairAction::TornTail)],
            DamageKind::Suspect(_) => vec![self.clear_option(damage, RepairAction::SuspectTail)],
            DamageKind::Newer => Vec::new(),
            DamageKind::Damaged | DamageKind::Forged | DamageKind::Undecodable => {
                let options = self.begin_option().into_iter().chain(self.cut_option(damage));
                let mut options: Vec<RepairOption> = options.chain(self.give_up_option()).collect();
                options.sort_by_key(RepairOption::rank);
                options
            }
        }
    }

    /// The option to clear the end of the journal from `damage` on. If damage in a later segment would still prevent an open,
    /// returns the option to cut the journal at `damage` instead.
    fn clear_option(&self, damage: &Damage, action: RepairAction) -> RepairOption {
        let cut = self.cut_option(damage).filter(|_| self.is_damaged_after(damage.segment));
        cut.unwrap_or_else(|| RepairOption::lossless(action))
    }

    /// The option to give up all events from this damage on. `None` if the first lost event is unknown, or if there is no
    /// usable state from which the journal before the damage can be replayed.
    pub(crate) fn cut_option(&self, damage: &Damage) -> Option<RepairOption> {
        let from = damage.seq.filter(|seq| *seq > Seq::ZERO)?;
        let is_continued = |snapshot: &ExaminedSnapshot| {
            snapshot.is_usable()
                && snapshot.seq < from
                && self.segments_before(damage).any(|segment| reaches_back_to(segment.first, snapshot.seq))
        };
        let has_start = match self.is_pruned() {
            false => self.content.has_genesis && self.segments_before(damage).next().is_some(),
            true => self.examined_snapshots.iter().any(is_continued),
        };
        has_start.then(|| RepairOption {
            lost: SeqRange::of(from, self.last_known()),
            ..RepairOption::lossless(RepairAction::CutFrom(from))
        })
    }

    /// The segments that have frames before the damage.
    fn segments_before(&self, damage: &Damage) -> impl Iterator<Item = &SalvagedSegment> {
        let (last, offset) = (damage.segment, damage.offset.unwrap_or(0));
        self.salvaged.segments.iter().filter(move |segment| {
            segment.segment < last || segment.segment == last && offset > 0 && segment.first.is_some()
        })
    }

    /// The events that a cut would make effective again: they come before the damage and are void, but their decisions are
    /// recorded after the damage.
    pub(crate) fn revived_by_cut(&self, damage: &Damage) -> Vec<Seq> {
        let from = (damage.segment, damage.offset.unwrap_or(0));
        let lost = self.content.recorded_voids.iter().filter(|void| (void.segment, void.offset) >= from);
        lost.map(|void| void.decision.seq).filter(|seq| damage.seq.is_none_or(|damaged| *seq < damaged)).collect()
    }

    /// The number of void decisions that are recorded after the damage, but in no readable frame: a cut would lose them too.
    pub(crate) fn unknown_decisions_lost_by_cut(&self, damage: &Damage) -> u32 {
        let Some(before) = damage.decisions else { return 0 };
        let from = (damage.segment, damage.offset.unwrap_or(0));
        let readable = self.content.recorded_voids.iter().filter(|void| (void.segment, void.offset) >= from).count();
        self.decisions().saturating_sub(before).saturating_sub(readable as u32)
    }

    /// The option `BeginAt` with the newest usable state. `None` if no snapshot or base is usable, or if there is no damage
    /// before the events to keep.
    fn begin_option(&self) -> Option<RepairOption> {
        self.source.identity()?;
        let seq = self.newest_usable()?.seq;
        let kept = self.kept_after(seq);
        let option = RepairOption {
            retired: self.retired_by_beginning_at(seq, kept.as_ref()),
            ..RepairOption::lossless(RepairAction::BeginAt(seq))
        };
        let last = self.last_known();
        let Some(KeptEvents { run, .. }) = kept else {
            return Some(RepairOption { lost: SeqRange::of(seq.next(), last), ..option });
        };
        let cut = || RepairOption {
            lost: SeqRange::of(run.next, last),
            next: Some(RepairAction::CutFrom(run.next)),
            ..option.clone()
        };
        match run.stopped {
            _ if !self.is_after_damage(run) => None,
            Some(DamageKind::Damaged | DamageKind::Forged) => Some(cut()),
            // without a cut, damage in a later segment would still stop an open, and a repair of the journal's end
            _ if self.is_damaged_after(run.last) => Some(cut()),
            Some(DamageKind::Suspect(_)) => Some(RepairOption { next: Some(RepairAction::SuspectTail), ..option }),
            _ => Some(option),
        }
    }

    /// The events that leave the journal if it begins after event `seq`. The state after `seq` contains the effect of these
    /// events.
    pub(crate) fn retired_by_beginning_at(&self, seq: Seq, kept: Option<&KeptEvents<'_>>) -> Option<SeqRange> {
        let first_kept = kept.map_or(seq.next(), |kept| kept.first);
        SeqRange::of(self.content.first?, Seq::new(first_kept.get().saturating_sub(1)))
    }

    /// The part of the journal that continues from the state after `seq`: the last run of frames that contains event `seq` or
    /// begins directly after it.
    pub(crate) fn kept_after(&self, seq: Seq) -> Option<KeptEvents<'_>> {
        let continues = |run: &&FrameRun| run.first.first_seq <= seq.next() && seq < run.next;
        let run = self.salvaged.runs.iter().rev().find(continues)?;
        // A run that has no event after the state, and is followed by damage, is not worth keeping: a second repair would have
        // to cut that damage.
        if run.next == seq.next()
            && matches!(run.stopped, Some(DamageKind::Damaged | DamageKind::Forged))
            && self.is_after_damage(run)
        {
            return None;
        }
        let is_start = |segment: SegmentId| segment > run.segment || run.offset == SEGMENT_HEADER as u64;
        let kept_whole = self.salvaged.segments.iter().rev().find_map(|segment| {
            let is_kept = (run.segment..=run.last).contains(&segment.segment)
                && is_start(segment.segment)
                && segment.framing != Framing::Unusable;
            let first = segment.first.filter(|first| is_kept && *first <= seq.next())?;
            Some(KeptEvents { run, segment: segment.segment, first, is_rewritten: false })
        });
        kept_whole.or_else(|| {
            let (segment, first) = (run.segment, run.first.first_seq);
            self.can_rewrite_start(run, seq).then_some(KeptEvents { run, segment, first, is_rewritten: true })
        })
    }

    /// Whether the segment in which a run of frames begins can be rewritten without the bytes before the run. The rewritten
    /// segment needs a shape table that describes the events of the run.
    fn can_rewrite_start(&self, run: &FrameRun, seq: Seq) -> bool {
        self.content.describes_from(run.segment, run.offset, seq)
    }

    /// Whether there is damage before a run of frames. Damage reported at the position of the run's first frame counts too:
    /// this frame is intact, but does not continue the frame before it.
    pub(crate) fn is_after_damage(&self, run: &FrameRun) -> bool {
        let place = |damage: &Damage| (damage.segment, damage.offset.unwrap_or(0));
        self.first_damage().is_some_and(|damage| place(damage) <= (run.segment, run.offset))
    }
}
