//! Whether a repair can give up the damaged frames alone, and what it would lose.

use super::examination::Examination;
use super::messages;
use crate::admin::repair_action::{RepairAction, RepairOption};
use crate::admin::seq_range::SeqRange;
use crate::journal::{Damage, DamageKind, FrameRun, SEGMENT_HEADER};
use crate::seq::Seq;

/// The parts of a damaged journal that stay if only the damaged frames are given up.
pub(crate) struct GiveUpPlan<'a> {
    /// The first lost event; if the damaged frames had no events, the event that follows them.
    pub(crate) first: Seq,
    /// The runs of sound frames, in the order of the journal. Each run after the first one begins after a gap.
    pub(crate) runs: &'a [FrameRun],
    /// The events that are lost in the gaps. Damaged frames without events lose none.
    pub(crate) lost: Vec<SeqRange>,
}

impl Examination {
    /// The plan to give up the damaged frames before the last run of sound frames.
    ///
    /// # Errors
    ///
    /// Returns the reason if this is not possible: nothing sound follows the damage, or it cannot be known that the sound frames
    /// behind the damage continue those before it.
    pub(crate) fn give_up_plan(&self) -> Result<GiveUpPlan<'_>, String> {
        let Some((damage, first)) = self.first_damage().and_then(|damage| Some((damage, damage.seq?))) else {
            return Err(messages::damaged_beginning());
        };
        if self.source.identity().is_none() || self.cut_option(damage).is_none() {
            return Err(messages::damaged_beginning());
        }
        let runs = &self.salvaged.runs[..];
        let [before, after, ..] = runs else { return Err(messages::nothing_sound_behind()) };
        if self.is_after_damage(before) || !self.is_after_damage(after) {
            return Err(messages::damaged_beginning());
        }
        if self.salvaged.is_mixed {
            return Err(messages::other_history());
        }
        for pair in runs.windows(2) {
            refuse_gap(&pair[0], &pair[1])?;
        }
        if !self.content.describes_all() {
            return Err(messages::undescribed_events());
        }
        let gaps = runs.windows(2).map(|pair| SeqRange::of(pair[0].next, pair[1].first.first_seq.before()));
        Ok(GiveUpPlan { first, runs, lost: gaps.flatten().collect() })
    }

    /// The option to give up the damaged frames alone.
    pub(super) fn give_up_option(&self) -> Option<RepairOption> {
        let GiveUpPlan { first, runs, mut lost } = self.give_up_plan().ok()?;
        let end = runs.last().map_or(first, |run| run.next);
        let next = match self.damage_behind(runs) {
            None | Some(DamageKind::Torn(_)) => None,
            Some(DamageKind::Suspect(_)) => Some(RepairAction::SuspectTail),
            Some(_) => Some(RepairAction::CutFrom(end)),
        };
        // a snapshot with the effect of lost events is preferred to a replay without them
        let start = self.newest_usable().map_or(Seq::ZERO, |snapshot| snapshot.seq);
        let crossed = lost.iter().find(|range| range.last > start);
        let doubtful = crossed.and_then(|range| SeqRange::of(range.last.next(), end.before()));
        lost.extend(SeqRange::of(end, self.last_known()).filter(|_| matches!(next, Some(RepairAction::CutFrom(_)))));
        Some(RepairOption {
            lost: SeqRange::hull(&lost),
            gaps: lost,
            doubtful,
            next,
            ..RepairOption::lossless(RepairAction::GiveUp(first))
        })
    }

    /// The kind of the first damage behind the last run of frames.
    fn damage_behind<'a>(&'a self, runs: &'a [FrameRun]) -> Option<&'a DamageKind> {
        let last = runs.last()?;
        let is_behind = |damage: &&Damage| {
            let is_loss = damage.kind != DamageKind::Undecodable && !damage.is_framing;
            is_loss && (damage.segment, damage.offset.unwrap_or(0)) >= (last.last, last.end)
        };
        // what only `journal/durable` shows ends no run
        last.stopped.as_ref().or_else(|| self.salvaged.damage.iter().find(is_behind).map(|damage| &damage.kind))
    }
}

/// Returns an error if the frames of `after` may not continue those of `before`, so that both together may be a history that never
/// existed.
fn refuse_gap(before: &FrameRun, after: &FrameRun) -> Result<(), String> {
    let (chain, first) = (&before.chain, &after.first);
    let is_adjacent = match before.is_sealed {
        true => after.segment == before.last.next() && after.offset == SEGMENT_HEADER as u64,
        false => after.segment == before.last && after.offset == before.end,
    };
    let is_linked = first.previous == chain.previous;
    // a frame without a link begins a journal, and never continues one
    if is_adjacent && !is_linked || first.previous.hash == 0 {
        return Err(messages::other_history());
    }
    if first.life.epoch < chain.life.epoch || first.life.epoch == chain.life.epoch && first.life.id != chain.life.id {
        return Err(messages::other_history());
    }
    if first.first_seq < before.next {
        return Err(messages::repeated_events(first.first_seq));
    }
    match first.decisions.checked_sub(chain.decisions) {
        Some(0) => Ok(()),
        Some(lost) => Err(messages::lost_decisions(lost)),
        None => Err(messages::other_history()),
    }
}
