//! Bugs to be planted: one-line mistakes of the kind that cost other journals their users' data. The suites must catch each
//! of them, and `tests/tests/planted.rs` holds them to that.
//!
//! They are in the library only where it is compiled with `--cfg planted`, in a test build, and there the environment
//! variable `MEMIMAGE_PLANTED` names the one that is in force. Everywhere else [`planted`] is a constant, `false`, and not
//! even their names are in the binary.

#[cfg(all(planted, not(debug_assertions)))]
compile_error!("`--cfg planted` puts bugs into memimage: it is for builds with debug assertions only");

/// A bug, by the line that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// An answer is given once its batch is written, before it is synced.
    AnswerBeforeSync,
    /// A command is applied, and then there is no room for its record.
    AppliedWithoutRoom,
    /// The frame before is not compared with the one that a frame says it follows.
    ChainUnchecked,
    /// Zeros are believed to be the end before anything is asked that was synced beyond.
    CleanBeforeEvidence,
    /// What is known to have been synced and cannot be read is cleared as if a crash had cut it short.
    DamageTakenForTorn,
    /// Directories are not synced.
    DirectoryNotSynced,
    /// What was synced is never said to be.
    DurableSeqStale,
    /// A sync that failed is tried once more, and believed.
    FailedSyncRetried,
    /// A frame's header is believed whatever its checksum.
    HeaderChecksumSkipped,
    /// The journal is pruned before the base that stands in for what is removed is synced.
    PrunedBeforeBaseIsSynced,
    /// A refusal is told before that on which it rested is synced.
    RefusalNotWaitedFor,
    /// A repair that was cut short cannot be done again.
    RepairOnlyOnce,
    /// The next segment is entered before all of the one before it is synced.
    SegmentEnteredUnsynced,
    /// A write that was cut short counts as done.
    ShortWriteIgnored,
    /// A snapshot gets its name before its bytes are synced.
    SnapshotNamedUnsynced,
    /// What a crash left of a frame stays, and frames are written over it.
    TornTailLeft,
    /// What nothing proves to be on disk is not written again when an image is opened.
    UnprovenNotWrittenAgain,
    /// Who waits for a batch is not told when the image is poisoned.
    WaitersNotTold,
}

/// Whether this bug is in force.
#[cfg(not(planted))]
#[inline(always)]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

/// Whether this bug is in force.
#[cfg(planted)]
pub(crate) fn planted(bug: Bug) -> bool {
    static CHOSEN: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("MEMIMAGE_PLANTED").unwrap_or_default());
    !CHOSEN.is_empty() && *CHOSEN == format!("{bug:?}")
}
