//! User programs that must or must not compile.

use memimage::testing::{compile_fail, compile_pass};

use super::failure;

#[test]
fn compile_fail_accepts_programs_that_do_not_compile() {
    compile_fail("tests/testing/ui/fail/*.rs");
}

#[test]
fn compile_pass_accepts_programs_that_compile() {
    compile_pass("tests/testing/ui/pass/*.rs");
}

#[test]
fn compile_fail_rejects_a_program_that_compiles() {
    let message = failure(|| compile_fail("tests/testing/ui/pass/public_command.rs"));
    assert!(message.contains("1 of 1 tests failed"), "{message}");
}
