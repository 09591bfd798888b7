//! The kinds of errors, for programs that act on them.

use super::is_full;
use super::messages::ErrorDetail;

/// What kind of error an [`Error`](super::Error) is. Its text says which file or event it concerns, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No image is at the path, and the options say not to create one.
    NotFound,
    /// A file or directory stands where a new image was to be created.
    AlreadyExists,
    /// The directory is not an image, or it holds something that no image has: a link, a pipe, a device.
    NotAnImage,
    /// Another process, or another handle in this process, owns the image.
    Locked,
    /// The image is on a network file system.
    NetworkFileSystem,
    /// The image belongs to another program: it has another model, other events or shapes, or a newer format.
    Incompatible,
    /// The model's `Serialize` and its `Shape` disagree, so that its state has no digest.
    InvalidModel,
    /// Bytes on disk are damaged. [`Error::position`](super::Error::position) says where.
    Corrupt,
    /// The journal or a snapshot was changed by somebody who does not have its key: its checksums are right, and its chain or a
    /// cipher's tag is not.
    Forged,
    /// The image is encrypted or chained, and its key is missing or wrong; or keys were given for an image without protection.
    Key,
    /// Replay did not give what was recorded, or what it gave before: an event's outcome or the state's digest differs.
    Diverged,
    /// The operation needs the whole journal, and its start was pruned. See [`Options::retention`](crate::Options::retention).
    Pruned,
    /// The chosen repair does not fit the damage, or the event cannot be made void.
    NotApplicable,
    /// The operating system refused a read, a write or a sync.
    Io,
    /// The disk is full. Nothing was recorded: free some space and try again.
    StorageFull,
    /// An earlier write failed, so the image does nothing more until it is reopened.
    Poisoned,
    /// The image was closed.
    Closed,
    /// There is no room for the command just now. Only `try_submit` returns this.
    Busy,
    /// The command's record is larger than [`Options::record_bytes_max`](crate::Options::record_bytes_max).
    RecordTooLarge,
    /// The command's arguments cannot be encoded.
    Encode,
    /// The image was called from inside one of its own commands, queries or guards.
    Reentrant,
    /// The command's body or check panicked.
    Panicked,
    /// The [shape lock](crate::shape_lock) is missing, cannot be read, or does not match the program.
    ShapeLock,
    /// An option has a value out of its range.
    InvalidOption,
}

impl ErrorKind {
    pub(super) fn of(detail: &ErrorDetail) -> ErrorKind {
        match detail {
            ErrorDetail::NotFound { .. } => ErrorKind::NotFound,
            ErrorDetail::Taken { .. } => ErrorKind::AlreadyExists,
            ErrorDetail::NotAnImage { .. } | ErrorDetail::NotPlain { .. } => ErrorKind::NotAnImage,
            ErrorDetail::Locked { .. } => ErrorKind::Locked,
            ErrorDetail::Network { .. } => ErrorKind::NetworkFileSystem,
            ErrorDetail::OtherModel { .. }
            | ErrorDetail::Format { .. }
            | ErrorDetail::Shapes { .. }
            | ErrorDetail::Genesis { .. }
            | ErrorDetail::Pruned { changed: true, .. } => ErrorKind::Incompatible,
            ErrorDetail::Digest { .. } => ErrorKind::InvalidModel,
            ErrorDetail::Corrupt { .. } | ErrorDetail::Snapshot { .. } | ErrorDetail::Pruned { changed: false, .. } => {
                ErrorKind::Corrupt
            }
            ErrorDetail::Forged { .. } | ErrorDetail::ForgedState { .. } => ErrorKind::Forged,
            ErrorDetail::Key { .. } | ErrorDetail::Protected { .. } => ErrorKind::Key,
            ErrorDetail::Replay { .. } | ErrorDetail::Diverged { .. } | ErrorDetail::Rewritten { .. } => {
                ErrorKind::Diverged
            }
            ErrorDetail::NotWhole { .. } => ErrorKind::Pruned,
            ErrorDetail::Repair { .. } | ErrorDetail::Void { .. } => ErrorKind::NotApplicable,
            ErrorDetail::Io { source, .. } if is_full(source) => ErrorKind::StorageFull,
            ErrorDetail::Io { .. } => ErrorKind::Io,
            ErrorDetail::StorageFull { .. } => ErrorKind::StorageFull,
            ErrorDetail::Poisoned { .. } => ErrorKind::Poisoned,
            ErrorDetail::Closed => ErrorKind::Closed,
            ErrorDetail::Busy { .. } => ErrorKind::Busy,
            ErrorDetail::TooLarge { .. } => ErrorKind::RecordTooLarge,
            ErrorDetail::Encode { .. } => ErrorKind::Encode,
            ErrorDetail::Reentrant { .. } => ErrorKind::Reentrant,
            ErrorDetail::Panicked { .. } => ErrorKind::Panicked,
            ErrorDetail::NotLocked { .. }
            | ErrorDetail::LockText { .. }
            | ErrorDetail::Lock { .. }
            | ErrorDetail::Unclaimed { .. } => ErrorKind::ShapeLock,
            ErrorDetail::Option { .. } => ErrorKind::InvalidOption,
        }
    }
}
