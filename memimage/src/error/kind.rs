//! Each way to fail, with its text: what happened, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::{Error, Position};
use crate::seq::Seq;

/// A way to fail.
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
        "the journal's file `{}` is damaged {position}: {what}; nothing was changed; restore the file from a copy, or see with \
         `memimage::admin::check` {}",
        path.display(),
        if *suspect { "how these bytes can be cleared" } else { "what a repair would lose" }
    )]
    Corrupt { path: PathBuf, position: Position, what: String, suspect: bool },

    #[error("`{}` cannot be read with these keys: {what}; nothing was changed", path.display())]
    Key { path: PathBuf, what: String },

    #[error("the image `{}` is {how}, and `{task}` {without}; nothing was changed; {mend}", path.display())]
    Protected { path: PathBuf, how: &'static str, task: &'static str, without: &'static str, mend: String },

    #[error(
        "the journal's file `{}` is not as it was written {position}: {what}, and its checksums are right, so this is no \
         damage: it was changed by somebody who has not the key; nothing was changed by this program; find out who did, \
         and restore the file from a copy, or see with `memimage::admin::check` what a repair would lose",
        path.display()
    )]
    Forged { path: PathBuf, position: Position, what: &'static str },

    #[error("{}", unusable(path, what))]
    Snapshot { path: PathBuf, what: String },

    #[error("{}", unusable(path, what))]
    ForgedState { path: PathBuf, what: String },

    #[error(
        "the journal was pruned and begins with `{}`, and none of the states that it could go on from can be used; nothing \
         was changed; {}{}",
        path.display(),
        match changed {
            true => "the model has changed since, so give it a state upcaster for them, or open the image with the program as it was:",
            false if tried.is_empty() => "no base or snapshot is there: restore one from a copy of the image",
            false => "restore one of these files from a copy:",
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

    #[error(
        "the image `{}` is not to be repaired in this way: {choice}: {what}; nothing was changed; `memimage::admin::check` says \
         which repairs fit what is damaged",
        path.display()
    )]
    Repair { path: PathBuf, choice: String, what: String },

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
    Lock { path: PathBuf, what: &'static str, differences: Vec<String>, mend: String },

    #[error(
        "no model has these lines of the shape lock: `{}`; their model or its crate was renamed, moved or removed, and no line \
         is added while they stand:{}\nhelp: write the new name{} in these lines, or delete the lines if no journal holds \
         these events",
        path.display(), lines(of_models), new.map(|new| format!(" (`{new}`, if it is that)")).unwrap_or_default()
    )]
    Unclaimed { path: PathBuf, of_models: Vec<String>, new: Option<&'static str> },

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

/// That a snapshot or base cannot be used, damaged or forged.
fn unusable(path: &Path, what: &str) -> String {
    let (state, kept) = match is_base(path) {
        true => ("base", "nothing is lost as long as its other copy is good"),
        false => ("snapshot", "nothing is lost, since the journal has it all"),
    };
    format!("the {state} `{}` cannot be used: {what}; {kept}", path.display())
}

/// Whether it is a copy of a base, by its name.
fn is_base(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "base")
}

fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}
