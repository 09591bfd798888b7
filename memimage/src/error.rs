//! The library's one error: opaque, cheap to clone, with predicates and a position.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::seq::{SegmentId, Seq};

/// What went wrong, where, and what to do about it.
///
/// Ask its predicates (`is_locked`, `is_corrupt` …) rather than its text. Cloning is cheap: every caller who waits for the
/// same batch is told of the same error.
#[derive(Clone)]
pub struct Error {
    kind: Arc<Kind>,
}

/// Where in the journal an error was met; each part as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The segment; its file is `journal/` and this number.
    pub segment: Option<SegmentId>,
    /// Bytes from the start of the segment's file.
    pub offset: Option<u64>,
    /// The event.
    pub seq: Option<Seq>,
}

/// Why a command that may be refused gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError<E> {
    /// The model refused it; the refusal is an answer like any other.
    #[error("{0}")]
    Refused(E),
    /// The image could not run it.
    #[error(transparent)]
    Image(#[from] Error),
}

impl<E> CommandError<E> {
    /// The model's refusal, if it is one.
    pub fn refusal(&self) -> Option<&E> {
        match self {
            CommandError::Refused(refusal) => Some(refusal),
            CommandError::Image(_) => None,
        }
    }
}

/// Two errors are equal when they are clones of one another.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        Arc::ptr_eq(&self.kind, &other.kind)
    }
}

impl Eq for Error {}

