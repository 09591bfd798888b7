//! The messages of a rewrite: the reasons why a record cannot be rewritten, and why the two journals differ.

use crate::new_image::Need;

pub(in crate::admin) const PRUNED: Need = Need {
    done: "rewritten",
    help: "a rewrite needs all events, so open an image that you want to rewrite later with `Retention::Everything`",
};

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
