//! Removes the end of a journal, from the first damage on.

use super::messages;
use super::replacement::{Replacement, repair_framing};
use super::session::RepairSession;
use crate::admin::repair_action::RepairAction;
use crate::admin::seq_range::SeqRange;
use crate::error::Error;
use crate::journal::SEGMENT_HEADER;
use crate::seq::Seq;

/// Gives up event `seq` and all later events. `seq` must be the first missing or damaged event.
///
/// After a crash at any point of the repair, either the first damage is at the same event as before, or the journal ends before
/// that event. To leave no other state, the repair removes the evidence of the lost events before it removes the later
/// segments, newest first. Its last change is one rename, which replaces the damaged segment.
pub(super) fn cut(session: &mut RepairSession, seq: Seq) -> Result<Option<SeqRange>, Error> {
    let Some(damage) = session.examination.first_damage().cloned() else {
        return match is_done(session, seq) {
            true => Ok(None),
            false => Err(session.refusal_without_damage()),
        };
    };
    if damage.seq != Some(seq) {
        return Err(session.refusal_for(&damage));
    }
    let Some(option) = session.examination.cut_option(&damage) else {
        return Err(session.refusal(messages::no_state_before_cut()));
    };
    debug_assert_eq!(option.action, RepairAction::CutFrom(seq));
    session.revived = session.examination.revived_by_cut(&damage);
    session.lost_decisions = session.examination.unknown_decisions_lost_by_cut(&damage);
    session.layout().create_dirs(session.disk())?;
    let frames_end = damage.offset.unwrap_or(0);
    let keeps_frames = frames_end > SEGMENT_HEADER as u64;
    let last = if keeps_frames { damage.segment } else { damage.segment.before() };
    repair_framing(session, |segment| segment < damage.segment)?;

    let replacement =
        if keeps_frames { Some(Replacement::prepare(session, damage.segment, frames_end)?) } else { None };
    let watermark = session.back_up_watermark().inspect_err(|_| {
        if let Some(replacement) = &replacement {
            replacement.discard(session);
        }
    })?;

    session.remove_snapshots_from(seq)?;
    let end = session.end_in(last, if keeps_frames { frames_end as usize } else { usize::MAX })?;
    session.begin_epoch_over(watermark, Seq::new(seq.get() - 1), end)?;
    let later = session.examination.segments.iter().rev().filter(|segment| **segment > last);
    let later = later.map(|segment| session.path(*segment)).collect();
    session.remove_all(later)?;
    if let Some(replacement) = replacement {
        replacement.install(session, messages::SEGMENT_CUT)?;
    }
    Ok(option.lost)
}

/// Whether the journal is undamaged and ends directly before event `seq`, as it does after an earlier run of this repair.
fn is_done(session: &RepairSession, seq: Seq) -> bool {
    let last = session.examination.content.last.max(session.examination.base_seq()).unwrap_or(Seq::ZERO);
    last.next() == seq && session.examination.first_framing_damage().is_none()
}
