//! The shape lock: a file beside `Cargo.toml` that contains the shape of each event, so that no shape changes by mistake.
//!
//! A journal outlives the program that wrote it, so recorded events must keep their shapes. The macro compares a model marked
//! `#[memimage::commands(lock)]` with the file `memimage.lock`, which is committed with the source. The file has one line for
//! each version of each event.
//!
//! ```text
//! shop::Bank deposit v1 {account: u32, cents: u64}
//! ```
//!
//! When an argument of a command changes, or any type inside an argument, `cargo check` fails at the command's name. The
//! message shows where the shapes differ, and what to do. When a command is removed, `cargo check` fails at the model's name.
//!
//! ```text
//! error[E0080]: evaluation panicked: deposit v1: payload.cents: u64 in the lock, u32 in this program; help: undo the
//!               change, or raise the version to 2 and add an upcaster; or, if no journal contains the event, remove
//!               line 3 of `memimage.lock` and bless the lock
//!   --> src/lib.rs:14:12
//!    |
//! 14 |     pub fn deposit(&mut self, account: u32, cents: u32) {
//!    |            ^^^^^^^ evaluation of `_` failed here
//! ```
//!
//! `MEMIMAGE_BLESS=1 cargo test --lib` adds new events of a library's model; for a model of another target, use `--bin NAME`,
//! `--example NAME` or `--test NAME`. The error messages contain the command. It compiles only that target, so it works even if
//! another target does not compile. The macro generates a test for each locked model. With `MEMIMAGE_BLESS` set, the test
//! writes the missing lines; otherwise it fails if lines are missing. If no test can run, such as for a model inside a function
//! (rustc warns: `cannot test inner items`), call [`bless`]. Neither the test nor [`bless`] changes an existing line, with one
//! exception: new variants at the end of an enum, which old events cannot contain, are added to the line of the event.
//!
//! A line begins with the crate, so that models of the same name in different crates have different lines: `shop` for the
//! library of a package, `bin/shop` for a program or an example, `test/shop` for an integration test or a benchmark. Two models
//! of the same name in one crate need separate locks: `lock = "path"`. In a doctest, `lock` has no effect.
//!
//! # Renamed and moved models
//!
//! If you rename a model or its crate, or move the model to another crate, change the name in the model's lines by hand. Lines
//! whose model does not exist are an error, and prevent blessing, because blessing would lock the model again under its new
//! name, in its present shapes.
//!
//! - In the lock of a plain `lock`, without a path, the compiler reports lines of any library but the package's.
//! - The test of each locked model, [`bless`] and [`verify`] report lines of a target that the package does not have, and lines
//!   of a model that the target does not have. They search the package's source, so they find a model under a `#[cfg]` in every
//!   build, and a model of an example when only the library is tested.
//!
//! A lock with `lock = "path"` may have lines of several packages. All these packages must refer to the lock, and must be in
//! one workspace or below the directory of the lock.
//!
//! The limits:
//!
//! - A package without locked models reports nothing. Neither does a package to which a model was moved without its lock,
//!   because the model looks new in that package.
//! - Lines are reported only if the files of their target do not contain the model's name outside of comments. A test reports
//!   lines of its own target also if these files contain the name, but define no `struct` or `enum` of that name. Lines are
//!   therefore not reported if their model is no longer locked, or has become an ordinary type.
//! - The search covers the files below the directory of `Cargo.toml`. A model that is defined elsewhere, or by a macro in some
//!   builds only, needs a lock of its own: `lock = "path"`.
//!
//! # Merges
//!
//! Two branches that add events can be merged line by line, with `memimage.lock merge=union` in `.gitattributes`.

mod lock_file;
mod unclaimed;
mod bless;

#[doc(hidden)]
pub use bless::bless_or_verify;
pub use bless::{Blessed, bless, verify};
