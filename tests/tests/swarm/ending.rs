//! How a lifetime ends.

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndKind {
    /// All written data survives.
    Kill,
    /// All synced data survives.
    PowerCut,
}
