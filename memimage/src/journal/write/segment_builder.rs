//! Builds segments. Each segment is written under a temporary name, and renamed once the file is complete and synced.

use std::sync::Arc;
use std::time::Duration;

use crate::context::Timestamp;
use crate::disk::{Disk, StagedFile, StoredFile};
use crate::entropy::random;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::journal::format::segment::{Identity, SEGMENT_HEADER, SegmentHeader, fitting_len, planned_len};
use crate::journal::layout::Layout;
use crate::keys::{NONCE, Protection};
use crate::seq::{Life, SegmentId};

/// The size of one write of zeros. Unless the segment is urgent, each write is synced, so that a sync of the journal never
/// waits for many such writes.
const CHUNK: usize = 1 << 20;
/// The pause between two writes of zeros.
const PAUSE: Duration = Duration::from_millis(2);

/// Builds the segments of one journal.
#[derive(Clone, Debug)]
pub(crate) struct SegmentBuilder {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) identity: Identity,
    pub(crate) life: Life,
    /// The maximum planned length of a segment, in bytes.
    pub(crate) largest: u64,
    /// The protection of new segments.
    pub(crate) protection: Protection,
}

/// The error for a segment that could not be built.
#[derive(Debug)]
pub(crate) enum SegmentBuildError {
    /// The image has not been modified; the operation can be retried.
    Unchanged(Error),
    /// It is unknown whether the directory contains the segment.
    Unknown(Error),
}

impl SegmentBuilder {
    /// Builds a segment with room for at least `frames` bytes of frames. `content` holds the segment's first frames. The
    /// builder pauses between its writes while `urgent` returns false, so that the journal's own writes are not delayed.
    /// Returns the segment's length.
    pub(crate) fn build(
        &self,
        segment: SegmentId,
        frames: u64,
        content: &[u8],
        urgent: impl Fn() -> bool,
    ) -> Result<u64, SegmentBuildError> {
        let len = self.len(segment, frames);
        let path = self.layout.segment(segment);
        let staged =
            StagedFile::write(&*self.disk, &path, true, |file| self.fill(file, (segment, len), content, urgent))
                .map_err(|cause| match cause.kind() {
                    ErrorKind::StorageFull => Error::new(ErrorDetail::SegmentStorageFull { len, cause }),
                    _ => cause,
                })
                .map_err(SegmentBuildError::Unchanged)?;
        staged.install(&*self.disk).map(|()| len).map_err(SegmentBuildError::Unknown)
    }

    /// The length of a segment with room for at least `frames` bytes of frames.
    pub(crate) fn len(&self, segment: SegmentId, frames: u64) -> u64 {
        fitting_len(planned_len(segment, self.largest), frames)
    }

    /// Encodes the header of a segment that is being created.
    pub(crate) fn header(&self, segment: SegmentId, len: u64) -> Result<[u8; SEGMENT_HEADER], Error> {
        let (identity, key_ids) = (self.identity.clone(), self.protection.key_ids());
        let (life, created) = (self.life, Timestamp::wall_clock());
        let nonce = if key_ids.cipher.is_some() { random()? } else { [0; NONCE] };
        Ok(SegmentHeader { identity, segment, len, life, created, key_ids }.encode(&self.protection, &nonce))
    }

    fn fill(
        &self,
        file: &StoredFile,
        (segment, len): (SegmentId, u64),
        content: &[u8],
        urgent: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let zeros = vec![0; len.min(CHUNK as u64) as usize];
        let mut offset = 0;
        while offset < len {
            let chunk = (len - offset).min(CHUNK as u64) as usize;
            file.write_all(&zeros[..chunk], offset)?;
            offset += chunk as u64;
            if offset < len && !urgent() {
                file.sync_data()?;
                std::thread::sleep(PAUSE);
            }
        }
        file.write_all(&self.header(segment, len)?, 0)?;
        file.write_all(content, SEGMENT_HEADER as u64)
    }
}
