//! Where a log in a local directory must not be: in the image that it is to outlive.

use std::fs;
use std::path::{Path, PathBuf};

use memimage::{Error, ErrorKind};

use crate::failure::failure;
use crate::log::Log;

/// Returns an error if the log is in the directory of the image, or in a directory inside it.
///
/// An image refuses directories that do not belong to it, and whatever removes the image would remove the log. Changes nothing.
pub(crate) fn refuse_inside(log: &Log, image: &Path) -> Result<(), Error> {
    let Some(directory) = log.engine.directory() else { return Ok(()) };
    if !resolved(directory).starts_with(resolved(image)) {
        return Ok(());
    }
    Err(failure(
        ErrorKind::InvalidOption,
        format!(
            "the log `{}` is inside the directory of the image `{}`; nothing was created; help: give the log a directory of its own, on \
             another disk or machine",
            log.address(),
            image.display()
        ),
    ))
}

/// The path without symbolic links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|ancestor| Some((ancestor, fs::canonicalize(ancestor).ok()?)));
    let Some((ancestor, real)) = existing else { return path };
    match path.strip_prefix(ancestor) {
        Ok(rest) if rest.as_os_str().is_empty() => real,
        Ok(rest) => real.join(rest),
        Err(_) => path.clone(),
    }
}
