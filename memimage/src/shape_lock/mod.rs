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
//! What is new is added by `MEMIMAGE_BLESS=1 cargo test --lib` for a model of a library, and by `cargo test` with `--bin NAME`,
//! `--example NAME` or `--test NAME` for a model of another target; the messages name the command. It compiles that target
//! alone, so it works while another one does not compile. With each locked model comes a test that then writes the lines that
//! are missing, and at any other time fails if some are. Where no test runs, such as for a model inside a function (of which
//! rustc warns: `cannot test inner items`), call [`bless`]. Neither ever changes a line that is there, with one exception:
//! variants that were appended to an enum, which old events cannot hold, are added to its text.
//!
//! A line begins with the crate: `shop` for the library of a package, `bin/shop` for its program and for an example,
//! `test/shop` for an integration test or a benchmark, so that models of the same name have lines of their own. Two models
//! of the same name in one crate need a lock each: `lock = "path"`. In a doctest `lock` does nothing.
//!
//! # Renamed and moved models
//!
//! A model that was renamed, whose crate was renamed, or that moved to another crate keeps its lines once the name in them is
//! changed by hand. Lines that no model claims are an error, and while they stand nothing is blessed: under its new name the
//! model would be locked anew, in whatever shapes it has by then.
//!
//! - The compiler reports lines of another library than the package's, in the lock that is named by `lock` alone.
//! - The test of each locked model, [`bless`] and [`verify`] report lines of a target that the package does not have, and lines
//!   of a model that is not in the target. Whether it is, they read in the package's source, so that a model under a `#[cfg]`
//!   counts in each build, and a model of an example counts when only the library is tested.
//!
//! A lock that is named by `lock = "path"` may have lines of several packages. All of them name it so, and are in one workspace
//! or below the directory of the lock.
//!
//! The limits:
//!
//! - A package in which no model is locked any more reports nothing, nor does a package from which the lock was not taken along:
//!   the model is new there.
//! - Lines of another target than the one that runs are reported only once the target's files do not have the model's name any
//!   more, other than in comments. Lines of the same target are reported unless there is a `struct` or `enum` of that name, so a
//!   model that is no longer locked, or lives on as an ordinary type, keeps its lines.
//! - The source is what is below the directory of `Cargo.toml`. A model that is defined elsewhere, or by a macro in some builds
//!   only, needs a lock of its own: `lock = "path"`.
//!
//! # Merges
//!
//! Two branches that add events may be merged line by line; `memimage.lock merge=union` in `.gitattributes` does it.

mod line;
mod claim;
mod bless;

#[doc(hidden)]
pub use bless::bless_or_verify;
pub use bless::{Blessed, bless, verify};
