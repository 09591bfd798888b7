//! Lines of the lock that the program cannot replay, where it replays another version of the event. The hint depends on the
//! versions that it replays.

use expect_test::expect;

use super::package::{self, Package};

const SHOP: &str = "\
shop::Bank deposit v1 {_account: u32, _money: list<{cents: u32}>}
shop::Bank order v1 {_side: enum {Bid, Ask}}
shop::Bank order v2 {_side: enum {Bid, Ask}}
shop::Bank \"to close\" v1 {_account: u32}
";

#[test]
fn a_version_before_a_replay_only_command_goes_into_its_history() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "before-replay-only");
    shop.write("memimage.lock", SHOP);
    let replay_only = "#[command(version = 2, oldest = 2, replay_only)]\n    pub fn order";
    shop.edit("src/lib.rs", "#[command]\n    pub fn order", replay_only);
    expect![[r#"src/lib.rs:37:6: error[E0080]: evaluation panicked: order v1 is in the lock, but this block cannot replay it; help: list its past type in the `history(…)` of the later version; or keep the command with `#[command(name = "order", version = 1, replay_only)]`; or, if no journal contains the event, remove line 2 of `memimage.lock`: evaluation of `_` failed here"#]].assert_eq(&shop.check());
}

#[test]
fn a_version_after_a_replay_only_command_is_kept() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "after-replay-only");
    shop.write("memimage.lock", SHOP);
    shop.edit("src/lib.rs", "#[command]\n    pub fn order", "#[command(replay_only)]\n    pub fn order");
    expect![[r#"src/lib.rs:37:6: error[E0080]: evaluation panicked: order v2 is in the lock, but this block cannot replay it; help: keep the command with `#[command(name = "order", version = 2, replay_only)]`; or, if no journal contains the event, remove line 3 of `memimage.lock`: evaluation of `_` failed here"#]].assert_eq(&shop.check());
}

#[test]
fn a_version_after_those_of_all_groups_is_kept() {
    let _alone = package::alone();
    let bank = Package::copy("groups", "after-groups");
    bank.write(
        "memimage.lock",
        "shop::Bank deposit v1 {_account: u32}\nshop::Bank hire v1 {_name: string}\nshop::Bank hire v2 {_name: string}\n",
    );
    expect![[r#"src/lib.rs:8:12: error[E0080]: evaluation panicked: hire v2 is in the lock, but no group of commands can replay it; help: keep the command with `#[command(name = "hire", version = 2, replay_only)]`; or, if no journal contains the event, remove its line: evaluation of `_` failed here"#]].assert_eq(&bank.check());
}
