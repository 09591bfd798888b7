//! The messages of a branch.

use crate::seq::Seq;

use crate::new_image::Need;

pub(crate) const PRUNED: Need = Need {
    done: "branched",
    help: "a branch needs all events: branch a backup that has them; to undo one event here, make it void with \
           `memimage::admin::void`; to keep all events from now on, use `Retention::Everything`",
};

pub(super) const PRUNED_MEANWHILE: Need = Need {
    done: "branched",
    help: "another process has the image open, and pruned it while the branch was created: create the branch in that process with \
           `image.journal().branch(…)`, which keeps all files meanwhile, or branch a backup that has all events",
};

// why a branch cannot be created

pub(super) const IN_MEMORY: (&str, &str) =
    ("the image is in memory and has no files", "branch an image that was opened at a path");

pub(super) fn no_event_zero() -> (String, &'static str) {
    ("there is no event 0".to_owned(), "the first event is event 1")
}

pub(super) fn after_end(seq: Seq, end: Seq) -> (String, &'static str) {
    let what = format!("event {seq} is to be changed, but the branch ends with event {end}");
    (what, "name only events up to the end of the branch, or let the branch end later")
}

pub(super) fn replaced_twice(seq: Seq) -> (String, &'static str) {
    (format!("event {seq} is to be replaced twice"), "give one event for each seq")
}

pub(super) fn left_out_and_replaced(seq: Seq) -> (String, &'static str) {
    (format!("event {seq} is to be left out and to be replaced"), "name it in `without` or in `replacing`")
}

pub(super) fn only_replayed(seq: Seq, name: &str) -> (String, &'static str) {
    let what = format!("the event that is to replace event {seq}, `{name}`, is only replayed and cannot be executed");
    (what, "give an event whose command is not `replay_only`")
}

pub(super) fn replacement_refused(seq: Seq, name: &str, reason: &str) -> (String, &'static str) {
    let what = format!(
        "the check of `{name}` refuses the event that is to replace event {seq}, as it would refuse a call: {reason}"
    );
    (what, "give an event that applies at this place")
}

pub(super) fn replacement_panicked(seq: Seq, name: &str, message: &str) -> (String, &'static str) {
    let what = format!("the body of `{name}` panicked when it ran in place of event {seq}: {message}");
    (what, "give an event that applies at this place, or correct the body")
}

// why an event of the source cannot be replayed

pub(super) fn replay_panicked(message: &str) -> String {
    format!("its replay panicked: {message}")
}

pub(super) const NOT_DETERMINISTIC: &str = "its outcome differs between two replays";

// the checkpoint

pub(super) const KEPT: &str = "no branch was created";

// the value of `Metadata::BRANCH`

pub(super) const LEFT_OUT: &str = "left out";
pub(super) const REFUSED: &str = "refused";
pub(super) const PANICKED: &str = "panicked";
pub(super) const PARTLY_REJECTED: &str = "partly rejected";
pub(super) const REPLACED: &str = "replaced";

// log messages

pub(super) const NO_SNAPSHOT: &str = "the branch has no snapshot, because its state does not load as it was written";
