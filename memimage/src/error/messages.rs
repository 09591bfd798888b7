//! All error messages. Each message states what happened, where, the cause, and after `help:` what to do.

use std::io;
use std::path::PathBuf;

use super::advice::advice;
use super::kind::ErrorKind;
use super::personal_key::PersonalKeyError;
use super::projection::ProjectionFault;
use super::shape_lock::{ShapeLockError, lines};
use super::state_file::unusable;
use super::{Error, Position, SubscriptionError};
use crate::seq::Seq;

/// The kind of a failure, with the details for its message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrorDetail {
    #[error(
        "there is no image at `{}`: {found}; help: check the path{}",
        path.display(),
        if *may_create { ", or create the image with `options().create(true)`" } else { "" }
    )]
    NotFound { path: PathBuf, found: &'static str, may_create: bool },

    #[error(
        "`{}` is not an image: {found}; nothing was changed; help: {}",
        path.display(),
        match lost {
            true => "restore the directory `journal` from a backup, or, to begin a new image, move the remaining files away",
            false => "give the path of an image, of an empty directory, or of a directory that does not exist yet",
        }
    )]
    NotAnImage { path: PathBuf, found: String, lost: bool },

    #[error(
        "`{}` is {what}, but an image contains only regular files and directories; memimage did not open it, and changed nothing; \
         help: find out who created it, then remove it, or restore the original file from a backup",
        path.display()
    )]
    NotPlain { path: PathBuf, what: &'static str },

    #[error(
        "the image `{}` is in use by {owner}: an image has one owner at a time; help: close the image there first; never delete \
         `LOCK`: the lock ends with its process, and without the lock two processes can overwrite each other's data",
        path.display()
    )]
    Locked { path: PathBuf, owner: String },

    #[error(
        "another {task} to `{}` is running, in {owner}; nothing was changed; help: wait until it has ended, or give another path",
        path.display()
    )]
    Staged { task: &'static str, path: PathBuf, owner: String },

    #[error(
        "`{}` is on a network file system ({kind}), where locks and syncs are not reliable; help: give a path on a local disk, \
         or accept the risk with `allow_network(true)`, an option of the image and of each operation that makes another one",
        path.display()
    )]
    Network { path: PathBuf, kind: String },

    #[error(
        "the image `{}` belongs to the model `{found}`, not to `{expected}`; nothing was changed; help: open the image with the \
         program of its model, or, if the model was renamed, write `#[model(name = \"{found}\")]`",
        path.display()
    )]
    OtherModel { path: PathBuf, expected: String, found: String },

    #[error(
        "`{}` has a format that this version of memimage cannot {act}: {what}; nothing was changed; help: use a newer version of \
         memimage",
        path.display()
    )]
    Format { path: PathBuf, act: &'static str, what: String },

    #[error(
        "the events of this program do not match the journal of `{}`; nothing was replayed or changed:{}",
        path.display(),
        lines(differences)
    )]
    Shapes { path: PathBuf, differences: Vec<String> },

    #[error(
        "the journal file `{}` is damaged {position}: {what}; nothing was changed; help: restore the file from a backup (or copy the \
         image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists {}",
        path.display(),
        if *suspect { "the repairs that clear these bytes" } else { "the possible repairs and the events that each would lose" }
    )]
    Corrupt { path: PathBuf, position: Position, what: String, suspect: bool },

    #[error("`{}` cannot be read with these keys, and nothing was changed: {what}", path.display())]
    Key { path: PathBuf, what: String },

    #[error("the image `{}` is {how}, but `{task}` {without}; nothing was changed; help: {help}", path.display())]
    Protected { path: PathBuf, how: &'static str, task: &'static str, without: &'static str, help: String },

    #[error(
        "somebody without the key changed the journal file `{}` {position}: {what}, although the checksums are correct; this \
         program changed nothing; help: find out who changed the file, then restore it from a backup, or run \
         `memimage::admin::check`, which lists the possible repairs and the events that each would lose",
        path.display()
    )]
    Forged { path: PathBuf, position: Position, what: &'static str },

    #[error("{}", unusable(path, what))]
    Snapshot { path: PathBuf, what: String },

    #[error("{}", unusable(path, what))]
    ForgedState { path: PathBuf, what: String },

    #[error(
        "the journal was pruned and begins with `{}`, but no snapshot or base has a usable state from which to replay it; nothing \
         was changed; help: {}{}",
        path.display(),
        match changed {
            true => "the model has changed since these files were written: add a state upcaster, or use the earlier program:",
            false if tried.is_empty() => "restore a base or a snapshot from a backup",
            false => "restore one of these files from a backup:",
        },
        lines(tried)
    )]
    Pruned { path: PathBuf, tried: Vec<String>, changed: bool },

    #[error(
        "event {seq} is no longer in the journal of `{}`: the journal was pruned{}; help: read from a later event, or read a backup \
         that has the event; to keep all events, open the image with `options().retention(Retention::Everything)`",
        path.display(),
        first.map_or_else(String::new, |first| format!(" and begins with event {first}"))
    )]
    PrunedEvent { path: PathBuf, seq: Seq, first: Option<Seq> },

    #[error(
        "{} lost by damage to `{}`, and a repair recorded the gap; help: {help}",
        if first == last { format!("event {first} was") } else { format!("the events {first} to {last} were") },
        path.display()
    )]
    LostEvents { path: PathBuf, first: Seq, last: Seq, help: &'static str },

    #[error(
        "the state after event {seq} of `{}` cannot be rebuilt, because the events before event {oldest} were pruned; help: ask for \
         the state after event {oldest} or a later one, or read a backup that has the events",
        path.display()
    )]
    PrunedState { path: PathBuf, seq: Seq, oldest: Seq },

    #[error(
        "the journal of `{}` was replaced while it was read: {what}; nothing was changed; help: find out who replaced it, then open \
         it again",
        path.display()
    )]
    Replaced { path: PathBuf, what: String },

    #[error("the follower of `{}` stopped after event {seq}: {cause}", path.display())]
    FollowerStopped { path: PathBuf, seq: Seq, cause: Error },

    #[error(
        "the follower of `{}` was promoted, so it has ended; help: use the `Image` that `promote` returned",
        path.display()
    )]
    FollowerPromoted { path: PathBuf },

    #[error(
        "event {seq} is not in the journal of `{}`, whose last durable event is {last}; help: ask for an event up to {last}",
        path.display()
    )]
    NoSuchEvent { path: PathBuf, seq: Seq, last: Seq },

    #[error("the image `{}` has no state at the time {time}: {what}", path.display())]
    NoSuchTime { path: PathBuf, time: String, what: String },

    #[error(
        "event {seq} (`{name}` version {version}) cannot be replayed: {what}; nothing was changed; help: {help}; or, if the event \
         is to have no effect, make it void with `memimage::admin::void(path, Seq::new({seq}), reason)`"
    )]
    Replay { seq: Seq, name: String, version: u32, what: String, help: &'static str },

    #[error(
        "the state after event {seq} differs from the recorded state: its digest is {found}, and the recorded digest is {recorded}; \
         {cause}; help: restore what the program did when it recorded the events, or accept the replayed state, although it may \
         contradict answers that the program gave: open the image with `options().verify_digests(false)` and make a snapshot, which \
         records that you accept the state"
    )]
    Diverged { seq: Seq, since: Seq, found: String, recorded: String, cause: String },

    #[error(
        "the state before the first event cannot be restored from `{}`: {what}; nothing was changed; help: restore the model's old \
         `Default` or shape, or keep the old shape as a type in `#[model(history(…))]`, with an upcaster",
        path.display()
    )]
    Genesis { path: PathBuf, what: String },

    #[error(
        "the journal of `{}` cannot be {done}: its first events were pruned; nothing was changed; help: {help}",
        path.display()
    )]
    PrunedSource { path: PathBuf, done: &'static str, help: &'static str },

    #[error(
        "the repair `{action}` does not apply to the image `{}`: {what}; nothing was changed; help: run `memimage::admin::check`, \
         which lists the repairs that apply",
        path.display()
    )]
    Repair { path: PathBuf, action: String, what: String },

    #[error("event {seq} of the image `{}` cannot be made void: {what}; nothing was changed; help: {help}", path.display())]
    Void { path: PathBuf, seq: Seq, what: String, help: &'static str },

    #[error(
        "recorded time cannot be corrected to {to}: the last event has the time {last}, which is not later; nothing was changed; \
         help: give a time before that of the last event, or let the clock catch up"
    )]
    TimeNotEarlier { to: String, last: String },

    #[error(
        "no image can be created at `{}`: the path leads to {found}; nothing was changed; help: give the path of an empty \
         directory, or of a directory that does not exist yet",
        path.display()
    )]
    Taken { path: PathBuf, found: &'static str },

    #[error(
        "`{}` cannot take a backup of the image `{}`: {what}; nothing was changed; help: {help}",
        dir.display(),
        image.display()
    )]
    BackupTarget { dir: PathBuf, image: PathBuf, what: String, help: &'static str },

    #[error(
        "the image `{}` cannot be backed up: {what}; nothing was changed; help: {help}",
        path.display()
    )]
    BackupSource { path: PathBuf, what: String, help: &'static str },

    #[error(
        "the new backup of the image `{}` is damaged: `{}`: {what}; {left}; help: run `memimage::admin::check` on the image, and \
         on the disk's hardware if the image is sound",
        image.display(),
        file.display()
    )]
    BackupDamaged { image: PathBuf, file: PathBuf, what: String, left: &'static str },

    #[error(
        "the image restored to `{}` is damaged: `{}`: {what}; {left}; help: restore it from an older snapshot, or from a backup",
        image.display(),
        file.display()
    )]
    RestoreDamaged { image: PathBuf, file: PathBuf, what: String, left: &'static str },

    #[error("`{call}` needs files, and an image in memory has none; help: open the image in a directory with `open`")]
    NoFiles { call: &'static str },

    #[error(
        "the journal of `{}` and its rewritten copy replay to different states: the digest of the copy is {found}, and that of the \
         original is {expected}{}; the cause: {what}; no image was created, and the original is unchanged; help: correct the \
         cause, then run the rewrite again",
        path.display(),
        seq.map_or_else(String::new, |seq| format!("; the states first differ after event {seq}"))
    )]
    Rewritten { path: PathBuf, found: String, expected: String, seq: Option<Seq>, what: &'static str },

    #[error("no branch of `{}` can be created: {what}; nothing was changed; help: {help}", path.display())]
    Branch { path: PathBuf, what: String, help: &'static str },

    #[error(
        "the branch of `{}` replays to another state than its events gave when they were executed: the digest of the replay is \
         {found}, and the computed digest is {expected}; no image was created, and the original is unchanged; the cause: a command \
         body or an upcaster is not deterministic; help: correct the cause, then create the branch again",
        path.display()
    )]
    Branched { path: PathBuf, found: String, expected: String },

    #[error(
        "this program does not encode values of the type `{name}` as images record them: a crate of the program enables a feature \
         that changes their serialization, as `serde-float` does for `rust_decimal`; nothing was changed; help: find the feature \
         with `cargo tree -e features -i {}`, and disable it",
        name.split("::").next().unwrap_or_default()
    )]
    ChangedEncoding { name: &'static str },

    #[error(
        "the state of the model `{model}` is nested more than {limit} levels deep, at `{path}`; such a state gets no digest and no \
         snapshot, because hashing and loading it could overflow the stack of a thread; help: keep the parts of a recursive type in \
         a `Vec` or a map, and let them refer to each other by index or key"
    )]
    Deep { model: &'static str, limit: u32, path: String },

    #[error(
        "the state of the model `{model}` has no digest: {what}; help: make the model's `Serialize` write the structure that its \
         `Shape` describes"
    )]
    Digest { model: &'static str, what: String },

    #[error(
        "{state} of the model `{model}` does not load as the state that was serialized: {what}; {kept}; help: make the \
         `Deserialize` of the model and of each type in it return the value that `Serialize` wrote; the format is postcard, which \
         stores neither types nor field names; if the order of an opaque map or set has no meaning, declare the map or set \
         unordered: `#[shape(opaque = \"name\", unordered)]`"
    )]
    Unloadable { state: &'static str, model: &'static str, what: String, kept: &'static str },

    #[error("{state} of the model `{model}` cannot be used: {what}; {kept}; help: correct the method")]
    Rebuild { state: &'static str, model: &'static str, what: String, kept: &'static str },

    #[error(
        "the method `{method}` of the model `{model}` changes stored fields; {kept}; help: let it fill only the fields with \
         `#[model(derived)]`"
    )]
    StoredFieldsRebuilt { model: &'static str, method: &'static str, kept: &'static str },

    #[error(
        "the derived field `{field}` of the model `{model}` differs after event {seq} from what `{method}` gives: a snapshot of it \
         would change the state of the next start; the new snapshot was removed, and the image keeps its older snapshots; help: \
         let each command maintain the field as `{method}` fills it; a test with `ModelUnderTest` finds the first event with a difference"
    )]
    Derived { model: &'static str, method: &'static str, field: &'static str, seq: Seq },

    #[error(
        "a snapshot of the model `{model}` does not hold everything on which later commands depend: {what}; no snapshot was made, and \
         the image continues without one; help: make the `Serialize` of each type in the model write everything that a later command \
         reads (the free list of a slab, for example), or use another type"
    )]
    Incomplete { model: &'static str, what: String },

    #[error(
        "{state} cannot be serialized: {what}; help: make the `Serialize` of the model write values that postcard can encode"
    )]
    Unserializable { state: &'static str, what: String },

    #[error(
        "the initial state of the image is too large: it takes {size} bytes, and the limit is {cap}; no image was created; help: \
         create the image with a smaller state, and add the rest by commands"
    )]
    GenesisTooLarge { size: u64, cap: u64 },

    #[error("{act} `{}` failed: {source}{}", path.display(), advice(source))]
    Io { act: &'static str, path: PathBuf, source: io::Error },

    #[error("the disk is full: {act} `{}` failed: {source}; help: free some space and try again", path.display())]
    StorageFull { act: &'static str, path: PathBuf, source: io::Error },

    #[error("{cause}: a new segment takes {len} bytes; smaller ones take less (`options().segment_bytes`)")]
    SegmentStorageFull { len: u64, cause: Error },

    #[error(
        "the command `{command}` is too large: its record takes {size} bytes, and the limit is {cap}; nothing was recorded; help: \
         split the command, or raise `options().record_bytes_max`"
    )]
    TooLarge { command: String, size: u64, cap: u64 },

    #[error(
        "the arguments of the command `{command}` cannot be encoded: {what}; nothing was recorded; help: make their `Serialize` \
         write values that postcard can encode"
    )]
    Encode { command: &'static str, what: String },

    #[error(
        "the arguments of the command `{command}` cannot be decoded from their own encoding, so replay could not run the command: \
         {what}; nothing was recorded; help: make their `Deserialize` accept every value that their `Serialize` writes; the format \
         is postcard, which stores neither types nor field names (record a JSON value as a string, for example)"
    )]
    Undecodable { command: &'static str, what: String },

    #[error(
        "the request key of the command `{command}` {what}; nothing was recorded; help: use the id that the client gave the request, \
         such as a UUID"
    )]
    RequestKey { command: &'static str, what: String },

    #[error(
        "`{call}` has one request key for all of its commands, and only the first of equal commands would run; nothing was executed; \
         help: call `submit_each` without a request key, and `once` on its `Bulk`, with a key for each command"
    )]
    SharedRequestKey { call: &'static str },

    #[error(
        "the key {key:?} belongs to another request, which was executed as event {seq}: {what}; nothing was executed; help: give each \
         request a key of its own, and let a retry repeat the command with the same arguments"
    )]
    RequestKeyReused { key: String, seq: Seq, what: String },

    #[error(
        "the request {key:?} was executed already, as event {seq}{}, and its answer is not available: {why}; nothing was executed again; \
         help: read the result of the request with a query{help}",
        if *rejected { ", and was rejected" } else { "" }
    )]
    AlreadyExecuted { key: String, seq: Seq, rejected: bool, why: &'static str, help: &'static str },

    #[error("the image is busy: {what}; nothing was recorded; help: try again later, or call `submit`, which waits")]
    Busy { what: &'static str },

    #[error(
        "the image is poisoned: {cause}; {}; help: {}",
        if *unknown {
            "it is not known whether this call recorded anything until the image is reopened"
        } else {
            "this call recorded nothing"
        },
        if cause.kind() == ErrorKind::Fenced {
            "close this image, and send the requests to the owner of the log"
        } else {
            "reopen the image, which recovers all events that are on disk"
        }
    )]
    Poisoned { cause: Error, unknown: bool },

    #[error("{message}")]
    Replication { kind: ErrorKind, message: String },

    #[error(
        "only the process that opened the image may use it, and this process is a child of that process, made by `fork`; nothing \
         was done; help: open images after the last fork, for example after `daemon()`"
    )]
    Forked,

    #[error("the image is closed; help: open it again")]
    Closed,

    #[error(
        "`{inner}` was called inside {outer}, on the same image and thread, so the call would wait for itself; help: call \
         `{inner}` after {outer} has returned (while a call waits for a thread pool, its thread may run other tasks of the pool)"
    )]
    Reentrant { inner: &'static str, outer: String },

    #[error(
        "a clock of the image `{}` panicked: {message}; nothing was changed; help: correct the closure that was given to \
         `options().clock` or `options().monotonic_clock`",
        path.display()
    )]
    ClockPanicked { path: PathBuf, message: String },

    #[error(
        "the command `{command}` panicked in its {place}: {message}; it was not recorded, and the state is unchanged"
    )]
    Panicked { command: &'static str, place: &'static str, message: String },
    #[error(transparent)]
    ShapeLock(ShapeLockError),
    #[error(transparent)]
    PersonalKey(PersonalKeyError),
    #[error(transparent)]
    Projection(ProjectionFault),
    #[error(transparent)]
    Subscription(SubscriptionError),

    #[cfg(feature = "admin")]
    #[error(transparent)]
    Export(super::ExportError),

    #[error("the option `{option}` cannot be {value}: {what}")]
    Option { option: &'static str, value: String, what: &'static str },
}
