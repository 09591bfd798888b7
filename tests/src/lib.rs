//! What the tests of memimage share.

mod local;

pub use local::Local;
