//! The messages of a rewrite: why a record cannot be rewritten, and why the two journals differ.

use crate::seq::Seq;

// damage to the source

pub(super) fn time_goes_back(seq: Seq) -> String {
    format!("the time of event {seq} is before that of the event before")
}

pub(super) fn unknown_event_number(seq: Seq, number: u32) -> String {
    format!("event {seq} has the unknown number {number}")
}

// an upcaster that fails

pub(super) fn upcaster_panicked(message: &str) -> String {
    format!("it panicked: {message}")
}

pub(super) const HELP_UPCASTER_PANICKED: &str = "mend the upcaster, and rewrite again";

// two journals that rebuild to different states

pub(super) const SOURCE_NOT_DETERMINISTIC: &str =
    "rebuilt once more, the source gives another state again: a body is not deterministic";
pub(super) const UPCASTER_NOT_DETERMINISTIC: &str = "an upcaster is not deterministic, or rests on more than the event";
pub(super) const CAUSE_UNKNOWN: &str = "a body or an upcaster is not deterministic";

// a path where no image can be made

pub(super) const NOT_EMPTY: &str = "a directory that is not empty";
pub(super) const NO_NAME: &str = "no name of a directory";
pub(super) const NOTHING: &str = "nothing";
pub(super) const FOREIGN_FILES: &str = "a directory with files that no rewrite has left there";
pub(super) const INSIDE_SOURCE: &str = "the inside of the source";

// what is logged

pub(super) const MARKER_LEFT: &str = "a file that tells of the rewrite is left in the image, where it does no harm";
pub(super) const STAGING_LEFT: &str = "what was made of a new image could not be removed; the next attempt does it";
