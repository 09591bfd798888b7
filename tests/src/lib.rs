//! What the tests of memimage share.

pub mod library;
mod local;

pub use local::Local;
