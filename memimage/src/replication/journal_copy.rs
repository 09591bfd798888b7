//! A copy of a journal, made of pieces. Byte for byte, its segments are those of the owner.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::piece::{JournalPoint, Piece};
use super::piece_reader::read_header;
use crate::disk::{
    Access, Disk, LockGuard, RealDisk, StagedFile, StoredFile, absolute, copy_in_pieces, failed, sync_dir,
};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::{
    BASE, FRAME_HEADER, FrameChain, FrameFault, FrameReader, FrameStep, Layout, SEGMENT_HEADER, SegmentHeader, Survey,
    Watermark, clear, other_image, other_timeline,
};
use crate::log;
use crate::seq::{SegmentId, Seq};

/// Frames are parsed from multiples of this number of bytes on, which is the largest alignment of a frame.
const ALIGN: u64 = 4096;

/// A directory with a copy of an image's journal. While it exists, it holds the lock of the directory, so no program can open it as an
/// image; a [`Follower`](crate::Follower) can read it.
///
/// A piece is written once it is verified: its frames continue those before. It is durable after [`sync`](JournalCopy::sync), and a
/// follower shows it then. A crash loses at most what was not synced, and the copy continues from there.
#[derive(Debug)]
pub struct JournalCopy {
    disk: Arc<dyn Disk>,
    layout: Layout,
    /// Keeps the directory locked, unless the caller has locked it.
    _lock: Option<LockGuard>,
    image: [u8; 16],
    end: Option<CopyEnd>,
    /// The state at which the copy begins: the event, and the verified file under a temporary name.
    base: Option<(Seq, PathBuf)>,
    /// The bytes of an incomplete frame that follow the end.
    pending: Vec<u8>,
    /// Whether the bytes behind the end were cleared.
    is_cleared: bool,
    unsynced: bool,
    durable_file: Option<StoredFile>,
}

/// The end of the last complete frame of a copy.
#[derive(Debug)]
struct CopyEnd {
    segment: SegmentId,
    file: StoredFile,
    /// The length of the file.
    len: u64,
    offset: u64,
    chain: Option<FrameChain>,
    sealed: bool,
}

impl JournalCopy {
    /// Opens or creates the copy in the directory `path`, and locks it.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory is in use, or contains another image than the one with the UUID `image`.
    pub fn lock(path: impl AsRef<Path>, image: [u8; 16]) -> Result<JournalCopy, Error> {
        JournalCopy::lock_on(Arc::new(RealDisk), &absolute(path.as_ref()), image)
    }

    /// Like [`lock`](JournalCopy::lock), on the given disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`lock`](JournalCopy::lock).
    #[cfg(feature = "sim")]
    pub fn lock_with(disk: Arc<dyn Disk>, path: impl AsRef<Path>, image: [u8; 16]) -> Result<JournalCopy, Error> {
        JournalCopy::lock_on(disk, path.as_ref(), image)
    }

    fn lock_on(disk: Arc<dyn Disk>, path: &Path, image: [u8; 16]) -> Result<JournalCopy, Error> {
        let layout = Layout::new(path);
        if disk.kind(path).map_err(|error| failed("inspecting", path, error))?.is_none() {
            disk.create_dir(path).map_err(|error| failed("creating", path, error))?;
        }
        layout.refuse_network(&*disk)?;
        let lock = layout.acquire_lock(&*disk)?;
        let mut copy = JournalCopy::open(disk, layout, image, Some(lock))?;
        // after a power cut, a later frame can be there and an earlier one not: an opening of the image would call that damage
        if !copy.is_empty() {
            copy.clear_rest()?;
        }
        Ok(copy)
    }

