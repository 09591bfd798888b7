//! Bugs that a test build can be given on purpose: one-line mistakes of the kind that cost users of other journals their data.
//! The test suites must catch each of them; `tests/tests/planted.rs` checks that they do.
//!
//! The bugs are compiled only with `--cfg planted`, in a test build. There, the environment variable `MEMIMAGE_PLANTED` names
//! the active bug. In every other build [`planted`] is the constant `false`, and the binary does not even contain the names.

#[cfg(all(planted, not(debug_assertions)))]
compile_error!("`--cfg planted` puts bugs into memimage: it is for builds with debug assertions only");

/// A planted bug, named after the mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A command is answered once its batch is written, before it is synced.
    AnswerBeforeSync,
    /// A command is applied although no space could be reserved for its record.
    AppliedWithoutRoom,
    /// A command runs with the arguments of its caller instead of those that replay will read.
    CallersValueApplied,
    /// The reader does not compare a frame's link to the previous frame with that frame.
    ChainUnchecked,
    /// The reader takes zeros for the end of the journal without looking for evidence that events beyond it were synced.
    CleanBeforeEvidence,
    /// Recovery clears unreadable data that is known to have been synced, as if it were a torn write.
    DamageTakenForTorn,
    /// A child made by `fork` closes its parent's image when it drops its copy.
    ClosedInForkedChild,
    /// A state that is deeper than the limit gets a digest and a snapshot.
    DeepStateAccepted,
    /// The digest of a snapshot is recorded before a replay verified the snapshot.
    DigestBeforeVerification,
    /// Directories are not synced.
    DirectoryNotSynced,
    /// A replay that contradicts the journal is an error even if replay from an older state does not.
    DivergedSnapshotTrusted,
    /// The writer does not advance the durable seq after a sync.
    DurableSeqStale,
    /// A failed sync is retried once, and the result of the retry is trusted.
    FailedSyncRetried,
    /// A snapshot of another timeline of the image is believed.
    ForeignTimelineBelieved,
    /// The reader accepts a frame header without verifying its checksum.
    HeaderChecksumSkipped,
    /// A frame names the frame before it by a checksum that does not depend on its content.
    LinkWithoutContent,
    /// Retention by a period believes one reading of the wall clock.
    PrunedOnOneReading,
    /// Pruning removes segments before the base that replaces them is synced.
    PrunedBeforeBaseIsSynced,
    /// A refusal is returned before the events it depends on are synced.
    RefusalNotWaitedFor,
    /// An interrupted repair cannot be repeated.
    RepairOnlyOnce,
    /// The writer starts the next segment before the previous one is completely synced.
    SegmentEnteredUnsynced,
    /// A short write counts as complete.
    ShortWriteIgnored,
    /// A snapshot gets its final name although it cannot be loaded.
    SnapshotNamedUnloaded,
    /// A snapshot gets its final name before its contents are synced.
    SnapshotNamedUnsynced,
    /// A torn frame is not cleared, and new frames are written over it.
    TornTailLeft,
    /// Opening an image does not rewrite data that may not be on disk.
    UnprovenNotWrittenAgain,
    /// The digest of an opaque map or set depends on its order although it is declared unordered.
    UnorderedHashedInOrder,
    /// The panic of a waker ends the thread that writes for all callers.
    WakerPanicUncaught,
    /// Threads that wait for a batch are not notified when the image is poisoned.
    WaitersNotNotified,
}

/// Whether this bug is active.
#[cfg(not(planted))]
#[inline(always)]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

/// Whether this bug is active.
#[cfg(planted)]
pub(crate) fn planted(bug: Bug) -> bool {
    static ACTIVE: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("MEMIMAGE_PLANTED").unwrap_or_default());
    !ACTIVE.is_empty() && *ACTIVE == format!("{bug:?}")
}
