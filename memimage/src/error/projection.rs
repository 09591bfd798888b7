//! The messages about projections.

use std::path::PathBuf;

use crate::seq::Seq;

/// A failure of a projection, with the details for its message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectionFault {
    #[error(
        "the projection `{name}` stopped before event {seq}: its handler of `{event}` panicked: {message}; the state after an earlier \
         event is kept in the projection's directory; help: correct the handler and open the projection again; if the corrected handler \
         would have treated earlier events in another way, also raise the projection's version, so that it is built anew"
    )]
    Panicked { name: &'static str, seq: Seq, event: &'static str, message: String },

    #[error(
        "the projection `{name}` stopped after event {seq}: a later decision made an event up to {seq} void, but the projection has \
         handled it; help: open the projection again, which builds it anew without the void event"
    )]
    EventBecameVoid { name: &'static str, seq: Seq },

    #[error(
        "the projection `{name}` needs event {seq}, but the journal of `{}` was pruned{}; nothing was changed; help: a projection is \
         built from the first event on, so open its image with `options().retention(Retention::Everything)`; or open the projection \
         beside a backup of the image that has the events",
        image.display(),
        first.map_or_else(String::new, |first| format!(" and begins with event {first}"))
    )]
    Pruned { name: &'static str, image: PathBuf, seq: Seq, first: Option<Seq> },

    #[error(
        "the directory `{}` is in use by {owner}: a projection is open once at a time; help: close it there first, or give this \
         projection another directory",
        path.display()
    )]
    Locked { path: PathBuf, owner: String },

    #[error(
        "`{}` is not the directory of a projection: {found}; nothing was changed; help: give the path of a directory that is empty or \
         does not exist yet",
        path.display()
    )]
    NotAProjection { path: PathBuf, found: String },

    #[error(
        "the projection of an image in memory is in memory, too, where the parent of `{}` does not exist; nothing was changed; help: give \
         a name without a directory, such as `{}`",
        path.display(),
        path.file_name().unwrap_or_default().display()
    )]
    InMemory { path: PathBuf },

    #[error(
        "`{}` holds the projection `{found}`, not `{expected}`; nothing was changed; help: give each projection a directory of its own; \
         or, if the projection was renamed, write `#[memimage::projection(name = {found:?}, …)]`",
        path.display()
    )]
    OtherProjection { path: PathBuf, expected: &'static str, found: String },

    #[error(
        "`{}` holds a projection of another image than `{}`; nothing was changed; help: give the projections of each image a directory of \
         their own; or, if this directory is no longer needed, remove it, and the projection is built anew",
        path.display(),
        image.display()
    )]
    OtherImage { path: PathBuf, image: PathBuf },

    #[error(
        "`{}` holds version {found} of the projection `{name}`, but this program has version {version}; nothing was changed; help: run \
         the newer program; or, to go back, raise the version of this program to {}, or remove the directory, and the projection is \
         built anew",
        path.display(),
        found + 1
    )]
    Newer { path: PathBuf, name: &'static str, found: u32, version: u32 },

    #[error(
        "the shape of the projection `{name}` has changed since `{}` was written, but it still has version {version}; nothing was \
         changed; help: raise the version, `#[memimage::projection(version = {}, …)]`, and the projection is built anew; or undo the \
         change",
        path.display(),
        version + 1
    )]
    ChangedShape { path: PathBuf, name: &'static str, version: u32 },

    #[error("the projection `{name}` cannot be stored: {what}; no snapshot was made; help: {help}")]
    NotStored { name: &'static str, what: String, help: &'static str },

    #[error(
        "`{inner}` was called inside a query of the same projection and on the same thread, so the call could wait for itself; help: call \
         `{inner}` after the query has returned"
    )]
    Reentrant { inner: &'static str },

    #[error(
        "only the process that opened a projection may use it, and this process is a child of that process, made by `fork`; nothing was \
         done; help: open projections after the last fork"
    )]
    Forked,
}
