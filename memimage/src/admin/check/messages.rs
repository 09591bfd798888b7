//! The messages of a check. Each says what was found, its cause, and what to do.
//!
//! The report prints "`path` at its position: " before a message, and "help: " before what to do.

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
    Message::new("this segment is left over from a pruning; the next open removes it", "")
}

pub(super) fn segment_cut_off() -> Message {
    Message::new(
        "a missing segment separates this one from the rest of the journal, which continues from a base",
        "if you have a copy of the missing segment, restore it before you open the image; an open moves this one to the \
         quarantine, where it is no longer read",
    )
}

// damage to the journal: what is added to the reader's description of it

/// For a frame or header that is not valid under the keys.
pub(super) fn forged(cause: &str) -> String {
    format!("{cause}; the checksums are right, so this is not damage: somebody without the key changed it")
}

/// For a torn write at the end.
pub(super) fn torn(cause: &str, has_watermark: bool, has_other_damage: bool) -> String {
    let acknowledged = match has_watermark {
        false => "whether it was acknowledged is not known, since `journal/durable` is missing or damaged",
        true => "it was never acknowledged",
    };
    match has_other_damage {
        true => format!("{cause}; {acknowledged}; an open would clear it and keep a copy, but for the other damage"),
        false => format!("{cause}; {acknowledged}; an open clears it and keeps a copy"),
    }
}

/// For bytes at the end that no crash explains, if it is unknown how far the journal was synced.
pub(super) fn suspect_without_watermark(cause: &str) -> String {
    format!("{cause}; whether it was acknowledged is not known, since `journal/durable` is missing or damaged")
}

/// For something of a newer format.
pub(super) fn newer(cause: &str) -> String {
    format!("{cause}; nothing after it was read, and nothing can be repaired")
}

/// For damaged framing that can be repaired.
pub(super) fn framing(cause: &str) -> String {
    format!("{cause}; no event is lost, since the correct value is known")
}

/// For a damaged header, which no longer says how long the file was.
pub(super) fn framing_of_unknown_length(cause: &str) -> String {
    format!("{cause}; no event known to exist is lost, but the file may have held more")
}

/// For a cut that also loses decisions that make earlier events void.
pub(super) fn cut_revives(cause: &str, revived: &[Seq]) -> String {
    format!("{cause}; a cut also gives up the decision that makes {} void", listed(revived))
}

/// For a cut that also loses decisions whose events nothing names.
pub(super) fn cut_loses_decisions(cause: &str, count: u32) -> String {
    let decisions = if count == 1 { "1 decision" } else { &format!("{count} decisions") };
    format!("{cause}; a cut also gives up {decisions} that made events void, and nothing readable says which events")
}

/// For a cut that loses no event known to exist, although something was synced there.
pub(super) fn cut_may_lose_decision(cause: &str) -> String {
    format!(
        "{cause}; no event is known to have been here, but a decision that makes an event void may have been: a cut gives that up"
    )
}

// damage to the journal: what to do

pub(super) fn help_undecodable() -> &'static str {
    "if this prevents an open, make the event void with `memimage::admin::void`"
}

pub(super) fn help_newer() -> &'static str {
    "use a newer memimage"
}

pub(super) fn help_repair() -> &'static str {
    "restore the file from a copy, or repair the image"
}

pub(super) fn help_suspect_without_watermark() -> &'static str {
    "restore the file and `journal/durable` from a copy, or repair the image"
}

pub(super) fn help_with_newer_format() -> &'static str {
    "restore the file from a copy, or check the image with a newer memimage"
}

pub(super) fn help_unrepairable() -> &'static str {
    "restore the image from a copy; the rest of it cannot be replayed"
}

pub(super) fn help_forged() -> &'static str {
    "find out who changed it, and restore the file from a copy, or repair the image"
}

pub(super) fn help_forged_unrepairable() -> &'static str {
    "find out who changed it, and restore the image from a copy; the rest of it cannot be replayed"
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

/// The part of the message that all unusable snapshots and bases share.
fn unusable(noun: SnapshotNoun, cause: &str) -> String {
    format!("this {} is not usable: {cause}", noun.as_str())
}

/// No intact header identifies the image.
pub(super) fn unidentified_snapshot(noun: SnapshotNoun, cause: &str) -> Message {
    Message::new(unusable(noun, cause), HELP_UNIDENTIFIED)
}

pub(super) fn only_way(noun: SnapshotNoun, cause: &str) -> Message {
    let what = format!(
        "{}; no other file leads to its state, since the journal is damaged before that state or begins after it",
        unusable(noun, cause)
    );
    Message::new(what, "restore this file from a copy before you give up anything")
}

