//! Making a new image: the first segment's rename comes last, so that what a crash leaves is seen to be unfinished.

use super::batch::SEAL_ROOM;
use super::segment_builder::{SegmentBuildError, SegmentBuilder};
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

/// What was made, to go on in.
pub(crate) struct Created {
    pub(crate) durable_file: StoredFile,
    /// The first segment, and its length.
    pub(crate) file: StoredFile,
    pub(crate) len: u64,
    /// Where its next frame goes.
    pub(crate) offset: u64,
    /// The last frame.
    pub(crate) previous: Link,
}

/// Makes the directories, `journal/durable` and the first segment.
pub(crate) fn create(
    maker: &SegmentBuilder,
    genesis: &Genesis,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<Created, Error> {
    let (disk, layout) = (&*maker.disk, &maker.layout);
    for dir in [layout.journal(), layout.snapshots(), layout.quarantine()] {
        if disk.kind(&dir).map_err(|error| failed("looking at", &dir, error))?.is_none() {
            disk.create_dir(&dir).map_err(|error| failed("creating", &dir, error))?;
        }
    }
    layout.remove_unfinished(disk)?;
    for dir in layout.parent().into_iter().chain([layout.root().to_owned()]) {
        sync_dir(disk, &dir)?;
    }
    let frames = first_frames(maker, genesis, align_shift, salts)?;
    let (offset, previous) = ((SEGMENT_HEADER + frames.bytes.len()) as u64, frames.previous);
    let block = Watermark {
        epoch: maker.epoch,
        durable_seq: Seq::ZERO,
        segment: SegmentId::FIRST,
        offset,
        previous: previous.checksum,
    };
    let durable_file = write_durable(maker, &block)?;
    let room = frames.bytes.len() as u64 + SEAL_ROOM;
    match maker.make(SegmentId::FIRST, room, &frames.bytes, || true) {
        Ok((file, len)) => Ok(Created { durable_file, file, len, offset, previous }),
        Err(SegmentBuildError::Unchanged(error) | SegmentBuildError::Unknown(error)) => Err(error),
    }
}

fn write_durable(maker: &SegmentBuilder, block: &Watermark) -> Result<StoredFile, Error> {
    let (disk, path) = (&*maker.disk, maker.layout.durable());
    if disk.kind(&path).map_err(|error| failed("looking at", &path, error))?.is_some() {
        disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
    }
    let file = StoredFile::create(disk, &path)?;
    file.write_all(&block.encode(&maker.identity.uuid), 0)?;
    file.sync_all()?;
    sync_dir(disk, &maker.layout.journal())?;
    Ok(file)
}

/// Makes a segment in which a journal goes on with event `next`, whatever came before it: a chain begins anew. Gives where its
/// next frame goes, and the checksum of its first.
pub(crate) fn make_continued(
    maker: &SegmentBuilder,
    segment: SegmentId,
    next: Seq,
    table: &ShapeTable,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<(u64, u32), Error> {
    let mut frames = Frames::none();
    frames.push(maker, segment, next, (FrameKind::Shapes, table.encode()), align_shift, salts)?;
    match maker.make(segment, frames.bytes.len() as u64 + SEAL_ROOM, &frames.bytes, || true) {
        Ok(_) => Ok(((SEGMENT_HEADER + frames.bytes.len()) as u64, frames.previous.checksum)),
        Err(SegmentBuildError::Unchanged(error) | SegmentBuildError::Unknown(error)) => Err(error),
    }
}

/// Makes a segment again, of whose `bytes` the frames from `from` on stay and what stood before them goes. They stay as they
/// are, and so do those of later segments: a table of shapes comes first that has the checksum which the first of them names.
/// Refused if the frames that can be read there do not go up to the event `next`.
pub(crate) fn make_without_start(
    maker: &SegmentBuilder,
    segment: SegmentId,
    bytes: &[u8],
    (from, first, next): (usize, &FrameHeader, Seq),
    table: &ShapeTable,
    salts: &mut Salts,
) -> Result<(), SegmentBuildError> {
    let mut frames = Frames::none();
    frames.lead(maker, segment, first, &table.encode(), salts).map_err(SegmentBuildError::Unchanged)?;
    let mut walk = FrameReader::at(bytes, &maker.identity.uuid, segment, from);
    while let FrameStep::Frame(frame) = walk.step() {
        frames.bytes.extend_from_slice(&bytes[frame.offset..frame.offset + frame.len]);
        frames.bytes.resize(align_up(frames.bytes.len() as u64, frame.header.align_shift) as usize, 0);
    }
    if walk.chain().is_none_or(|chain| chain.next_seq < next) {
        let (path, offset) = (maker.layout.segment(segment), Some(walk.offset() as u64));
        let position = Position { segment: Some(segment), offset, seq: walk.chain().map(|chain| chain.next_seq) };
        let what = "more could be read of it a moment ago".to_owned();
        return Err(SegmentBuildError::Unchanged(Error::new(ErrorDetail::Corrupt {
            path,
            position,
            what,
            suspect: false,
        })));
    }
    // what is wrong behind them is not to be mended here, and must be seen as before
    let rest = bytes.get(walk.offset()..).unwrap_or_default();
    frames.bytes.extend_from_slice(&rest[..last_nonzero(rest).map_or(0, |last| last + 1)]);
    maker.make(segment, frames.bytes.len() as u64 + SEAL_ROOM, &frames.bytes, || true).map(drop)
}

struct Frames {
    bytes: Vec<u8>,
    /// The last one.
    previous: Link,
}

impl Frames {
    fn none() -> Frames {
        Frames { bytes: Vec::new(), previous: Link::default() }
    }

    /// Adds a frame without events to those of a segment.
    fn push(
        &mut self,
        maker: &SegmentBuilder,
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
            epoch: maker.epoch,
            time: Timestamp::default(),
            previous: self.previous,
            align_shift,
        };
        let cover = FrameProtection::new(&maker.identity.uuid, segment, &maker.protection);
        let head = head_len(cover.form());
        let mut frame = Vec::with_capacity(frame_len(head, body.len()));
        start(&mut frame, head);
        frame.extend_from_slice(&body);
        let offset = SEGMENT_HEADER + self.bytes.len();
        self.previous = finish(&mut frame, &header, &cover, &cover.draw()?, offset as u64, salts);
        self.bytes.extend_from_slice(&frame);
        self.bytes.resize(align_up(self.bytes.len() as u64, align_shift) as usize, 0);
        Ok(())
    }

    /// Begins a segment with a table of shapes that the frame with this header follows.
    fn lead(
        &mut self,
        maker: &SegmentBuilder,
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
        let cover = FrameProtection::new(&maker.identity.uuid, segment, &maker.protection);
        let head = head_len(cover.form()) + FORGED_LEN;
        let mut frame = Vec::with_capacity(frame_len(head, table.len()));
        start(&mut frame, head);
        frame.extend_from_slice(table);
        let place = (SEGMENT_HEADER as u64, salts);
        finish_with_checksum(follower.previous.checksum, &mut frame, &header, &cover, &cover.draw()?, place);
        self.bytes.extend_from_slice(&frame);
        self.bytes.resize(align_up(self.bytes.len() as u64, header.align_shift) as usize, 0);
        Ok(())
    }
}

/// An empty table of shapes, and genesis.
fn first_frames(
    maker: &SegmentBuilder,
    genesis: &Genesis,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<Frames, Error> {
    let mut frames = Frames::none();
    for frame in [(FrameKind::Shapes, ShapeTable::default().encode()), (FrameKind::Genesis, genesis.encode())] {
        frames.push(maker, SegmentId::FIRST, Seq::new(1), frame, align_shift, salts)?;
    }
    Ok(frames)
}
