//! Writes the journal: segments, group commit, the running journal, and the repair of its tail before new frames are
//! appended.

// each module uses only the modules above it
pub(super) mod tail_repair;
pub(super) mod segment_builder;
pub(super) mod waking;
pub(super) mod durability_watch;
pub(super) mod ticket;
pub(super) mod space_reservation;
pub(super) mod batch;
pub(super) mod durability;
pub(super) mod commit;
#[cfg(all(test, shuttle))]
mod shuttle_tests;
pub(super) mod create;
pub(super) mod rebuild;
pub(super) mod preallocate;
pub(super) mod writer;
pub(super) mod running;
pub(super) mod resume;
