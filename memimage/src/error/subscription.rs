//! The error messages of named subscriptions.

use std::path::PathBuf;

use crate::seq::Seq;

/// Why a named subscription cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscriptionError {
    #[error(
        "a subscription cannot have the name {name:?}: {what}; help: use 1 to 64 of the characters `a` to `z`, `0` to `9`, `-` and \
         `_`"
    )]
    Name { name: String, what: String },

    #[error(
        "the subscription `{name}` of the image `{}` is in use by {owner}: a subscription has one subscriber at a time; help: end the \
         other subscriber first, or use another name",
        path.display()
    )]
    InUse { path: PathBuf, name: String, owner: String },

    #[error(
        "the subscription `{name}` of the image `{}` has acknowledged event {seq}, but {what}: the image was restored or repaired, or \
         its files belong to another copy; help: find out which event its receiver got last, then continue after it: \
         `journal.unsubscribe({name:?})`, and `journal.subscribe_as({name:?}, Seq::new(…))`",
        path.display()
    )]
    Lost { path: PathBuf, name: String, seq: Seq, what: String },

    #[error(
        "the file `{}` is damaged: it does not say which events the subscription `{name}` has acknowledged; nothing was changed; \
         help: restore the file from a backup, or find out which event its receiver got last, then continue after it: \
         `journal.unsubscribe({name:?})`, and `journal.subscribe_as({name:?}, Seq::new(…))`",
        path.display()
    )]
    Damaged { path: PathBuf, name: String },

    #[error(
        "this error does not report lost events, so it cannot be acknowledged: {cause}; help: pass an error for which `Error::gap` returns the lost events"
    )]
    NoGap { cause: String },

    #[error("event {seq} cannot be acknowledged: {what}; nothing was acknowledged; help: {help}")]
    NotDelivered { seq: Seq, what: &'static str, help: &'static str },
}
