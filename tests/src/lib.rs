//! What the tests of memimage share.

pub mod library;
mod local;

pub use local::Local;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
