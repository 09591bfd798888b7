//! The segments of a journal: reads and checks their headers first, then reads complete segments.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::nonzero::read_nonzero;
use crate::context::Timestamp;
use crate::disk::{Access, Disk, StoredFile};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::format::frame::{self, FrameHeader};
use crate::journal::format::gap::Gap;
use crate::journal::format::protection::{Checksum, FrameProtection};
use crate::journal::format::segment::{HeaderFault, Identity, KeyMismatch, SEGMENT_HEADER, SegmentHeader};
use crate::journal::format::timeline::life_conflict;
use crate::journal::format::zeros::is_zero;
use crate::journal::layout::Layout;
use crate::keys::{Keyring, Protection};
use crate::seq::{Life, SegmentId, Seq};

/// The epoch in which an image is created.
const FIRST_EPOCH: u64 = 1;

/// The segments of a journal whose headers have been read and checked.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    layout: Layout,
    headers: Vec<SegmentHeader>,
    protections: Vec<Protection>,
    /// The segments before the last missing segment; none of them is part of the journal.
    cut_off: Vec<SegmentId>,
    /// Whether segment 1 exists but begins with a later event than event 1, because a repair removed the earlier events.
    start_removed: bool,
}

impl Segments {
    /// Reads and checks the header of each segment. `segments` must not be empty. The segments after the last missing
    /// one make up the journal. The caller decides whether the start of the journal may be missing.
    ///
    /// This function checks every header against the keys in `keyring`.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        segments: &[SegmentId],
        keyring: &Keyring,
    ) -> Result<Segments, Error> {
        let gap = segments.windows(2).rposition(|pair| pair[1] != pair[0].next());
        let (cut_off, segments) = segments.split_at(gap.map_or(0, |at| at + 1));
        let (disk, layout, cut_off) = (Arc::clone(disk), layout.clone(), cut_off.to_vec());
        let mut opened =
            Segments { disk, layout, headers: Vec::new(), protections: Vec::new(), cut_off, start_removed: false };
        for &segment in segments {
            let (header, protection) = opened.header(segment, keyring)?;
            opened.headers.push(header);
            opened.protections.push(protection);
        }
        let first = if opened.first() == SegmentId::FIRST { opened.first_frame(SegmentId::FIRST)? } else { None };
        opened.start_removed = first.is_some_and(|header| header.first_seq > Seq::new(1));
        Ok(opened)
    }

    /// The first segment of the journal; no later segment is missing.
    pub(crate) fn first(&self) -> SegmentId {
        self.headers[0].segment
    }

    /// Whether the journal is complete from genesis on.
    pub(crate) fn starts_at_genesis(&self) -> bool {
        self.first() == SegmentId::FIRST && !self.start_removed
    }

    /// Segments that a missing segment separates from the journal. Such segments are left over if the power failed while
    /// segments were being removed, or if the journal lost a segment.
    pub(crate) fn cut_off(&self) -> &[SegmentId] {
        &self.cut_off
    }

    /// Whether the journal begins with the event after `seq`, or with an earlier event.
    pub(crate) fn reaches(&self, seq: Seq) -> Result<bool, Error> {
        if self.starts_at_genesis() {
            return Ok(true);
        }
        // one segment that starts with the event after `seq` or an earlier event is enough, because all later segments exist
        for segment in self.ids() {
            if self.first_frame(segment)?.is_some_and(|header| header.first_seq.get().saturating_sub(1) <= seq.get()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the file of a cut-off segment belongs to this image: its header is intact, and contains the segment's number and
    /// the image's UUID.
    pub(crate) fn is_own(&self, segment: SegmentId) -> Result<bool, Error> {
        let mut bytes = [0; SEGMENT_HEADER];
        let read = self.file(segment, Access::Read)?.read_up_to(&mut bytes, 0)?;
        let header = SegmentHeader::decode(&bytes).ok().filter(|_| read == SEGMENT_HEADER);
        Ok(header.is_some_and(|header| header.segment == segment && header.identity.uuid == self.identity().uuid))
    }

    fn header(&self, segment: SegmentId, keyring: &Keyring) -> Result<(SegmentHeader, Protection), Error> {
        let path = self.layout.segment(segment);
        let file = StoredFile::open(&*self.disk, &path, Access::Read)?;
        let mut bytes = [0; SEGMENT_HEADER];
        let read = file.read_up_to(&mut bytes, 0)?;
        if read < SEGMENT_HEADER {
            return Err(self.corrupt(segment, Some(read as u64), "the file ends within its header".to_owned()));
        }
        let at_start = |what: &str| self.corrupt(segment, Some(0), what.to_owned());
        let format = |act, what| Error::new(ErrorDetail::Format { path: path.clone(), act, what });
        let mut header = SegmentHeader::decode(&bytes).map_err(|fault| match fault {
            HeaderFault::Foreign => at_start("the file does not start with the magic number of a segment"),
            HeaderFault::Damaged(what) => at_start(what),
            HeaderFault::Newer(what) => format("read", what),
            HeaderFault::NewerToWrite(what) => format("write to", what),
        })?;
        if header.segment != segment {
            return Err(at_start(&format!("the header belongs to segment {}", header.segment)));
        }
        let protection = keyring.protection(header.key_ids, &header.identity.uuid, &path)?;
        header.verify_keys(&bytes, &protection).map_err(|which| key_mismatch(&path, which))?;
        if let Some(first) = self.headers.first().filter(|first| first.identity != header.identity) {
            // either of the two files may be the one that belongs to another image
            let first = self.layout.segment(first.segment);
            return Err(at_start(&format!(
                "this file and `{}` belong to different images, and `memimage::admin::check` shows which file is foreign",
                first.display()
            )));
        }
        let len = file.len()?;
        if len != header.len {
            let what = format!("the file is {len} bytes long, but was created with {} bytes", header.len);
            return Err(self.corrupt(segment, Some(len.min(header.len)), what));
        }
        Ok((header, protection))
    }

    /// The directory of the image.
    pub(crate) fn root(&self) -> &Path {
        self.layout.root()
    }

    /// The time at which the file of the first segment was created. A repair may have written it again.
    #[cfg(feature = "admin")]
    pub(crate) fn created(&self) -> Timestamp {
        self.headers[0].created
    }

    /// The time at which the image was created; `None` if the journal no longer says so, because its first segment was pruned, or a
    /// repair wrote it again in a later epoch.
    pub(crate) fn image_created(&self) -> Option<Timestamp> {
        let first = &self.headers[0];
        (self.starts_at_genesis() && first.life.epoch == FIRST_EPOCH).then_some(first.created)
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.headers[0].identity
    }

    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = SegmentId> {
        self.headers.iter().map(|header| header.segment)
    }

    pub(crate) fn len_of(&self, segment: SegmentId) -> Option<u64> {
        self.headers.get(self.index_of(segment)?).map(|header| header.len)
    }

    /// The length of all segments of the journal, in bytes.
    pub(crate) fn total_len(&self) -> u64 {
        self.headers.iter().map(|header| header.len).sum()
    }

    /// The index of a segment among the journal's segments, whose numbers are consecutive.
    fn index_of(&self, segment: SegmentId) -> Option<usize> {
        let index = segment.get().checked_sub(self.headers.first()?.segment.get())? as usize;
        (index < self.headers.len()).then_some(index)
    }

    pub(crate) fn protection(&self, segment: SegmentId) -> &Protection {
        &self.protections[self.index_of(segment).expect("a segment of this journal")]
    }

    /// The protection of a segment's frames.
    pub(crate) fn frame_protection(&self, segment: SegmentId) -> FrameProtection<'_> {
        FrameProtection::new(&self.identity().uuid, segment, self.protection(segment))
    }

    /// The highest epoch in which a segment was created.
    pub(crate) fn epoch(&self) -> u64 {
        self.headers.iter().map(|header| header.life.epoch).max().unwrap_or(0)
    }

    /// If a segment was created in another life with the same epoch as `life`, returns an error text, because a file that was
    /// written in `life` then belongs to another timeline.
    pub(crate) fn life_conflict(&self, life: Life) -> Option<String> {
        life_conflict(self.headers.iter().map(|header| header.life), life)
    }

    /// Reads a segment up to its last non-zero byte.
    pub(crate) fn read(&self, segment: SegmentId) -> Result<Vec<u8>, Error> {
        let file = self.file(segment, Access::Read)?;
        let created_len = self.len_of(segment).expect("a segment of this journal");
        match read_nonzero(&file, created_len)? {
            Some(bytes) => Ok(bytes),
            None => {
                let len = file.len()?;
                let what = format!(
                    "the file became {len} bytes long while it was read, but was created with {created_len} bytes"
                );
                Err(self.corrupt(segment, Some(len), what))
            }
        }
    }

    pub(crate) fn file(&self, segment: SegmentId, access: Access) -> Result<StoredFile, Error> {
        StoredFile::open(&*self.disk, &self.layout.segment(segment), access)
    }

    /// Whether a segment contains a non-zero byte after its header.
    pub(crate) fn has_content(&self, segment: SegmentId) -> Result<bool, Error> {
        has_content(&self.file(segment, Access::Read)?, self.len_of(segment).expect("a segment of this journal"))
    }

    /// The header of a segment's first frame, if the whole frame is intact. A crash can tear the first frame and still leave
    /// its header intact.
    pub(crate) fn first_frame(&self, segment: SegmentId) -> Result<Option<FrameHeader>, Error> {
        let file = self.file(segment, Access::Read)?;
        let checksum = Checksum::new(&self.identity().uuid, segment);
        let mut bytes = vec![0; frame::HEADER];
        file.read_up_to(&mut bytes, SEGMENT_HEADER as u64)?;
        let Some(len) = frame::peek_len(&bytes, checksum) else { return Ok(None) };
        // compares the length with its copy in the trailer, so that a forged header alone does not cause a large allocation
        let mut trailer = [0; frame::TRAILER];
        let end = SEGMENT_HEADER as u64 + len as u64;
        let read = file.read_up_to(&mut trailer, end - frame::TRAILER as u64)?;
        if read < trailer.len() || frame::u32_at(&trailer, 0) as usize != len {
            return Ok(None);
        }
        bytes.resize(len, 0);
        file.read_up_to(&mut bytes, SEGMENT_HEADER as u64)?;
        Ok(frame::parse(&bytes, 0, checksum).ok().map(|frame| frame.header))
    }

    pub(crate) fn path(&self, segment: SegmentId) -> PathBuf {
        self.layout.segment(segment)
    }

    /// The error for event `seq`, which the journal no longer has.
    pub(crate) fn pruned_event(&self, seq: Seq) -> Error {
        let first = self.first_frame(self.first()).ok().flatten().map(|header| header.first_seq);
        Error::new(ErrorDetail::PrunedEvent { path: self.root().to_owned(), seq, first })
    }

    /// The error for the events that are lost in a recorded gap.
    pub(crate) fn lost_events(&self, gap: Gap) -> Error {
        self.lost_events_with(gap, "read before or behind the gap; a backup may have what is lost")
    }

    /// The error for a gap that a new image does not take over.
    pub(crate) fn lost_in_copy(&self, gap: Gap) -> Error {
        let help = "end before the gap, or take the gap over into the new image by name: `carry_gaps(true)`, or `--carry-gaps`; a \
                    backup may have what is lost";
        self.lost_events_with(gap, help)
    }

    fn lost_events_with(&self, gap: Gap, help: &'static str) -> Error {
        let (path, first, last) = (self.root().to_owned(), gap.first, gap.last());
        Error::new(ErrorDetail::LostEvents { path, first, last, help })
    }

    /// The error for damage at this place.
    pub(crate) fn corrupt(&self, segment: SegmentId, offset: Option<u64>, what: String) -> Error {
        self.corrupt_at(segment, offset, None, what)
    }

    /// Like [`corrupt`](Segments::corrupt), with the first event that cannot be read.
    pub(crate) fn corrupt_at(&self, segment: SegmentId, offset: Option<u64>, seq: Option<Seq>, what: String) -> Error {
        let position = Position { segment: Some(segment), offset, seq };
        Error::new(ErrorDetail::Corrupt { path: self.layout.segment(segment), position, what, suspect: false })
    }
}

/// The error for a header that does not verify with the given keys.
pub(crate) fn key_mismatch(path: &Path, which: KeyMismatch) -> Error {
    let (id, of) = match which {
        KeyMismatch::Cipher(id) => (id, "encryption"),
        KeyMismatch::Chain(id) => (id, "chain"),
    };
    let what = format!(
        "the file does not match key {id} of `{of}`: either it was written with another key, or somebody without the key changed \
         its first 4096 bytes; help: pass the key with which the image was written; if key {id} is that key, restore the file \
         from a backup"
    );
    Error::new(ErrorDetail::Key { path: path.to_owned(), what })
}

/// Whether the first `len` bytes of a segment's file contain a non-zero byte after the header.
pub(crate) fn has_content(file: &StoredFile, len: u64) -> Result<bool, Error> {
    const CHUNK: u64 = 1 << 20;
    let mut chunk = vec![0; len.min(CHUNK) as usize];
    let mut offset = SEGMENT_HEADER as u64;
    while offset < len {
        chunk.truncate((len - offset).min(CHUNK) as usize);
        let read = file.read_up_to(&mut chunk, offset)?;
        if !is_zero(&chunk[..read]) {
            return Ok(true);
        }
        if read < chunk.len() {
            return Ok(false);
        }
        offset += read as u64;
    }
    Ok(false)
}
