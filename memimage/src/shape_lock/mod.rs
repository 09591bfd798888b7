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
//! When an argument of a command changes, or a type inside an argument changes, `cargo check` fails at the command's name. The
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
//! `--example NAME` or `--test NAME`. The error messages show the complete `cargo test` command for the model's target. The
//! command compiles only that target, so it works even if another target does not compile. The macro generates a test for each
//! locked model. With `MEMIMAGE_BLESS` set, the test writes the missing lines; otherwise it fails if lines are missing. The
//! test of a model inside a function cannot run (rustc warns: `cannot test inner items`). For a model inside a function, call
//! [`bless`] yourself. Neither the test nor [`bless`] changes an existing line, with one exception: new variants at the end of
//! an enum, which old events cannot contain, are added to the line of the event.
//!
//! A line begins with the crate: `shop` for the library of a package, `bin/shop` for a program or an example, `test/shop` for
//! an integration test or a benchmark. Models of the same name in different crates therefore have different lines. Two models
//! of the same name in one crate need separate locks: `lock = "path"`. In a doctest, `lock` has no effect.
//!
//! # Renamed and moved models
//!
//! If you rename a model or its crate, or move the model to another crate, change the name in the model's lines by hand. Lines
//! whose model does not exist are an error and prevent blessing: blessing would lock a renamed model again, under its new name
//! and in its present shapes.
//!
//! - If a model of a library has a plain `lock`, without a path, the compiler reports all lines that name another library.
//! - [`bless`], [`verify`] and the generated tests report lines of a target that the package does not have, and lines of a
//!   model that the target does not have. These checks search the package's source, and therefore find a model under a `#[cfg]`
//!   in every build, and a model of an example even when only the library is tested.
//!
//! A lock with `lock = "path"` may have lines of several packages. Each package that has lines in the lock must refer to it,
//! and all these packages must be in one workspace or below the lock's directory.
//!
//! The search for lines whose model does not exist has limits:
//!
//! - A package without locked models reports nothing. If a model was moved to another package without its lock, that package
//!   reports nothing either, because the model looks new there.
//! - Lines are reported only if the files of their target do not contain the model's name outside of comments. A generated test
//!   is stricter with the lines of its own target: it also reports a line if the target's files contain the model's name but
//!   define no `struct` or `enum` of that name. Lines of a model that is no longer locked, or that has become an ordinary type,
//!   are therefore not reported.
//! - The search covers the files below the directory of `Cargo.toml`. A model that is defined in other files, or by a macro in
//!   some builds only, needs a lock of its own: `lock = "path"`.
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
