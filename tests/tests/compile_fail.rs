//! Each rule of the macros once: one mistake gives one message, on the user's token, that says the mend.

#[test]
fn each_rule_has_its_message() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
