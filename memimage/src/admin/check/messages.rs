//! The messages of a check. Each message states the finding, its cause, and the help.
//!
//! The report prints the path and the position before a message, and "help: " before the help.

use crate::admin::decision::RecordedGap;
use crate::admin::wording::{counted, listed};
use crate::seq::Seq;

/// A message about one finding.
pub(super) struct Message {
    /// The finding and its cause.
    pub(super) what: String,
    /// The action for the owner; empty if no action is needed.
    pub(super) help: String,
}

impl Message {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Message {
        Message { what: what.into(), help: help.into() }
    }
}

// segments that are not part of the journal

pub(super) fn segment_left_of_pruning() -> Message {
    Message::new("an interrupted pruning left this segment behind; the next opening of the image removes it", "")
}

pub(super) fn segment_cut_off() -> Message {
    Message::new(
        "the next segment is missing, so this segment is cut off from the rest of the journal, which continues from a base",
        "if you have a backup of the missing segment, restore it before you open the image; otherwise the next opening moves this \
         segment to `quarantine/`, and its events are no longer read",
    )
}

// recorded decisions

pub(super) fn recorded_gap(gap: &RecordedGap) -> Message {
    let what = format!("a repair has recorded a gap here: {gap}");
    match gap.lost {
        Some(_) => Message::new(
            format!("{what}; later events are replayed without the lost ones, unless a snapshot has their effect"),
            "",
        ),
        None => Message::new(format!("{what}; the lost frames had no events"), ""),
    }
}

// damage to the journal: each message extends `cause`, in which the journal's reader describes the damage

/// The message about a frame or header that is not valid under the keys.
pub(super) fn forged(cause: &str) -> String {
    format!("{cause}; the checksums are correct, so somebody without the key changed these bytes")
}

/// The message about a torn write at the end of the journal.
pub(super) fn torn(cause: &str, has_watermark: bool, has_other_damage: bool) -> String {
    let synced = match has_watermark {
        false => "it is not known whether the write was synced, because `journal/durable` is missing or damaged",
        true => "the write was never synced, so no caller under `Durability::Synced` got its answer",
    };
    match has_other_damage {
        true => format!("{cause}; {synced}; the image cannot be opened before the other damage is repaired"),
        false => {
            format!(
                "{cause}; {synced}; the next opening of the image clears these bytes and keeps a copy in `quarantine/`"
            )
        }
    }
}

/// The message about suspect bytes at the end of a journal if nothing shows how far the journal was synced.
pub(super) fn suspect_without_watermark(cause: &str) -> String {
    format!("{cause}; it is not known whether the frame was synced, because `journal/durable` is missing or damaged")
}

/// The message about data in a newer format.
pub(super) fn newer(cause: &str) -> String {
    format!("{cause}; the check did not read any later bytes, and no repair is possible")
}

/// The message about a damaged header or length that can be repaired.
pub(super) fn framing(cause: &str) -> String {
    format!("{cause}; this damage loses no event, because the correct header and length are known")
}

/// The message about a damaged header that was the only record of the file's original length.
pub(super) fn framing_of_unknown_length(cause: &str) -> String {
    format!("{cause}; this damage loses no event that is known to exist, but the file may have been longer")
}

/// Adds to a message that a cut would also lose decisions that make earlier events void.
pub(super) fn cut_revives(cause: &str, revived: &[Seq]) -> String {
    format!("{cause}; a cut also loses the decision that makes {} void", listed(revived))
}

/// Adds to a message that a cut would also lose void decisions whose events are not known.
pub(super) fn cut_loses_decisions(cause: &str, count: u32) -> String {
    let decisions = if count == 1 { "1 decision" } else { &format!("{count} decisions") };
    format!("{cause}; a cut also gives up {decisions} that made events void, and no readable frame says which events")
}

/// Extends a message about a synced frame that is damaged or missing, if a cut would lose no event that is known to exist.
pub(super) fn cut_may_lose_decision(cause: &str) -> String {
    format!(
        "{cause}; no event is known to be lost here, but a decision that makes an event void may be lost, and a cut would \
         make the loss final"
    )
}

// damage to the journal: the help

pub(super) fn help_undecodable() -> &'static str {
    "if the image cannot be opened because of this event, make the event void with `memimage::admin::void`"
}

pub(super) fn help_newer() -> &'static str {
    "use a newer version of memimage"
}

pub(super) fn help_repair() -> &'static str {
    "restore the file from a backup, or repair the image"
}

pub(super) fn help_suspect_without_watermark() -> &'static str {
    "restore the file and `journal/durable` from one backup, or repair the image"
}

pub(super) fn help_with_newer_format() -> &'static str {
    "restore the file from a backup, or check the image with a newer version of memimage"
}

pub(super) fn help_unrepairable() -> &'static str {
    "no repair applies; restore the image from a backup"
}

pub(super) fn help_forged() -> &'static str {
    "find out who changed the file, then restore it from a backup, or repair the image"
}

pub(super) fn help_forged_unrepairable() -> &'static str {
    "no repair applies; find out who changed the file, then restore the image from a backup"
}

// snapshots and bases

/// The noun for a snapshot file in a message.
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

/// The beginning of every message about an unusable snapshot or base.
fn unusable(noun: SnapshotNoun, cause: &str) -> String {
    format!("this {} cannot be used: {cause}", noun.as_str())
}

/// The message about a snapshot or base if no intact header identifies the image.
pub(super) fn unidentified_snapshot(noun: SnapshotNoun, cause: &str) -> Message {
    Message::new(unusable(noun, cause), HELP_UNIDENTIFIED)
}

pub(super) fn only_way(noun: SnapshotNoun, cause: &str) -> Message {
    let what = format!(
        "{}; nothing else in the image has its state, because the journal is damaged before that state or begins after it",
        unusable(noun, cause)
    );
    Message::new(what, "restore this file from a backup before you give up any events")
}

