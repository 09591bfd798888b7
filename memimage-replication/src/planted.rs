//! Bugs that a test build can contain on purpose, as those of the crate memimage. The suites must catch each; `tests/tests/planted.rs`
//! of the workspace checks that they do.

/// A planted bug, named after the mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A log on object storage appends without the expectation that the position is free.
    #[cfg(feature = "object-store")]
    AppendedWithoutExpectation,
    /// An owner reports an event as shipped while its lease lasts, and not once the log has it.
    LeaseTrusted,
    /// A standby is promoted without a claim in the log.
    PromotedWithoutClaim,
    /// An owner takes an append whose outcome is unknown for a failed one, and sends the entry again at the next position.
    TimeoutTakenForFailure,
    /// A reader of a log does not verify that an entry continues the one before.
    UnverifiedApplied,
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
