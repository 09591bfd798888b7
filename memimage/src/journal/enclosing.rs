//! Finds the image around a path. Files that do not belong to an image have no place in its directories.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::format::segment::is_segment;
use super::layout::Layout;
use crate::disk::{Disk, FileType, failed};
use crate::error::Error;

/// What a path inside an image leads to, for an error message.
pub(crate) const INSIDE_IMAGE: &str = "a place inside an image";

/// The directory of the image that contains `path`; `None` if there is none. Ignores directories that this user may not read.
pub(crate) fn enclosing_image(disk: &dyn Disk, path: &Path) -> Result<Option<PathBuf>, Error> {
    for root in path.ancestors().skip(1) {
        let journal = Layout::new(root).journal();
        let is_dir = match disk.kind(&journal) {
            Ok(kind) => kind == Some(FileType::Dir),
            Err(error) if is_no_answer(error.kind()) => false,
            Err(error) => return Err(failed("inspecting", &journal, error)),
        };
        if !is_dir {
            continue;
        }
        match disk.list(&journal) {
            Ok(entries) if entries.iter().any(|entry| is_segment(&entry.name.to_string_lossy())) => {
                // `..` or a link may lead out of the image
                if disk.is_within(path, root).map_err(|error| failed("inspecting", path, error))? {
                    return Ok(Some(root.to_owned()));
                }
            }
            Ok(_) => {}
            Err(error) if is_no_answer(error.kind()) => {}
            Err(error) => return Err(failed("listing", &journal, error)),
        }
    }
    Ok(None)
}

fn is_no_answer(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied | ErrorKind::InvalidFilename
    )
}
