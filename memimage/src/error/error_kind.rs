//! The kinds of errors, for programs that act on them.

use super::is_full;
use super::kind::Kind;

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
    pub(super) fn of(kind: &Kind) -> ErrorKind {
        match kind {
            Kind::NotFound { .. } => ErrorKind::NotFound,
            Kind::Taken { .. } => ErrorKind::AlreadyExists,
            Kind::NotAnImage { .. } | Kind::NotPlain { .. } => ErrorKind::NotAnImage,
            Kind::Locked { .. } => ErrorKind::Locked,
            Kind::Network { .. } => ErrorKind::NetworkFileSystem,
            Kind::OtherModel { .. }
            | Kind::Format { .. }
            | Kind::Shapes { .. }
            | Kind::Genesis { .. }
            | Kind::Pruned { changed: true, .. } => ErrorKind::Incompatible,
            Kind::Digest { .. } => ErrorKind::InvalidModel,
            Kind::Corrupt { .. } | Kind::Snapshot { .. } | Kind::Pruned { changed: false, .. } => ErrorKind::Corrupt,
            Kind::Forged { .. } | Kind::ForgedState { .. } => ErrorKind::Forged,
            Kind::Key { .. } | Kind::Protected { .. } => ErrorKind::Key,
            Kind::Replay { .. } | Kind::Diverged { .. } | Kind::Rewritten { .. } => ErrorKind::Diverged,
            Kind::NotWhole { .. } => ErrorKind::Pruned,
            Kind::Repair { .. } | Kind::Void { .. } => ErrorKind::NotApplicable,
            Kind::Io { source, .. } if is_full(source) => ErrorKind::StorageFull,
            Kind::Io { .. } => ErrorKind::Io,
            Kind::StorageFull { .. } => ErrorKind::StorageFull,
            Kind::Poisoned { .. } => ErrorKind::Poisoned,
            Kind::Closed => ErrorKind::Closed,
            Kind::Busy { .. } => ErrorKind::Busy,
            Kind::TooLarge { .. } => ErrorKind::RecordTooLarge,
            Kind::Encode { .. } => ErrorKind::Encode,
            Kind::Reentrant { .. } => ErrorKind::Reentrant,
            Kind::Panicked { .. } => ErrorKind::Panicked,
            Kind::NotLocked { .. } | Kind::LockText { .. } | Kind::Lock { .. } | Kind::Unclaimed { .. } => {
                ErrorKind::ShapeLock
            }
            Kind::Option { .. } => ErrorKind::InvalidOption,
        }
    }
}
