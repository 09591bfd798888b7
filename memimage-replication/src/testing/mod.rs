//! Tests of logs, and a log for tests.
//!
//! - [`MemoryLog`] is a log in memory. It fails on request: it loses, delays and repeats requests, answers from an old state,
//!   cuts off single handles, and damages entries.

mod random;
mod faults;
mod memory_log;

pub use faults::{Connection, Faults};
pub use memory_log::MemoryLog;