/// Each way to fail, with its text: what happened, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error(
        "no image at `{}`: {found}; check the path, or have one made there with `options().create(true)`",
        path.display()
    )]
    NotFound { path: PathBuf, found: &'static str },

    #[error(
        "`{}` is not an image: {found}; nothing was changed; {}",
        path.display(),
        match lost {
            true => "restore its `journal` from a copy, or move what is there away to begin anew",
            false => "give the path of an image, or of a directory that is empty or does not exist yet",
        }
    )]
    NotAnImage { path: PathBuf, found: String, lost: bool },

    #[error(
        "`{}` is {what}, where an image has nothing but files and directories of its own; it was not opened, and nothing was \
         changed; find out who put it there, then remove it or put what belongs there in its place",
        path.display()
    )]
    NotPlain { path: PathBuf, what: &'static str },

    #[error(
        "the image `{}` is in use by {owner}; an image has one owner at a time: close it there first (never \
         delete its `LOCK`: that would let two owners in, and it is free anyway once its process has ended)",
        path.display()
    )]
    Locked { path: PathBuf, owner: String },

    #[error(
        "`{}` is on a network file system ({kind}), whose locks and syncs cannot be trusted; move the image to a local \
         disk, or take the risk with `options().allow_network(true)`",
        path.display()
    )]
    Network { path: PathBuf, kind: String },

    #[error(
        "the image `{}` holds the model `{found}`, not `{expected}`; nothing was changed; open it with its own program, or \
         write `#[model(name = \"{found}\")]` if the model was renamed",
        path.display()
    )]
    OtherModel { path: PathBuf, expected: String, found: String },

    #[error(
        "`{}` was written in a format this version of memimage cannot {act}: {what}; nothing was \
         changed; use a newer memimage",
        path.display()
    )]
    Format { path: PathBuf, act: &'static str, what: String },

    #[error(
        "the journal of `{}` and this program differ in their events; nothing was replayed or changed:{}",
        path.display(),
        lines(differences)
    )]
    Shapes { path: PathBuf, differences: Vec<String> },

    #[error(
        "the journal's file `{}` is damaged {position}: {what}; nothing was changed; restore the file from a copy{}",
        path.display(),
        if *suspect { ", or repair it by hand if you know the bytes were never acknowledged" } else { "" }
    )]
    Corrupt { path: PathBuf, position: Position, what: String, suspect: bool },

    #[error(
        "the {} `{}` cannot be used: {what}; nothing is lost, since {}",
        if is_base(path) { "base" } else { "snapshot" },
        path.display(),
        if is_base(path) { "it stands beside the journal twice" } else { "the journal has it all" }
    )]
    Snapshot { path: PathBuf, what: String },

    #[error(
        "the journal was pruned and begins with `{}`, and none of the states that it could go on from can be used; nothing \
         was changed; {}:{}",
        path.display(),
        match changed {
            true => "the model has changed since, so give it a state upcaster for them, or open the image with the program as it was",
            false => "restore one of these files from a copy",
        },
        lines(tried)
    )]
    Pruned { path: PathBuf, tried: Vec<String>, changed: bool },

    #[error(
        "event {seq} (`{name}` version {version}) cannot be replayed: {what}; nothing was changed; {mend}; or, if the event is \
         to count no more, put that on record with `memimage::admin::void(path, Seq::new({seq}), reason)`"
    )]
    Replay { seq: Seq, name: String, version: u32, what: String, mend: &'static str },

    #[error(
        "the state after event {seq} is not the one that was recorded: digest {found}, recorded {recorded}; a body since \
         event {since} is not deterministic (a hash map's order, a clock, a random number, a global?) or was changed, or the state was upcast \
         to what replay does not give; mend it, or accept the replayed state: open with `options().verify_digests(false)` and make a snapshot, which puts that on record"
    )]
    Diverged { seq: Seq, since: Seq, found: String, recorded: String },

    #[error(
        "the state before the first event, in `{}`, cannot be made: {what}; nothing was changed; give the model back its old \
         `Default` or shape, or keep the old shape as a type in `#[model(history(…))]`, with an upcaster",
        path.display()
    )]
    Genesis { path: PathBuf, what: String },

    #[error(
        "the journal of `{}` was pruned: its first events are gone, and without them it cannot be rewritten; nothing was \
         changed; an image that is to be rewritten is kept whole, with `Retention::Everything`",
        path.display()
    )]
    NotWhole { path: PathBuf },

    #[error("event {seq} of the image `{}` cannot be made void: {what}; nothing was changed; {mend}", path.display())]
    Void { path: PathBuf, seq: Seq, what: String, mend: &'static str },

    #[error(
        "`{}` is in the way of a new image: {found}; nothing was changed; give a path where nothing is, or an empty directory",
        path.display()
    )]
    Taken { path: PathBuf, found: &'static str },

    #[error(
        "rewritten, the journal of `{}` rebuilds to another state than it does itself: digest {found}, not {expected}{}; \
         {what}; no image was made, and the source is as it was; mend that and run the rewrite again",
        path.display(),
        seq.map_or_else(String::new, |seq| format!(", and first so after event {seq}"))
    )]
    Rewritten { path: PathBuf, found: String, expected: String, seq: Option<Seq>, what: &'static str },

    #[error("the state of the model `{model}` has no digest: {what}; its `Serialize` and its `Shape` must agree")]
    Digest { model: &'static str, what: String },

    #[error("{act} `{}` failed: {source}{}", path.display(), advice(source))]
    Io { act: &'static str, path: PathBuf, source: io::Error },

    #[error(
        "the disk is full: {act} `{}` failed ({source}); free some space and try again",
        path.display()
    )]
    StorageFull { act: &'static str, path: PathBuf, source: io::Error },

    #[error(
        "the command `{command}` is too large: its record takes {size} bytes and {cap} are allowed; nothing was recorded; \
         split it, or raise `options().max_record`"
    )]
    TooLarge { command: &'static str, size: u64, cap: u64 },

    #[error("the arguments of the command `{command}` cannot be encoded: {what}; nothing was recorded")]
    Encode { command: &'static str, what: String },

    #[error("the image is busy: {what}; nothing was recorded; try again, or use `submit`, which waits")]
    Busy { what: &'static str },

    #[error(
        "the image is poisoned ({cause}); {}; reopen the image, which recovers what is on disk",
        if *unknown { "whether this was recorded is unknown until then" } else { "this was not recorded" }
    )]
    Poisoned { cause: Error, unknown: bool },

    #[error("the image is closed; open it again")]
    Closed,

    #[error(
        "`{inner}` was called on an image from inside `{outer}` on the same thread, which would wait for itself; \
             call it afterwards"
    )]
    Reentrant { inner: &'static str, outer: &'static str },

    #[error("the command `{command}` panicked in its {place}: {message}; it was not recorded and changed nothing")]
    Panicked { command: &'static str, place: &'static str, message: String },

    #[error(
        "the model `{model}` has no shape lock here: mark its commands `#[memimage::commands(lock)]` (in a doctest there is none)"
    )]
    NotLocked { model: &'static str },

    #[error("the shape lock `{}` cannot be read: {what}", path.display())]
    LockText { path: PathBuf, what: String },

    #[error("the shape lock `{}` {what}:{}\n{mend}", path.display(), lines(differences))]
    Lock { path: PathBuf, what: &'static str, differences: Vec<String>, mend: &'static str },

    #[error("the option {option} cannot be {value}: {what}")]
    Option { option: &'static str, value: String, what: &'static str },
}

/// What to do about a failure, where the operating system's word for it tells.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; check the path, or make the directory above it first",
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => "; check the path",
        io::ErrorKind::PermissionDenied => "; let this process's user read and write the image's directory and files",
        io::ErrorKind::ReadOnlyFilesystem => "; an image needs a file system that can be written to",
        _ => "",
    }
}

/// Whether it is a copy of a base, by its name.
fn is_base(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "base")
}

fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}

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
            Kind::Snapshot { path, what } => format!("`{}`: {what}", path.display()),
            _ => self.to_string(),
        }
    }

    /// What is wrong, where the file is named beside it.
    pub(crate) fn in_short(&self) -> String {
        match &*self.kind {
            Kind::Snapshot { what, .. } => what.clone(),
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
        matches!(*self.kind, Kind::Void { .. })
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
            Kind::Corrupt { position, .. } => Some(*position),
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

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.segment.map(|segment| format!("in segment {segment}")),
            self.offset.map(|offset| format!("at byte {offset}")),
            self.seq.map(|seq| format!("where event {seq} belongs")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(" "))
    }
}
