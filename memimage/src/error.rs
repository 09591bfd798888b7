//! The error type of the library: opaque, cheap to clone, with a kind and a position.

mod position;
mod projection;
mod personal_key;
mod subscription;
#[cfg(feature = "admin")]
mod export;
mod shape_lock;
mod advice;
mod state_file;
mod kind;
mod messages;
mod classification;
mod command;

use std::any::Any;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use command::CommandError;
pub use kind::ErrorKind;
pub use position::Position;

#[cfg(feature = "admin")]
pub(crate) use export::ExportError;
pub(crate) use messages::ErrorDetail;
pub(crate) use personal_key::PersonalKeyError;
pub(crate) use projection::ProjectionFault;
pub(crate) use shape_lock::ShapeLockError;
pub(crate) use subscription::SubscriptionError;

use crate::panics::panic_message;
use crate::seq::Seq;

/// The error of every operation of the library. Its text states what happened, where, and what to do.
///
/// Match on its [`kind`](Error::kind). `Debug` shows the same text as `Display`, because `fn main() -> Result<…>` prints errors
/// with `Debug`. Cloning is cheap: all callers that wait for one batch get clones of one error.
#[derive(Clone)]
pub struct Error {
    detail: Arc<ErrorDetail>,
}

impl From<ProjectionFault> for Error {
    fn from(fault: ProjectionFault) -> Error {
        Error::new(ErrorDetail::Projection(fault))
    }
}

/// Two errors are equal if they are clones of one error.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        Arc::ptr_eq(&self.detail, &other.detail)
    }
}

impl Eq for Error {}

impl Error {
    pub(crate) fn new(detail: ErrorDetail) -> Error {
        Error { detail: Arc::new(detail) }
    }

    pub(crate) fn io(act: &'static str, path: &Path, source: io::Error) -> Error {
        Error::new(ErrorDetail::Io { act, path: path.to_owned(), source })
    }

    /// The error of an act during which the code of a user, such as a disk, panicked.
    pub(crate) fn panicked(act: &'static str, path: &Path, panic: Box<dyn Any + Send>) -> Error {
        Error::io(act, path, io::Error::other(format!("panic: {}", panic_message(panic))))
    }

    /// For the error of a [poisoned](ErrorKind::Poisoned) image, returns the cause without the advice to reopen the image.
    /// Returns any other error unchanged.
    pub(crate) fn cause(&self) -> Error {
        match &*self.detail {
            ErrorDetail::Poisoned { cause, .. } => cause.clone(),
            _ => self.clone(),
        }
    }

    /// The text of the error as an item of a list, without the help.
    pub(crate) fn briefly(&self) -> String {
        match &*self.detail {
            ErrorDetail::Snapshot { path, what } | ErrorDetail::ForgedState { path, what } => {
                format!("`{}`: {what}", path.display())
            }
            _ => self.to_string(),
        }
    }

    /// The text of the error without the help and without the name of the file, for a message that already contains this name.
    pub(crate) fn in_short(&self) -> String {
        match &*self.detail {
            ErrorDetail::Snapshot { what, .. } | ErrorDetail::ForgedState { what, .. } => what.clone(),
            ErrorDetail::Replay { seq, name, version, what, .. } => {
                format!("event {seq} (`{name}` version {version}) cannot be replayed: {what}")
            }
            _ => self.to_string(),
        }
    }

