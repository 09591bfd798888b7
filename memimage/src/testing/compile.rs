//! Tests of programs that must not compile, or must compile.

use std::path::Path;

/// Checks that the compiler rejects each of these programs, with the messages in the file beside the program. This function
/// requires the feature `compile-fail`.
///
/// Use this function to test the guarantees of your own types and modules: that a command is not public, that nobody can
/// construct an old payload, that a mistake has a good message. Each file is a separate program that uses your package by its
/// name, with a `fn main`:
///
/// ```no_run
/// #[test]
/// fn these_programs_do_not_compile() {
///     memimage::testing::compile_fail("tests/ui/*.rs");
/// }
/// ```
///
/// The function uses [trybuild](https://docs.rs/trybuild). The messages of `tests/ui/a.rs` are in `tests/ui/a.stderr`.
/// `TRYBUILD=overwrite cargo test` overwrites these messages; review the difference. The programs are built with `cargo
/// --offline` and the dependencies of your package and its tests, which `cargo fetch` or any build must have fetched before.
/// trybuild builds the programs in a package below `target/tests`. This package has no `memimage.lock`, so define a locked
/// model in your library, and use it from the programs.
///
/// # Panics
///
/// Panics if a program compiles, or fails with other messages.
pub fn compile_fail(programs: impl AsRef<Path>) {
    trybuild::TestCases::new().compile_fail(programs);
}

/// Checks that each of these programs compiles and runs without a panic.
///
/// This function requires the feature `compile-fail`. If one of these programs and a program of [`compile_fail`] differ only in
/// a mistake, the two checks together show that this mistake is what the compiler rejects.
///
/// # Panics
///
/// Panics if a program does not compile, or fails when it runs.
pub fn compile_pass(programs: impl AsRef<Path>) {
    trybuild::TestCases::new().pass(programs);
}
