//! What the tests of memimage share.

mod gate;
pub mod library;
mod local;
mod watchdog;

pub use gate::{Act, Call, Gate, GateDisk};
pub use local::Local;
pub use watchdog::{in_time, until};
