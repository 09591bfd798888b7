//! A copy of a journal, made of pieces. Byte for byte, its segments are those of the owner.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::copy_end::{
    ALIGN, CopyEnd, clear_rest, find_end, install_base, newest_life, point, remove_lone_bases, write_watermark,
};
use super::piece::{JournalPoint, Piece};
use crate::disk::{Access, Disk, LockGuard, RealDisk, StagedFile, StoredFile, absolute, failed};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::{
    FRAME_HEADER, FrameChain, FrameFault, FrameReader, FrameStep, Layout, SEGMENT_HEADER, SegmentHeader, Survey,
    other_image, other_timeline,
};
use crate::seq::{Life, SegmentId, Seq};

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
    /// The bytes of an incomplete frame that follow the end. If a segment begins with the frame, the segment's header is before it.
    pending: Vec<u8>,
    /// The segment of the bytes in `pending`, if the copy is empty.
    first: SegmentId,
    /// Whether the bytes behind the end were cleared.
    is_cleared: bool,
    unsynced: bool,
    /// Whether a sync failed. A later sync could report success although the bytes are not on disk.
    failed: bool,
    durable_file: Option<StoredFile>,
}

/// The verified frames of a piece that are complete.
struct VerifiedFrames {
    /// Their length with the lead before them, in bytes.
    len: usize,
    /// The event at which the first of them begins.
    first: Seq,
    /// The offset in the segment of the frame after them.
    offset: u64,
    chain: FrameChain,
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
        if let Some(end) = &copy.end {
            copy.is_cleared = clear_rest(&*copy.disk, &copy.layout, end, false)?;
        }
        Ok(copy)
    }

    /// Opens the copy in a directory that is locked by `lock`, or by the caller.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        layout: Layout,
        image: [u8; 16],
        lock: Option<LockGuard>,
    ) -> Result<JournalCopy, Error> {
        remove_lone_bases(&*disk, &layout)?;
        let survey = layout.survey(&*disk)?;
        let end = match &survey {
            Survey::Image(segments) => Some(find_end(&*disk, &layout, segments, &image)?),
            Survey::Missing | Survey::Vacant => None,
        };
        Ok(JournalCopy { end, ..JournalCopy::create(disk, layout, image, lock)? })
    }

    /// An empty copy in a directory that has no journal, and that is locked by `lock`, or by the caller.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        layout: Layout,
        image: [u8; 16],
        lock: Option<LockGuard>,
    ) -> Result<JournalCopy, Error> {
        let journal = layout.journal();
        if disk.kind(&journal).map_err(|error| failed("inspecting", &journal, error))?.is_none() {
            disk.create_dir(&journal).map_err(|error| failed("creating", &journal, error))?;
        }
        layout.create_dirs(&*disk)?;
        layout.remove_unfinished(&*disk)?;
        layout.sync_names(&*disk)?;
        Ok(JournalCopy {
            disk,
            layout,
            _lock: lock,
            image,
            end: None,
            base: None,
            pending: Vec::new(),
            first: SegmentId::FIRST,
            is_cleared: false,
            unsynced: true,
            failed: false,
            durable_file: None,
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.layout.root()
    }

    /// The end of the last complete frame; [`JournalPoint::START`] if there is none.
    pub fn end(&self) -> JournalPoint {
        self.end.as_ref().map_or(JournalPoint::START, |end| point(end.segment, end.offset, &end.chain))
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

    /// Appends a piece. Bytes that the copy has already are compared, and not written again.
    ///
    /// # Errors
    ///
    /// Returns an error if the piece does not continue the copy: [`ErrorKind::Replaced`](crate::ErrorKind::Replaced) if its journal has
    /// another history, and [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if its bytes are damaged. Then nothing was written. If a frame
    /// that came in several pieces is damaged, all of these pieces are needed again, from [`end`](JournalCopy::end) on.
    pub fn append(&mut self, piece: &Piece) -> Result<(), Error> {
        self.refuse_after_failure()?;
        let (segment, from) = (SegmentId::new(piece.head.start.segment), piece.head.start.offset);
        let (next, offset) = self.next_place(segment);
        if (segment, from) > (next, offset + self.pending.len() as u64) {
            return Err(self.gap(piece));
        }
        let stored = match segment < next {
            true => piece.bytes.len(),
            false => (offset.saturating_sub(from) as usize).min(piece.bytes.len()),
        };
        let (stored, rest) = piece.bytes.split_at(stored);
        self.compare_stored(segment, from, stored)?;
        if rest.is_empty() {
            return self.verify_end(piece, self.end());
        }
        let pending = &self.pending[from.saturating_sub(offset) as usize..];
        let known = pending.len().min(rest.len());
        if pending[..known] != rest[..known] {
            self.pending.clear();
            return Err(self.corrupt(
                next,
                offset,
                "a piece contradicts an earlier one within an incomplete frame".to_owned(),
            ));
        }
        match &rest[known..] {
            [] => self.verify_end(piece, self.end()),
            new => self.extend(next, offset, piece, new),
        }
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
        self.refuse_after_failure()?;
        let Some(CopyEnd { chain, .. }) = &self.end else { return Ok(Seq::ZERO) };
        let (seq, life) = (chain.before(), chain.life);
        if self.unsynced {
            self.sync_in(life)?;
        }
        Ok(seq)
    }

    /// Syncs the copy, and records its end, and the life of its owner.
    fn sync_in(&mut self, life: Life) -> Result<(), Error> {
        let Some(end) = &self.end else { return Ok(()) };
        if let Err(error) = end.file.sync_data() {
            self.failed = true;
            return Err(error);
        }
        let life = newest_life(&*self.disk, &self.layout, &self.image, life)?;
        write_watermark(&*self.disk, &self.layout, &self.image, end, life, &mut self.durable_file)?;
        self.unsynced = false;
        Ok(())
    }

    /// The segment and the offset of the bytes after the complete frames. In an empty copy, a piece begins at `segment`.
    fn next_place(&self, segment: SegmentId) -> (SegmentId, u64) {
        match &self.end {
            None if self.pending.is_empty() => (segment, 0),
            None => (self.first, 0),
            Some(end) if end.sealed => (end.segment.next(), 0),
            Some(end) => (end.segment, end.offset),
        }
    }

    /// Compares the bytes from offset `from` of a segment on with those of the copy.
    fn compare_stored(&self, segment: SegmentId, from: u64, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let file = match StoredFile::open(&*self.disk, &self.layout.segment(segment), Access::Read) {
            // the copy begins later
            Err(error) if error.is_missing() => return Ok(()),
            file => file?,
        };
        let mut own = vec![0; bytes.len()];
        let read = file.read_up_to(&mut own, from)?;
        match read == bytes.len() && own == bytes {
            true => Ok(()),
            false => Err(other_timeline(&self.layout, self.end().seq)),
        }
    }

    /// Verifies new bytes, writes the frames that are complete, and keeps the rest in memory.
    fn extend(&mut self, segment: SegmentId, offset: u64, piece: &Piece, bytes: &[u8]) -> Result<(), Error> {
        let lead = (offset % ALIGN) as usize;
        let mut data = vec![0; lead];
        data.append(&mut self.pending);
        data.extend_from_slice(bytes);
        let header = if offset == 0 { Some(self.header_of(segment, &data, piece)?) } else { None };
        let len = header.as_ref().map(|header| header.len).or(self.end.as_ref().map(|end| end.len));
        let len = len.expect("a piece continues a segment or begins one");
        let Some(frames) = self.verify(segment, offset, len, &data)? else {
            (self.pending, self.first) = (data.split_off(lead), segment);
            return self.verify_end(piece, self.end());
        };
        self.verify_end(piece, point(segment, frames.offset, &frames.chain))?;
        // a reader must not find frames of this life beside a life of the same epoch that has none
        if self.end.as_ref().is_some_and(|end| end.chain.life != frames.chain.life) {
            self.sync_in(frames.chain.life)?;
        }
        let complete = &data[lead..frames.len];
        match header {
            Some(header) => self.begin_segment(&header, complete, &frames)?,
            None => self.write(complete, &frames)?,
        }
        self.pending = data.split_off(frames.len);
        Ok(())
    }

    /// Reads the header at the beginning of a segment, and verifies that the copy may continue with this segment.
    fn header_of(&self, segment: SegmentId, data: &[u8], piece: &Piece) -> Result<SegmentHeader, Error> {
        let Some(bytes) = data.first_chunk::<SEGMENT_HEADER>() else { return Err(self.gap(piece)) };
        let header = SegmentHeader::decode(bytes)
            .map_err(|_| self.corrupt(segment, 0, "a piece contains a header that cannot be read".to_owned()))?;
        if header.identity.uuid != self.image {
            return Err(other_image(&self.layout));
        }
        if header.segment != segment {
            let what = format!("a piece contains the header of segment {}", header.segment);
            return Err(self.corrupt(segment, 0, what));
        }
        match self.is_empty() && self.base.is_none() && segment != SegmentId::FIRST {
            true => Err(self
                .refused(format!("the journal begins with segment {segment}, so the copy must begin with a snapshot"))),
            false => Ok(header),
        }
    }

    /// Verifies the frames of `data`, which begin at `offset` of a segment of `len` bytes, after a lead that aligns them. Returns `None` if
    /// none of them is complete.
    fn verify(&self, segment: SegmentId, offset: u64, len: u64, data: &[u8]) -> Result<Option<VerifiedFrames>, Error> {
        let base = offset / ALIGN * ALIGN;
        let (chain, is_first) = (self.end.as_ref().map(|end| end.chain), offset == 0);
        let first_at = if is_first { SEGMENT_HEADER } else { (offset - base) as usize };
        let mut reader = FrameReader::resume(data, &self.image, segment, first_at, chain, is_first);
        let mut first = None;
        loop {
            let at = reader.offset();
            let (left, position) = (data.len().saturating_sub(at), base + at as u64);
            match reader.step() {
                FrameStep::Frame(frame) => {
                    first.get_or_insert(frame.header.first_seq);
                    let padding = frame.offset + frame.len..frame.next_offset();
                    if data[padding.start..padding.end.min(data.len())].iter().any(|byte| *byte != 0) {
                        let what = "a piece has other bytes than zeros between two frames".to_owned();
                        return Err(self.corrupt(segment, base + padding.start as u64, what));
                    }
                    if base + padding.end as u64 > len {
                        return Err(self.corrupt(segment, position, "a piece is longer than the segment".to_owned()));
                    }
                }
                FrameStep::Sealed | FrameStep::Fault(_) if left == 0 => break,
                FrameStep::Fault(FrameFault::Header) if left < FRAME_HEADER => break,
                FrameStep::Fault(FrameFault::Body { len: frame }) if frame > left => {
                    if position + frame as u64 > len {
                        let what = "a piece begins a frame that is longer than the segment".to_owned();
                        return Err(self.corrupt(segment, position, what));
                    }
                    break;
                }
                FrameStep::Fault(FrameFault::Unsupported { reason }) => {
                    let (path, what) = (self.layout.segment(segment), format!("{reason}, at byte {position}"));
                    return Err(Error::new(ErrorDetail::Format { path, act: "copy", what }));
                }
                FrameStep::Misplaced(_) | FrameStep::WrongMac(_) => {
                    return Err(other_timeline(&self.layout, self.end().seq));
                }
                FrameStep::Sealed | FrameStep::Fault(_) => {
                    return Err(self.corrupt(segment, position, "a piece contains no valid frame here".to_owned()));
                }
            }
        }
        let offset = base + reader.offset() as u64;
        let (len, sealed) = (reader.offset().min(data.len()), reader.is_sealed());
        Ok(first.zip(reader.chain()).map(|(first, chain)| VerifiedFrames { len, first, offset, chain, sealed }))
    }

    /// Creates a segment that begins with `bytes`, which are its header and its first frames.
    fn begin_segment(&mut self, header: &SegmentHeader, bytes: &[u8], frames: &VerifiedFrames) -> Result<(), Error> {
        if let Some((seq, _)) = &self.base
            && frames.first > seq.next()
        {
            let first = frames.first;
            return Err(
                self.refused(format!("the journal begins with event {first}, but the snapshot has event {seq}"))
            );
        }
        if let Some(end) = &self.end {
            self.is_cleared = clear_rest(&*self.disk, &self.layout, end, self.is_cleared)?;
            // no frame is written to a segment before the whole segment before it is synced
            if let Err(error) = end.file.sync_data() {
                self.failed = true;
                return Err(error);
            }
        }
        let path = self.layout.segment(header.segment);
        let staged = StagedFile::write(&*self.disk, &path, true, |file| {
            file.write_all(bytes, 0)?;
            file.write_zeros(header.len - bytes.len() as u64, bytes.len() as u64)
        })?;
        if let Some((seq, snapshot)) = &self.base {
            install_base(&*self.disk, &self.layout, *seq, snapshot)?;
        }
        staged.install(&*self.disk)?;
        let file = StoredFile::open(&*self.disk, &path, Access::ReadWrite)?;
        let VerifiedFrames { offset, chain, sealed, .. } = *frames;
        self.end = Some(CopyEnd { segment: header.segment, file, len: header.len, offset, chain, sealed });
        (self.base, self.is_cleared, self.unsynced) = (None, true, true);
        Ok(())
    }

    /// Writes verified frames behind the end.
    fn write(&mut self, bytes: &[u8], frames: &VerifiedFrames) -> Result<(), Error> {
        let end = self.end.as_mut().expect("a piece continues a segment");
        self.is_cleared = clear_rest(&*self.disk, &self.layout, end, self.is_cleared)?;
        // if the write fails, some of the bytes may be in the file
        (self.is_cleared, self.unsynced) = (false, true);
        end.file.write_all(bytes, end.offset)?;
        self.is_cleared = true;
        (end.offset, end.chain, end.sealed) = (frames.offset, frames.chain, frames.sealed);
        Ok(())
    }

    /// Verifies that the owner's journal ends where the copy does after this piece, or that the copy has more.
    fn verify_end(&self, piece: &Piece, own: JournalPoint) -> Result<(), Error> {
        let stated = piece.head.end;
        let is_beyond = stated != piece.head.start && stated.reaches(&own) && stated.offset > own.offset;
        match stated.segment == own.segment && (is_beyond || stated.offset == own.offset && stated != own) {
            true => Err(other_timeline(&self.layout, own.seq)),
            false => Ok(()),
        }
    }

    fn refuse_after_failure(&self) -> Result<(), Error> {
        match self.failed {
            true => Err(Error::io(
                "syncing",
                self.layout.root(),
                std::io::Error::other("an earlier sync failed; help: open the copy again"),
            )),
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
