//! Reads a journal as pieces, while its owner writes it. Needs no keys: checksums and hashes are those of the stored bytes.

use std::path::Path;
use std::sync::Arc;

use super::piece::{JournalPoint, Piece, PieceHead};
use crate::context::Timestamp;
use crate::disk::{Access, Disk, RealDisk, StoredFile, absolute};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::{
    FrameChain, FrameFault, FrameReader, FrameStep, HeaderFault, Layout, SEGMENT_HEADER, SegmentHeader, other_image,
    other_timeline,
};
use crate::seq::{SegmentId, Seq};

/// Reads begin at multiples of this number of bytes, which is the largest alignment of a frame.
const READ_ALIGN: u64 = 4096;
/// The smallest piece that a caller may ask for, in bytes: a segment's header and some frames.
const SMALLEST: usize = 16 << 10;

/// How far a [`PieceReader`] may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceLimit {
    /// Up to the frame with this event.
    Event(Seq),
    /// Up to the last event that the files prove to be synced, as a reader beside an owner in another process must.
    Synced,
}

/// Where a point is, as seen from a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// The journal has a frame that ends there, with the same history before it. The reader continues behind it.
    Found,
    /// The journal ends before the point.
    Behind,
    /// The journal has another history up to there.
    Diverged,
}

/// Reads the pieces of a journal in order, while its owner writes it, in this process or another.
///
/// Each piece has complete, verified frames, except that a frame which is longer than a piece may be is divided into several.
#[derive(Debug)]
pub struct PieceReader {
    disk: Arc<dyn Disk>,
    layout: Layout,
    image: [u8; 16],
    model: String,
    /// The first segment of the journal when the reader was opened.
    first: SegmentId,
    segment: SegmentId,
    /// The offset of the next frame; 0 before the header of the segment.
    offset: u64,
    /// What the next frame must continue; `None` before the first frame that is read.
    chain: Option<FrameChain>,
    /// Whether the last frame was the seal of its segment.
    sealed: bool,
    partial: Option<PartialFrame>,
}

/// A long frame of which some bytes were returned.
#[derive(Clone, Copy, Debug)]
struct PartialFrame {
    segment: SegmentId,
    /// Where the bytes to return begin: the frame, or the header of its segment.
    offset: u64,
    /// The number of bytes that were returned.
    sent: u64,
    /// The reader's position behind the frame.
    next: u64,
    chain: FrameChain,
    sealed: bool,
    time: Timestamp,
}

