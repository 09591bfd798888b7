//! `compile_fail` and `compile_pass` of the testing kit, with programs of a user.

use std::panic::catch_unwind;

use memimage::testing::{compile_fail, compile_pass};

#[test]
fn compile_fail_accepts_programs_that_do_not_compile() {
    compile_fail("testing_kit/fail/*.rs");
}

#[test]
fn compile_pass_accepts_programs_that_compile() {
    compile_pass("testing_kit/pass/*.rs");
}

#[test]
fn compile_fail_rejects_a_program_that_compiles() {
    let panic = catch_unwind(|| compile_fail("testing_kit/pass/public_command.rs")).unwrap_err();
    let message = panic.downcast::<String>().unwrap();
    assert!(message.contains("1 of 1 tests failed"), "{message}");
}
