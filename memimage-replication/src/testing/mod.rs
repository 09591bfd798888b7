//! Tests of logs, and a log for tests.
//!
//! - [`conformance`] is the suite that every [`RemoteLog`](crate::RemoteLog) must pass.
//! - [`MemoryLog`] is a log in memory. It fails on request: it loses, delays and repeats requests, answers from an old state,
//!   cuts off single handles, and damages entries.

pub(crate) mod random;
mod faults;
mod memory_log;
mod conformance;

pub use conformance::{OpenLog, Violation, conformance, violations};
pub use faults::{Connection, Faults};
pub use memory_log::MemoryLog;
