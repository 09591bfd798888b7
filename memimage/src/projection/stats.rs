//! The figures of a projection.

use crate::error::Error;
use crate::seq::Seq;

/// The figures of a projection. See [`Projection::stats`](crate::Projection::stats).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProjectionStats {
    /// The last event that the projection has handled or skipped; 0 before the first event.
    pub seq: Seq,
    /// The number of durable events that it has not handled yet. In another process than the owner's, as far as it has seen.
    pub lag: u64,
    /// The last event in the newest snapshot; `None` if there is no snapshot.
    pub snapshot: Option<Seq>,
    /// Why the last snapshot failed; `None` if it did not. The projection continues, and tries again later.
    pub snapshot_failure: Option<Error>,
    /// The error that stopped the projection, which every query returns; `None` if it has not stopped.
    pub error: Option<Error>,
}