impl PieceReader {
    /// Opens the journal of the image in the directory `path`. The reader begins at the journal's first segment.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no image, or if its first segment cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<PieceReader, Error> {
        PieceReader::open_on(Arc::new(RealDisk), &Layout::new(&absolute(path.as_ref())))
    }

    /// Like [`open`](PieceReader::open), on the given disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open`](PieceReader::open).
    #[cfg(feature = "sim")]
    pub fn open_with(disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<PieceReader, Error> {
        PieceReader::open_on(disk, &Layout::new(path.as_ref()))
    }

    pub(crate) fn open_on(disk: Arc<dyn Disk>, layout: &Layout) -> Result<PieceReader, Error> {
        let survey = layout.survey(&*disk)?;
        let first = survey.image(layout)?[0];
        let header = read_header(&*disk, layout, first)?;
        Ok(PieceReader {
            disk,
            layout: layout.clone(),
            image: header.identity.uuid,
            model: header.identity.model,
            first,
            segment: first,
            offset: 0,
            chain: None,
            sealed: false,
            partial: None,
        })
    }

    /// The UUID of the image.
    pub fn image(&self) -> [u8; 16] {
        self.image
    }

    /// The name of the image's model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The number of the first segment of the journal when the reader was opened: 1, unless the journal was pruned.
    pub fn first_segment(&self) -> u64 {
        self.first.get()
    }

    /// The end of the last frame that was returned completely. Before the first one, [`JournalPoint::START`].
    pub fn point(&self) -> JournalPoint {
        let Some(chain) = self.chain else { return JournalPoint::START };
        let (segment, offset) = (self.segment.get(), self.offset);
        JournalPoint { segment, offset, seq: chain.before(), hash: chain.previous.hash }
    }

    /// Looks for a point, and continues behind it if the journal has it.
    ///
    /// # Errors
    ///
    /// Returns an error if the segment of the point was pruned or cannot be read.
    pub fn seek(&mut self, point: &JournalPoint) -> Result<Sought, Error> {
        self.partial = None;
        if *point == JournalPoint::START {
            (self.segment, self.offset, self.chain, self.sealed) = (self.first, 0, None, false);
            return Ok(Sought::Found);
        }
        let segment = SegmentId::new(point.segment);
        if segment < self.first {
            return Err(self.pruned(point.seq.next()));
        }
        let file = match StoredFile::open(&*self.disk, &self.layout.segment(segment), Access::Read) {
            Err(error) if error.is_missing() => return Ok(Sought::Behind),
            file => file?,
        };
        let mut bytes = vec![0; point.offset.min(file.len()?) as usize];
        let read = file.read_up_to(&mut bytes, 0)?;
        bytes.truncate(read);
        let mut reader = FrameReader::new(&bytes, &self.image, segment, None);
        while (reader.offset() as u64) < point.offset {
            match reader.step() {
                FrameStep::Frame(_) => {}
                // the segment was created in advance, or the frame is still being written
                FrameStep::Fault(_) => return Ok(Sought::Behind),
                _ => return Ok(Sought::Diverged),
            }
        }
        let found = reader.chain().filter(|chain| {
            reader.offset() as u64 == point.offset && chain.previous.hash == point.hash && chain.before() == point.seq
        });
        let Some(chain) = found else { return Ok(Sought::Diverged) };
        (self.segment, self.offset, self.chain, self.sealed) = (segment, point.offset, Some(chain), reader.is_sealed());
        Ok(Sought::Found)
    }

    /// The next piece, of at most `bytes_max` bytes, but at least some KiB. `None` if there is no further frame within the limit yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the frames do not continue what was read (the journal was cut, or replaced by another timeline), if the owner
    /// pruned the segment before it was read, or if a read fails.
    pub fn next(&mut self, limit: PieceLimit, bytes_max: usize) -> Result<Option<Piece>, Error> {
        let bytes_max = bytes_max.max(SMALLEST);
        if self.partial.is_some() {
            return self.continued_frame(bytes_max).map(Some);
        }
        let (segment, offset) = if self.sealed { (self.segment.next(), 0) } else { (self.segment, self.offset) };
        let Some(file) = self.open_segment(segment)? else { return Ok(None) };
        let base = offset / READ_ALIGN * READ_ALIGN;
        let mut bytes = vec![0; bytes_max + (offset - base) as usize];
        loop {
            let read = file.read_up_to(&mut bytes, base)?;
            let is_all = read < bytes.len();
            let piece = self.piece(&bytes[..read], (segment, offset, base), limit, bytes_max)?;
            match piece {
                Found::Piece(piece) => return Ok(Some(piece)),
                Found::Nothing => return Ok(None),
                Found::Longer(_) if is_all => return Ok(None),
                Found::Longer(len) => bytes.resize(len, 0),
                Found::Partial(partial) => {
                    self.partial = Some(partial);
                    return self.continued_frame(bytes_max).map(Some);
                }
            }
        }
    }

    /// Looks for frames in `bytes`, which begin at `base` of a segment. The next frame, or the header, begins at `offset`.
    fn piece(
        &mut self,
        bytes: &[u8],
        (segment, offset, base): (SegmentId, u64, u64),
        limit: PieceLimit,
        bytes_max: usize,
    ) -> Result<Found, Error> {
        let from = (offset - base) as usize;
        let first = if offset == 0 { SEGMENT_HEADER } else { from };
        let mut reader = FrameReader::resume(bytes, &self.image, segment, first, self.chain, offset == 0);
        let until = match limit {
            PieceLimit::Event(seq) => seq,
            PieceLimit::Synced => self.synced(bytes, segment, first, offset == 0)?,
        };
        let start = self.start(segment, offset);
        let mut accepted = None;
        let mut time = Timestamp::default();
        loop {
            match reader.step() {
                FrameStep::Frame(frame) => {
                    let chain = reader.chain().expect("a frame was read");
                    let (next, sealed) = (frame.next_offset(), reader.is_sealed());
                    if chain.before() > until {
                        break;
                    }
                    let frame_time = if frame.header.count > 0 { frame.header.time } else { time };
                    if next - from > bytes_max {
                        if accepted.is_none() {
                            let next = base + next as u64;
                            let time = frame_time;
                            let partial = PartialFrame { segment, offset, sent: 0, next, chain, sealed, time };
                            return Ok(Found::Partial(partial));
                        }
                        break;
                    }
                    time = frame_time;
                    accepted = Some((next, chain, sealed));
                }
                FrameStep::Sealed => break,
                FrameStep::Fault(FrameFault::Body { len })
                    if accepted.is_none() && reader.offset() + len > bytes.len() =>
                {
                    // up to the alignment of the frame after it
                    return Ok(Found::Longer(reader.offset() + len + READ_ALIGN as usize));
                }
                // not written yet, or written in part
                FrameStep::Fault(FrameFault::Header | FrameFault::Body { .. }) => break,
                FrameStep::Fault(FrameFault::Unsupported { reason }) => {
                    let what = format!("{reason}, at byte {}", base + reader.offset() as u64);
                    return Err(Error::new(ErrorDetail::Format {
                        path: self.layout.segment(segment),
                        act: "read",
                        what,
                    }));
                }
                FrameStep::Misplaced(_) | FrameStep::WrongMac(_) => return Err(self.other_timeline()),
            }
        }
        let Some((end, chain, sealed)) = accepted else { return Ok(Found::Nothing) };
        let mut content = bytes[from..end.min(bytes.len())].to_vec();
        // the zeros up to the next frame
        content.resize(end - from, 0);
        (self.segment, self.offset, self.chain, self.sealed) = (segment, base + end as u64, Some(chain), sealed);
        Ok(Found::Piece(Piece { head: PieceHead { start, end: self.point(), time }, bytes: content }))
    }

    /// The next bytes of a frame that is longer than a piece.
    fn continued_frame(&mut self, bytes_max: usize) -> Result<Piece, Error> {
        let before = self.point();
        let partial = self.partial.as_mut().expect("a frame was begun");
        let (segment, offset) = (partial.segment, partial.offset + partial.sent);
        let start = JournalPoint { segment: segment.get(), offset, ..point_of(self.chain) };
        let file = StoredFile::open(&*self.disk, &self.layout.segment(segment), Access::Read)?;
        let mut bytes = vec![0; (partial.next - offset).min(bytes_max as u64) as usize];
        // the file may end before the alignment does
        file.read_up_to(&mut bytes, offset)?;
        partial.sent += bytes.len() as u64;
        let mut head = PieceHead { start, end: before, time: Timestamp::default() };
        if partial.offset + partial.sent == partial.next {
            let PartialFrame { segment, next, chain, sealed, time, .. } = *partial;
            (self.segment, self.offset, self.chain, self.sealed) = (segment, next, Some(chain), sealed);
            self.partial = None;
            head = PieceHead { end: self.point(), time, ..head };
        }
        Ok(Piece { head, bytes })
    }

    fn start(&self, segment: SegmentId, offset: u64) -> JournalPoint {
        JournalPoint { segment: segment.get(), offset, ..point_of(self.chain) }
    }

    /// The last event that `journal/durable` and the frames in `bytes` prove to be synced.
    fn synced(&self, bytes: &[u8], segment: SegmentId, first: usize, is_first: bool) -> Result<Seq, Error> {
        // read before the frames would be safer only for a reader that trusts it alone: each frame is verified anyway
        let watermark = self.layout.read_watermark(&*self.disk, &self.image)?;
        let mut synced = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq);
        let mut reader = FrameReader::resume(bytes, &self.image, segment, first, self.chain, is_first);
        while let FrameStep::Frame(frame) = reader.step() {
            synced = synced.max(frame.header.durable_seq);
        }
        Ok(synced)
    }

    /// The file of a segment; `None` if the owner has not created it yet.
    fn open_segment(&mut self, segment: SegmentId) -> Result<Option<StoredFile>, Error> {
        match StoredFile::open(&*self.disk, &self.layout.segment(segment), Access::Read) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.is_missing() => {
                let survey = self.layout.survey(&*self.disk)?;
                let segments = survey.image(&self.layout)?;
                if read_header(&*self.disk, &self.layout, segments[0])?.identity.uuid != self.image {
                    return Err(other_image(&self.layout));
                }
                match segment < segments[0] {
                    true => Err(self.pruned(self.point().seq.next())),
                    false => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn pruned(&self, seq: Seq) -> Error {
        Error::new(ErrorDetail::PrunedEvent { path: self.layout.root().to_owned(), seq, first: None })
    }

    fn other_timeline(&self) -> Error {
        other_timeline(&self.layout, self.point().seq)
    }
}

/// What was found in the bytes of a segment.
enum Found {
    Piece(Piece),
    /// The frame is longer than a piece may be.
    Partial(PartialFrame),
    /// To read the frame, at least this many bytes are needed.
    Longer(usize),
    /// There is no complete frame within the limit.
    Nothing,
}

/// The last event and the hash of the last frame of a chain.
fn point_of(chain: Option<FrameChain>) -> JournalPoint {
    chain.map_or(JournalPoint::START, |chain| JournalPoint {
        seq: chain.before(),
        hash: chain.previous.hash,
        ..JournalPoint::START
    })
}

/// Reads the header of a segment without its keys.
pub(super) fn read_header(disk: &dyn Disk, layout: &Layout, segment: SegmentId) -> Result<SegmentHeader, Error> {
    let path = layout.segment(segment);
    let mut bytes = [0; SEGMENT_HEADER];
    let read = StoredFile::open(disk, &path, Access::Read)?.read_up_to(&mut bytes, 0)?;
    let corrupt = |what: String| {
        let position = Position { segment: Some(segment), offset: Some(0), seq: None };
        Error::new(ErrorDetail::Corrupt { path: path.clone(), position, what, suspect: false })
    };
    if read < SEGMENT_HEADER {
        return Err(corrupt("the file ends within its header".to_owned()));
    }
    let header = SegmentHeader::decode(&bytes).map_err(|fault| match fault {
        HeaderFault::Foreign => corrupt("the file does not start with the magic number of a segment".to_owned()),
        HeaderFault::Damaged(what) => corrupt(what.to_owned()),
        HeaderFault::Newer(what) | HeaderFault::NewerToWrite(what) => {
            Error::new(ErrorDetail::Format { path: path.clone(), act: "read", what })
        }
    })?;
    match header.segment == segment {
        true => Ok(header),
        false => Err(corrupt(format!("the header belongs to segment {}", header.segment))),
    }
}
