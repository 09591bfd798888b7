//! Resumes a journal after recovery has read it to its end and repaired that end.

use std::sync::Arc;

use super::commit::BatchLimits;
use super::durability::Durability;
use super::preallocate::Preallocator;
use super::running::Journal;
use super::segment_builder::SegmentBuilder;
use super::space_reservation::{FramePosition, PreparedSegment, SpaceReservation};
use super::writer::{JournalWriter, Lookahead, WritePosition};
use crate::context::Timestamp;
use crate::disk::{Access, StoredFile};
use crate::entropy::random_life;
use crate::error::Error;
use crate::figures::Figures;
use crate::journal::format::frame::head_len;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::watermark::Watermark;
use crate::journal::format::whitening::Salts;
use crate::journal::read::scan::JournalEnd;
use crate::journal::read::segments::Segments;
use crate::process::Process;
use crate::seq::{Life, SegmentId};

/// The end of a journal as recovery read it, and the parameters of the next frames.
pub(crate) struct ResumePoint<'a> {
    pub(crate) segments: &'a Segments,
    pub(crate) end: &'a JournalEnd,
    /// The newest shape table of the journal.
    pub(crate) table: &'a ShapeTable,
    /// The recorded time of the last event.
    pub(crate) time: Timestamp,
    /// The hash of the frame with the last event; 0 if the journal has no events.
    pub(crate) events_hash: u64,
    /// The file `journal/durable`.
    pub(crate) durable_file: StoredFile,
    pub(crate) align_shift: u8,
    pub(crate) salts: Salts,
}

/// The life (epoch and random id) that begins when a journal is resumed; its epoch is one more than the highest epoch in the
/// journal.
///
/// # Errors
///
/// Fails if no unused epoch below `u64::MAX` is left, which only damage can cause, or if the operating system provides no
/// random bytes.
pub(crate) fn next_life(segments: &Segments, end: &JournalEnd, watermark: Option<Watermark>) -> Result<Life, Error> {
    let newest = [end.chain.life.epoch, segments.epoch(), watermark.map_or(0, |watermark| watermark.life.epoch)]
        .into_iter()
        .max()
        .unwrap_or(0);
    // the epoch `u64::MAX` must stay unused, because an image in that epoch could never be opened again
    let epoch = newest.checked_add(1).filter(|&epoch| epoch < u64::MAX).ok_or_else(|| {
        let what = format!("the epoch of the image is {newest}, and no higher epoch is possible");
        segments.corrupt(end.segment, None, what)
    })?;
    Ok(Life { epoch, id: random_life()? })
}

/// Records in `journal/durable` that the epoch `builder.life.epoch` begins, and starts the journal. New frames are written
/// after the last existing frame.
pub(crate) fn resume(
    builder: SegmentBuilder,
    point: ResumePoint<'_>,
    durability: Durability,
    limits: BatchLimits,
    figures: Arc<Figures>,
) -> Result<Journal, Error> {
    let ResumePoint { segments, end, table, time, events_hash, durable_file, align_shift, salts } = point;
    let (uuid, life, shapes) = (builder.identity.uuid, builder.life, table.encode());
    let preallocator = Preallocator::new(builder);
    let start = WriteStart::after(end, segments);
    let protection = segments.protection(start.position.segment).clone();
    let head = head_len(protection.key_ids());
    let mut reservation = SpaceReservation::new(start.position, start.len, shapes.len(), head, align_shift);
    if let Some((segment, len)) = start.next {
        let protection = segments.protection(segment).clone();
        reservation.offer(PreparedSegment { segment, len, protection, file: None });
    }
    let last = end.chain.before();
    let writer = JournalWriter {
        process: Process::current(),
        uuid,
        life,
        align_shift,
        salts,
        shapes,
        protection,
        preallocator,
        durable_file: None,
        segment: start.position.segment,
        file: segments.file(start.position.segment, Access::ReadWrite)?,
        lookahead: Lookahead::in_segment(start.len),
        sealed: start.sealed,
        end: WritePosition {
            offset: start.position.offset,
            previous: end.chain.previous,
            decisions: end.chain.decisions,
            written: last,
            durable: last,
            time,
        },
    };
    writer.record_epoch(&durable_file)?;
    drop(durable_file);
    Ok(Journal::start(writer, reservation, events_hash, durability, limits, figures))
}

/// The position of the first frame written to a recovered journal.
struct WriteStart {
    position: FramePosition,
    len: u64,
    /// Whether the segment is sealed, so that the next frame is written to the next segment.
    sealed: bool,
    /// The next segment and its length, if it is already preallocated.
    next: Option<(SegmentId, u64)>,
}

impl WriteStart {
    fn after(end: &JournalEnd, segments: &Segments) -> WriteStart {
        // if a crash tore the first frame of a segment, this segment counts as preallocated, and the journal ends in the
        // segment before it
        let has_frames = end.offset > SEGMENT_HEADER || end.segment == SegmentId::FIRST;
        let segment = if has_frames { end.segment } else { end.segment.before() };
        let sealed = end.sealed || !has_frames;
        let len = segments.len_of(segment).expect("a segment of this journal");
        let offset = if sealed { len } else { end.offset as u64 };
        let next = segments.len_of(segment.next()).map(|len| (segment.next(), len));
        WriteStart { position: FramePosition { segment, offset }, len, sealed, next }
    }
}