pub(super) fn unused_snapshot(noun: SnapshotNoun, cause: &str) -> Message {
    Message::new(format!("{}; nothing is lost, since an open skips it", unusable(noun, cause)), "")
}

pub(super) fn base_with_copy(cause: &str) -> Message {
    let what = unusable(SnapshotNoun::CopyOfBase, cause);
    Message::new(format!("{what}; the next open replaces it by the intact copy"), "")
}

pub(super) fn older_base(noun: SnapshotNoun, cause: &str) -> Message {
    Message::new(format!("{}; nothing is lost, since there is a newer base", unusable(noun, cause)), "")
}

pub(super) fn needed_base(noun: SnapshotNoun, cause: &str) -> Message {
    let help = "restore it from a copy, or open the image, which makes a base from a usable snapshot";
    Message::new(unusable(noun, cause), help)
}

pub(super) fn unneeded_base(noun: SnapshotNoun, cause: &str) -> Message {
    let what = format!("{}; nothing is lost, since the journal is complete without it", unusable(noun, cause));
    Message::new(what, "move it away")
}

pub(super) fn single_copy_of_base() -> Message {
    Message::new("this is the only copy of the base; the next open makes the second one", "")
}

pub(super) fn missing_base() -> Message {
    Message::new("the base is missing; the next open makes one from a snapshot", "")
}

pub(super) fn missing_start_state() -> Message {
    Message::new(
        "the journal was pruned, and there is no base or snapshot from which it continues, so the image cannot be opened",
        "restore a base or a snapshot from a copy of the image",
    )
}

// journal/durable

const HELP_WATERMARK: &str = "without a valid watermark, a loss of events at the end of the journal goes unnoticed: compare the last \
     event with a record kept elsewhere, or restore the whole image from one copy; the next open writes the watermark again";

pub(super) fn outdated_watermark() -> Message {
    Message::new(
        "it is older than the journal; one of the two was restored from a copy without the other",
        HELP_WATERMARK,
    )
}

pub(super) fn missing_watermark() -> Message {
    Message::new("the file is missing", HELP_WATERMARK)
}

pub(super) fn damaged_watermark() -> Message {
    Message::new("it is damaged, so how far the journal was synced is not known", HELP_WATERMARK)
}

pub(super) fn foreign_watermark(cause: &str) -> Message {
    Message::new(
        cause,
        "restore the file of this timeline, or move this one away; then the image opens, but a loss of events at the end of the \
         journal goes unnoticed",
    )
}

pub(super) fn unidentified_watermark(cause: &str) -> Message {
    Message::new(cause, HELP_UNIDENTIFIED)
}

const HELP_UNIDENTIFIED: &str = "keep it until you have restored a segment header from a copy; it may be intact";

// files

pub(super) fn missing_directory() -> Message {
    Message::new("the directory is missing; the next open makes it", "")
}

pub(super) fn exposed(permissions: &str) -> Message {
    let what = format!("it {permissions}; whoever may write there can change or destroy its content");
    Message::new(what, "remove that permission")
}

pub(super) fn unwritable() -> Message {
    Message::new(
        "it cannot be opened for writing, so the image cannot be opened",
        "give this user the permission to write to it",
    )
}

pub(super) fn unfinished(is_in_use: bool) -> Message {
    match is_in_use {
        true => Message::new("the file is being written", ""),
        false => Message::new("the file was never completed; the next open removes it", ""),
    }
}

pub(super) fn rewrite_marker() -> Message {
    Message::new("the file was left behind by the rewrite that made this image", "remove it if you like")
}

pub(super) fn unrelated_file() -> Message {
    Message::new("the file does not belong to the image", "move it elsewhere if you know what it is")
}

pub(super) fn rewrite_directory() -> Message {
    Message::new(
        "a rewrite to this path is running, or was interrupted",
        "if no process is running it, run the rewrite again or remove the directory",
    )
}

pub(super) fn quarantine(copies: u64, bytes: u64) -> Message {
    let copies = if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") };
    Message::new(
        format!("{copies} of what repairs changed, {}", counted(bytes, "byte")),
        "remove them once nobody needs them; they may be the only copies of events that a repair removed from the journal",
    )
}

pub(super) fn irregular(what: &str) -> Message {
    Message::new(
        format!("it is {what}, so the image cannot be opened"),
        "remove the other name, or replace the file by a copy of it",
    )
}
