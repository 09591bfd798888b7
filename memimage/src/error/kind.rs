//! The kinds of errors, for programs that react to errors by their kind.

/// The kind of an [`Error`](super::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No image exists at the path, and the options do not permit creating one.
    NotFound,
    /// A file or directory already exists at the path of a new image.
    AlreadyExists,
    /// The directory is not an image, or contains a link, a pipe or a device, none of which belongs in an image.
    NotAnImage,
    /// Another process, or another handle in this process, owns the image or the projection, or has the named subscription, or ships the image
    /// to its log. Or another backup, branch, import or rewrite to the same path is running.
    Locked,
    /// The image is on a network file system.
    NetworkFileSystem,
    /// The image belongs to another program: it has another model, other events or shapes, or a newer format.
    Incompatible,
    /// The model cannot be stored and loaded: its `Serialize` fails, or does not write the structure that its `Shape`
    /// describes; its `Deserialize` does not restore the state that was serialized; or the method that rebuilds its derived
    /// fields panics, changes stored fields, or gives the derived fields other values than the commands do.
    InvalidModel,
    /// The state is nested too deeply for a digest or a snapshot. Commands still run, and an opening replays all events since
    /// the last snapshot.
    StateTooDeep,
    /// Bytes on disk are damaged. [`Error::position`](super::Error::position) returns the position.
    Corrupt,
    /// Somebody without the key changed the journal or a snapshot: the checksums are valid, but the chain or a cipher's tag is
    /// invalid.
    Forged,
    /// The image is encrypted or chained, and its key is missing or wrong; or the image has no protection, but keys were given.
    Key,
    /// The key of [personal data](crate::guide::personal_data) is unknown: the key file is missing, or belongs to another image. Erased
    /// data are no error.
    PersonalKey,
    /// Replay failed, or its result differs from the recorded result: an event's outcome or the state's digest differs.
    Diverged,
    /// The operation needs events that were pruned. See
    /// [`Options::retention`](crate::Options::retention).
    Pruned,
    /// The operation needs events that damage destroyed, and that a repair has given up
    /// ([`RepairAction::GiveUp`](crate::admin::RepairAction::GiveUp)). [`Error::position`](super::Error::position) returns the first
    /// lost event. A reader of events returns this error once and can go on: its next event is the one behind the gap.
    LostEvents,
    /// The journal was removed, cut, or replaced by another one while it was read.
    Replaced,
    /// The event or time is before the beginning of the history, or after its end. Or a named subscription has acknowledged an
    /// event that the journal does not have, for example because the image was restored from a backup.
    OutOfRange,
    /// The repair does not apply to the damage, the event cannot be made void, the branch cannot be created, the directory cannot
    /// take a backup of the image, or a subscriber acknowledged an event that it did not get.
    NotApplicable,
    /// The operating system returned an error for a read, a write or a sync.
    Io,
    /// The disk is full. A command that returns this error was not executed. Free some space and try again.
    StorageFull,
    /// An earlier write failed, or a body panicked and the model could not be rebuilt afterwards, for example because no more files
    /// can be opened. Every call fails until the image is reopened.
    Poisoned,
    /// The image was closed.
    Closed,
    /// The image was opened by the parent of this process, before a `fork`. It belongs to the parent.
    Forked,
    /// The journal has no room for the command at this moment. Only `try_submit` returns this error.
    Busy,
    /// The command's record is larger than [`Options::record_bytes_max`](crate::Options::record_bytes_max).
    RecordTooLarge,
    /// The command's arguments cannot be encoded, or cannot be read back from their encoding.
    Encode,
    /// The key of a request is empty or too long, or `submit_all` or `submit_each` has one key for all of its commands. See
    /// [`Image::once`](crate::Image::once).
    InvalidRequestKey,
    /// The key of a request was already used for another command, or with other arguments. Nothing was executed.
    /// [`Error::position`](super::Error::position) returns the seq of the first request.
    RequestKeyReused,
    /// The request was executed already, but its answer is not available. Nothing was executed again.
    /// [`Error::position`](super::Error::position) returns the seq of the event, and
    /// [`Error::is_rejected`](super::Error::is_rejected) whether its body rejected it.
    AlreadyExecuted,
    /// The image was called from inside one of its own commands, queries or guards.
    Reentrant,
    /// The command's body or check panicked, or a clock that the program supplied did.
    Panicked,
    /// The [shape lock](crate::shape_lock) is missing, cannot be read, or does not match the program.
    ShapeLock,
    /// The text to import is not an export of an image, or it was cut off or changed so that it is invalid. No image was created.
    InvalidExport,
    /// The value of an option is out of range, or a subscription cannot have this name.
    InvalidOption,
    /// Another owner has taken over the log of a replicated image. The image of this process is
    /// [poisoned](super::Error::is_poisoned).
    Fenced,
    /// The log to which the image is to be replicated belongs to another owner.
    OtherOwner,
    /// The log of a replicated image cannot be reached, or refuses a call.
    Replication,
    /// The log of a replicated image is too far behind ([`MaxLag`](crate::replication::MaxLag)). The command was not executed.
    ReplicationLag,
}