    /// Opens the copy in a directory that is locked by `lock`, or by the caller.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        layout: Layout,
        image: [u8; 16],
        lock: Option<LockGuard>,
    ) -> Result<JournalCopy, Error> {
        remove_lone_bases(&*disk, &layout)?;
        let survey = layout.survey(&*disk)?;
        let journal = layout.journal();
        if disk.kind(&journal).map_err(|error| failed("inspecting", &journal, error))?.is_none() {
            disk.create_dir(&journal).map_err(|error| failed("creating", &journal, error))?;
        }
        layout.create_dirs(&*disk)?;
        layout.remove_unfinished(&*disk)?;
        layout.sync_names(&*disk)?;
        let end = match &survey {
            Survey::Image(segments) => Some(find_end(&*disk, &layout, segments, &image)?),
            Survey::Missing | Survey::Vacant => None,
        };
        let (base, pending, durable_file) = (None, Vec::new(), None);
        Ok(JournalCopy {
            disk,
            layout,
            _lock: lock,
            image,
            end,
            base,
            pending,
            is_cleared: false,
            unsynced: true,
            durable_file,
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.layout.root()
    }

    /// The end of the last complete frame; [`JournalPoint::START`] if there is none.
    pub fn end(&self) -> JournalPoint {
        let Some(CopyEnd { segment, offset, chain: Some(chain), .. }) = &self.end else { return JournalPoint::START };
        JournalPoint { segment: segment.get(), offset: *offset, seq: chain.before(), hash: chain.previous.hash }
    }

    /// Whether the directory contains no journal yet.
    pub fn is_empty(&self) -> bool {
        self.end.is_none()
    }

    /// Makes the copy begin with the state after event `seq`, whose snapshot is the file `snapshot`. The first piece must then be the
    /// beginning of the segment with the next event, or of an earlier one. The snapshot must be one of this image; the caller has
    /// verified that its bytes are those that the owner wrote.
    ///
    /// # Errors
    ///
    /// Returns an error if the copy is not empty, or if the file cannot be copied.
    pub fn begin_at(&mut self, seq: Seq, snapshot: &Path) -> Result<(), Error> {
        if !self.is_empty() {
            return Err(self.refused("a copy that has a journal already cannot begin at a snapshot".to_owned()));
        }
        self.base = Some((seq, snapshot.to_owned()));
        Ok(())
    }

    /// Appends a piece. What the copy has already is compared, and not written again.
    ///
    /// # Errors
    ///
    /// Returns an error if the piece does not continue the copy: [`ErrorKind::Replaced`](crate::ErrorKind::Replaced) if its journal has
    /// another history, and [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if its bytes are damaged. Then nothing was written.
    pub fn append(&mut self, piece: &Piece) -> Result<(), Error> {
        let start = piece.head.start;
        let segment = SegmentId::new(start.segment);
        match &self.end {
            None => self.begin_segment(segment, piece)?,
            Some(end) if segment < end.segment => return self.compare_earlier(segment, piece),
            Some(end) if segment == end.segment.next() && end.sealed && self.pending.is_empty() => {
                self.begin_segment(segment, piece)?;
            }
            Some(end) if segment == end.segment => {}
            Some(_) => return Err(self.gap(piece)),
        }
        let known = self.compare(piece)?;
        if known < piece.bytes.len() {
            self.write(piece, &piece.bytes[known..])?;
        }
        self.verify_end(piece)
    }

    /// Forgets the bytes of an incomplete frame: another owner continues at the end of the last complete one.
    pub fn drop_incomplete(&mut self) {
        self.pending.clear();
    }

    /// Makes durable what was appended, and returns the last event of the copy. Readers beside the copy see it from now on.
    ///
    /// # Errors
    ///
    /// Returns an error if a sync fails. Then the copy must be opened again.
    pub fn sync(&mut self) -> Result<Seq, Error> {
        let Some(CopyEnd { segment, file, offset, chain: Some(chain), .. }) = &self.end else { return Ok(Seq::ZERO) };
        if self.unsynced {
            file.sync_data()?;
            // a life without frames must not be forgotten, because the next one must have a higher epoch
            let before = self.layout.read_watermark(&*self.disk, &self.image)?;
            let life =
                before.map(|before| before.life).filter(|life| life.epoch > chain.life.epoch).unwrap_or(chain.life);
            let watermark = Watermark {
                life,
                durable_seq: chain.before(),
                segment: *segment,
                offset: *offset,
                previous: chain.previous.hash,
                decisions: chain.decisions,
            };
            if self.durable_file.is_none() {
                self.durable_file = Some(open_watermark(&*self.disk, &self.layout)?);
            }
            let durable_file = self.durable_file.as_ref().expect("the file is open");
            durable_file.write_all(&watermark.encode(&self.image), 0)?;
            self.unsynced = false;
        }
        Ok(chain.before())
    }

    /// Creates a segment with the header at the beginning of `piece`, and zeros.
    fn begin_segment(&mut self, segment: SegmentId, piece: &Piece) -> Result<(), Error> {
        let header = self.header_of(segment, piece)?;
        if let Some(end) = &self.end {
            // no frame is written to a segment before the whole segment before it is synced
            end.file.sync_data()?;
        }
        let is_first = self.end.is_none();
        let path = self.layout.segment(segment);
        let bytes = &piece.bytes[..SEGMENT_HEADER];
        let staged = StagedFile::write(&*self.disk, &path, true, |file| {
            file.write_all(bytes, 0)?;
            file.write_zeros(header.len - SEGMENT_HEADER as u64, SEGMENT_HEADER as u64)
        })?;
        if is_first {
            self.install_base(segment)?;
        }
        staged.install(&*self.disk)?;
        let chain = self.end.as_ref().and_then(|end| end.chain);
        let file = StoredFile::open(&*self.disk, &path, Access::ReadWrite)?;
        self.end =
            Some(CopyEnd { segment, file, len: header.len, offset: SEGMENT_HEADER as u64, chain, sealed: false });
        (self.is_cleared, self.unsynced) = (true, true);
        Ok(())
    }

    /// Writes both copies of the base, if the copy begins at a state.
    fn install_base(&mut self, segment: SegmentId) -> Result<(), Error> {
        let Some((seq, snapshot)) = self.base.take() else {
            return match segment {
                SegmentId::FIRST => Ok(()),
                _ => Err(self.refused(format!(
                    "the journal begins with segment {segment}, so the copy must begin with a snapshot"
                ))),
            };
        };
        let source = StoredFile::open(&*self.disk, &snapshot, Access::Read)?;
        for copy in ["1", "2"] {
            let path = self.layout.journal().join(format!("{:020}.{copy}{BASE}", seq.get()));
            let staged = StagedFile::write(&*self.disk, &path, true, |file| copy_in_pieces(&source, file))?;
            staged.install(&*self.disk)?;
        }
        Ok(())
    }

    fn header_of(&self, segment: SegmentId, piece: &Piece) -> Result<SegmentHeader, Error> {
        if piece.head.start.offset != 0 || piece.bytes.len() <= SEGMENT_HEADER {
            return Err(self.gap(piece));
        }
        let bytes: &[u8; SEGMENT_HEADER] = piece.bytes.first_chunk().expect("longer than a header");
        let header = SegmentHeader::decode(bytes)
            .map_err(|_| self.corrupt(segment, 0, "a piece contains a header that cannot be read".to_owned()))?;
        if header.identity.uuid != self.image {
            return Err(other_image(&self.layout));
        }
        match header.segment == segment {
            true => Ok(header),
            false => {
                let what = format!("a piece contains the header of segment {}", header.segment);
                Err(self.corrupt(segment, 0, what))
            }
        }
    }

    /// Compares a piece of an earlier segment with what the copy has.
    fn compare_earlier(&self, segment: SegmentId, piece: &Piece) -> Result<(), Error> {
        let path = self.layout.segment(segment);
        let file = match StoredFile::open(&*self.disk, &path, Access::Read) {
            // the copy begins later
            Err(error) if error.is_missing() => return Ok(()),
            file => file?,
        };
        let mut own = vec![0; piece.bytes.len()];
        let read = file.read_up_to(&mut own, piece.head.start.offset)?;
        match own[..read] == piece.bytes[..read] {
            true => Ok(()),
            false => Err(other_timeline(&self.layout, self.end().seq)),
        }
    }

    /// Compares the beginning of a piece with what the copy has, and returns the number of bytes that it has.
    fn compare(&self, piece: &Piece) -> Result<usize, Error> {
        let end = self.end.as_ref().expect("the segment was begun");
        let (from, has) = (piece.head.start.offset, end.offset + self.pending.len() as u64);
        if from > has {
            return Err(self.gap(piece));
        }
        let known = ((has - from) as usize).min(piece.bytes.len());
        let in_file = (end.offset.saturating_sub(from) as usize).min(known);
        let mut own = vec![0; in_file];
        end.file.read_up_to(&mut own, from)?;
        if from >= end.offset {
            own.extend_from_slice(&self.pending[(from - end.offset) as usize..][..known - in_file]);
        } else {
            own.extend_from_slice(&self.pending[..known - in_file]);
        }
        match own == piece.bytes[..known] {
            true => Ok(known),
            false => Err(other_timeline(&self.layout, self.end().seq)),
        }
    }

    /// Verifies and writes bytes that follow those that the copy has.
    fn write(&mut self, piece: &Piece, bytes: &[u8]) -> Result<(), Error> {
        let end = self.end.as_ref().expect("the segment was begun");
        let (segment, lead) = (end.segment, (end.offset % ALIGN) as usize);
        let mut data = vec![0; lead];
        data.extend_from_slice(&self.pending);
        data.extend_from_slice(bytes);
        let is_first = end.offset == SEGMENT_HEADER as u64;
        let mut reader = FrameReader::resume(&data, &self.image, segment, lead, end.chain, is_first);
        let at = |offset: usize| end.offset - lead as u64 + offset as u64;
        loop {
            let left = data.len().saturating_sub(reader.offset());
            match reader.step() {
                FrameStep::Frame(_) => {}
                FrameStep::Sealed if left == 0 => break,
                FrameStep::Fault(_) if left == 0 => break,
                FrameStep::Fault(FrameFault::Header) if left < FRAME_HEADER => break,
                FrameStep::Fault(FrameFault::Body { len }) if len > left => break,
                FrameStep::Fault(FrameFault::Unsupported { reason }) => {
                    let (path, what) =
                        (self.layout.segment(segment), format!("{reason}, at byte {}", at(reader.offset())));
                    return Err(Error::new(ErrorDetail::Format { path, act: "copy", what }));
                }
                FrameStep::Misplaced(_) | FrameStep::WrongMac(_) => {
                    return Err(other_timeline(&self.layout, self.end().seq));
                }
                FrameStep::Sealed | FrameStep::Fault(_) => {
                    let what =
                        format!("the piece for bytes {} and later contains no frame here", piece.head.start.offset);
                    return Err(self.corrupt(segment, at(reader.offset()), what));
                }
            }
        }
        let complete = reader.offset().min(data.len());
        let (next, chain, sealed) = (at(reader.offset()), reader.chain(), reader.is_sealed());
        if complete > lead {
            if next > end.len {
                return Err(self.corrupt(segment, next, "the piece is longer than the segment".to_owned()));
            }
            self.clear_rest()?;
            let end = self.end.as_mut().expect("the segment was begun");
            end.file.write_all(&data[lead..complete], end.offset)?;
            (end.offset, end.chain, end.sealed) = (next, chain, sealed);
            self.unsynced = true;
        }
        self.pending = data.split_off(complete);
        Ok(())
    }

    /// Clears the bytes behind the end that a crash left: frames that were written in part. A copy of them goes to the quarantine.
    fn clear_rest(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.is_cleared, true) {
            return Ok(());
        }
        let end = self.end.as_ref().expect("the segment was begun");
        let rest = rest_of(&end.file, end.offset)?;
        if !rest.is_empty() {
            let copy = clear(&*self.disk, &self.layout, &end.file, end.segment, &rest, end.offset as usize)?;
            log::warning!(
                segment = %end.segment,
                offset = end.offset,
                copy = %copy.display(),
                "cleared what a crash left behind the end of the copied journal"
            );
        }
        Ok(())
    }

    /// Verifies that the copy ends where the owner's journal did, or has more.
    fn verify_end(&self, piece: &Piece) -> Result<(), Error> {
        let (own, stated) = (self.end(), piece.head.end);
        match stated.segment == own.segment && stated.offset == own.offset && stated != own {
            true => Err(other_timeline(&self.layout, own.seq)),
            false => Ok(()),
        }
    }

    fn gap(&self, piece: &Piece) -> Error {
        let (start, end) = (piece.head.start, self.end());
        self.refused(format!(
            "a piece begins at byte {} of segment {}, but the copy ends at byte {} of segment {}",
            start.offset, start.segment, end.offset, end.segment
        ))
    }

    fn refused(&self, what: String) -> Error {
        Error::new(ErrorDetail::Replaced { path: self.layout.root().to_owned(), what })
    }

    fn corrupt(&self, segment: SegmentId, offset: u64, what: String) -> Error {
        let position = Position { segment: Some(segment), offset: Some(offset), seq: Some(self.end().seq.next()) };
        Error::new(ErrorDetail::Corrupt { path: self.layout.segment(segment), position, what, suspect: false })
    }
}

