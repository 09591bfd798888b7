//! Files of a journal that hold something else than their names say: what to do with them.

use super::headers::{CheckedHeader, HeaderStanding};
use super::salvage::Salvage;
use crate::journal::format::protection::Checksum;
use crate::journal::format::resync::{FrameSearch, SearchResult};
use crate::journal::format::segment::{SEGMENT_HEADER, SegmentHeader, file_name};
use crate::seq::SegmentId;

impl Salvage {
    /// What to do with a file whose header is another segment's or image's, if its frames are so too.
    pub(super) fn remedy(&self, held: &CheckedHeader) -> Option<String> {
        let header = held.header.as_ref().ok()?;
        if self.is_foreign(header) {
            return Some("if it does not belong here, it can be moved away".to_owned());
        }
        if header.segment == held.segment {
            return None;
        }
        let name = file_name(header.segment);
        Some(match self.is_there(header.segment, &header.identity.uuid) {
            true => format!("it is a copy of `{name}`, which is there too: move it away and restore this one"),
            false => format!("if it was renamed, name it `{name}` again"),
        })
    }

    /// Whether a header is another image's.
    pub(super) fn is_foreign(&self, header: &SegmentHeader) -> bool {
        self.identity().is_none_or(|identity| identity.uuid != header.identity.uuid)
    }

    /// Whether the file with a segment's name holds anything of that segment, which another in its place would overwrite: any
    /// of its frames, whatever its header, or its header with nothing behind it.
    fn is_there(&self, segment: SegmentId, uuid: &[u8; 16]) -> bool {
        let Some(held) = self.headers.iter().find(|held| held.segment == segment) else { return false };
        match self.used(segment) {
            Ok((bytes, _)) if bytes.len() <= SEGMENT_HEADER => matches!(held.standing, HeaderStanding::Own(_)),
            Ok((bytes, _)) => {
                let mut search = FrameSearch::new(&bytes, Checksum::new(uuid, segment));
                !matches!(search.next(SEGMENT_HEADER..bytes.len()), SearchResult::Nothing)
            }
            // nobody knows what is in a file that cannot be read
            Err(error) => !error.is_missing(),
        }
    }
}
