//! Gives up the damaged frames alone, and records the gaps in their places.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::messages;
use super::replacement::repair_framing;
use super::session::{ALIGN_SHIFT, FramesEnd, RepairSession};
use crate::admin::examine::{GiveUpPlan, RecordedGap};
use crate::admin::seq_range::SeqRange;
use crate::context::Timestamp;
use crate::disk::{OverlayDisk, ShownFile};
use crate::entropy::random;
use crate::error::Error;
use crate::journal::{
    Damage, DamageKind, FrameChain, FramePosition, FrameRun, GapMark, MIN_SEGMENT, RebuiltPart, SEAL_ROOM,
    SEGMENT_HEADER, Salts, SegmentBuildError, SegmentBuilder, SegmentRebuild, key_ids_of,
};
use crate::seq::{SegmentId, Seq};

/// The longest reason and the longest name that a gap frame records, in bytes.
const MAX_TEXT: usize = 1024;

/// The decision that all gap frames of a repair record.
#[derive(Clone)]
struct Decision {
    epoch: u64,
    time: Timestamp,
    by: Option<String>,
}

/// Gives up the damaged frames between sound ones. `seq` must be the first missing or damaged event.
///
/// The segments with damage are rebuilt, each by one rename. So after a crash, a part of the damage is a recorded gap, and the rest is
/// damage as before. The last change is `journal/durable`, whose epoch then is that of the gap frames. If a gap
/// has a later epoch than this file, a crash interrupted the repair, and the same repair completes it. If the file is missing, it is
/// written first, with the epoch before the repair: otherwise nothing would tell damage that the interrupted repair left from new damage,
/// which nobody has decided to give up.
///
/// Damage behind the last sound frame stays as it is, and a second repair must follow.
pub(super) fn give_up(session: &mut RepairSession, seq: Seq, by: Option<&str>) -> Result<Option<SeqRange>, Error> {
    let is_continued = is_interrupted(session, seq);
    let first_damage = session.examination.first_damage().cloned();
    if is_continued && first_damage.as_ref().is_none_or(|damage| !is_between(session, damage)) {
        return complete(session).map(|()| None);
    }
    let Some(damage) = first_damage else {
        return match session.examination.content.recorded_gaps.iter().any(|recorded| recorded.gap.first == seq) {
            true if session.examination.first_framing_damage().is_none() => Ok(None),
            _ => Err(session.refusal_without_damage()),
        };
    };
    let is_loss = matches!(damage.kind, DamageKind::Damaged | DamageKind::Forged);
    if !is_loss || damage.seq != Some(seq) && !is_continued {
        return Err(session.refusal_for(&damage));
    }
    let (segments, lost) = match session.examination.give_up_plan() {
        Ok(plan) => (rebuilt_segments(session, &plan, by), plan.lost),
        Err(why) => return Err(session.refusal(why)),
    };
    session.layout().create_dirs(session.disk())?;
    let last = session.examination.salvaged.runs.last().expect("the plan has runs");
    let end = FramesEnd {
        position: FramePosition { segment: last.last, offset: last.end },
        previous: last.chain.previous.hash,
        last: last.next.before(),
        decisions: last.chain.decisions,
    };
    session.restore_watermark(end)?;
    let last = session.last_segment().max(Some(end.position.segment)).unwrap_or(SegmentId::FIRST);
    let is_rebuilt = segments.contains_key(&last) || is_rebuilt_before(session, last);
    repair_framing(session, |segment| !segments.contains_key(&segment))?;
    rebuild_all(session, segments)?;
    begin_epoch_after(session, last, is_rebuilt)?;
    session.gaps = lost;
    Ok(SeqRange::hull(&session.gaps))
}

/// Whether a crash interrupted this repair after it had recorded the first gap.
fn is_interrupted(session: &RepairSession, seq: Seq) -> bool {
    interrupted_gaps(session).any(|recorded| recorded.gap.first == seq)
}

/// The gaps that a repair recorded without having completed; none if nothing tells.
fn interrupted_gaps(session: &RepairSession) -> impl Iterator<Item = &RecordedGap> {
    let known = session.examination.watermark.map_or(u64::MAX, |watermark| watermark.life.epoch);
    session.examination.content.recorded_gaps.iter().filter(move |recorded| recorded.gap.epoch > known)
}

/// Whether an interrupted run of this repair has rebuilt this segment.
fn is_rebuilt_before(session: &RepairSession, segment: SegmentId) -> bool {
    interrupted_gaps(session).any(|recorded| recorded.segment == segment)
}

/// Whether sound frames follow this damage.
fn is_between(session: &RepairSession, damage: &Damage) -> bool {
    let place = (damage.segment, damage.offset.unwrap_or(0));
    let is_loss = matches!(damage.kind, DamageKind::Damaged | DamageKind::Forged);
    is_loss && session.examination.salvaged.runs.last().is_some_and(|run| place <= (run.segment, run.offset))
}