    /// The kind of the error. To react to an error, match on its kind, because the text may change in any version.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::of(&self.detail)
    }

    /// Whether a failed read, write or sync is the cause, including the cause of a [poisoned](ErrorKind::Poisoned) image.
    pub fn is_io(&self) -> bool {
        match &*self.detail {
            ErrorDetail::Poisoned { cause, .. } | ErrorDetail::FollowerStopped { cause, .. } => cause.is_io(),
            _ => matches!(self.kind(), ErrorKind::Io | ErrorKind::StorageFull),
        }
    }

    /// Whether the image is poisoned: an earlier write failed, or another owner took over the log of a replicated image
    /// ([`ErrorKind::Fenced`]). Every call fails until the image is reopened.
    pub fn is_poisoned(&self) -> bool {
        matches!(*self.detail, ErrorDetail::Poisoned { .. })
    }

    /// Whether the outcome of the command is unknown: only reopening the image shows whether the command was recorded.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(*self.detail, ErrorDetail::Poisoned { unknown: true, .. })
    }

    /// The error of a poisoned image for a command that an earlier call may have recorded. Returns any other error unchanged.
    pub(crate) fn of_unknown_outcome(&self) -> Error {
        match &*self.detail {
            ErrorDetail::Poisoned { cause, .. } => {
                Error::new(ErrorDetail::Poisoned { cause: cause.clone(), unknown: true })
            }
            _ => self.clone(),
        }
    }

    /// Whether the body of an [executed request](ErrorKind::AlreadyExecuted) rejected it. `false` for any other error.
    pub fn is_rejected(&self) -> bool {
        matches!(*self.detail, ErrorDetail::AlreadyExecuted { rejected: true, .. })
    }

    /// Whether a replay contradicted the journal: an event could not be replayed, or the replay gave another state.
    pub(crate) fn is_contradiction(&self) -> bool {
        matches!(self.kind(), ErrorKind::Diverged | ErrorKind::StateTooDeep)
    }

    /// Whether a replay gave another state than the recorded one.
    pub(crate) fn is_divergence_of_states(&self) -> bool {
        matches!(&*self.detail, ErrorDetail::Diverged { .. })
    }

    /// If a replayed state differs from the recorded state: the first event whose body may be the cause.
    pub(crate) fn first_suspect(&self) -> Option<Seq> {
        match &*self.detail {
            ErrorDetail::Diverged { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// Adds an explanation of the cause to the error of a replay. Returns any other error unchanged.
    pub(crate) fn explained(&self, explanation: String) -> Error {
        match &*self.detail {
            ErrorDetail::Diverged { seq, since, found, recorded, .. } => {
                let (found, recorded) = (found.clone(), recorded.clone());
                Error::new(ErrorDetail::Diverged { seq: *seq, since: *since, found, recorded, cause: explanation })
            }
            ErrorDetail::Replay { seq, name, version, what, help } => {
                let (name, what) = (name.clone(), format!("{what}; {explanation}"));
                Error::new(ErrorDetail::Replay { seq: *seq, name, version: *version, what, help })
            }
            _ => self.clone(),
        }
    }

    pub(crate) fn is_forged(&self) -> bool {
        self.kind() == ErrorKind::Forged
    }

    /// Whether the cause is a file that does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(&*self.detail, ErrorDetail::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the operating system does not permit this process to do it.
    pub(crate) fn is_denied(&self) -> bool {
        let is_denied = |kind| matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
        matches!(&*self.detail, ErrorDetail::Io { source, .. } if is_denied(source.kind()))
    }

    /// Whether an export could not be written because its reader has gone, such as `head`.
    #[cfg(feature = "admin")]
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(&*self.detail, ErrorDetail::Export(error) if error.is_closed_pipe())
    }

    /// Whether the owner of a journal removed what was to be read: a file, or the events by pruning them.
    pub(crate) fn is_removed(&self) -> bool {
        self.is_missing() || matches!(&*self.detail, ErrorDetail::PrunedEvent { .. })
    }

    /// The first and the last event that are lost, if the error is that of a recorded gap
    /// ([`ErrorKind::LostEvents`]). A history and a log go on behind the gap.
    pub fn gap(&self) -> Option<(Seq, Seq)> {
        match &*self.detail {
            ErrorDetail::LostEvents { first, last, .. } => Some((*first, *last)),
            _ => None,
        }
    }

    /// The file that is damaged, and the damage there, without help; `None` for an error of another kind.
    #[cfg(feature = "admin")]
    pub(crate) fn damage(&self) -> Option<String> {
        let (path, position, what) = match &*self.detail {
            ErrorDetail::Corrupt { path, position, what, .. } => (path, position, &**what),
            ErrorDetail::Forged { path, position, what } => (path, position, *what),
            _ => return None,
        };
        Some(format!("`{}` {position}: {what}", path.display()))
    }

    /// Whether a reader has come to a recorded gap.
    pub(crate) fn is_gap(&self) -> bool {
        self.gap().is_some()
    }

    /// Whether the image, or its directory, is no longer there.
    pub(crate) fn is_removed_image(&self) -> bool {
        self.is_missing() || matches!(self.kind(), ErrorKind::NotFound | ErrorKind::NotAnImage)
    }

    /// Whether the file with the position of a named subscription is damaged.
    pub(crate) fn is_damaged_subscription(&self) -> bool {
        matches!(&*self.detail, ErrorDetail::Subscription(SubscriptionError::Damaged { .. }))
    }

    /// The position in the journal; `None` if the error has no position.
    pub fn position(&self) -> Option<Position> {
        match &*self.detail {
            ErrorDetail::Corrupt { position, .. } | ErrorDetail::Forged { position, .. } => Some(*position),
            ErrorDetail::Replay { seq, .. }
            | ErrorDetail::Diverged { seq, .. }
            | ErrorDetail::Void { seq, .. }
            | ErrorDetail::LostEvents { first: seq, .. }
            | ErrorDetail::RequestKeyReused { seq, .. }
            | ErrorDetail::AlreadyExecuted { seq, .. }
            | ErrorDetail::Projection(ProjectionFault::Panicked { seq, .. }) => {
                Some(Position { seq: Some(*seq), ..Position::default() })
            }
            ErrorDetail::Rewritten { seq, .. } => seq.map(|seq| Position { seq: Some(seq), ..Position::default() }),
            ErrorDetail::Poisoned { cause, .. } | ErrorDetail::FollowerStopped { cause, .. } => cause.position(),
            _ => None,
        }
    }
}

/// Whether an error of the operating system reports a lack of space.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.detail.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.detail.source()
    }
}
