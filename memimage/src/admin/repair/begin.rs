//! Makes a journal begin with the state of a snapshot or base, so that the damaged part before this state no longer belongs to
//! the journal.

use super::messages;
use super::replacement::repair_framing;
use super::session::{ALIGN_SHIFT, FramesEnd, RepairSession};
use crate::admin::examine::{ExaminedSnapshot, KeptEvents};
use crate::admin::seq_range::SeqRange;
use crate::entropy::random;
use crate::error::Error;
use crate::journal::{
    DamageKind, FramePosition, FrameRun, MIN_SEGMENT, Salts, SegmentBuildError, SegmentBuilder, create_continuation,
    rewrite_without_start,
};
use crate::seq::{SegmentId, Seq};

/// The beginning of the repaired journal.
struct NewStart {
    /// The first segment of the repaired journal.
    first: SegmentId,
    lost: Option<SeqRange>,
    /// The highest synced seq.
    durable: Seq,
    end: FramesEnd,
}

/// Makes the journal begin after event `seq`, with the state of a snapshot or base.
///
/// The repair removes the old segments, oldest first, only after the base has two copies and the segment with the next events
/// exists. So a crash leaves either the same damage as before, or old segments that are detached from the journal. If one
/// segment contains both damage and events to keep, one rename replaces it by a segment without the damage. If a crash follows
/// this rename, an open may succeed, or may refuse the image because the frames of the new segment do not continue the frames
/// of the old segments. To continue after a crash, run the same repair again.
///
/// If there is more damage after the kept events, the repair changes neither that damage nor the evidence of it, and a second
/// repair, usually a cut, must follow.
pub(super) fn begin(session: &mut RepairSession, seq: Seq) -> Result<Option<SeqRange>, Error> {
    let state = newest_state(session, seq)?;
    let kept = session.examination.kept_after(seq);
    if is_done(session, seq, kept.as_ref()) {
        return Ok(None);
    }
    refuse_other_damage(session, kept.as_ref())?;
    let builder = session.segment_builder(session.examination.source.current_protection()?)?;
    let retired = session.examination.retired_by_beginning_at(seq, kept.as_ref());
    let kept = kept.map(|kept| (kept.segment, kept.is_rewritten.then(|| kept.run.clone())));
    session.retired = retired;
    session.layout().create_dirs(session.disk())?;
    let keeps_file = |segment| match &kept {
        Some((first, rewritten)) => segment > *first || segment == *first && rewritten.is_none(),
        None => false,
    };
    repair_framing(session, keeps_file)?;
    session.install_base(&state)?;
    let start = match kept {
        Some((first, rewritten)) => keep_from(session, &builder, first, rewritten.as_ref())?,
        None => start_anew(session, &builder, seq)?,
    };
    session.begin_epoch(start.durable, start.end)?;
    let before = session.examination.segments.iter().filter(|segment| **segment < start.first);
    let before = before.map(|segment| session.path(*segment)).collect();
    session.remove_all(before)?;
    Ok(start.lost)
}

/// Returns the usable snapshot or base with the state after event `seq`. Returns an error if a newer snapshot or base is
/// usable, because a journal that begins with a newer state loses fewer events.
fn newest_state(session: &RepairSession, seq: Seq) -> Result<ExaminedSnapshot, Error> {
    let usable = || session.examination.examined_snapshots.iter().filter(|snapshot| snapshot.is_usable());
    let Some(state) = usable().find(|snapshot| snapshot.seq == seq) else {
        let mut seqs: Vec<Seq> = usable().map(|snapshot| snapshot.seq).collect();
        seqs.dedup();
        return Err(session.refusal(messages::no_usable_state(seq, &seqs)));
    };
    match session.examination.newest_usable() {
        Some(newest) if newest.seq != seq => Err(session.refusal(messages::newer_usable_state(newest.seq))),
        _ => Ok(state.clone()),
    }
}