/// Begins the new epoch, which is the last step of the repair.
fn complete(session: &mut RepairSession) -> Result<(), Error> {
    session.layout().create_dirs(session.disk())?;
    let last = session.last_segment().unwrap_or(SegmentId::FIRST);
    begin_epoch_after(session, last, is_rebuilt_before(session, last))
}

/// Begins the new epoch at the end of the last segment. If this segment was rebuilt, it was synced as a whole. Otherwise the evidence of
/// synced events stays as it is. So this evidence is no event inside of a gap, after which no state is known: a gap in an earlier segment
/// comes before events that later frames prove to be synced.
fn begin_epoch_after(session: &mut RepairSession, last: SegmentId, is_rebuilt: bool) -> Result<(), Error> {
    let (end, evidence) = (session.end_in(last, usize::MAX)?, session.examination.evidence);
    session.begin_epoch(if is_rebuilt { evidence.max(end.last) } else { evidence }, end)
}

/// The segments to rebuild, each with its new content.
fn rebuilt_segments(
    session: &RepairSession,
    plan: &GiveUpPlan<'_>,
    by: Option<&str>,
) -> BTreeMap<SegmentId, Vec<RebuiltPart>> {
    let damage = &session.examination.salvaged.damage;
    let decision = Decision { epoch: session.life().epoch, time: Timestamp::wall_clock(), by: by.map(shortened) };
    let mut segments = BTreeMap::new();
    for pair in plan.runs.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        // frames of both runs may be in segments that only this pair tells to rebuild
        let first = if before.is_sealed && !before.stopped_here { before.last.next() } else { before.last };
        let last =
            if after.offset == SEGMENT_HEADER as u64 && is_linked(before, after) { before.last } else { after.segment };
        for segment in (first.get()..=last.get()).map(SegmentId::new) {
            segments.entry(segment).or_insert_with(|| content(plan.runs, segment, damage, &decision));
        }
    }
    segments
}

fn is_linked(before: &FrameRun, after: &FrameRun) -> bool {
    after.first.previous == before.chain.previous
}

/// The new content of a segment.
fn content(runs: &[FrameRun], segment: SegmentId, damage: &[Damage], decision: &Decision) -> Vec<RebuiltPart> {
    let mut parts = Vec::new();
    let mut is_sealed = false;
    for (index, run) in runs.iter().enumerate().filter(|(_, run)| (run.segment..=run.last).contains(&segment)) {
        let mut start = SEGMENT_HEADER as u64;
        if run.segment == segment {
            start = run.offset;
            let before = index.checked_sub(1).map(|before| &runs[before]).filter(|before| !is_linked(before, run));
            if let Some(before) = before {
                // the lost frames may have had rows that the next events use
                parts.push(RebuiltPart::Shapes);
                let Decision { epoch, time, by } = decision.clone();
                let mark = GapMark { first: before.next, epoch, time, reason: reason(damage, before, run), by };
                // an older gap at the same place becomes a part of the new one
                let link = run.first.bridge.unwrap_or(run.first.previous);
                start = run.first.bridge.map_or(run.offset, |_| run.first_end);
                parts.push(RebuiltPart::Gap { mark, next: run.first.first_seq, link });
            }
        }
        let end = (run.last == segment).then_some(run.end as usize);
        is_sealed = end.is_none() || run.is_sealed;
        if end != Some(start as usize) {
            parts.push(RebuiltPart::Frames { start: start as usize, end });
        }
    }
    if parts.is_empty() {
        parts.push(RebuiltPart::Shapes);
    }
    match runs.last() {
        Some(run) if run.last == segment => parts.push(RebuiltPart::Rest(run.end as usize)),
        _ if !is_sealed => parts.push(RebuiltPart::Seal),
        _ => {}
    }
    parts
}

/// What was found at the place of a gap.
fn reason(damage: &[Damage], before: &FrameRun, after: &FrameRun) -> String {
    let place = |damage: &Damage| (damage.segment, damage.offset.unwrap_or(0));
    let within = (before.last, before.end)..=(after.segment, after.offset);
    let found = damage.iter().find(|damage| !damage.is_framing && within.contains(&place(damage)));
    shortened(found.map_or(messages::DAMAGE, |damage| &damage.what))
}

/// The first [`MAX_TEXT`] bytes of a text.
fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT)].to_owned()
}

