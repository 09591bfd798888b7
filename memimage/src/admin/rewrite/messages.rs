//! The messages of a rewrite: why a record cannot be rewritten, and why the two journals differ.

use crate::seq::Seq;

// damage to the source

pub(super) fn time_goes_back(seq: Seq) -> String {
    format!("the time of event {seq} is earlier than that of the event before it")
}

pub(super) fn unknown_event_number(seq: Seq, number: u32) -> String {
    format!("event {seq} has the unknown number {number}")
}

// an upcaster that fails

pub(super) fn upcaster_panicked(message: &str) -> String {
    format!("it panicked: {message}")
}

pub(super) const HELP_UPCASTER_PANICKED: &str = "correct the upcaster, and run the rewrite again";

// two journals that rebuild to different states

pub(super) const SOURCE_NOT_DETERMINISTIC: &str =
    "a second replay of the source gives another state: a body is not deterministic";
pub(super) const UPCASTER_NOT_DETERMINISTIC: &str =
    "an upcaster is not deterministic, or depends on more than the event";
pub(super) const CAUSE_UNKNOWN: &str = "a body or an upcaster is not deterministic";

// a path where no image can be made

pub(super) const NOT_EMPTY: &str = "a directory that is not empty";
pub(super) const NO_NAME: &str = "the path does not end in the name of a directory";
pub(super) const NOTHING: &str = "nothing";
pub(super) const FOREIGN_FILES: &str = "a directory with files that are not of a rewrite";
pub(super) const INSIDE_SOURCE: &str = "the inside of the source";

// what is logged

pub(super) const MARKER_LEFT: &str = "the marker of the rewrite is left in the image, and has no effect there";
pub(super) const STAGING_LEFT: &str =
    "the directory of an incomplete rewrite could not be removed; the next rewrite removes it";
