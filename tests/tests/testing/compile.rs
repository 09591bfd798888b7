//! Programs of a user's that must, or must not, compile.

use memimage::testing::{compile_fail, compile_pass};

use super::failure;

#[test]
fn programs_that_must_not_compile_do_not() {
    compile_fail("tests/testing/ui/fail/*.rs");
}

#[test]
fn programs_that_must_compile_do() {
    compile_pass("tests/testing/ui/pass/*.rs");
}

#[test]
fn a_program_that_compiles_and_must_not_is_a_failure() {
    let said = failure(|| compile_fail("tests/testing/ui/pass/public_command.rs"));
    assert!(said.contains("1 of 1 tests failed"), "{said}");
}
