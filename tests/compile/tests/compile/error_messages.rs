//! Each rule of the macros has a case: one mistake gives one message, at the user's token, with a help.

#[test]
fn each_rule_has_a_message() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
