//! The report of a backup.

use std::path::PathBuf;
use std::time::Duration;

use crate::seq::Seq;

/// The result of a [`backup`](super::backup()).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The last event in the backup.
    pub seq: Seq,
    /// The number of events in the backup's journal. The events before the base of a pruned journal do not count.
    pub events: u64,
    /// The last event in the earlier backup that this backup continued; `None` if the backup is new.
    pub continued: Option<Seq>,
    /// The bytes that were copied: the lengths of the files.
    pub bytes_copied: u64,
    /// The bytes that the backup shares with the image: the file system stores them once until one of the two files is changed
    /// (a reflink).
    pub bytes_shared: u64,
    /// The bytes of the earlier backup's files that stayed as they were.
    pub bytes_reused: u64,
    /// Each snapshot and each copy of a base of the image that is unreadable or damaged, with the reason. It is not in the backup,
    /// except as an earlier backup has it.
    pub unusable_snapshots: Vec<(PathBuf, String)>,
    /// The duration of the backup, including its verification.
    pub duration: Duration,
}
