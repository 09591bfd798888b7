//! The library's one error: opaque, cheap to clone, with predicates and a position.

mod command;
mod kind;
mod position;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use command::CommandError;
pub use position::Position;

pub(crate) use kind::Kind;

/// What went wrong, where, and what to do about it.
///
/// Ask its predicates (`is_locked`, `is_corrupt` …) rather than its text. Cloning is cheap: every caller who waits for the
/// same batch is told of the same error.
#[derive(Clone)]
pub struct Error {
    kind: Arc<Kind>,
}

/// Two errors are equal when they are clones of one another.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        Arc::ptr_eq(&self.kind, &other.kind)
    }
}

impl Eq for Error {}

impl Error {
    pub(crate) fn new(kind: Kind) -> Error {
        Error { kind: Arc::new(kind) }
    }

    pub(crate) fn io(act: &'static str, path: &Path, source: io::Error) -> Error {
        Error::new(Kind::Io { act, path: path.to_owned(), source })
    }

    /// What poisoned the image, for those who have none that could be reopened; any other error as it is.
    pub(crate) fn cause(&self) -> Error {
        match &*self.kind {
            Kind::Poisoned { cause, .. } => cause.clone(),
            _ => self.clone(),
        }
    }

    /// What is wrong, without what to do about it, where the error is to be one of a list.
    pub(crate) fn briefly(&self) -> String {
        match &*self.kind {
            Kind::Snapshot { path, what } | Kind::ForgedState { path, what } => format!("`{}`: {what}", path.display()),
            _ => self.to_string(),
        }
    }

    /// What is wrong, where the file is named beside it.
    pub(crate) fn in_short(&self) -> String {
        match &*self.kind {
            Kind::Snapshot { what, .. } | Kind::ForgedState { what, .. } => what.clone(),
            _ => self.to_string(),
        }
    }

    /// Nothing is at the path, and it was not to be created.
    pub fn is_not_found(&self) -> bool {
        matches!(*self.kind, Kind::NotFound { .. })
    }

    /// What was asked for needs all of the journal, and it was pruned; see [`Options::retention`](crate::Options::retention).
    pub fn is_pruned(&self) -> bool {
        matches!(*self.kind, Kind::NotWhole { .. })
    }

    /// What was asked for does not fit what was found: a repair of what is not damaged in that way, or an event to be made
    /// void that cannot be.
    pub fn is_unfit(&self) -> bool {
        matches!(*self.kind, Kind::Void { .. } | Kind::Repair { .. })
    }

    /// Something stands where a new image was to be made.
    pub fn is_taken(&self) -> bool {
        matches!(*self.kind, Kind::Taken { .. })
    }

    /// The directory is no image, or there is something in it that no image has: a link, a pipe, a device.
    pub fn is_not_an_image(&self) -> bool {
        matches!(*self.kind, Kind::NotAnImage { .. } | Kind::NotPlain { .. })
    }

    /// Another process, or another handle in this one, owns the image.
    pub fn is_locked(&self) -> bool {
        matches!(*self.kind, Kind::Locked { .. })
    }

    /// The image belongs to another program: another model, other events or shapes, a newer format.
    pub fn is_incompatible(&self) -> bool {
        matches!(
            *self.kind,
            Kind::OtherModel { .. }
                | Kind::Format { .. }
                | Kind::Shapes { .. }
                | Kind::Genesis { .. }
                | Kind::Pruned { changed: true, .. }
        )
    }

    /// Bytes on disk are damaged; see [`position`](Error::position).
    pub fn is_corrupt(&self) -> bool {
        matches!(*self.kind, Kind::Corrupt { .. } | Kind::Snapshot { .. } | Kind::Pruned { changed: false, .. })
    }

    /// The image is encrypted or chained, and the key was not given, or is another; or keys were given for an image that is
    /// not protected so. See [`Options`](crate::Options).
    pub fn is_key(&self) -> bool {
        matches!(*self.kind, Kind::Key { .. } | Kind::Protected { .. })
    }

    /// The journal was changed by somebody who has not its key: its checksums are right, and its chain or a tag of its cipher
    /// is not. See [`position`](Error::position).
    pub fn is_forged(&self) -> bool {
        matches!(*self.kind, Kind::Forged { .. } | Kind::ForgedState { .. })
    }

    /// Replay did not give what was recorded, or what it gave before: an event's outcome or the state's digest differs.
    pub fn is_diverged(&self) -> bool {
        matches!(*self.kind, Kind::Replay { .. } | Kind::Diverged { .. } | Kind::Rewritten { .. })
    }

    /// The operating system refused a read, a write or a sync.
    pub fn is_io(&self) -> bool {
        match &*self.kind {
            Kind::Io { .. } | Kind::StorageFull { .. } => true,
            Kind::Poisoned { cause, .. } => cause.is_io(),
            _ => false,
        }
    }

    /// What was to be read is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(&*self.kind, Kind::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// There is no room on the disk. Nothing was accepted: free some and try again.
    pub fn is_storage_full(&self) -> bool {
        match &*self.kind {
            Kind::StorageFull { .. } => true,
            Kind::Io { source, .. } => is_full(source),
            _ => false,
        }
    }

    /// The record is over the cap.
    pub fn is_too_large(&self) -> bool {
        matches!(*self.kind, Kind::TooLarge { .. })
    }

    /// There is no room in the open batches just now (`try_submit` only).
    pub fn is_busy(&self) -> bool {
        matches!(*self.kind, Kind::Busy { .. })
    }

    /// An earlier write failed, so the image does nothing more until it is reopened.
    pub fn is_poisoned(&self) -> bool {
        matches!(*self.kind, Kind::Poisoned { .. })
    }

    /// Whether the command was recorded will be known only when the image is reopened.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(*self.kind, Kind::Poisoned { unknown: true, .. })
    }

    /// The image was closed.
    pub fn is_closed(&self) -> bool {
        matches!(*self.kind, Kind::Closed)
    }

    /// The image was called from inside one of its own commands, queries or guards.
    pub fn is_reentrant(&self) -> bool {
        matches!(*self.kind, Kind::Reentrant { .. })
    }

    /// The command's body or check panicked.
    pub fn is_panic(&self) -> bool {
        matches!(*self.kind, Kind::Panicked { .. })
    }

    /// Where in the journal, if the error has a place there.
    pub fn position(&self) -> Option<Position> {
        match &*self.kind {
            Kind::Corrupt { position, .. } | Kind::Forged { position, .. } => Some(*position),
            Kind::Replay { seq, .. } | Kind::Diverged { seq, .. } | Kind::Void { seq, .. } => {
                Some(Position { seq: Some(*seq), ..Position::default() })
            }
            Kind::Rewritten { seq, .. } => seq.map(|seq| Position { seq: Some(seq), ..Position::default() }),
            Kind::Poisoned { cause, .. } => cause.position(),
            _ => None,
        }
    }
}

/// Whether the operating system says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}
