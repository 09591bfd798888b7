//! Foreign files: files whose header names another segment or another image than their name and place do.

use super::headers::{CheckedHeader, HeaderStanding};
use super::salvage_source::SalvageSource;
use crate::journal::format::protection::Checksum;
use crate::journal::format::resync::{FrameSearch, SearchResult};
use crate::journal::format::segment::{SEGMENT_HEADER, SegmentHeader, file_name};
use crate::seq::SegmentId;

/// What to do with a file whose header is of another segment or image, in case its frames are so too.
pub(super) fn help(source: &SalvageSource, checked: &CheckedHeader) -> Option<String> {
    let header = checked.header.as_ref().ok()?;
    if is_of_another_image(source, header) {
        return Some("if it does not belong here, it can be moved away".to_owned());
    }
    if header.segment == checked.segment {
        return None;
    }
    let name = file_name(header.segment);
    Some(match has_content_of(source, header.segment, &header.identity.uuid) {
        true => format!("it is a copy of `{name}`, which is there too: move it away and restore this one"),
        false => format!("if it was renamed, name it `{name}` again"),
    })
}

/// Whether a header is of another image.
pub(super) fn is_of_another_image(source: &SalvageSource, header: &SegmentHeader) -> bool {
    source.identity().is_none_or(|identity| identity.uuid != header.identity.uuid)
}

/// Whether the file with a segment's name holds content of that segment, which renaming another file would overwrite: any of
/// its frames, whatever the header, or its header alone.
fn has_content_of(source: &SalvageSource, segment: SegmentId, uuid: &[u8; 16]) -> bool {
    let Some(checked) = source.headers().iter().find(|checked| checked.segment == segment) else { return false };
    match source.used(segment) {
        Ok((bytes, _)) if bytes.len() <= SEGMENT_HEADER => matches!(checked.standing, HeaderStanding::Own(_)),
        Ok((bytes, _)) => {
            let mut search = FrameSearch::new(&bytes, Checksum::new(uuid, segment));
            !matches!(search.next(SEGMENT_HEADER..bytes.len()), SearchResult::NotFound)
        }
        // an unreadable file may hold anything
        Err(error) => !error.is_missing(),
    }
}
