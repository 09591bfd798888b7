//! The repairs that apply to an examined image, and what each loses.

use super::examination::{Examination, reaches_back_to};
use super::snapshot::ExaminedSnapshot;
use crate::admin::repair_action::{RepairAction, RepairOption};
use crate::admin::seq_range::SeqRange;
use crate::journal::{Damage, DamageKind, FrameRun, Framing, SEGMENT_HEADER, SalvagedSegment};
use crate::seq::{SegmentId, Seq};

/// The part of a journal that continues from some state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptEvents<'a> {
    pub(crate) run: &'a FrameRun,
    /// The first segment that is kept.
    pub(crate) segment: SegmentId,
    /// The first event that is kept.
    pub(crate) first: Seq,
    /// The first segment must be written again without what comes before the run, since that or its header is damaged.
    pub(crate) is_rewritten: bool,
}

impl Examination {
    /// The repairs of the journal, the one that loses least first.
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
                let mut options: Vec<RepairOption> =
                    self.begin_option().into_iter().chain(self.cut_option(damage)).collect();
                options.sort_by_key(|option| option.lost.map_or(0, |lost| lost.events()));
                options
            }
        }
    }

    /// Clears the end of the journal; or cuts there, if damage in later segments would still prevent an open.
    fn clear_option(&self, damage: &Damage, action: RepairAction) -> RepairOption {
        let cut = self.cut_option(damage).filter(|_| self.is_damaged_after(damage.segment));
        cut.unwrap_or_else(|| RepairOption::lossless(action))
    }

    /// Gives up all from some damage on, if there is a state from which the journal before it continues.
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

    /// The segments with frames before some damage.
    fn segments_before(&self, damage: &Damage) -> impl Iterator<Item = &SalvagedSegment> {
        let (last, offset) = (damage.segment, damage.offset.unwrap_or(0));
        self.salvaged.segments.iter().filter(move |segment| {
            segment.segment < last || segment.segment == last && offset > 0 && segment.first.is_some()
        })
    }

    /// The events before some damage that are void by decisions recorded after it.
    pub(crate) fn revived_by_cut(&self, damage: &Damage) -> Vec<Seq> {
        let from = (damage.segment, damage.offset.unwrap_or(0));
        let lost = self.content.recorded_voids.iter().filter(|void| (void.segment, void.offset) >= from);
        lost.map(|void| void.decision.seq).filter(|seq| damage.seq.is_none_or(|damaged| *seq < damaged)).collect()
    }

    /// The option `BeginAt` with the newest usable state; `None` if there is none, or if nothing before the kept events is damaged.
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
            ..option
        };
        match run.stopped {
            _ if !self.is_after_damage(run) => None,
            Some(DamageKind::Damaged | DamageKind::Forged) => Some(cut()),
            // an open, or a repair that clears the end, would stop at that damage
            _ if self.is_damaged_after(run.last) => Some(cut()),
            Some(DamageKind::Suspect(_)) => Some(RepairOption { next: Some(RepairAction::SuspectTail), ..option }),
            _ => Some(option),
        }
    }

    /// The events that leave the journal, while their effect on the state stays, when it begins after event `seq`.
    pub(crate) fn retired_by_beginning_at(&self, seq: Seq, kept: Option<&KeptEvents<'_>>) -> Option<SeqRange> {
        let first_kept = kept.map_or(seq.next(), |kept| kept.first);
        SeqRange::of(self.content.first?, Seq::new(first_kept.get().saturating_sub(1)))
    }

    /// The part of the journal that continues from the state after `seq`: the last run of frames that has the event after `seq`,
    /// or the one at it.
    pub(crate) fn kept_after(&self, seq: Seq) -> Option<KeptEvents<'_>> {
        let continues = |run: &&FrameRun| run.first.first_seq <= seq.next() && seq < run.next;
        let run = self.salvaged.runs.iter().rev().find(continues)?;
        // Where no event comes after the state, nothing is to be kept, and one repair does instead of two.
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

    /// Whether the segment in which a run begins can be written again without what comes before the run. In a chain, the run's
    /// first frame names the link of the frame before it, which no other frame can have; and without a table of shapes its
    /// events are not readable.
    fn can_rewrite_start(&self, run: &FrameRun, seq: Seq) -> bool {
        run.key_ids.chain.is_none() && self.content.describes_from(run.segment, run.offset, seq)
    }

    /// Whether there is damage before a run. Damage at its first frame counts: then that frame is intact, but does not continue
    /// what comes before it.
    pub(crate) fn is_after_damage(&self, run: &FrameRun) -> bool {
        let place = |damage: &Damage| (damage.segment, damage.offset.unwrap_or(0));
        self.first_damage().is_some_and(|damage| place(damage) <= (run.segment, run.offset))
    }
}
