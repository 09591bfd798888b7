//! Creates a new journal. The rename of the first segment is the last step, so that an interrupted creation is recognizable.

use super::segment_builder::{SegmentBuildError, SegmentBuilder};
use super::space_reservation::SEAL_ROOM;
use crate::context::Timestamp;
use crate::disk::{StoredFile, failed, sync_dir};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{FrameHeader, FrameKind, align_up, finish, frame_len, head_len, start};
use crate::journal::format::frames::{FrameReader, FrameStep};
use crate::journal::format::genesis::Genesis;
use crate::journal::format::protection::{BRIDGE, FrameProtection, Link};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::watermark::Watermark;
use crate::journal::format::whitening::Salts;
use crate::journal::format::zeros::last_nonzero;
use crate::seq::{SegmentId, Seq};

/// The event before the first one of a new journal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum JournalStart<'a> {
    /// None: the journal is complete, and this is the state before its first event.
    Genesis(&'a Genesis),
    /// This event, as in a pruned journal. The caller adds a base.
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "only an import creates such a journal"))]
    After(Seq),
}

impl JournalStart<'_> {
    /// The last event before the journal.
    pub(super) fn before(self) -> Seq {
        match self {
            JournalStart::Genesis(_) => Seq::ZERO,
            JournalStart::After(seq) => seq,
        }
    }

    /// The first segment. Segment 1 alone has a genesis, so a journal without one begins with segment 2.
    pub(super) fn segment(self) -> SegmentId {
        match self {
            JournalStart::Genesis(_) => SegmentId::FIRST,
            JournalStart::After(_) => SegmentId::FIRST.next(),
        }
    }
}

/// A new journal, and the position of its next frame.
pub(crate) struct CreatedJournal {
    /// The length of the first segment.
    pub(crate) len: u64,
    pub(crate) offset: u64,
    /// The link to the last frame.
    pub(crate) previous: Link,
}

/// Creates the directories, `journal/durable` and the first segment.
pub(crate) fn create(
    builder: &SegmentBuilder,
    start: JournalStart<'_>,
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
    let frames = first_frames(builder, start, align_shift, salts)?;
    let (offset, previous) = ((SEGMENT_HEADER + frames.bytes.len()) as u64, frames.previous);
    let watermark = Watermark {
        life: builder.life,
        durable_seq: start.before(),
        segment: start.segment(),
        offset,
        previous: previous.hash,
        decisions: 0,
    };
    create_watermark(builder, &watermark)?;
    let room = frames.bytes.len() as u64 + SEAL_ROOM;
    match builder.build(start.segment(), room, &frames.bytes, || true) {
        Ok(len) => Ok(CreatedJournal { len, offset, previous }),
        Err(SegmentBuildError::Unchanged(error) | SegmentBuildError::Unknown(error)) => Err(error),
    }
}

fn create_watermark(builder: &SegmentBuilder, watermark: &Watermark) -> Result<(), Error> {
    let (disk, path) = (&*builder.disk, builder.layout.durable());
    if disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_some() {
        disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
    }
    let file = StoredFile::create(disk, &path)?;
    file.write_all(&watermark.encode(&builder.identity.uuid), 0)?;
    file.sync_all()?;
    sync_dir(disk, &builder.layout.journal())
}

