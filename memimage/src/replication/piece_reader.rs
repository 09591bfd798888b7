//! Reads a journal as pieces, while its owner writes it. Needs no keys: checksums and hashes are those of the stored bytes.

use std::path::Path;
use std::sync::Arc;

use super::piece::{JournalPoint, Piece, PieceHead};
use crate::context::Timestamp;
use crate::disk::{Access, Disk, RealDisk, StoredFile, absolute};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::{
    FRAME_HEADER, FrameChain, FrameFault, FrameReader, FrameStep, HeaderFault, Layout, SEGMENT_HEADER, SegmentHeader,
    frame_summary, other_image, other_timeline,
};
use crate::seq::{SegmentId, Seq};

/// Reads begin at multiples of this number of bytes, which is the largest alignment of a frame.
const READ_ALIGN: u64 = 4096;
/// The smallest piece that a caller may ask for, in bytes: a segment's header and some frames.
const SMALLEST: usize = 16 << 10;
/// How many bytes are read at once in search of frame headers.
const SEARCH: usize = 64 << 10;

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
    /// The offset and the header of the last frame, if it is known.
    last: Option<(u64, [u8; FRAME_HEADER])>,
}

/// A long frame of which some bytes were returned.
#[derive(Clone, Copy, Debug)]
struct PartialFrame {
    segment: SegmentId,
    /// The offset of the first byte that was returned: the frame, or the header of the segment before it.
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
            last: None,
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
            self.last = None;
            return Ok(Sought::Found);
        }
        let segment = SegmentId::new(point.segment);
        if segment < self.first {
            return Err(self.pruned(point.seq.next()));
        }
        let file = match StoredFile::open(&*self.disk, &self.layout.segment(segment), Access::Read) {
            Err(error) if error.is_missing() => {
                let first = self.first_segment_now()?;
                return if segment < first { Err(self.pruned(point.seq.next())) } else { Ok(Sought::Behind) };
            }
            file => file?,
        };
        if read_header(&*self.disk, &self.layout, segment)?.identity.uuid != self.image {
            return Err(other_image(&self.layout));
        }
        let mut until = point.offset;
        loop {
            let mut bytes = vec![0; until.min(file.len()?) as usize];
            let read = file.read_up_to(&mut bytes, 0)?;
            bytes.truncate(read);
            let mut reader = FrameReader::new(&bytes, &self.image, segment, None);
            let fault = loop {
                if reader.offset() as u64 >= point.offset {
                    break None;
                }
                match reader.step() {
                    FrameStep::Frame(_) => {}
                    FrameStep::Fault(fault) => break Some(fault),
                    _ => return Ok(Sought::Diverged),
                }
            };
            let end = reader.offset() as u64;
            match fault {
                // a frame that reaches beyond the point is read whole: if it is valid, the history differs
                Some(FrameFault::Body { len }) if end + len as u64 > until => until = end + len as u64,
                // the segment was created in advance, or the frame is still being written
                Some(_) => return Ok(Sought::Behind),
                None => {
                    let found = reader.chain().filter(|chain| {
                        end == point.offset && chain.previous.hash == point.hash && chain.before() == point.seq
                    });
                    let Some(chain) = found else { return Ok(Sought::Diverged) };
                    (self.segment, self.offset, self.chain, self.sealed) =
                        (segment, point.offset, Some(chain), reader.is_sealed());
                    self.last = None;
                    return Ok(Sought::Found);
                }
            }
        }
    }

    /// Continues at the beginning of the last segment that has a frame.
    ///
    /// # Errors
    ///
    /// Returns an error if the files cannot be read.
    pub fn seek_last_segment(&mut self) -> Result<(), Error> {
        let survey = self.layout.survey(&*self.disk)?;
        let segments = survey.image(&self.layout)?;
        (self.offset, self.chain, self.sealed, self.partial, self.last) = (0, None, false, None, None);
        self.segment = segments[0];
        for &segment in segments.iter().rev() {
            let file = StoredFile::open(&*self.disk, &self.layout.segment(segment), Access::Read)?;
            let mut bytes = vec![0; FRAME_HEADER];
            let read = file.read_up_to(&mut bytes, SEGMENT_HEADER as u64)?;
            if bytes[..read].iter().any(|byte| *byte != 0) {
                self.segment = segment;
                break;
            }
        }
        Ok(())
    }

    /// The bytes of a segment from `offset` on, up to `len` of them, as they are now.
    ///
    /// # Errors
    ///
    /// Returns an error if the segment cannot be read.
    pub fn bytes(&self, segment: u64, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        let file = StoredFile::open(&*self.disk, &self.layout.segment(SegmentId::new(segment)), Access::Read)?;
        let mut bytes = vec![0; len];
        let read = file.read_up_to(&mut bytes, offset)?;
        bytes.truncate(read);
        Ok(bytes)
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
        if offset == 0 && read_header(&*self.disk, &self.layout, segment)?.identity.uuid != self.image {
            return Err(other_image(&self.layout));
        }
        let base = offset / READ_ALIGN * READ_ALIGN;
        let mut bytes = vec![0; bytes_max + (offset - base) as usize];
        loop {
            let read = file.read_up_to(&mut bytes, base)?;
            let is_all = read < bytes.len();
            let piece = self.piece(&file, &bytes[..read], (segment, offset, base), limit, bytes_max)?;
            match piece {
                Found::Piece(piece) => return Ok(Some(piece)),
                Found::Nothing => return self.verify_last().map(|()| None),
                Found::Longer(_) if is_all => return self.verify_last().map(|()| None),
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
        file: &StoredFile,
        bytes: &[u8],
        (segment, offset, base): (SegmentId, u64, u64),
        limit: PieceLimit,
        bytes_max: usize,
    ) -> Result<Found, Error> {
        let from = (offset - base) as usize;
        let first = if offset == 0 { SEGMENT_HEADER } else { from };
        let mut reader = FrameReader::resume(bytes, &self.image, segment, first, self.chain, offset == 0);
        let until = match limit {
            PieceLimit::Event(seq) => Proven { seq, place: None },
            PieceLimit::Synced => self.proven(file, segment, base + first as u64)?,
        };
        let start = self.start(segment, offset);
        let (mut accepted, mut last) = (None, None);
        let mut time = Timestamp::default();
        loop {
            match reader.step() {
                FrameStep::Frame(frame) => {
                    let chain = reader.chain().expect("a frame was read");
                    let (next, sealed) = (frame.next_offset(), reader.is_sealed());
                    if chain.before() > until.seq {
                        break;
                    }
                    let place = (segment, base + next as u64);
                    if frame.header.count == 0 && until.place.is_some_and(|proven| place > proven) {
                        // not proven yet, unless a frame with events after it is
                        continue;
                    }
                    let frame_time = if frame.header.count > 0 { frame.header.time } else { time };
                    if next - from > bytes_max {
                        if accepted.is_none() {
                            let next = base + next as u64;
                            let partial =
                                PartialFrame { segment, offset, sent: 0, next, chain, sealed, time: frame_time };
                            return Ok(Found::Partial(partial));
                        }
                        break;
                    }
                    time = frame_time;
                    accepted = Some((next, chain, sealed));
                    last = Some((base + frame.offset as u64, *frame.header_bytes()));
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
        self.last = last;
        Ok(Found::Piece(Piece { head: PieceHead { start, end: self.point(), time }, bytes: content }))
    }

    /// The next bytes of a frame that is longer than a piece.
    fn continued_frame(&mut self, bytes_max: usize) -> Result<Piece, Error> {
        let mut partial = self.partial.expect("a frame was begun");
        let (segment, offset) = (partial.segment, partial.offset + partial.sent);
        let start = self.start(segment, offset);
        let Some(file) = self.open_segment(segment)? else { return Err(self.other_timeline()) };
        let mut bytes = vec![0; (partial.next - offset).min(bytes_max as u64) as usize];
        // the file may end before the alignment does
        file.read_up_to(&mut bytes, offset)?;
        partial.sent += bytes.len() as u64;
        if partial.offset + partial.sent < partial.next {
            self.partial = Some(partial);
            let end = self.point();
            return Ok(Piece { head: PieceHead { start, end, time: Timestamp::default() }, bytes });
        }
        let PartialFrame { next, chain, sealed, time, .. } = partial;
        (self.segment, self.offset, self.chain, self.sealed) = (segment, next, Some(chain), sealed);
        (self.partial, self.last) = (None, None);
        Ok(Piece { head: PieceHead { start, end: self.point(), time }, bytes })
    }

    fn start(&self, segment: SegmentId, offset: u64) -> JournalPoint {
        JournalPoint { segment: segment.get(), offset, ..point_of(self.chain) }
    }

    /// How far the files prove the journal to be synced, for a reader at `offset` of a segment.
    fn proven(&self, file: &StoredFile, segment: SegmentId, offset: u64) -> Result<Proven, Error> {
        // no frame is written to a segment before the whole segment before it is synced
        let mut header = [0; FRAME_HEADER];
        let next = self.layout.segment(segment.next());
        let is_followed = match StoredFile::open(&*self.disk, &next, Access::Read) {
            Err(error) if error.is_missing() => false,
            opened => {
                opened?.read_up_to(&mut header, SEGMENT_HEADER as u64)?;
                header.iter().any(|byte| *byte != 0)
            }
        };
        if is_followed {
            return Ok(Proven { seq: Seq::new(u64::MAX), place: None });
        }
        let watermark = self.layout.read_watermark(&*self.disk, &self.image)?;
        let mut seq = watermark.map_or(Seq::ZERO, |watermark| watermark.durable_seq);
        let place = watermark.map_or((segment, 0), |watermark| (watermark.segment, watermark.offset));
        // each frame names the last event that was synced before it was written
        let (mut window, mut base, mut at) = (Vec::new(), 0, offset);
        loop {
            if at + FRAME_HEADER as u64 > base + window.len() as u64 {
                base = at / READ_ALIGN * READ_ALIGN;
                window.resize(SEARCH, 0);
                let read = file.read_up_to(&mut window, base)?;
                window.truncate(read);
            }
            let Some(frame) = frame_summary(&window, (at - base) as usize, &self.image, segment) else { break };
            seq = seq.max(frame.durable_seq);
            at = base + frame.next_offset as u64;
        }
        Ok(Proven { seq, place: Some(place) })
    }

    /// Verifies that the last frame that was read is still in its place.
    fn verify_last(&self) -> Result<(), Error> {
        let Some((offset, header)) = self.last else { return Ok(()) };
        let file = match StoredFile::open(&*self.disk, &self.layout.segment(self.segment), Access::Read) {
            // the owner pruned it, after the reader had read all of it
            Err(error) if error.is_missing() && self.sealed => return Ok(()),
            file => file?,
        };
        let mut now = [0; FRAME_HEADER];
        file.read_up_to(&mut now, offset)?;
        match now == header {
            true => Ok(()),
            false => Err(self.other_timeline()),
        }
    }

    /// The first segment that the journal has now.
    fn first_segment_now(&self) -> Result<SegmentId, Error> {
        let survey = self.layout.survey(&*self.disk)?;
        let first = survey.image(&self.layout)?[0];
        match read_header(&*self.disk, &self.layout, first)?.identity.uuid == self.image {
            true => Ok(first),
            false => Err(other_image(&self.layout)),
        }
    }

    /// The file of a segment; `None` if the owner has not created it yet.
    fn open_segment(&mut self, segment: SegmentId) -> Result<Option<StoredFile>, Error> {
        match StoredFile::open(&*self.disk, &self.layout.segment(segment), Access::Read) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.is_missing() => {
                let (first, is_next) = (self.first_segment_now()?, self.sealed && segment > self.segment);
                match segment < first {
                    true => Err(self.pruned(self.point().seq.next())),
                    false if is_next => self.verify_last().map(|()| None),
                    false => Err(self.other_timeline()),
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

/// How far a reader may read.
#[derive(Clone, Copy)]
struct Proven {
    seq: Seq,
    /// The end of the frames without events that are proven to be synced; `None` if all are.
    place: Option<(SegmentId, u64)>,
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
