//! Reads the header of a segment without its keys.

use crate::disk::{Access, Disk, StoredFile};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::{HeaderFault, Layout, SEGMENT_HEADER, SegmentHeader};
use crate::seq::SegmentId;

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
