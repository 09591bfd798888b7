//! Making segments: each comes to be under another name and is renamed once it is whole and synced.

use std::sync::Arc;
use std::time::Duration;

use crate::context::Timestamp;
use crate::disk::{Access, Disk, StagedFile, StoredFile};
use crate::entropy::random;
use crate::error::Error;
use crate::journal::format::segment::{Identity, SEGMENT_HEADER, SegmentHeader, fitting_len, planned_len};
use crate::journal::layout::Layout;
use crate::keys::{NONCE, Protection};
use crate::seq::SegmentId;

/// Zeros are written and synced in pieces of this size, so that no sync of the journal has to wait for many of them.
const CHUNK: usize = 1 << 20;
/// How long to rest between two pieces.
const PAUSE: Duration = Duration::from_millis(2);

/// Makes the segments of one journal.
#[derive(Clone, Debug)]
pub(crate) struct SegmentBuilder {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) identity: Identity,
    pub(crate) epoch: u64,
    /// The length of the largest segments.
    pub(crate) largest: u64,
    /// What protects the segments.
    pub(crate) protection: Protection,
}

/// Why a segment could not be made.
#[derive(Debug)]
pub(crate) enum SegmentBuildError {
    /// The image is as it was: it can be tried again.
    Unchanged(Error),
    /// The directory may or may not hold the segment.
    Unknown(Error),
}

impl SegmentBuilder {
    /// Makes a segment with room for at least `frames` bytes of frames, and begins it with `content`. While nobody is
    /// `hurried` by it, it is written at a pace that leaves the disk to the journal.
    pub(crate) fn make(
        &self,
        segment: SegmentId,
        frames: u64,
        content: &[u8],
        hurried: impl Fn() -> bool,
    ) -> Result<(StoredFile, u64), SegmentBuildError> {
        let len = fitting_len(planned_len(segment, self.largest), frames);
        let path = self.layout.segment(segment);
        let staged =
            StagedFile::write(&*self.disk, &path, true, |file| self.fill(file, (segment, len), content, hurried))
                .map_err(SegmentBuildError::Unchanged)?;
        staged
            .install(&*self.disk)
            .and_then(|()| StoredFile::open(&*self.disk, &path, Access::ReadWrite))
            .map(|file| (file, len))
            .map_err(SegmentBuildError::Unknown)
    }

    /// The header of a segment that is made now.
    pub(crate) fn header(&self, segment: SegmentId, len: u64) -> Result<[u8; SEGMENT_HEADER], Error> {
        let (identity, form) = (self.identity.clone(), self.protection.form());
        let (epoch, created) = (self.epoch, Timestamp::wall_clock());
        let nonce = if form.cipher.is_some() { random()? } else { [0; NONCE] };
        Ok(SegmentHeader { identity, segment, len, epoch, created, form }.encode(&self.protection, &nonce))
    }

    fn fill(
        &self,
        file: &StoredFile,
        (segment, len): (SegmentId, u64),
        content: &[u8],
        hurried: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let zeros = vec![0; CHUNK];
        let mut offset = 0;
        while offset < len {
            let chunk = (len - offset).min(CHUNK as u64) as usize;
            file.write_all(&zeros[..chunk], offset)?;
            offset += chunk as u64;
            if offset < len && !hurried() {
                file.sync_data()?;
                std::thread::sleep(PAUSE);
            }
        }
        file.write_all(&self.header(segment, len)?, 0)?;
        file.write_all(content, SEGMENT_HEADER as u64)
    }
}