pub(super) fn unused_snapshot(noun: SnapshotNoun, cause: &str) -> Message {
    Message::new(format!("{}; the image does not need this file", unusable(noun, cause)), "")
}

pub(super) fn base_with_copy(cause: &str) -> Message {
    let what = unusable(SnapshotNoun::CopyOfBase, cause);
    Message::new(format!("{what}; the next opening of the image replaces it by the intact copy"), "")
}

pub(super) fn older_base(noun: SnapshotNoun, cause: &str) -> Message {
    Message::new(
        format!("{}; the image does not need this file, because a newer base is usable", unusable(noun, cause)),
        "",
    )
}

pub(super) fn needed_base(noun: SnapshotNoun, cause: &str) -> Message {
    let help =
        "restore the base from a backup; or, if a snapshot is usable, open the image, which makes a new base from it";
    Message::new(unusable(noun, cause), help)
}

pub(super) fn unneeded_base(noun: SnapshotNoun, cause: &str) -> Message {
    let what = format!(
        "{}; the image does not need this file, because the journal begins with event 1",
        unusable(noun, cause)
    );
    Message::new(what, "move the file out of the image")
}

pub(super) fn single_copy_of_base() -> Message {
    Message::new("the second copy of this base is missing; the next opening of the image makes it", "")
}

pub(super) fn missing_base() -> Message {
    Message::new("the base is missing; the next opening of the image makes a base from the snapshot that it loads", "")
}

pub(super) fn missing_start_state() -> Message {
    Message::new(
        "the journal was pruned, and no base or snapshot has the state at its beginning, so the image cannot be opened",
        "restore a base or a snapshot from a backup",
    )
}

// journal/durable

const HELP_WATERMARK: &str = "events may be missing at the end of the journal, and only this file would show it: compare the last \
     event with a record that you keep elsewhere, or restore the whole image from one backup; the next opening of the image writes \
     the file again";

pub(super) fn outdated_watermark() -> Message {
    Message::new(
        "the file is older than the journal: somebody restored one of them from a backup without the other",
        HELP_WATERMARK,
    )
}

pub(super) fn missing_watermark() -> Message {
    Message::new("the file is missing", HELP_WATERMARK)
}

pub(super) fn damaged_watermark() -> Message {
    Message::new("the file is damaged, so it is not known how far the journal was synced", HELP_WATERMARK)
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

const HELP_UNIDENTIFIED: &str =
    "keep the file, because it may be intact; restore a segment from a backup, then check the image again";

// files

pub(super) fn missing_directory() -> Message {
    Message::new("the directory is missing; the next opening of the image creates it", "")
}

pub(super) fn exposed(permissions: &str) -> Message {
    let what = format!("it {permissions}, so other users can change or destroy its content");
    Message::new(what, "make it writable only for the user of the program")
}

pub(super) fn unwritable() -> Message {
    Message::new(
        "this user cannot open it for writing, and therefore cannot open the image",
        "nothing, if another user opens the image; otherwise give this user the permission to write to it, or put the image on a \
         writable file system",
    )
}

pub(super) fn unfinished(is_in_use: bool) -> Message {
    match is_in_use {
        true => Message::new("a process is writing the file", ""),
        false => Message::new("the file was never completed; the next opening of the image removes it", ""),
    }
}

pub(super) fn rewrite_marker() -> Message {
    Message::new("the rewrite that created this image left the file behind", "remove the file if you like")
}

pub(super) fn backup_marker() -> Message {
    Message::new("the directory is a backup that was never opened", "")
}

pub(super) fn backup_staging_marker() -> Message {
    Message::new(
        "the backup that made this copy left the file behind, or is not complete",
        "remove the file if you like",
    )
}

pub(super) fn backup_directory() -> Message {
    Message::new(
        "a backup to this path is being made, or was interrupted",
        "if no backup is being made, make it again, or remove the directory",
    )
}

pub(super) fn unrelated_file() -> Message {
    Message::new("the file does not belong to the image", "if you know what it is, move it out of the image")
}

pub(super) fn rewrite_directory() -> Message {
    Message::new(
        "a rewrite to this path is running, or was interrupted",
        "if no rewrite is running, run it again, or remove the directory",
    )
}

pub(super) fn branch_marker() -> Message {
    Message::new("the branch that created this image left the file behind", "remove the file if you like")
}

pub(super) fn branch_directory() -> Message {
    Message::new(
        "a branch to this path is being created, or was interrupted",
        "if no branch is being created, create it again, or remove the directory",
    )
}

pub(super) fn quarantine(copies: u64, bytes: u64) -> Message {
    let copies = if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") };
    Message::new(
        format!("{copies} of bytes and files that repairs changed or removed ({})", counted(bytes, "byte")),
        "remove the copies when nobody needs them any more; events that a repair removed from the journal may exist only here",
    )
}

pub(super) fn irregular(what: &str) -> Message {
    Message::new(
        format!("it is {what}, so the image cannot be opened"),
        "remove the file's other name, or replace the file by a copy of itself",
    )
}

pub(super) fn damaged_position(name: &str) -> Message {
    Message::new(
        format!("it does not say which events the subscription `{name}` has acknowledged"),
        "restore the file from a backup, or remove the subscription with `journal.unsubscribe` and make it again",
    )
}

pub(super) fn position_beyond_end(name: &str, acknowledged: Seq, last: Seq) -> Message {
    Message::new(
        format!(
            "the subscription `{name}` has acknowledged event {acknowledged}, but the journal ends with event {last}"
        ),
        "find out which event its receiver got last; then remove the subscription with `journal.unsubscribe` and make it again",
    )
}
