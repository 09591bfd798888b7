//! The messages of a check: each has what was found, with its cause, and what to do.

use crate::admin::wording::{counted, listed};
use crate::seq::Seq;

/// A message about one finding.
pub(super) struct Message {
    /// What was found, and its cause.
    pub(super) what: String,
    /// What to do; empty if nothing is to be done.
    pub(super) help: String,
}

impl Message {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Message {
        Message { what: what.into(), help: help.into() }
    }
}

// segments that are not part of the journal

pub(super) fn segment_left_of_pruning() -> Message {
    Message::new("it is left of segments that were being removed", "it is removed when the image is next opened")
}

pub(super) fn segment_cut_off() -> Message {
    Message::new(
        "one that is missing cuts it off from the rest of the journal, which goes on from a base",
        "if the missing one can be restored, do that first: opening the image moves this one to the quarantine, where nothing reads it",
    )
}

// damage to the journal: what is added to what the reader says of it

/// After the reader's own words for a frame or header that the keys refuse.
pub(super) fn forged(cause: &str) -> String {
    format!(
        "{cause}, and its checksums are right, so this is no damage: it was changed by somebody who has not the key"
    )
}

// damage to the journal: what to do

pub(super) fn help_undecodable() -> &'static str {
    "if the image does not open for it, make the event void with `memimage::admin::void`"
}

pub(super) fn help_newer() -> &'static str {
    "use a newer memimage; what comes after it, and all later segments, was not read, and nothing can be repaired"
}

pub(super) fn help_suspect_without_watermark() -> &'static str {
    "nothing tells whether it was acknowledged, since `journal/durable` is missing or damaged: restore both files from a copy, or \
     repair the image"
}

pub(super) fn help_repair() -> &'static str {
    "restore the file from a copy, or repair the image"
}

pub(super) fn help_framing() -> &'static str {
    "nothing is lost by it, since it is known how it must be: restore the file from a copy, or repair the image"
}

pub(super) fn help_framing_of_unknown_length() -> &'static str {
    "no event that is known of is lost by it, but nothing tells whether more was in the file: restore it from a copy, or \
     repair the image"
}

pub(super) fn help_with_newer_format() -> &'static str {
    "restore the file from a copy, or see with a newer memimage what can be repaired"
}

pub(super) fn help_unrepairable() -> &'static str {
    "restore the image from a copy: what is left cannot be replayed"
}

pub(super) fn help_forged() -> &'static str {
    "find out who did, and restore the file from a copy, or repair the image"
}

pub(super) fn help_forged_unrepairable() -> &'static str {
    "find out who did, and restore the image from a copy: what is left cannot be replayed"
}

pub(super) fn help_torn(has_watermark: bool, has_other_damage: bool) -> String {
    let told = match has_watermark {
        false => "nothing tells whether it was acknowledged, since `journal/durable` is missing or damaged",
        true => "nobody was told that it was done",
    };
    match has_other_damage {
        true => format!("{told}; opening the image would clear it and keep a copy, were it not for the other damage"),
        false => format!("{told}; opening the image clears it, and keeps a copy"),
    }
}

/// Added where a cut gives up decisions that make earlier events void.
pub(super) fn cut_revives(revived: &[Seq]) -> String {
    format!("cutting gives up the decision too that makes void {}", listed(revived))
}

/// Added where a cut loses no event that is known of, though something was synced there.
pub(super) fn cut_may_lose_decision() -> &'static str {
    "what stood there was no event that is known of, and may have been a decision that makes an event void: cutting gives that up"
}

// snapshots and bases

/// What a snapshot file is.
#[derive(Clone, Copy)]
pub(super) enum SnapshotNoun {
    Snapshot,
    Base,
    CopyOfBase,
}

impl SnapshotNoun {
    fn as_str(self) -> &'static str {
        match self {
            SnapshotNoun::Snapshot => "snapshot",
            SnapshotNoun::Base => "base",
            SnapshotNoun::CopyOfBase => "copy of the base",
        }
    }
}

