//! Errors of replication, as errors of an image.

use std::io;
use std::path::Path;

use memimage::replication::error;
use memimage::{Error, ErrorKind};

use crate::appender::Fence;
use crate::log_error::{LogError, LogErrorKind};
use crate::owner_id;

/// The error of a call on a log, as that of an image.
pub(crate) fn log_failed(error: &LogError) -> Error {
    let kind = match error.kind() {
        LogErrorKind::Damaged => ErrorKind::Corrupt,
        LogErrorKind::Pruned => ErrorKind::Pruned,
        _ => ErrorKind::Replication,
    };
    failure(kind, error)
}

pub(crate) fn failure(kind: ErrorKind, message: impl std::fmt::Display) -> Error {
    error(kind, message)
}

/// Whether the journal may be readable again after this error: one of the operating system, such as too many open files. Damage, another
/// history, and a file or directory that is gone or replaced, stay.
pub(crate) fn can_heal(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    error.kind() == ErrorKind::Io
        && source.is_some_and(|source| source.raw_os_error().is_some() && source.kind() != io::ErrorKind::NotFound)
}

/// The error of a sidecar whose place another owner took: the program of the image is not fenced by it.
pub(crate) fn of_sidecar(error: &Error) -> Error {
    if error.kind() != ErrorKind::Fenced {
        return error.clone();
    }
    let text = error.to_string();
    let (what, _) = text.split_once("; help: ").unwrap_or((&text, ""));
    let what = what.replacen("this owner of", "this sidecar of", 1);
    failure(
        ErrorKind::Fenced,
        format!(
            "{what}; the program of this image is not fenced; help: end it first, then open the directory as a standby; what was not shipped \
             is set aside then"
        ),
    )
}

/// A number of things, such as `1 event` and `2 events`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// The error for the file with the id of an owner.
pub(crate) fn id_failed(path: &Path, error: &io::Error) -> Error {
    failure(
        ErrorKind::Replication,
        format!(
            "the id of the owner in `{}` cannot be read or written: {error}",
            path.join(owner_id::DIRECTORY).display()
        ),
    )
}

/// The error of an owner that another one has superseded.
pub(crate) fn fenced(address: &str, fence: &Fence) -> Error {
    let Fence { position, term, owner, claim } = fence;
    let who = match claim {
        Some(claim) => format!("`{}` took over at {}", claim.name, claim.time),
        None => format!("the owner {} appended", owner_id::hex(owner)),
    };
    failure(
        ErrorKind::Fenced,
        format!(
            "this owner of `{address}` is fenced: {who}, in term {term} (position {position}); help: end this program's use of the image, and \
             open the directory as a standby; what was not shipped is set aside then"
        ),
    )
}
