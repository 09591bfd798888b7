//! The messages of a rewrite: the reasons why a record cannot be rewritten, and why the two journals differ.

use crate::seq::Seq;

// damage to the source

pub(super) fn time_goes_back(seq: Seq) -> String {
    format!("event {seq} has an earlier time than the event before it")
}

pub(super) fn unknown_event_number(seq: Seq, number: u32) -> String {
    format!("event {seq} has number {number}, which is not in the shape table")
}

// an upcaster that fails

pub(super) fn upcaster_panicked(message: &str) -> String {
    format!("an upcaster panicked: {message}")
}

pub(super) const HELP_UPCASTER_PANICKED: &str = "correct the upcaster, then run the rewrite again";

// why the two journals replay to different states

pub(super) const SOURCE_NOT_DETERMINISTIC: &str =
    "a command body is not deterministic, because a second replay of the original gives another state";
pub(super) const UPCASTER_NOT_DETERMINISTIC: &str =
    "an upcaster is not deterministic, or its result depends on more than the event";
pub(super) const CAUSE_UNKNOWN: &str = "a command body or an upcaster is not deterministic";

// a path where no image can be made

pub(super) const INSIDE_SOURCE: &str = "a place inside the source image";
