//! A journal opened for salvage: its files, and its headers checked against the keys.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use super::headers::{CheckedHeader, CheckedHeaders, HeaderStanding, Headers, ProvenKeys};
use super::nonzero::read_nonzero;
use super::segments::has_content;
use crate::disk::{Access, Disk, StoredFile, failed};
use crate::error::{Error, ErrorDetail};
use crate::journal::format::frame::Frame;
use crate::journal::format::protection::FrameProtection;
use crate::journal::format::segment::{Identity, MAX_LARGE_SEGMENT};
use crate::journal::format::timeline::life_conflict;
use crate::journal::layout::Layout;
use crate::keys::{AuthenticationError, KeyIds, Keyring, Protection};
use crate::seq::{Life, SegmentId};

/// A journal whose headers, damaged or not, have been read and checked against the keys.
pub(crate) struct SalvageSource {
    disk: Arc<dyn Disk>,
    layout: Layout,
    keyring: Arc<Keyring>,
    headers: Vec<CheckedHeader>,
    identity: Option<Identity>,
    proven_keys: ProvenKeys,
}

impl SalvageSource {
    /// Checks the headers against the keys.
    ///
    /// # Errors
    ///
    /// Fails if keys are missing or wrong, or if keys were given for an image that is not protected by them.
    pub(crate) fn open(disk: &Arc<dyn Disk>, headers: Headers, keyring: &Arc<Keyring>) -> Result<SalvageSource, Error> {
        let layout = headers.layout().clone();
        let CheckedHeaders { headers, identity, proven_keys } = headers.unlock(keyring)?;
        let (disk, keyring) = (Arc::clone(disk), Arc::clone(keyring));
        Ok(SalvageSource { disk, layout, keyring, headers, identity, proven_keys })
    }

    /// The identity of the image; `None` if no header, snapshot or base is readable.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The ids of the keys that unlocked a header, a snapshot or a base.
    pub(crate) fn proven_keys(&self) -> &ProvenKeys {
        &self.proven_keys
    }

    /// If a segment was created in another life with the same epoch as `life`, returns an error text, because a file that was
    /// written in `life` then belongs to another timeline.
    pub(crate) fn life_conflict(&self, life: Life) -> Option<String> {
        let is_own = |checked: &&CheckedHeader| matches!(checked.standing, HeaderStanding::Own(_));
        let headers = self.headers.iter().filter(is_own).filter_map(|checked| checked.header.as_ref().ok());
        life_conflict(headers.map(|header| header.life), life)
    }

    /// The headers of all segments, in the order of the journal.
    pub(super) fn headers(&self) -> &[CheckedHeader] {
        &self.headers
    }

    /// The protection of frames with these key ids in a segment.
    ///
    /// # Errors
    ///
    /// Fails if a key is missing.
    pub(crate) fn protection(&self, segment: SegmentId, key_ids: KeyIds) -> Result<Protection, Error> {
        self.keyring.protection(key_ids, &self.uuid(), &self.path(segment))
    }

    /// The protection of newly written data.
    pub(crate) fn current_protection(&self) -> Result<Protection, Error> {
        self.keyring.current(&self.uuid(), self.layout.root())
    }

    /// The length with which a segment was created; `None` if its header is not trusted.
    pub(crate) fn len_of(&self, segment: SegmentId) -> Option<u64> {
        self.header(segment)?.len()
    }

    pub(super) fn header(&self, segment: SegmentId) -> Option<&CheckedHeader> {
        let at = self.headers.binary_search_by_key(&segment, |checked| checked.segment).ok()?;
        Some(&self.headers[at])
    }

    pub(crate) fn path(&self, segment: SegmentId) -> PathBuf {
        self.layout.segment(segment)
    }

    pub(super) fn file_len(&self, segment: SegmentId) -> Result<u64, Error> {
        StoredFile::open(&*self.disk, &self.path(segment), Access::Read)?.len()
    }

    /// The bytes of a segment up to its last non-zero byte, and the length of the segment.
    pub(crate) fn read_nonzero(&self, segment: SegmentId) -> Result<(Vec<u8>, u64), Error> {
        let path = self.path(segment);
        let file = StoredFile::open(&*self.disk, &path, Access::Read)?;
        let len = file.len()?.min(self.len_of(segment).unwrap_or(MAX_LARGE_SEGMENT));
        let shorter = || failed("reading", &path, ErrorKind::UnexpectedEof.into());
        Ok((read_nonzero(&file, len)?.ok_or_else(shorter)?, len))
    }

    /// The last segment, from segment `from` on, that has a non-zero byte after its header or cannot be read; `from` if there
    /// is no such segment.
    pub(super) fn active(&self, from: SegmentId) -> Result<SegmentId, Error> {
        for checked in self.headers.iter().rev().filter(|checked| checked.segment >= from) {
            // bytes after the length in the header are not part of the segment
            let longest = checked.len().unwrap_or(MAX_LARGE_SEGMENT);
            let content = StoredFile::open(&*self.disk, &self.path(checked.segment), Access::Read)
                .and_then(|file| has_content(&file, longest));
            match content {
                Ok(false) => {}
                Err(error) if error.is_missing() => return Err(error),
                Ok(true) | Err(_) => return Ok(checked.segment),
            }
        }
        Ok(from)
    }

    /// The body of a frame; the inner error is the reason why the frame is refused. The frame must have the protection of its
    /// segment. If the segment's header is not trusted, the frame must have the same kind of protection as the image, and the
    /// keys that the frame names are used.
    ///
    /// # Errors
    ///
    /// Fails if a key is missing, or if the frame does not verify with its keys and one of these keys has unlocked nothing
    /// else.
    pub(super) fn body(
        &self,
        checked: &CheckedHeader,
        frame: &Frame<'_>,
    ) -> Result<Result<Vec<u8>, &'static str>, Error> {
        let protection = match &checked.standing {
            HeaderStanding::Own(protection) if frame.key_ids == protection.key_ids() => protection.clone(),
            HeaderStanding::Own(_) => {
                return Ok(Err("the protection of a frame differs from that in the segment's header"));
            }
            _ if self.keyring.matches(frame.key_ids) => self.protection(checked.segment, frame.key_ids)?,
            _ => return Ok(Err("the protection of a frame differs from that of the image")),
        };
        let uuid = self.uuid();
        let protection = FrameProtection::new(&uuid, checked.segment, &protection);
        let body = if frame.has_valid_mac(&protection) {
            frame.body(&protection).map_err(|AuthenticationError| "the body of a frame does not decrypt with its key")
        } else {
            Err("the MAC of a frame is not valid under the key")
        };
        match body {
            Err(_) if !self.proven_keys.has(frame.key_ids) => Err(self.unproven_keys(checked.segment, frame.key_ids)),
            body => Ok(body),
        }
    }

    /// The error for a frame that does not verify with its keys, if one of these keys has unlocked nothing else: either the
    /// frame is forged, or that key is wrong.
    fn unproven_keys(&self, segment: SegmentId, key_ids: KeyIds) -> Error {
        Error::new(ErrorDetail::Key { path: self.path(segment), what: self.proven_keys.misses(key_ids) })
    }

    fn uuid(&self) -> [u8; 16] {
        self.identity().map_or([0; 16], |identity| identity.uuid)
    }
}
