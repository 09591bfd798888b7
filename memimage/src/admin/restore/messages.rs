//! The messages of a restoration.

use crate::seq::Seq;

/// The text in the file that marks the staging directory, for people.
pub(super) const STAGING_TEXT: &str = "An image is being restored in this directory. If no such process is running, the restoration was \
interrupted: begin it again, or remove the directory.\n";

/// The text in the file that marks a restored image, for people.
pub(super) const MARKER_TEXT: &str = "This directory is a restored image that was never opened. Opening it makes it an image with a history of \
its own, and removes this file.\n";

/// What is left after a restoration whose result is damaged.
pub(super) const NOTHING_RESTORED: &str = "nothing was restored";

pub(super) const NO_JOURNAL: &str = "no frame of a journal was copied";

pub(super) fn wrong_end(found: Seq, expected: Seq) -> String {
    format!("the restored image ends with event {found} instead of event {expected}")
}

pub(super) const BEFORE_BASE: &str =
    "the events before this time were pruned; help: restore to a later time, or from an older snapshot";

pub(super) fn before_creation(created: impl std::fmt::Display) -> String {
    format!("the image was created at {created}; help: restore to a later time")
}