/// Creates a segment in which a journal continues with event `next` after a gap. The segment's first frame has no link to an
/// earlier frame. `decisions` is the number of void marks before the segment. Returns the offset of the segment's next frame,
/// and the hash of its first frame.
pub(crate) fn create_continuation(
    builder: &SegmentBuilder,
    segment: SegmentId,
    (next, decisions): (Seq, u32),
    table: &ShapeTable,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<(u64, u64), Error> {
    let mut frames = FirstFrames { decisions, ..FirstFrames::empty() };
    frames.push(builder, segment, next, (FrameKind::Shapes, table.encode()), align_shift, salts)?;
    match builder.build(segment, frames.bytes.len() as u64 + SEAL_ROOM, &frames.bytes, || true) {
        Ok(_) => Ok(((SEGMENT_HEADER + frames.bytes.len()) as u64, frames.previous.hash)),
        Err(SegmentBuildError::Unchanged(error) | SegmentBuildError::Unknown(error)) => Err(error),
    }
}

/// Rewrites a segment without the frames before offset `from`. The frame at this offset is the first frame that is kept, and
/// `first` is its header. The kept frames, and the frames of later segments, stay byte for byte the same. For this reason, the
/// rewritten segment begins with a bridge: a shapes frame that contains the link to which the first kept frame refers.
///
/// # Errors
///
/// Fails if the readable frames of `bytes` do not contain all events before event `next`.
pub(crate) fn rewrite_without_start(
    builder: &SegmentBuilder,
    segment: SegmentId,
    bytes: &[u8],
    (from, first, next): (usize, &FrameHeader, Seq),
    table: &ShapeTable,
    salts: &mut Salts,
) -> Result<(), SegmentBuildError> {
    let mut frames = FirstFrames::empty();
    frames.push_bridge_to(builder, segment, first, table.encode(), salts).map_err(SegmentBuildError::Unchanged)?;
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
    // also copies the bytes after the readable frames, because this repair must not hide damage in these bytes
    let rest = bytes.get(reader.offset()..).unwrap_or_default();
    frames.bytes.extend_from_slice(&rest[..last_nonzero(rest).map_or(0, |last| last + 1)]);
    builder.build(segment, frames.bytes.len() as u64 + SEAL_ROOM, &frames.bytes, || true).map(drop)
}

/// The first frames of a segment, encoded.
struct FirstFrames {
    bytes: Vec<u8>,
    /// The link to the last frame.
    previous: Link,
    /// The number of void marks before the segment.
    decisions: u32,
}

impl FirstFrames {
    fn empty() -> FirstFrames {
        FirstFrames { bytes: Vec::new(), previous: Link::default(), decisions: 0 }
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
            life: builder.life,
            decisions: self.decisions,
            time: Timestamp::default(),
            previous: self.previous,
            bridge: None,
            align_shift,
        };
        self.push_frame(builder, segment, header, &body, salts)
    }

    /// Adds the bridge that replaces the frames before `follower`. `follower` is the header of the frame after the bridge.
    fn push_bridge_to(
        &mut self,
        builder: &SegmentBuilder,
        segment: SegmentId,
        follower: &FrameHeader,
        table: Vec<u8>,
        salts: &mut Salts,
    ) -> Result<(), Error> {
        let header = FrameHeader {
            kind: FrameKind::Shapes,
            count: 0,
            durable_seq: Seq::new(follower.first_seq.get().saturating_sub(1)),
            time: Timestamp::default(),
            previous: Link::default(),
            bridge: Some(follower.previous),
            ..*follower
        };
        self.push_frame(builder, segment, header, &table, salts)
    }

    fn push_frame(
        &mut self,
        builder: &SegmentBuilder,
        segment: SegmentId,
        header: FrameHeader,
        body: &[u8],
        salts: &mut Salts,
    ) -> Result<(), Error> {
        let protection = FrameProtection::new(&builder.identity.uuid, segment, &builder.protection);
        let head = head_len(protection.key_ids()) + header.bridge.map_or(0, |_| BRIDGE);
        let mut frame = Vec::with_capacity(frame_len(head, body.len()));
        start(&mut frame, head);
        frame.extend_from_slice(body);
        let offset = SEGMENT_HEADER + self.bytes.len();
        self.previous = finish(&mut frame, &header, &protection, &protection.draw()?, offset as u64, salts);
        self.bytes.extend_from_slice(&frame);
        self.bytes.resize(align_up(self.bytes.len() as u64, header.align_shift) as usize, 0);
        Ok(())
    }
}

/// The first frames of a journal: an empty shape table, and genesis if the journal is complete.
fn first_frames(
    builder: &SegmentBuilder,
    start: JournalStart<'_>,
    align_shift: u8,
    salts: &mut Salts,
) -> Result<FirstFrames, Error> {
    let mut frames = FirstFrames::empty();
    let genesis = match start {
        JournalStart::Genesis(genesis) => Some((FrameKind::Genesis, genesis.encode())),
        JournalStart::After(_) => None,
    };
    for frame in [(FrameKind::Shapes, ShapeTable::default().encode())].into_iter().chain(genesis) {
        frames.push(builder, start.segment(), start.before().next(), frame, align_shift, salts)?;
    }
    Ok(frames)
}
