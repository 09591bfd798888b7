//! Creates a new journal. The rename of the first segment comes last, so that an interrupted creation is recognizable.

use super::segment_builder::{SegmentBuildError, SegmentBuilder};
use super::space_reservation::SEAL_ROOM;
use crate::context::Timestamp;
use crate::disk::{StoredFile, failed, sync_dir};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::crc_forge::FORGED_LEN;
use crate::journal::format::frame::{
    FrameHeader, FrameKind, align_up, finish, finish_with_checksum, frame_len, head_len, start,
};
use crate::journal::format::frames::{FrameReader, FrameStep};
use crate::journal::format::genesis::Genesis;
use crate::journal::format::protection::{FrameProtection, Link};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::watermark::Watermark;
use crate::journal::format::whitening::Salts;
use crate::journal::format::zeros::last_nonzero;
use crate::seq::{SegmentId, Seq};

/// A new journal, and the position of its next frame.
pub(crate) struct CreatedJournal {
    pub(crate) durable_file: StoredFile,
    /// The file of the first segment, and its length.
    pub(crate) file: StoredFile,
    pub(crate) len: u64,
    /// The offset of the next frame.
    pub(crate) offset: u64,
    /// The link to the last frame.
    pub(crate) previous: Link,
}

/// Creates the directories, `journal/durable` and the first segment.
pub(crate) fn create(
    builder: &SegmentBuilder,
    genesis: &Genesis,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<CreatedJournal, Error> {
    let (disk, layout) = (&*builder.disk, &builder.layout);
    for dir in [layout.journal(), layout.snapshots(), layout.quarantine()] {
        if disk.kind(&dir).map_err(|error| failed("inspecting", &dir, error))?.is_none() {
            disk.create_dir(&dir).map_err(|error| failed("creating", &dir, error))?;
        }
    }
    layout.remove_unfinished(disk)?;
    for dir in layout.parent().into_iter().chain([layout.root().to_owned()]) {
        sync_dir(disk, &dir)?;
    }
    let frames = first_frames(builder, genesis, align_shift, salts)?;
    let (offset, previous) = ((SEGMENT_HEADER + frames.bytes.len()) as u64, frames.previous);
    let watermark = Watermark {
        epoch: builder.epoch,
        durable_seq: Seq::ZERO,
        segment: SegmentId::FIRST,
        offset,
        previous: previous.checksum,
    };
    let durable_file = create_watermark(builder, &watermark)?;
    let room = frames.bytes.len() as u64 + SEAL_ROOM;
    match builder.build(SegmentId::FIRST, room, &frames.bytes, || true) {
        Ok((file, len)) => Ok(CreatedJournal { durable_file, file, len, offset, previous }),
        Err(SegmentBuildError::Unchanged(error) | SegmentBuildError::Unknown(error)) => Err(error),
    }
}

fn create_watermark(builder: &SegmentBuilder, watermark: &Watermark) -> Result<StoredFile, Error> {
    let (disk, path) = (&*builder.disk, builder.layout.durable());
    if disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_some() {
        disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
    }
    let file = StoredFile::create(disk, &path)?;
    file.write_all(&watermark.encode(&builder.identity.uuid), 0)?;
    file.sync_all()?;
    sync_dir(disk, &builder.layout.journal())?;
    Ok(file)
}

/// Creates a segment in which a journal continues with event `next` after a gap. It starts a new chain. Returns the
/// offset of its next frame, and the checksum of its first frame.
pub(crate) fn create_continuation(
    builder: &SegmentBuilder,
    segment: SegmentId,
    next: Seq,
    table: &ShapeTable,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<(u64, u32), Error> {
    let mut frames = FirstFrames::empty();
    frames.push(builder, segment, next, (FrameKind::Shapes, table.encode()), align_shift, salts)?;
    match builder.build(segment, frames.bytes.len() as u64 + SEAL_ROOM, &frames.bytes, || true) {
        Ok(_) => Ok(((SEGMENT_HEADER + frames.bytes.len()) as u64, frames.previous.checksum)),
        Err(SegmentBuildError::Unchanged(error) | SegmentBuildError::Unknown(error)) => Err(error),
    }
}

/// Rewrites a segment without the frames before offset `from`. The frame at this offset is the first one that is kept,
/// and `first` is its header. The kept frames, and the frames of later segments, stay byte for byte the same. To make
/// this possible, the rewritten segment begins with a shapes frame that has the checksum to which the first kept frame
/// links.
///
/// # Errors
///
/// If the readable frames of `bytes` do not reach event `next`.
pub(crate) fn rewrite_without_start(
    builder: &SegmentBuilder,
    segment: SegmentId,
    bytes: &[u8],
    (from, first, next): (usize, &FrameHeader, Seq),
    table: &ShapeTable,
    salts: &mut Salts,
) -> Result<(), SegmentBuildError> {
    let mut frames = FirstFrames::empty();
    frames.push_shapes_before(builder, segment, first, &table.encode(), salts).map_err(SegmentBuildError::Unchanged)?;
    let mut reader = FrameReader::at(bytes, &builder.identity.uuid, segment, from);
    while let FrameStep::Frame(frame) = reader.step() {
        frames.bytes.extend_from_slice(&bytes[frame.offset..frame.offset + frame.len]);
        frames.bytes.resize(align_up(frames.bytes.len() as u64, frame.header.align_shift) as usize, 0);
    }
    if reader.chain().is_none_or(|chain| chain.next_seq < next) {
        let (path, offset) = (builder.layout.segment(segment), Some(reader.offset() as u64));
        let position = Position { segment: Some(segment), offset, seq: reader.chain().map(|chain| chain.next_seq) };
        let what = "a second reading of the file found fewer events, so the disk is not reliable".to_owned();
        return Err(SegmentBuildError::Unchanged(Error::new(ErrorDetail::Corrupt {
            path,
            position,
            what,
            suspect: false,
        })));
    }
    // bytes after these frames are copied too: this repair must not hide damage there
    let rest = bytes.get(reader.offset()..).unwrap_or_default();
    frames.bytes.extend_from_slice(&rest[..last_nonzero(rest).map_or(0, |last| last + 1)]);
    builder.build(segment, frames.bytes.len() as u64 + SEAL_ROOM, &frames.bytes, || true).map(drop)
}

/// The first frames of a segment, encoded.
struct FirstFrames {
    bytes: Vec<u8>,
    /// The link to the last frame.
    previous: Link,
}

impl FirstFrames {
    fn empty() -> FirstFrames {
        FirstFrames { bytes: Vec::new(), previous: Link::default() }
    }

    /// Adds a frame without events.
    fn push(
        &mut self,
        builder: &SegmentBuilder,
        segment: SegmentId,
        next: Seq,
        (kind, body): (FrameKind, Vec<u8>),
        align_shift: u8,
        salts: &mut Salts,
    ) -> Result<(), Error> {
        let header = FrameHeader {
            kind,
            first_seq: next,
            count: 0,
            durable_seq: Seq::new(next.get() - 1),
            epoch: builder.epoch,
            time: Timestamp::default(),
            previous: self.previous,
            align_shift,
        };
        let protection = FrameProtection::new(&builder.identity.uuid, segment, &builder.protection);
        let head = head_len(protection.key_ids());
        let mut frame = Vec::with_capacity(frame_len(head, body.len()));
        start(&mut frame, head);
        frame.extend_from_slice(&body);
        let offset = SEGMENT_HEADER + self.bytes.len();
        self.previous = finish(&mut frame, &header, &protection, &protection.draw()?, offset as u64, salts);
        self.bytes.extend_from_slice(&frame);
        self.bytes.resize(align_up(self.bytes.len() as u64, align_shift) as usize, 0);
        Ok(())
    }

    /// Starts the segment with a shapes frame. `follower` is the header of the next frame. The shapes frame gets the
    /// checksum to which the next frame links.
    fn push_shapes_before(
        &mut self,
        builder: &SegmentBuilder,
        segment: SegmentId,
        follower: &FrameHeader,
        table: &[u8],
        salts: &mut Salts,
    ) -> Result<(), Error> {
        let header = FrameHeader {
            kind: FrameKind::Shapes,
            count: 0,
            durable_seq: Seq::new(follower.first_seq.get().saturating_sub(1)),
            time: Timestamp::default(),
            previous: Link::default(),
            ..*follower
        };
        let protection = FrameProtection::new(&builder.identity.uuid, segment, &builder.protection);
        let head = head_len(protection.key_ids()) + FORGED_LEN;
        let mut frame = Vec::with_capacity(frame_len(head, table.len()));
        start(&mut frame, head);
        frame.extend_from_slice(table);
        let position = (SEGMENT_HEADER as u64, salts);
        finish_with_checksum(
            follower.previous.checksum,
            &mut frame,
            &header,
            &protection,
            &protection.draw()?,
            position,
        );
        self.bytes.extend_from_slice(&frame);
        self.bytes.resize(align_up(self.bytes.len() as u64, header.align_shift) as usize, 0);
        Ok(())
    }
}

/// The first frames of a journal: an empty shape table, and genesis.
fn first_frames(
    builder: &SegmentBuilder,
    genesis: &Genesis,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<FirstFrames, Error> {
    let mut frames = FirstFrames::empty();
    for frame in [(FrameKind::Shapes, ShapeTable::default().encode()), (FrameKind::Genesis, genesis.encode())] {
        frames.push(builder, SegmentId::FIRST, Seq::new(1), frame, align_shift, salts)?;
    }
    Ok(frames)
}