pub(super) fn unusable_snapshot(noun: SnapshotNoun, cause: &str, help: &str) -> Message {
    Message::new(format!("the {} cannot be used: {cause}", noun.as_str()), help)
}

/// Nothing says which image this is.
pub(super) fn help_unidentified() -> &'static str {
    "keep it until a header was restored from a copy: it may be good"
}

pub(super) fn help_only_way() -> &'static str {
    "nothing else leads to the state in it, since the journal is damaged before it or begins after it: restore this file from a \
     copy before anything is given up"
}

pub(super) fn help_skipped_snapshot() -> &'static str {
    "nothing is lost, since it is a cache; it is passed over"
}

pub(super) fn help_base_with_copy() -> &'static str {
    "opening the image makes it again from the other"
}

pub(super) fn help_older_base() -> &'static str {
    "nothing is lost, since a newer one is there"
}

pub(super) fn help_needed_base() -> &'static str {
    "restore it from a copy, or open the image, which makes a base of a good snapshot"
}

pub(super) fn help_unneeded_base() -> &'static str {
    "it can be moved away: the journal is whole, and nothing needs it"
}

pub(super) fn single_copy_of_base() -> Message {
    Message::new("it is the only copy of the base", "opening the image makes the other")
}

pub(super) fn missing_base() -> Message {
    Message::new("no base is there", "opening the image makes one of the snapshot")
}

pub(super) fn missing_start_state() -> Message {
    Message::new(
        "it was pruned, and no base or snapshot is there that it could go on from",
        "restore a base or a snapshot from a copy of the image: without one it cannot be opened",
    )
}

// journal/durable

const HELP_WATERMARK: &str = "if events are missing at the end of the journal, that cannot be seen without it: compare the last event with what is known of it \
     elsewhere, or restore all of the image from one copy. Opening the image writes it anew";

pub(super) fn outdated_watermark() -> Message {
    Message::new("it is older than the journal: one of them was restored from a copy without the other", HELP_WATERMARK)
}

pub(super) fn missing_watermark() -> Message {
    Message::new("it is missing", HELP_WATERMARK)
}

pub(super) fn damaged_watermark() -> Message {
    Message::new("it does not say how far the journal is synced", HELP_WATERMARK)
}

pub(super) fn unidentified_watermark(cause: &str) -> Message {
    Message::new(cause, help_unidentified())
}

// files

pub(super) fn missing_directory() -> Message {
    Message::new("the directory is missing", "it is made when the image is next opened")
}

pub(super) fn exposed(permissions: &str) -> Message {
    let what = format!("it {permissions}: whoever may write there can change or destroy what it holds");
    Message::new(what, "take that permission away")
}

pub(super) fn unfinished(is_in_use: bool) -> Message {
    match is_in_use {
        true => Message::new("it is being made", ""),
        false => Message::new("it was never completed", "it is removed when the image is next opened"),
    }
}

pub(super) fn rewrite_marker() -> Message {
    Message::new("a rewrite that made this image left it behind", "remove it if you like")
}

pub(super) fn unrelated_file() -> Message {
    Message::new("it is none of the image's files", "move it elsewhere if you know what it is")
}

pub(super) fn rewrite_directory() -> Message {
    Message::new(
        "a rewrite to this place is at work, or was cut short",
        "if no process is at it, run the rewrite again or remove the directory",
    )
}

pub(super) fn quarantine(copies: u64, bytes: u64) -> Message {
    let copies = if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") };
    Message::new(
        format!("{copies} of what was repaired, {}", counted(bytes, "byte")),
        "remove them once nobody can want them back: they may be the only copies of events that a repair took out of the journal",
    )
}

pub(super) fn irregular(what: &str) -> Message {
    Message::new(
        format!("it is {what}"),
        "opening the image is refused for it: remove the other name, or put a copy in its place",
    )
}
