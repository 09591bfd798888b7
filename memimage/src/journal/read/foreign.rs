//! Foreign files: files whose header belongs to another image, or to another segment than the file name says.

use super::headers::{CheckedHeader, HeaderStanding};
use super::salvage_source::SalvageSource;
use crate::journal::format::protection::Checksum;
use crate::journal::format::resync::{FrameSearch, SearchResult};
use crate::journal::format::segment::{SEGMENT_HEADER, SegmentHeader, file_name};
use crate::seq::SegmentId;

/// The repair advice for a file whose header belongs to another segment or image. The advice applies only if the file's frames
/// belong to the same segment or image as its header.
pub(super) fn help(source: &SalvageSource, checked: &CheckedHeader) -> Option<String> {
    let header = checked.header.as_ref().ok()?;
    if is_of_another_image(source, header) {
        return Some("if the file does not belong to this image, move it out of the image".to_owned());
    }
    if header.segment == checked.segment {
        return None;
    }
    let name = file_name(header.segment);
    Some(if has_content_of(source, header.segment, &header.identity.uuid) {
        format!(
            "the file is a copy of `{name}`, which exists too; move the copy out of the image, and restore this segment"
        )
    } else {
        format!("if the file was renamed, rename it back to `{name}`")
    })
}

/// Whether a header belongs to another image.
pub(super) fn is_of_another_image(source: &SalvageSource, header: &SegmentHeader) -> bool {
    source.identity().is_none_or(|identity| identity.uuid != header.identity.uuid)
}

/// Whether the file with a segment's name contains a frame of that segment (the header may be damaged), or is an empty segment
/// with the correct header. Renaming another file to this name would overwrite this content.
fn has_content_of(source: &SalvageSource, segment: SegmentId, uuid: &[u8; 16]) -> bool {
    let Some(checked) = source.header(segment) else { return false };
    match source.read_nonzero(segment) {
        Ok((bytes, _)) if bytes.len() <= SEGMENT_HEADER => matches!(checked.standing, HeaderStanding::Own(_)),
        Ok((bytes, _)) => {
            let mut search = FrameSearch::new(&bytes, Checksum::new(uuid, segment));
            !matches!(search.next(SEGMENT_HEADER..bytes.len()), SearchResult::NotFound)
        }
        // an unreadable file may contain frames of this segment
        Err(error) => !error.is_missing(),
    }
}
