//! Beginning a journal anew with a state that is good, without the damage before it.

use super::replacement::make_whole;
use super::session::RepairSession;
use crate::admin::repair_action::{SeqRange, listed};
use crate::entropy::random;
use crate::error::Error;
use crate::journal::{
    DamageKind, FramePosition, FrameRun, MIN_SEGMENT, Salts, SegmentBuildError, SegmentBuilder, make_continued,
    make_without_start,
};
use crate::seq::{SegmentId, Seq};

/// Lets the journal begin after event `seq`, with the state in its snapshot or base.
///
/// The state stands beside the journal twice, and a segment with what comes after it is there, before any segment goes. They go
/// oldest first, so that whatever a crash leaves is cut off from the rest, or damaged in the same way as before. A segment that
/// shares what comes after it with damage takes its own place, without the damage, by one rename: from then on the image opens,
/// or is refused as one whose frames do not follow each other there, which the same repair mends.
///
/// Damage that is further on stays as it is, with all evidence of it: what comes before it is kept, and is cut off by who names
/// the first event that is given up.
pub(super) fn begin(hold: &mut RepairSession, seq: Seq) -> Result<Option<SeqRange>, Error> {
    let good = hold.found.states.iter().find(|state| state.seq == seq && state.flaw.is_none()).cloned();
    let Some(good) = good else {
        let mut good: Vec<Seq> =
            hold.found.states.iter().filter(|state| state.flaw.is_none()).map(|state| state.seq).collect();
        good.dedup();
        let others = match good.is_empty() {
            true => "nor any other".to_owned(),
            false if good.len() == 1 => format!("there is a good one after {}", listed(&good)),
            false => format!("there are good ones after {}", listed(&good)),
        };
        return Err(hold.unfit(format!("there is no good snapshot or base of the state after event {seq}; {others}")));
    };
    let newest = hold.found.states.iter().find(|state| state.flaw.is_none()).map_or(seq, |state| state.seq);
    if newest != seq {
        return Err(
            hold.unfit(format!("there is a newer good state, after event {newest}, and this one would give up more"))
        );
    }
    let kept = hold.found.kept_after(seq);
    let is_done = hold.found.is_pruned() && kept.is_some_and(|kept| !hold.found.is_behind_damage(kept.run));
    match hold.found.first_fault() {
        _ if is_done && hold.found.base_seq() == Some(seq) => return Ok(None),
        None => return Err(hold.unfit_without_fault()),
        Some(fault) if !matches!(fault.flaw, DamageKind::Damaged | DamageKind::Forged) => {
            return Err(hold.unfit_for(fault));
        }
        Some(fault) if kept.is_some_and(|kept| !hold.found.is_behind_damage(kept.run)) => {
            return Err(hold.unfit_for(fault));
        }
        Some(_) => {}
    }
    let maker = hold.maker(hold.found.trail.current()?)?;
    let retired = hold.found.retires(seq, kept.as_ref());
    let kept = kept.map(|kept| (kept.segment, kept.remade.then(|| kept.run.clone())));
    hold.retired = retired;
    hold.layout().make_dirs(hold.disk())?;
    let stays = |segment| match &kept {
        Some((first, remade)) => segment > *first || segment == *first && remade.is_none(),
        None => false,
    };
    make_whole(hold, stays)?;
    hold.install_base(&good)?;

    let (first, lost, durable, place) = match kept {
        Some((first, remade)) => {
            if let Some(run) = remade {
                remake(hold, &maker, &run)?;
            }
            let last = hold.found.trailed.stretches.iter().rev().find(|stretch| stretch.first.is_some());
            let last = last.map_or(first, |stretch| stretch.segment).max(first);
            (first, None, hold.found.evidence, hold.place_in(last, usize::MAX)?)
        }
        None => {
            let lost = SeqRange::of(seq.next(), hold.found.known());
            let segment = hold.found.segments.last().map_or(SegmentId::FIRST, |last| last.next());
            let table = hold.found.content.newest.clone().unwrap_or_default();
            let align_shift = hold.found.trailed.align_shift.unwrap_or(ALIGN_SHIFT);
            let mut salts = Salts::new(u64::from_le_bytes(random()?));
            let (offset, previous) = make_continued(&maker, segment, seq.next(), &table, align_shift, &mut salts)?;
            let path = hold.found.trail.path(segment);
            hold.changed(path, "was made, to go on in", None);
            hold.take_states_from(seq.next())?;
            (segment, lost, seq, (FramePosition { segment, offset }, previous))
        }
    };
    hold.raise(durable, place)?;
    let before = hold.found.segments.iter().filter(|segment| **segment < first);
    let before = before.map(|segment| hold.found.trail.path(*segment)).collect();
    hold.take_all(before)?;
    Ok(lost)
}

/// Makes the segment again in which a run begins, without what stands before that in it.
fn remake(hold: &mut RepairSession, maker: &SegmentBuilder, run: &FrameRun) -> Result<(), Error> {
    let path = hold.found.trail.path(run.segment);
    let (bytes, len) = hold.found.trail.used(run.segment)?;
    let table = hold.found.content.table_for(run.segment, run.offset).cloned().unwrap_or_default();
    let kept = hold.keeper().copy(&path)?;
    let mut salts = Salts::new(u64::from_le_bytes(random()?));
    let after = hold.found.trailed.stretches.iter().find(|stretch| stretch.segment == run.segment.next());
    let next = after.filter(|_| run.last > run.segment).and_then(|stretch| stretch.first).unwrap_or(run.next);
    let from = (run.offset as usize, &run.first, next);
    let largest = len.next_multiple_of(4096).max(MIN_SEGMENT);
    // the frames stay under the key that they are under
    let protection = hold.found.trail.protection(run.segment, run.form)?;
    let maker = &SegmentBuilder { largest, protection, ..maker.clone() };
    match make_without_start(maker, run.segment, &bytes, from, &table, &mut salts) {
        Ok(()) => {}
        Err(SegmentBuildError::Unchanged(error)) => {
            hold.discard(&[&kept]);
            return Err(error);
        }
        Err(SegmentBuildError::Unknown(error)) => return Err(error),
    }
    hold.changed(path, "begins after what was damaged", Some(kept));
    Ok(())
}

/// Where frames begin if no frame is left to say it: at sectors.
const ALIGN_SHIFT: u8 = 9;
