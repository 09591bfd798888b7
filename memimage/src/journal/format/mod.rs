//! The journal as bytes: encoding and decoding of segments, frames and records, and the classification of unreadable bytes.
//!
//! No module of `format` does I/O or depends on a model. `tests/tests/architecture.rs` enforces this.

// each module uses only the modules above it
pub(super) mod zeros;
pub(super) mod whitening;
pub(super) mod protection;
pub(super) mod frame;
pub(super) mod segment;
pub(super) mod record;
pub(super) mod resync;
pub(super) mod torn_write;
pub(super) mod shape_table;
pub(super) mod genesis;
pub(super) mod prune;
pub(super) mod gap;
pub(super) mod void;
pub(super) mod time_correction;
pub(super) mod timeline;
pub(super) mod watermark;
pub(super) mod acknowledgement;
pub(super) mod frames;
