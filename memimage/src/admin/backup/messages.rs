//! The messages of a backup.

use std::path::PathBuf;

use crate::seq::Seq;

// why a directory cannot take a backup of an image

pub(super) const NO_BACKUP: &str =
    "the directory contains an image that is not a backup, or a backup that was opened after it was made";
pub(super) const HELP_NO_BACKUP: &str =
    "give a directory that does not exist yet; to look into a backup without ending it, open a copy of it";
pub(super) const OTHER_IMAGE: &str = "the directory contains a backup of another image";
pub(super) const HELP_OTHER_DIRECTORY: &str = "give another directory, or one that does not exist yet";
pub(super) const HELP_NEWER: &str = "if the image is open, make the backup again once its owner has synced more; if the image was restored from an older copy, give \
     another directory, or one that does not exist yet";
pub(super) const HELP_OTHER_TIMELINE: &str =
    "find out which of the two histories you need, and back the image up to a directory that does not exist yet";
pub(super) const HELP_TOO_OLD: &str =
    "back the image up to a directory that does not exist yet, and do so more often than the image is pruned";

pub(super) fn other_timeline(seq: Seq) -> String {
    format!(
        "the directory contains a backup of another timeline of the image: the two histories differ at or before event {seq}, with \
         which the backup ends"
    )
}

pub(super) fn newer(seq: Seq, last: Seq) -> String {
    match seq == last {
        false => {
            format!(
                "the directory contains a newer backup: the backup ends with event {seq}, and the image with event {last}"
            )
        }
        true => format!(
            "the directory contains a newer backup: both end with event {seq}, but behind it the backup has frames without events, such \
             as decisions and digests, and the image does not"
        ),
    }
}

pub(super) fn too_old(seq: Seq) -> String {
    format!(
        "the image was pruned, and the events that follow event {seq}, with which the backup ends, are no longer in it"
    )
}

// why an image cannot be backed up

pub(super) const CHANGING: &str = "its owner removed files again and again before they were copied";
pub(super) const HELP_CHANGING: &str = "make the backup in the program that has the image open, by `image.admin().backup(…)`: meanwhile the image removes no files";

pub(super) fn no_start(unusable: &[(PathBuf, String)]) -> String {
    let each: Vec<String> = unusable.iter().map(|(path, what)| format!("`{}`: {what}", path.display())).collect();
    format!(
        "its first events were pruned, and no snapshot or base from which its journal can start is readable: {}",
        each.join("; ")
    )
}

pub(super) const HELP_NO_START: &str =
    "run `memimage::admin::check`, and keep the earlier backups; if the image is open, make a snapshot first";

// why a new backup is damaged

pub(super) const NOT_THE_SAME: &str = "the copy differs from the original";
pub(super) const NO_START: &str = "no snapshot or base from which the journal can start is intact";
pub(super) const NO_BACKUP_MADE: &str = "no backup was made";
pub(super) const EARLIER_UNCHANGED: &str = "the earlier backup is unchanged";
pub(super) const EARLIER_CONTINUED: &str =
    "the files that this backup added are equal to those of the image, so the damage is older";

pub(super) fn wrong_end(found: Seq, expected: Seq) -> String {
    format!("the copy ends with event {found} instead of event {expected}")
}

/// The text in the file that marks a backup, for people.
pub(super) const MARKER_TEXT: &str = "This directory is a backup of an image. A later backup of the same image may continue it. \
Opening it makes it an image of its own, and removes this file; to keep the backup, open a copy of the directory.\n";

/// The text in the file that marks the staging directory, for people.
pub(super) const STAGING_TEXT: &str = "A backup is being made in this directory. If no such process is running, the backup was \
interrupted: make it again, or remove the directory.\n";