/// Whether an earlier run has completed this repair, so that the journal already begins after event `seq`.
fn is_done(session: &RepairSession, seq: Seq, kept: Option<&KeptEvents<'_>>) -> bool {
    let examination = &session.examination;
    let is_whole = kept.is_some_and(|kept| !examination.is_after_damage(kept.run));
    examination.is_pruned() && is_whole && examination.base_seq() == Some(seq)
}

/// Returns an error if the first damage loses no events, or is not before the events to keep.
fn refuse_other_damage(session: &RepairSession, kept: Option<&KeptEvents<'_>>) -> Result<(), Error> {
    let Some(damage) = session.examination.first_damage() else { return Err(session.refusal_without_damage()) };
    let is_loss = matches!(damage.kind, DamageKind::Damaged | DamageKind::Forged);
    let is_before = kept.is_none_or(|kept| session.examination.is_after_damage(kept.run));
    match is_loss && is_before {
        true => Ok(()),
        false => Err(session.refusal_for(damage)),
    }
}

/// Keeps the segments from `first` on. If `rewritten` is `Some`, rewrites the first segment so that it begins with this run of
/// frames.
fn keep_from(
    session: &mut RepairSession,
    builder: &SegmentBuilder,
    first: SegmentId,
    rewritten: Option<&FrameRun>,
) -> Result<NewStart, Error> {
    if let Some(run) = rewritten {
        rewrite_start(session, builder, run)?;
    }
    let last = session.last_segment().unwrap_or(first).max(first);
    let end = session.end_in(last, usize::MAX)?;
    Ok(NewStart { first, lost: None, durable: session.examination.evidence, end })
}

/// Starts a new segment after event `seq`. A repair that keeps no event after `seq` uses this function.
fn start_anew(session: &mut RepairSession, builder: &SegmentBuilder, seq: Seq) -> Result<NewStart, Error> {
    let examination = &session.examination;
    let lost = SeqRange::of(seq.next(), examination.last_known());
    let segment = examination.segments.last().map_or(SegmentId::FIRST, |last| last.next());
    let table = examination.content.table.clone();
    let align_shift = examination.salvaged.align_shift.unwrap_or(ALIGN_SHIFT);
    let decisions = examination.decisions();
    let mut salts = Salts::new(u64::from_le_bytes(random()?));
    let (offset, previous) =
        create_continuation(builder, segment, (seq.next(), decisions), &table, align_shift, &mut salts)?;
    session.changed(session.path(segment), messages::SEGMENT_CREATED, None);
    session.remove_snapshots_from(seq.next())?;
    let end = FramesEnd { position: FramePosition { segment, offset }, previous, last: seq, decisions };
    Ok(NewStart { first: segment, lost, durable: seq, end })
}

/// Rewrites the segment in which a run of frames begins, without the bytes before the run.
fn rewrite_start(session: &mut RepairSession, builder: &SegmentBuilder, run: &FrameRun) -> Result<(), Error> {
    let examination = &session.examination;
    let path = session.path(run.segment);
    let (bytes, len) = examination.source.read_nonzero(run.segment)?;
    let table = examination.content.table.clone();
    let backup = session.back_up(&path)?;
    let mut salts = Salts::new(u64::from_le_bytes(random()?));
    let after = examination.salvaged.segments.iter().find(|segment| segment.segment == run.segment.next());
    let next = after.filter(|_| run.last > run.segment).and_then(|after| after.first).unwrap_or(run.next);
    let from = (run.offset as usize, &run.first, next);
    let largest = len.next_multiple_of(4096).max(MIN_SEGMENT);
    // the frames are copied unchanged, so the new segment has the keys of the old one
    let protection = examination.source.protection(run.segment, run.key_ids)?;
    let builder = &SegmentBuilder { largest, protection, ..builder.clone() };
    match rewrite_without_start(builder, run.segment, &bytes, from, &table, &mut salts) {
        Ok(()) => {}
        Err(SegmentBuildError::Unchanged(error)) => {
            session.discard(&[&backup]);
            return Err(error);
        }
        Err(SegmentBuildError::Unknown(error)) => return Err(error),
    }
    session.changed(path, messages::SEGMENT_REWRITTEN, Some(backup));
    Ok(())
}
