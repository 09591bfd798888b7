//! Resuming a journal that was read up to its end, and whose end was repaired.

use super::batch::{FramePosition, SpaceReservation};
use super::commit::BatchLimits;
use super::durability::Durability;
use super::preallocate::{Preallocator, PreparedSegment};
use super::running::Journal;
use super::segment_builder::SegmentBuilder;
use super::writer::{WritePosition, Writer};
use crate::context::Timestamp;
use crate::disk::{Access, StoredFile};
use crate::error::Error;
use crate::journal::format::frame::head_len;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::watermark::Watermark;
use crate::journal::format::whitening::Salts;
use crate::journal::read::scan::JournalEnd;
use crate::journal::read::segments::Segments;
use crate::seq::SegmentId;

/// The end of a journal as it was read, and the parameters of its next frames.
pub(crate) struct ResumePoint<'a> {
    pub(crate) segments: &'a Segments,
    pub(crate) end: &'a JournalEnd,
    /// Its newest table of shapes.
    pub(crate) table: &'a ShapeTable,
    /// The recorded time of its last event.
    pub(crate) time: Timestamp,
    /// `journal/durable`.
    pub(crate) durable_file: StoredFile,
    pub(crate) align_shift: u8,
    pub(crate) salts: Salts,
}

/// The epoch that begins when a journal is resumed: one more than any that is known.
pub(crate) fn next_epoch(segments: &Segments, end: &JournalEnd, block: Option<Watermark>) -> Result<u64, Error> {
    let newest =
        [end.chain.epoch, segments.epoch(), block.map_or(0, |block| block.epoch)].into_iter().max().unwrap_or(0);
    // with the last number there is, it would open this once and never again
    newest
        .checked_add(1)
        .filter(|&epoch| epoch < u64::MAX)
        .ok_or_else(|| segments.corrupt(end.segment, None, format!("it says that the image was opened {newest} times")))
}

/// Says in `journal/durable` that the `maker`'s epoch begins, and starts the journal at its end.
pub(crate) fn resume(
    maker: SegmentBuilder,
    point: ResumePoint<'_>,
    durability: Durability,
    caps: BatchLimits,
) -> Result<Journal, Error> {
    let ResumePoint { segments, end, table, time, durable_file, align_shift, salts } = point;
    let (uuid, epoch, shapes) = (maker.identity.uuid, maker.epoch, table.encode());
    let ahead = Preallocator::new(maker);
    let start = WriteStart::after(end, segments);
    let protection = segments.protection(start.place.segment).clone();
    let head = head_len(protection.form());
    let mut plan = SpaceReservation::new(start.place, start.len, shapes.len(), head, align_shift);
    if let Some((segment, len)) = start.next {
        let protection = segments.protection(segment).clone();
        ahead.keep(PreparedSegment { segment, file: segments.file(segment, Access::ReadWrite)?, protection });
        plan.offer(segment, len);
    }
    let last = end.chain.before();
    let mut writer = Writer {
        uuid,
        epoch,
        align_shift,
        salts,
        shapes,
        protection,
        ahead,
        durable_file,
        segment: start.place.segment,
        file: segments.file(start.place.segment, Access::ReadWrite)?,
        sealed: start.sealed,
        end: WritePosition {
            offset: start.place.offset,
            previous: end.chain.previous,
            written: last,
            durable: last,
            time,
        },
    };
    writer.announce()?;
    Journal::start(writer, plan, durability, caps)
}

/// The position of the first frame that is written to a recovered journal.
struct WriteStart {
    place: FramePosition,
    len: u64,
    /// The segment is sealed, so the next frame begins another.
    sealed: bool,
    /// The segment that stands ready after it.
    next: Option<(SegmentId, u64)>,
}

impl WriteStart {
    fn after(end: &JournalEnd, segments: &Segments) -> WriteStart {
        // a segment whose first frame was cut short by a crash stands ready again, after the one before it
        let begun = end.offset > SEGMENT_HEADER || end.segment == SegmentId::FIRST;
        let segment = if begun { end.segment } else { end.segment.before() };
        let sealed = end.sealed || !begun;
        let len = segments.len_of(segment).expect("a segment of this journal");
        let offset = if sealed { len } else { end.offset as u64 };
        let next = segments.len_of(segment.next()).map(|len| (segment.next(), len));
        WriteStart { place: FramePosition { segment, offset }, len, sealed, next }
    }
}
