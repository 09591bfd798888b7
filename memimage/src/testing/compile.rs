//! Programs that must not compile, and such as must.

use std::path::Path;

/// Makes sure that each of these programs is refused by the compiler, with the messages that stand beside it. Under the feature
/// `compile-fail`.
///
/// For what your own types and modules promise about your model: that a command is not public, that an old payload cannot
/// be made any more, that a mistake gives a good message. Each file is a program of its own that uses your package by its
/// name, with a `fn main`:
///
/// ```no_run
/// #[test]
/// fn what_must_not_compile() {
///     memimage::testing::compile_fail("tests/ui/*.rs");
/// }
/// ```
///
/// This is [trybuild](https://docs.rs/trybuild)'s doing. The messages of `tests/ui/a.rs` stand in `tests/ui/a.stderr`;
/// `TRYBUILD=overwrite cargo test` writes them anew, for you to read the difference. The programs are built with `cargo
/// --offline` with what your package and its tests depend on, so all that must have been fetched before: `cargo fetch` does
/// it, and so does any build. They are built in a package that trybuild makes below `target/tests`, where no
/// `memimage.lock` is: a locked model belongs into your library, and the programs use it from there.
///
/// # Panics
///
/// If a program compiles, or is refused with other messages.
pub fn compile_fail(programs: impl AsRef<Path>) {
    trybuild::TestCases::new().compile_fail(programs);
}

/// Makes sure that each of these programs compiles and runs to its end.
///
/// As [`compile_fail`], and under the same feature; it shows that what must not compile is not refused for some other reason.
///
/// # Panics
///
/// If a program is refused by the compiler, or fails when it is run.
pub fn compile_pass(programs: impl AsRef<Path>) {
    trybuild::TestCases::new().pass(programs);
}
