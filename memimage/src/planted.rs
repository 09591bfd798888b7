//! Bugs that a test build can contain on purpose. Each bug is a one-line mistake of a kind that made other journals lose their
//! users' data. The test suites must catch each bug; `tests/tests/planted.rs` checks that they do.
//!
//! The bugs are compiled only with `--cfg planted`, in a test build. In such a build, the environment variable
//! `MEMIMAGE_PLANTED` selects the active bug. In every other build [`planted`] returns the constant `false`, and the binary
//! does not even contain the names of the bugs.

#[cfg(all(planted, not(debug_assertions)))]
compile_error!("`--cfg planted` puts bugs into memimage: it is for builds with debug assertions only");

/// A planted bug, named after the mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A named subscription acknowledges an event before it returns the event.
    AcknowledgedBeforeDelivery,
    /// A command of an image whose answers wait for the log is answered once its batch is synced to the local disk.
    AnswerBeforeRemote,
    /// A command is answered once its batch is written, before the batch is synced.
    AnswerBeforeSync,
    /// A command is applied although no space could be reserved for its record.
    AppliedWithoutRoom,
    /// A backup records how far it goes before it contains the events.
    BackupInWrongOrder,
    /// A backup removes a state that it needs, because the owner of the image has removed it meanwhile.
    BackupPrunedByNewReading,
    /// A branch gets its final name although its replay was not compared with the computed state.
    BranchUnverified,
    /// A command runs with the caller's arguments instead of the arguments that replay will decode.
    CallersValueApplied,
    /// The reader does not check that a frame contains the hash of the frame before it.
    ChainUnchecked,
    /// The reader treats zeros as the end of the journal without looking for evidence that later events were synced.
    CleanBeforeEvidence,
    /// Recovery clears unreadable data that is known to have been synced, as if it were a torn write.
    DamageTakenForTorn,
    /// A child made by `fork` closes its parent's image when the child drops its copy of the image.
    ClosedInForkedChild,
    /// A state that is deeper than the limit gets a digest and a snapshot.
    DeepStateAccepted,
    /// The journal records the digest of a snapshot before a replay has verified the snapshot.
    DigestBeforeVerification,
    /// A replica that differs from the running state counts as equal to it.
    DisagreementIgnored,
    /// Directories are not synced.
    DirectoryNotSynced,
    /// If replay from a snapshot contradicts the journal, recovery fails instead of replaying from an older state.
    DivergedSnapshotTrusted,
    /// The writer does not advance the durable seq after a sync.
    DurableSeqStale,
    /// An import does not compare the checksum in the last line of an export with the lines.
    #[cfg(feature = "admin")]
    ExportChecksumIgnored,
    /// A failed sync is retried once, and the result of the retry is trusted.
    FailedSyncRetried,
    /// A reader of the history passes a recorded gap without saying so.
    GapPassedSilently,
    /// Recovery accepts a snapshot of another timeline of the image.
    ForeignTimelineBelieved,
    /// The reader accepts a frame header without verifying its checksum.
    HeaderChecksumSkipped,
    /// A new image gets its final name in an existing directory before the names of its states are synced.
    ImageNamedUnsynced,
    /// An import accepts an event whose seq does not follow the seq before it.
    #[cfg(feature = "admin")]
    ImportSkipsSeq,
    /// The key of a request is remembered in memory and in snapshots once its answer is known, but replay does not remember it.
    KeyRememberedAfterAnswer,
    /// The hash that links a frame to the previous frame covers only the previous frame's header, not its content.
    LinkWithoutContent,
    /// A follower becomes the owner without taking the lock.
    PromotedUnlocked,
    /// A single reading of the wall clock decides which events are older than the retention period.
    PrunedOnOneReading,
    /// Pruning relies on a base from which alone the newest state was replayed.
    PrunedUnproven,
    /// Pruning removes segments before the base that replaces them is synced.
    PrunedBeforeBaseIsSynced,
    /// A refusal is returned before the events on which the refusal depends are synced.
    RefusalNotWaitedFor,
    /// An interrupted repair cannot be repeated.
    RepairOnlyOnce,
    /// The old version of a projection is removed although the new version has no snapshot yet.
    OldProjectionRemovedFirst,
    /// The writer starts the next segment before the previous one is completely synced.
    SegmentEnteredUnsynced,
    /// A view shows the replica as it is, without the newest events.
    StaleReplicaViewed,
    /// A write that wrote only some of its bytes counts as complete.
    ShortWriteIgnored,
    /// A snapshot gets its final name although it cannot be loaded.
    SnapshotNamedUnloaded,
    /// A snapshot gets its final name before its contents are synced.
    SnapshotNamedUnsynced,
    /// A torn frame is not cleared, and new frames are written over it.
    TornTailLeft,
    /// Opening an image does not rewrite data at the end of the journal, although nothing proves that this data was synced.
    UnprovenNotWrittenAgain,
    /// A reader in another process takes written events for synced ones.
    UnsyncedFollowed,
    /// The digest of an opaque map or set depends on the order of the items, although the type is declared unordered.
    UnorderedHashedInOrder,
    /// The panic of a waker ends the thread that writes for all callers.
    WakerPanicUncaught,
    /// When the image is poisoned, only the first of the callers that wait for a batch is notified.
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
