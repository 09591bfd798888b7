//! Each rule of the macros has a case: one mistake gives one message, at the user's token, with a help.

#[test]
fn each_rule_has_a_message() {
    memimage::testing::compile_fail("ui/*.rs");
}
