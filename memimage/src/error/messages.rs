//! All error messages. Each says what happened, where, the cause, and after `help:` what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::{Error, Position};
use crate::seq::Seq;

/// A failure with its details.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrorDetail {
    #[error(
        "no image is at `{}`: {found}; help: check the path, or create the image with `options().create(true)`",
        path.display()
    )]
    NotFound { path: PathBuf, found: &'static str },

    #[error(
        "`{}` is not an image: {found}; nothing was changed; help: {}",
        path.display(),
        match lost {
            true => "restore its `journal` from a copy, or move the remaining files away to begin a new image",
            false => "give the path of an image, of an empty directory, or of a directory that does not exist yet",
        }
    )]
    NotAnImage { path: PathBuf, found: String, lost: bool },

    #[error(
        "`{}` is {what}: an image holds only regular files and directories; it was not opened, and nothing was changed; help: find \
         out who created it, then remove it or restore the file that belongs there",
        path.display()
    )]
    NotPlain { path: PathBuf, what: &'static str },

    #[error(
        "the image `{}` is in use by {owner}: an image has one owner at a time; help: close it there first (never delete its \
         `LOCK`: two owners would then overwrite each other, and the lock is released when its process ends)",
        path.display()
    )]
    Locked { path: PathBuf, owner: String },

    #[error(
        "`{}` is on a network file system ({kind}): its locks and syncs cannot be trusted; help: move the image to a local disk, \
         or accept the risk with `options().allow_network(true)`",
        path.display()
    )]
    Network { path: PathBuf, kind: String },

    #[error(
        "the image `{}` holds the model `{found}`, not `{expected}`; nothing was changed; help: open it with its own program, or \
         write `#[model(name = \"{found}\")]` if the model was renamed",
        path.display()
    )]
    OtherModel { path: PathBuf, expected: String, found: String },

    #[error(
        "`{}` has a format that this version of memimage cannot {act}: {what}; nothing was changed; help: use a newer memimage",
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
        "the journal's file `{}` is damaged {position}: {what}; nothing was changed; help: restore the file from a copy, or run \
         `memimage::admin::check`, which says {}",
        path.display(),
        if *suspect { "how these bytes can be cleared" } else { "which events each repair would lose" }
    )]
    Corrupt { path: PathBuf, position: Position, what: String, suspect: bool },

    #[error("`{}` cannot be read with these keys; nothing was changed: {what}", path.display())]
    Key { path: PathBuf, what: String },

    #[error("the image `{}` is {how}, and `{task}` {without}; nothing was changed; help: {help}", path.display())]
    Protected { path: PathBuf, how: &'static str, task: &'static str, without: &'static str, help: String },

    #[error(
        "the journal's file `{}` was changed by somebody without its key {position}: {what}, but its checksums are right; this \
         program changed nothing; help: find out who changed it, and restore the file from a copy, or run \
         `memimage::admin::check`, which says which events each repair would lose",
        path.display()
    )]
    Forged { path: PathBuf, position: Position, what: &'static str },

    #[error("{}", unusable(path, what))]
    Snapshot { path: PathBuf, what: String },

    #[error("{}", unusable(path, what))]
    ForgedState { path: PathBuf, what: String },

    #[error(
        "the journal was pruned and begins with `{}`, and no usable snapshot or base precedes it; nothing was changed; help: {}{}",
        path.display(),
        match changed {
            true => "the model has changed since: add a state upcaster for them, or open the image with the program as it was:",
            false if tried.is_empty() => "no base or snapshot is there: restore one from a copy of the image",
            false => "restore one of these files from a copy:",
        },
        lines(tried)
    )]
    Pruned { path: PathBuf, tried: Vec<String>, changed: bool },

    #[error(
        "event {seq} (`{name}` version {version}) cannot be replayed: {what}; nothing was changed; help: {help}; or, if the event \
         shall have no effect, record that with `memimage::admin::void(path, Seq::new({seq}), reason)`"
    )]
    Replay { seq: Seq, name: String, version: u32, what: String, help: &'static str },

    #[error(
        "the state after event {seq} differs from the recorded one: its digest is {found}, recorded was {recorded}; {cause}; help: \
         restore what the program did when the events were recorded, or accept the replayed state, although it may contradict answers \
         that were given: open with `options().verify_digests(false)` and make a snapshot, which records the acceptance"
    )]
    Diverged { seq: Seq, since: Seq, found: String, recorded: String, cause: String },

    #[error(
        "the state before the first event cannot be restored from `{}`: {what}; nothing was changed; help: give the model its old \
         `Default` or shape again, or keep the old shape as a type in `#[model(history(…))]`, with an upcaster",
        path.display()
    )]
    Genesis { path: PathBuf, what: String },

    #[error(
        "the journal of `{}` cannot be rewritten: its first events were pruned; nothing was changed; help: keep an image that you \
         want to rewrite whole, with `Retention::Everything`",
        path.display()
    )]
    NotWhole { path: PathBuf },

    #[error(
        "the repair `{choice}` does not apply to the image `{}`: {what}; nothing was changed; help: `memimage::admin::check` \
         lists the repairs that apply",
        path.display()
    )]
    Repair { path: PathBuf, choice: String, what: String },

    #[error("event {seq} of the image `{}` cannot be made void: {what}; nothing was changed; help: {help}", path.display())]
    Void { path: PathBuf, seq: Seq, what: String, help: &'static str },

    #[error(
        "no image can be created at `{}`: {found}; nothing was changed; help: give the path of an empty directory, or of one that \
         does not exist yet",
        path.display()
    )]
    Taken { path: PathBuf, found: &'static str },

    #[error(
        "the rewritten journal of `{}` gives another state than the original: its digest is {found}, not {expected}{}; {what}; no \
         image was created, and the original is unchanged; help: fix that and run the rewrite again",
        path.display(),
        seq.map_or_else(String::new, |seq| format!(", and the states first differ after event {seq}"))
    )]
    Rewritten { path: PathBuf, found: String, expected: String, seq: Option<Seq>, what: &'static str },

    #[error(
        "values of the type `{name}` are encoded by this program in another way than images record them: a crate of the program enables \
         a feature that changes their serialization, as `serde-float` does for `rust_decimal`; nothing was changed; help: find it by \
         `cargo tree -e features -i {}`, and disable it",
        name.split("::").next().unwrap_or_default()
    )]
    ChangedEncoding { name: &'static str },

    #[error(
        "the state of the model `{model}` is nested more than {limit} levels deep, at `{path}`: it gets no digest and no snapshot, \
         because hashing and loading it could overflow the stack of a thread; help: keep \
         the parts of a recursive type in a `Vec` or a map, and let them refer to each other by index or key"
    )]
    Deep { model: &'static str, limit: u32, path: String },

    #[error("the state of the model `{model}` has no digest: {what}; help: make its `Serialize` and its `Shape` agree")]
    Digest { model: &'static str, what: String },

    #[error(
        "{state} of the model `{model}` is not loaded as it was serialized: {what}; {kept}; help: make the `Deserialize` of the \
         model and of each type in it give back what their `Serialize` writes, in a format that does not describe itself; if an opaque \
         map or set has no order of its own, declare it `unordered`: `#[shape(opaque = \"…\", unordered)]`"
    )]
    Unloadable { state: &'static str, model: &'static str, what: String, kept: &'static str },

    #[error(
        "a snapshot of the model `{model}` does not hold everything on which later commands depend: {what}; no snapshot was made, and \
         the image goes on without; help: let the `Serialize` of each type in the model write all that a later command reads (the free \
         list of a slab, for example), or use another type"
    )]
    Incomplete { model: &'static str, what: String },

    #[error("{act} `{}` failed: {source}{}", path.display(), advice(source))]
    Io { act: &'static str, path: PathBuf, source: io::Error },

    #[error("the disk is full: {act} `{}` failed: {source}; help: free some space and try again", path.display())]
    StorageFull { act: &'static str, path: PathBuf, source: io::Error },

    #[error(
        "the command `{command}` is too large: its record takes {size} bytes, and the limit is {cap}; nothing was recorded; help: \
         split the command, or raise `options().record_bytes_max`"
    )]
    TooLarge { command: &'static str, size: u64, cap: u64 },

    #[error("the arguments of the command `{command}` cannot be encoded: {what}; nothing was recorded")]
    Encode { command: &'static str, what: String },

    #[error(
        "the arguments of the command `{command}` cannot be read back from their encoding, so that replay could not run it: \
         {what}; nothing was recorded; help: make their `Deserialize` accept whatever their `Serialize` writes, in a format that does \
         not describe itself (record a JSON value as its text, for example)"
    )]
    Undecodable { command: &'static str, what: String },

    #[error("the image is busy: {what}; nothing was recorded; help: try again, or use `submit`, which waits")]
    Busy { what: &'static str },

    #[error(
        "the image is poisoned: {cause}; {}; help: reopen the image, which recovers what is on disk",
        if *unknown {
            "whether this command was recorded is known only after the image is reopened"
        } else {
            "this command was not recorded"
        }
    )]
    Poisoned { cause: Error, unknown: bool },

    #[error(
        "the image belongs to the process that opened it, and this is a child of that process, made by `fork`: nothing was done; \
         help: open images after the last fork (after `daemon()`, for example)"
    )]
    Forked,

    #[error("the image is closed; help: open it again")]
    Closed,

    #[error(
        "`{inner}` was called on an image from inside {outer} on the same thread: the call would wait for itself; help: call it \
         after {outer} has returned (a call that waits for a thread pool may run other tasks of the pool on its thread)"
    )]
    Reentrant { inner: &'static str, outer: String },

    #[error("the command `{command}` panicked in its {place}: {message}; it was not recorded and changed nothing")]
    Panicked { command: &'static str, place: &'static str, message: String },

    #[error(
        "the model `{model}` has no shape lock; help: mark its commands `#[memimage::commands(lock)]` (a doctest has no lock)"
    )]
    NotLocked { model: &'static str },

    #[error("the shape lock `{}` cannot be read: {what}", path.display())]
    LockText { path: PathBuf, what: String },

    #[error("the shape lock `{}` {what}:{}\nhelp: {help}", path.display(), lines(differences))]
    Lock { path: PathBuf, what: &'static str, differences: Vec<String>, help: String },

    #[error(
        "the shape lock `{}` has lines without a model; their model or its crate was renamed, moved or removed; nothing was \
         changed:{}\nhelp: write the new name{} in these lines, or delete the lines if no journal holds \
         these events",
        path.display(), lines(of_models), new.map(|new| format!(" (`{new}`, if it is that)")).unwrap_or_default()
    )]
    Unclaimed { path: PathBuf, of_models: Vec<String>, new: Option<&'static str> },

    #[error("the option `{option}` cannot be {value}: {what}")]
    Option { option: &'static str, value: String, what: &'static str },
}

/// The help for an error of the operating system, if its kind determines one.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; help: check the path, or create its parent directory first",
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => "; help: check the path",
        io::ErrorKind::PermissionDenied => {
            "; help: let the user of this process read and write the image's directory and files"
        }
        io::ErrorKind::ReadOnlyFilesystem => "; help: put the image on a writable file system",
        _ => "",
    }
}

/// The message for a snapshot or base that is damaged or forged.
fn unusable(path: &Path, what: &str) -> String {
    let (state, kept) = match is_base(path) {
        true => ("base", "nothing is lost as long as its other copy is intact"),
        false => ("snapshot", "nothing is lost, since the journal has all events"),
    };
    format!("the {state} `{}` cannot be used: {what}; {kept}", path.display())
}

/// Whether the file is a copy of a base, by its name.
fn is_base(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "base")
}

fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}
