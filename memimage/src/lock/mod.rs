//! The shape lock: a file beside `Cargo.toml` that holds the shape of each event, so that one cannot change by mistake.
//!
//! A journal outlives the program that wrote it, and its events must keep the shapes they were written with. A model marked
//! `#[memimage::commands(lock)]` is held to a file, `memimage.lock`, which is committed with the source: one line an event
//! and version.
//!
//! ```text
//! shop::Bank deposit v1 {account: u32, cents: u64}
//! ```
//!
//! When an argument of a command changes, or any type inside one, or a command is removed, `cargo check` fails at the
//! command's name and says where the shapes part, and what to do:
//!
//! ```text
//! error[E0080]: evaluation panicked: deposit v1: payload.cents: u64 in the lock, u32 here; raise its version to 2 and add
//!               an upcaster, or undo the change
//!   --> src/lib.rs:14:12
//!    |
//! 14 |     pub fn deposit(&mut self, account: u32, cents: u32) {
//!    |            ^^^^^^^ evaluation of `_` failed here
//! ```
//!
//! What is new is added by `MEMIMAGE_BLESS=1 cargo test`: with each locked model comes a test that then writes the lines
//! that are missing, and at any other time fails if some are. Where no test runs, such as for a model of an example or one
//! inside a function (of which rustc warns: `cannot test inner items`), call [`bless`]. Neither ever changes a line that is there, with one exception: variants that were appended to an enum,
//! which old events cannot hold, are added to its text.
//!
//! A line begins with the crate: `shop` for the library of a package, `bin/shop` for its program and for an example,
//! `test/shop` for an integration test or a benchmark, so that models of the same name have lines of their own. Two models
//! of the same name in one crate need a lock each: `lock = "path"`. A renamed model, or one that moved to another crate,
//! keeps its lines once the name in them is changed. In a doctest `lock` does nothing.
//!
//! Two branches that add events may be merged line by line; `memimage.lock merge=union` in `.gitattributes` does it.

mod bless;
mod claim;
mod line;

#[doc(hidden)]
pub use bless::bless_or_verify;
pub use bless::{Blessed, bless, verify};
