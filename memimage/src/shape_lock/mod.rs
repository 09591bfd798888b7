//! The shape lock: a file beside `Cargo.toml` that has the shape of each event, so that no shape changes by mistake.
//!
//! A journal outlives the program that wrote it, so recorded events must keep their shapes. A model marked
//! `#[memimage::commands(lock)]` is compared with the file `memimage.lock`, which is committed with the source. The file has one
//! line for each event and version.
//!
//! ```text
//! shop::Bank deposit v1 {account: u32, cents: u64}
//! ```
//!
//! When an argument of a command changes, or any type inside one, or a command is removed, `cargo check` fails at the
//! command's name. The message says where the shapes differ, and what to do:
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
//! `--example NAME` or `--test NAME`. The messages name the command. It compiles only that target, so it works while another
//! target does not compile. The macro generates a test for each locked model. With `MEMIMAGE_BLESS` set, the test writes the
//! missing lines; otherwise it fails if lines are missing. If no test can run, such as for a model inside a function (rustc
//! warns: `cannot test inner items`), call [`bless`]. Neither changes an existing line, with one exception: new variants at the
//! end of an enum, which old events cannot contain, are added to its line.
//!
//! A line begins with the crate, so that models of the same name in different crates have different lines: `shop` for the
//! library of a package, `bin/shop` for its program or an example, `test/shop` for an integration test or a benchmark. Two
//! models of the same name in one crate need separate locks: `lock = "path"`. In a doctest, `lock` has no effect.
//!
//! # Renamed and moved models
//!
//! If you rename a model or its crate, or move it to another crate, change the name in its lines by hand. Lines without a model
//! are an error, and block blessing, because blessing would lock the model again under its new name, in its present shapes.
//!
//! - The compiler reports lines of another library than the package's, in the lock of a plain `lock`.
//! - The test of each locked model, [`bless`] and [`verify`] report lines of a target that the package does not have, and lines
//!   of a model that the target does not have. They search the package's source, so they find a model under a `#[cfg]` in each
//!   build, and a model of an example when only the library is tested.
//!
//! A lock with `lock = "path"` may have lines of several packages. All of them name it, and are in one workspace or below the
//! directory of the lock.
//!
//! The limits:
//!
//! - A package without locked models reports nothing. Neither does a package to which a model was moved without its lock: the
//!   model is new there.
//! - Lines of a target that is not running are reported only if the target's files do not contain the model's name outside of
//!   comments. Lines of the running target are reported unless the target has a `struct` or `enum` of that name. So lines are
//!   not reported if their model is no longer locked, or has become an ordinary type.
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