/// A disk that shows the journal as it would be after the repair; the events that the repair would lose; and the last event before the
/// damage that would be left.
///
/// # Errors
///
/// The errors of the repair, if it does not apply.
pub(super) fn trial(session: &RepairSession, seq: Seq) -> Result<(OverlayDisk, Vec<SeqRange>, Seq), Error> {
    let Some(damage) = session.examination.first_damage() else { return Err(session.refusal_without_damage()) };
    if damage.seq != Some(seq) {
        return Err(session.refusal_for(damage));
    }
    let plan = session.examination.give_up_plan().map_err(|why| session.refusal(why))?;
    let (segments, last) = (rebuilt_segments(session, &plan, None), plan.runs.last().map_or(seq, |run| run.next));
    let mut salts = Salts::new(u64::from_le_bytes(random()?));
    let (mut before, mut files) = (None, BTreeMap::new());
    for (segment, parts) in segments {
        let Rebuilt { builder, frames, after } = rebuilt(session, segment, &parts, before, &mut salts)?;
        let len = builder.len(segment, room(&frames));
        let bytes = [&builder.header(segment, len)?[..], &frames].concat();
        files.insert(session.path(segment), ShownFile { bytes: Arc::new(bytes), len });
        before = Some((segment, after));
    }
    Ok((OverlayDisk::new(Arc::clone(&session.examination.disk), files), plan.lost, last.before()))
}

/// A segment that was rebuilt in memory.
struct Rebuilt {
    builder: SegmentBuilder,
    frames: Vec<u8>,
    /// The state of the journal after the segment.
    after: FrameChain,
}

/// The number of bytes that the segment of these frames needs after its header.
fn room(frames: &[u8]) -> u64 {
    frames.len() as u64 + SEAL_ROOM
}

/// Rebuilds a segment in memory. `before` is the segment that was rebuilt before, and the state of the journal after it.
fn rebuilt(
    session: &RepairSession,
    segment: SegmentId,
    parts: &[RebuiltPart],
    before: Option<(SegmentId, FrameChain)>,
    salts: &mut Salts,
) -> Result<Rebuilt, Error> {
    let examination = &session.examination;
    let exists = examination.segments.contains(&segment);
    let (old, len) = if exists { examination.source.read_nonzero(segment)? } else { (Vec::new(), MIN_SEGMENT) };
    let mut builder = session.segment_builder(examination.source.current_protection()?)?;
    // the frames are copied unchanged, so the new segment has the keys of the old one
    if let Some(key_ids) = key_ids_of(parts, &old, &builder.identity.uuid, segment) {
        builder.protection = examination.source.protection(segment, key_ids)?;
    }
    builder.largest = len.next_multiple_of(4096).max(MIN_SEGMENT);
    let rebuilt = before.filter(|(last, _)| last.next() == segment).map(|(_, chain)| chain);
    let intact = || examination.salvaged.runs.iter().rfind(|run| run.last < segment).map(|run| run.chain);
    let before = rebuilt.or_else(intact).unwrap_or(FrameChain::START);
    let align_shift = examination.salvaged.align_shift.unwrap_or(ALIGN_SHIFT);
    let table = &examination.content.table;
    let rebuild = SegmentRebuild { builder: &builder, segment, old: &old, table, align_shift };
    let (frames, after) = rebuild.frames(parts, before, salts)?;
    Ok(Rebuilt { builder, frames, after })
}

/// Rebuilds the segments in ascending order, except that a segment that begins with a new frame is replaced before the segment before
/// it. Otherwise a crash could leave a new seal before old frames that do not continue it, as in a history of two images.
fn rebuild_all(session: &mut RepairSession, segments: BTreeMap<SegmentId, Vec<RebuiltPart>>) -> Result<(), Error> {
    let mut salts = Salts::new(u64::from_le_bytes(random()?));
    let (mut before, mut waiting) = (None, Vec::new());
    for (segment, parts) in segments {
        if matches!(parts.first(), Some(RebuiltPart::Frames { .. })) {
            replace(session, &mut waiting)?;
        }
        let rebuilt = rebuilt(session, segment, &parts, before, &mut salts)?;
        before = Some((segment, rebuilt.after));
        waiting.push((segment, rebuilt));
    }
    replace(session, &mut waiting)
}

/// Replaces these segments, or creates missing ones, the last one first, each by one rename.
fn replace(session: &mut RepairSession, rebuilt: &mut Vec<(SegmentId, Rebuilt)>) -> Result<(), Error> {
    while let Some((segment, rebuilt)) = rebuilt.pop() {
        replace_one(session, segment, &rebuilt)?;
    }
    Ok(())
}

fn replace_one(session: &mut RepairSession, segment: SegmentId, rebuilt: &Rebuilt) -> Result<(), Error> {
    let Rebuilt { builder, frames, .. } = rebuilt;
    let path = session.path(segment);
    let exists = session.examination.segments.contains(&segment);
    let backup = if exists { Some(session.back_up(&path)?) } else { None };
    match builder.build(segment, room(frames), frames, || true) {
        Ok(_) => {}
        Err(SegmentBuildError::Unchanged(error)) => {
            session.discard(&backup.iter().map(std::path::PathBuf::as_path).collect::<Vec<_>>());
            return Err(error);
        }
        Err(SegmentBuildError::Unknown(error)) => return Err(error),
    }
    session.changed(path, if exists { messages::SEGMENT_REBUILT } else { messages::SEGMENT_CREATED }, backup);
    Ok(())
}