/// Removes the bases of a copy whose first segment a crash prevented.
fn remove_lone_bases(disk: &dyn Disk, layout: &Layout) -> Result<(), Error> {
    let journal = layout.journal();
    let names = layout.list_if_exists(disk, &journal)?;
    if names.iter().any(|(name, _)| crate::journal::is_segment(name)) {
        return Ok(());
    }
    for (name, _) in names.iter().filter(|(name, _)| name.ends_with(BASE)) {
        let path = journal.join(name);
        disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
    }
    Ok(())
}

/// Finds the end of the frames. A last segment without a frame, which an owner created in advance or a crash left, is removed.
fn find_end(disk: &dyn Disk, layout: &Layout, segments: &[SegmentId], image: &[u8; 16]) -> Result<CopyEnd, Error> {
    for (index, &segment) in segments.iter().enumerate().rev() {
        let header = read_header(disk, layout, segment)?;
        if header.identity.uuid != *image {
            return Err(other_image(layout));
        }
        let path = layout.segment(segment);
        let file = StoredFile::open(disk, &path, Access::ReadWrite)?;
        let mut bytes = vec![0; SEGMENT_HEADER];
        bytes.extend(rest_of(&file, SEGMENT_HEADER as u64)?);
        // so that a frame that ends in zeros is read whole
        bytes.resize((bytes.len() + ALIGN as usize).min(header.len as usize), 0);
        let mut reader = FrameReader::new(&bytes, image, segment, None);
        while let FrameStep::Frame(_) = reader.step() {}
        if reader.chain().is_none() && index > 0 {
            disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
            sync_dir(disk, &layout.journal())?;
            continue;
        }
        let (offset, chain, sealed) = (reader.offset() as u64, reader.chain(), reader.is_sealed());
        return Ok(CopyEnd { segment, file, len: header.len, offset, chain, sealed });
    }
    Err(other_image(layout))
}

/// The bytes of a segment from `offset` on, up to the last one that is not zero.
fn rest_of(file: &StoredFile, offset: u64) -> Result<Vec<u8>, Error> {
    const CHUNK: usize = 1 << 20;
    let (mut rest, mut len) = (Vec::new(), 0);
    loop {
        let at = rest.len();
        rest.resize(at + CHUNK, 0);
        let read = file.read_up_to(&mut rest[at..], offset + at as u64)?;
        if let Some(last) = rest[at..at + read].iter().rposition(|byte| *byte != 0) {
            len = at + last + 1;
        }
        if read < CHUNK {
            rest.truncate(len);
            return Ok(rest);
        }
    }
}

/// Opens `journal/durable`, and creates it if it is missing.
fn open_watermark(disk: &dyn Disk, layout: &Layout) -> Result<StoredFile, Error> {
    let path = layout.durable();
    match StoredFile::open(disk, &path, Access::ReadWrite) {
        Err(error) if error.is_missing() => {
            let file = StoredFile::create(disk, &path)?;
            sync_dir(disk, &layout.journal())?;
            Ok(file)
        }
        opened => opened,
    }
}
