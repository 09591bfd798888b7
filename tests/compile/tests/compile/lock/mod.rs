//! The shape lock: cargo compiles and tests copies of the packages in `tests/compile/lock/`.

mod claims;
mod package;
mod unreplayable;

use std::process::{Command, Stdio};

use self::package::Package;
use expect_test::expect;

#[test]
fn the_life_of_a_locked_model() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "life");

    // without a lock
    expect!["src/lib.rs:36:22: error[E0080]: evaluation panicked: no lock at `[shop]/memimage.lock`; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to create it, and commit it: evaluation of `_` failed here"].assert_eq(&shop.check());

    // blessed: by the tests, and by the example that has none
    shop.test(true);
    let output = shop.cargo(&["run", "--quiet", "--example", "show"], true);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "deposit v1\n", "{output:?}");
    expect![[r##"
        # The shapes of events, written by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. Edit it by hand
        # only to change the name of a renamed model, or to remove lines whose events no journal contains any more.
        bin/shop::Bank deposit v1 {_by_the_program: u8}
        bin/show::Bank deposit v1 {_by_the_example: bool}
        shop::Bank deposit v1 {_account: u32, _money: list<{cents: u32}>}
        shop::Bank order v1 {_side: enum {Bid, Ask}}
        shop::Bank "to close" v1 {_account: u32}
        test/shop::Bank deposit v1 {_by_the_test: u16}
    "##]].assert_eq(&shop.read("memimage.lock"));
    let committed = shop.read("memimage.lock");
    assert_eq!(
        shop.errors(&shop.cargo(&["check", "--quiet", "--message-format", "short", "--all-targets"], false)),
        ""
    );
    shop.test(false);

    // a field changed in a type inside an argument
    let source = shop.edit("src/lib.rs", "cents: u32", "cents: u64");
    expect!["src/lib.rs:39:12: error[E0080]: evaluation panicked: deposit v1: payload._money[].cents: u32 in the lock, u64 in this program; help: undo the change, or raise the version to 2 and add an upcaster; or, if no journal contains the event, remove line 5 of `memimage.lock` and bless the lock: evaluation of `_` failed here"].assert_eq(&shop.check());
    // which no blessing accepts
    expect![[r#"
        the shape lock `[shop]/memimage.lock` and this program differ; nothing was changed:
          - deposit v1: payload._money[].cents: u32 in the lock, u64 in this program
        help: give each changed event a new version, or undo the change"#]]
    .assert_eq(&shop.failing_test(true));
    assert_eq!(shop.read("memimage.lock"), committed);
    shop.write("src/lib.rs", &source);
    assert_eq!(shop.check(), "");

    // a parameter renamed
    shop.edit("src/lib.rs", "_money: Vec", "_amount: Vec");
    expect!["src/lib.rs:39:12: error[E0080]: evaluation panicked: deposit v1: payload._money: renamed to _amount in this program; help: undo the change, or raise the version to 2 and add an upcaster; or, if no journal contains the event, remove line 5 of `memimage.lock` and bless the lock: evaluation of `_` failed here"].assert_eq(&shop.check());

    // a command removed, and kept for replay
    shop.write("src/lib.rs", &source.replace("#[command(name = \"to close\")]", ""));
    expect![[r#"src/lib.rs:37:6: error[E0080]: evaluation panicked: to close v1 is in the lock, but this block cannot replay it; help: list its past types on the block with `retired(name = "to close", history(…))`; or keep the command with `#[command(name = "to close", version = 1, replay_only)]`; or, if no journal contains the event, remove line 7 of `memimage.lock`: evaluation of `_` failed here"#]].assert_eq(&shop.check());
    let retired = source.replace("name = \"to close\"", "name = \"to close\", replay_only");
    shop.write("src/lib.rs", &retired);
    assert_eq!(shop.check(), "");
    shop.edit("src/lib.rs", "shut(&mut self, _account: u32)", "shut(&mut self, _account: u8)");
    expect!["src/lib.rs:44:12: error[E0080]: evaluation panicked: to close v1: payload._account: u32 in the lock, u8 in this program; help: undo the change, because a `replay_only` command must keep its shape: evaluation of `_` failed here"].assert_eq(&shop.check());

    // and retired, its past type in place of a method
    let shut = "    #[command(name = \"to close\")]\n    pub fn shut(&mut self, _account: u32) {\n        self.orders += 1;\n    }\n\n";
    let past = "#[derive(Deserialize, Shape)]\nstruct ShutV1 {\n    _account: u32,\n}\n\n#[memimage::upcast]\nfn shut(_: ShutV1) {}\n\n";
    let block = "\n#[memimage::commands(lock)]\nimpl";
    let retired = "\n#[memimage::commands(lock, retired(name = \"to close\", history(ShutV1)))]\nimpl";
    assert!(source.contains(shut) && source.contains(block));
    let retired = source.replace(shut, "").replace(block, &(past.to_owned() + retired));
    shop.write("src/lib.rs", &retired);
    assert_eq!(shop.check(), "");
    shop.test(false);
    shop.test(true);
    assert_eq!(shop.read("memimage.lock"), committed);
    shop.edit("src/lib.rs", "ShutV1 {\n    _account: u32", "ShutV1 {\n    _account: u8");
    expect!["src/lib.rs:44:63: error[E0080]: evaluation panicked: to close v1: payload._account: u32 in the lock, u8 in this program; help: undo the change of `ShutV1`, because a past version must keep its shape: evaluation of `_` failed here"].assert_eq(&shop.check());
    shop.write("src/lib.rs", &retired.replace("history(ShutV1)", "oldest = 2, history(ShutV1)"));
    expect![[r#"src/lib.rs:45:6: error[E0080]: evaluation panicked: to close v1 is in the lock, but this block cannot replay it; help: add its past type to the history of `retired(name = "to close", …)`; or keep the command with `#[command(name = "to close", version = 1, replay_only)]`; or, if no journal contains the event, remove line 7 of `memimage.lock`: evaluation of `_` failed here"#]].assert_eq(&shop.check());

    // its method renamed
    shop.write("src/lib.rs", &source.replace("fn order", "fn place"));
    expect![[r#"src/lib.rs:37:6: error[E0080]: evaluation panicked: order v1 is in the lock, but this block cannot replay it; help: if the command was renamed to `place`, set `name = "order"` on `place`; or list its past types on the block with `retired(name = "order", history(…))`; or keep the command with `#[command(name = "order", version = 1, replay_only)]`; or, if no journal contains the event, remove line 6 of `memimage.lock`: evaluation of `_` failed here"#]].assert_eq(&shop.check());

    // a command added, and one that is not in every build
    let added = "#[command]\n    pub fn added(&mut self) {}\n\n    #[command]\n    pub fn order";
    shop.write("src/lib.rs", &source.replace("#[command]\n    pub fn order", added));
    expect!["src/lib.rs:49:12: error[E0080]: evaluation panicked: `memimage.lock` has no line for added v1; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it: evaluation of `_` failed here"].assert_eq(&shop.check());
    // which hides no other error, such as a name that is not there
    shop.edit("src/lib.rs", "pub fn added(&mut self) {}", "pub fn added(&mut self) { missing::call() }");
    expect![[r#"
        src/lib.rs:49:31: error[E0433]: cannot find module or crate `missing` in this scope: use of unresolved module or unlinked crate `missing`
        src/lib.rs:49:12: error[E0080]: evaluation panicked: `memimage.lock` has no line for added v1; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it: evaluation of `_` failed here"#]].assert_eq(&shop.check());
    let cfg = "#[cfg(unix)]\n    #[command]\n    pub fn order";
    shop.write("src/lib.rs", &source.replace("#[command]\n    pub fn order", cfg));
    expect!["src/lib.rs:48:5: error[E0080]: evaluation panicked: a command of a locked model cannot be conditional because its event is the same in every build; help: remove the `#[cfg]`, or the `lock`: evaluation of `_` failed here"].assert_eq(&shop.check());

    // the model renamed
    shop.write("src/lib.rs", &source.replace("struct Bank {", "struct Bench {").replace("impl Bank {", "impl Bench {"));
    expect!["src/lib.rs:37:6: error[E0080]: evaluation panicked: `memimage.lock` has no lines of `shop::Bench`; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add them; if the model was renamed or moved, and was `shop::Bank` before, change the name in the file instead: evaluation of `_` failed here"].assert_eq(&shop.check());
    expect![[r#"
        the shape lock `[shop]/memimage.lock` has lines of models that do not exist: a model or its crate was renamed, moved or removed; nothing was changed:
          - `shop::Bank`: lines 5, 6, 7
        help: if a model was renamed, perhaps to `shop::Bench`, write its new name in these lines; if no journal contains these events, delete the lines"#]].assert_eq(&shop.failing_test_of("Bench", true));
    assert_eq!(shop.read("memimage.lock"), committed);
    shop.write("memimage.lock", &committed.replace("\nshop::Bank", "\nshop::Bench"));
    assert_eq!(shop.check(), "");
}

#[test]
fn a_new_version_keeps_the_old_one() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "version");
    shop.test(true);
    let history = "
#[derive(Serialize, Deserialize, Shape)]
pub struct OrderV1 {
    _side: Side,
}

#[memimage::upcast]
fn onward(old: OrderV1) -> BankOrder {
    BankOrder { _side: old._side, _limit: None }
}
";
    let raised =
        "#[command(version = 2, history(OrderV1))]\n    pub fn order(&mut self, _side: Side, _limit: Option<u32>)";
    let source = shop.edit("src/lib.rs", "#[command]\n    pub fn order(&mut self, _side: Side)", raised);
    shop.write("src/lib.rs", &(shop.read("src/lib.rs") + history));
    expect!["src/lib.rs:49:12: error[E0080]: evaluation panicked: `memimage.lock` has no line for order v2; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it: evaluation of `_` failed here"].assert_eq(&shop.check());
    shop.test(true);
    expect![[r##"
        # The shapes of events, written by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. Edit it by hand
        # only to change the name of a renamed model, or to remove lines whose events no journal contains any more.
        bin/shop::Bank deposit v1 {_by_the_program: u8}
        shop::Bank deposit v1 {_account: u32, _money: list<{cents: u32}>}
        shop::Bank order v1 {_side: enum {Bid, Ask}}
        shop::Bank order v2 {_side: enum {Bid, Ask}, _limit: option<u32>}
        shop::Bank "to close" v1 {_account: u32}
        test/shop::Bank deposit v1 {_by_the_test: u16}
    "##]].assert_eq(&shop.read("memimage.lock"));
    assert_eq!(shop.check(), "");

    // a history that does not have it, whether or not it may be left out
    let complete = shop.edit("src/lib.rs", "history(OrderV1)", "oldest = 2");
    expect!["src/lib.rs:49:12: error[E0080]: evaluation panicked: order v1 is in the lock, but `order` has version 2 and cannot replay it; help: keep the struct of its arguments, write an upcaster for it, and list the struct in a `history(…)` of `order`; or, if no journal contains the event, remove line 5 of `memimage.lock`: evaluation of `_` failed here"].assert_eq(&shop.check());
    shop.write(
        "src/lib.rs",
        &complete.replace("version = 2, history(OrderV1)", "version = 3, oldest = 2, history(OrderV1)"),
    );
    expect![[r#"
        src/lib.rs:48:48: error[E0080]: evaluation panicked: order v2: payload._limit: option<u32> in the lock, not in this program; help: undo the change of `OrderV1`, because a past version must keep its shape: evaluation of `_` failed here
        src/lib.rs:49:12: error[E0080]: evaluation panicked: order v1 is in the lock, but `order` has version 3 and cannot replay it; help: keep the struct of its arguments, write an upcaster for it, and add the struct to the `history(…)` of `order`; or, if no journal contains the event, remove line 5 of `memimage.lock`: evaluation of `_` failed here
        src/lib.rs:49:12: error[E0080]: evaluation panicked: `memimage.lock` has no line for order v3; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it: evaluation of `_` failed here"#]].assert_eq(&shop.check());
    shop.write("src/lib.rs", &complete);

    // the past version is held to its own line
    let versioned =
        shop.edit("src/lib.rs", "V1 {\n    _side: Side,", "V1 {\n    _side: Side,\n    _limit: Option<u32>,");
    expect!["src/lib.rs:48:36: error[E0080]: evaluation panicked: order v1: payload._limit: not in the lock, option<u32> in this program; help: undo the change of `OrderV1`, because a past version must keep its shape: evaluation of `_` failed here"].assert_eq(&shop.check());

    // of a step on values there is no shape but the one in the lock, which must not lose it
    let value = versioned.replace("history(OrderV1)", "history(value = wider)")
        + "\nfn wider(value: memimage::Value) -> memimage::Value {\n    value\n}\n";
    shop.write("src/lib.rs", &value);
    assert_eq!(shop.check(), "");
    let committed = shop.edit("memimage.lock", "shop::Bank order v1 {_side: enum {Bid, Ask}}\n", "");
    expect!["src/lib.rs:48:44: error[E0080]: evaluation panicked: `memimage.lock` has no line for order v1, and no type in this block has its shape; help: restore the committed line: evaluation of `_` failed here"].assert_eq(&shop.check());
    expect![[r#"
        the shape lock `[shop]/memimage.lock` and this program differ; nothing was changed:
          - order v1: not in the lock, and this program has no type with its shape: restore the committed line
        help: give each changed event a new version, or undo the change"#]]
    .assert_eq(&shop.failing_test(true));
    shop.write("memimage.lock", &committed);

    // a variant at the end of an enum needs no version; the lock learns of it
    shop.write("src/lib.rs", &versioned);
    shop.edit("src/lib.rs", "    Ask,\n", "    Ask,\n    Limit(u8),\n");
    assert_eq!(shop.check(), "");
    expect![[r#"
        the shape lock `[shop]/memimage.lock` and this program differ:
          - order v2: new variants are not in the lock yet
          - order v1: new variants are not in the lock yet
        help: run `MEMIMAGE_BLESS=1 cargo test --lib`, which adds new events and variants to the lock, then commit the file"#]]
    .assert_eq(&shop.failing_test(false));
    shop.test(true);
    shop.edit("src/lib.rs", "Limit(u8)", "Limit(u16)");
    expect![[r#"
        src/lib.rs:49:36: error[E0080]: evaluation panicked: order v1: payload._side::Limit.0: u8 in the lock, u16 in this program; help: undo the change of `OrderV1`, because a past version must keep its shape: evaluation of `_` failed here
        src/lib.rs:50:12: error[E0080]: evaluation panicked: order v2: payload._side::Limit.0: u8 in the lock, u16 in this program; help: undo the change, or raise the version to 3 and add an upcaster; or, if no journal contains the event, remove line 6 of `memimage.lock` and bless the lock: evaluation of `_` failed here"#]].assert_eq(&shop.check());

    // the old version, without the new one
    shop.write("src/lib.rs", &source);
    expect![[r#"
        src/lib.rs:49:12: error[E0080]: evaluation panicked: order v1: payload._side::Limit: variant 2 in the lock, not in this program; help: undo the change, or raise the version to 2 and add an upcaster; or, if no journal contains the event, remove line 5 of `memimage.lock` and bless the lock: evaluation of `_` failed here
        src/lib.rs:49:12: error[E0080]: evaluation panicked: order v2 is in the lock, but `order` has version 1 and cannot replay it; help: restore version 2 of the command; or, if no journal contains the event, remove line 6 of `memimage.lock`: evaluation of `_` failed here"#]].assert_eq(&shop.check());
}

#[test]
fn a_lock_that_changes_or_goes_away_is_seen_at_the_next_build() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "file");
    shop.test(true);
    // the build that blessed knew no file
    let committed = shop.edit("memimage.lock", "cents: u32", "cents: u16");
    let build = ["test", "--no-run", "--lib", "--quiet", "--message-format", "short"];
    let first = shop.errors(&shop.cargo(&build, false));
    assert!(first.contains("payload._money[].cents: u16 in the lock, u32 in this program"), "{first}");
    shop.write("memimage.lock", &committed);
    assert_eq!(shop.check(), "");

    shop.remove("memimage.lock");
    expect!["src/lib.rs:36:22: error[E0080]: evaluation panicked: no lock at `[shop]/memimage.lock`; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to create it, and commit it: evaluation of `_` failed here"].assert_eq(&shop.check());
    shop.write("memimage.lock", &committed);
    assert_eq!(shop.check(), "");

    shop.edit("memimage.lock", "cents: u32", "cents: u16");
    expect!["src/lib.rs:39:12: error[E0080]: evaluation panicked: deposit v1: payload._money[].cents: u16 in the lock, u32 in this program; help: undo the change, or raise the version to 2 and add an upcaster; or, if no journal contains the event, remove line 4 of `memimage.lock` and bless the lock: evaluation of `_` failed here"].assert_eq(&shop.check());

    let twice = committed.lines().nth(3).unwrap().to_owned() + "\n";
    let mut errors = Vec::new();
    for wrong in ["<<<<<<< ours\n", &*twice, "shop::Bank deposit\n"] {
        shop.write("memimage.lock", &(committed.clone() + wrong));
        errors.push(shop.check());
    }
    expect![[r#"
        src/lib.rs:36:22: error[E0080]: evaluation panicked: memimage.lock:8: a merge conflict; help: keep the lines of both sides, each once, and remove the conflict markers: evaluation of `_` failed here
        src/lib.rs:36:22: error[E0080]: evaluation panicked: memimage.lock:8: a second line for deposit v1, after line 4; help: keep the line that was committed first: evaluation of `_` failed here
        src/lib.rs:36:22: error[E0080]: evaluation panicked: memimage.lock:8: not of the form `crate::Model event v1 shape`; help: restore the committed line: evaluation of `_` failed here"#]].assert_eq(&errors.join("\n"));

    shop.write("memimage.lock", &committed.replace("cents: u32}", "cents: u32"));
    expect!["src/lib.rs:39:12: error[E0080]: evaluation panicked: deposit v1: the shape in the lock cannot be read from `>}`; help: restore the committed line at memimage.lock:4: evaluation of `_` failed here"].assert_eq(&shop.check());
}

#[test]
fn each_target_names_the_command_that_blesses_it_alone() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "targets");
    // in each kind of target the same model, and each has no lines
    let model = shop.read("tests/shop.rs");
    shop.write("tests/with-dash.rs", &model);
    shop.directory("benches");
    shop.write("benches/bench.rs", &(model + "\nfn main() {}\n"));
    shop.edit("Cargo.toml", "[workspace]", "[[bench]]\nname = \"bench\"\nharness = false\n\n[workspace]");
    shop.write(
        "memimage.lock",
        "shop::Bank deposit v1 {_account: u32, _money: list<{cents: u32}>}\nshop::Bank order v1 {_side: enum {Bid, Ask}}\n\
         shop::Bank \"to close\" v1 {_account: u32}\n",
    );
    let check = ["check", "--quiet", "--message-format", "short", "--all-targets", "--keep-going"];
    let mut errors: Vec<_> = shop.errors(&shop.cargo(&check, false)).lines().map(str::to_owned).collect();
    errors.sort();
    // a program is checked as it is, and as its tests
    errors.dedup();
    expect![[r#"
        benches/bench.rs:10:6: error[E0080]: evaluation panicked: `memimage.lock` has no lines of `test/bench::Bank`; help: run `MEMIMAGE_BLESS=1 cargo test --bench bench` to add them; if the model was renamed or moved, and was `shop::Bank` before, change the name in the file instead: evaluation of `_` failed here
        examples/show.rs:10:6: error[E0080]: evaluation panicked: `memimage.lock` has no lines of `bin/show::Bank`; help: run `MEMIMAGE_BLESS=1 cargo test --example show` to add them; if the model was renamed or moved, and was `shop::Bank` before, change the name in the file instead: evaluation of `_` failed here
        src/main.rs:10:6: error[E0080]: evaluation panicked: `memimage.lock` has no lines of `bin/shop::Bank`; help: run `MEMIMAGE_BLESS=1 cargo test --bin shop` to add them; if the model was renamed or moved, and was `shop::Bank` before, change the name in the file instead: evaluation of `_` failed here
        tests/shop.rs:10:6: error[E0080]: evaluation panicked: `memimage.lock` has no lines of `test/shop::Bank`; help: run `MEMIMAGE_BLESS=1 cargo test --test shop` to add them; if the model was renamed or moved, and was `shop::Bank` before, change the name in the file instead: evaluation of `_` failed here
        tests/with-dash.rs:10:6: error[E0080]: evaluation panicked: `memimage.lock` has no lines of `test/with_dash::Bank`; help: run `MEMIMAGE_BLESS=1 cargo test --test with-dash` to add them; if the model was renamed or moved, and was `shop::Bank` before, change the name in the file instead: evaluation of `_` failed here"#]].assert_eq(&errors.join("\n"));

    // each blesses its own target while another does not compile
    shop.write("tests/broken.rs", "fn broken( {\n");
    for selection in [["--bin", "shop"], ["--example", "show"], ["--test", "with-dash"]] {
        let output = shop.cargo(&["test", "--quiet", selection[0], selection[1]], true);
        assert!(output.status.success(), "{selection:?}: {output:?}");
    }
    let lock = shop.read("memimage.lock");
    let models: Vec<_> = lock.lines().skip(2).map(|line| line.split_once(' ').unwrap().0).collect();
    expect![[r#"
        bin/shop::Bank
        bin/show::Bank
        shop::Bank
        shop::Bank
        shop::Bank
        test/with_dash::Bank"#]]
    .assert_eq(&models.join("\n"));
}

#[test]
fn a_packaged_crate_builds() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "packaged");
    shop.test(true);
    let output = shop.cargo(&["package", "--list", "--allow-dirty"], false);
    let listed = String::from_utf8(output.stdout).unwrap();
    let packaged = Package::copy("shop", "unpacked");
    for file in listed.lines().filter(|file| shop.path(file).exists()) {
        packaged.write(file, &shop.read(file));
    }
    assert_eq!(packaged.read("memimage.lock"), shop.read("memimage.lock"));
    assert_eq!(packaged.check(), "");
}

#[test]
fn tests_that_bless_at_the_same_time_lose_nothing() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "same-time");
    let model = shop.read("tests/shop.rs");
    for name in ["one", "two", "three"] {
        shop.write(&format!("tests/{name}.rs"), &model);
    }
    let output = shop.cargo(&["test", "--no-run", "--quiet", "--message-format", "json"], true);
    let messages = String::from_utf8(output.stdout).unwrap();
    let binaries: Vec<String> = messages
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["executable"].as_str().map(str::to_owned)
        })
        .collect();
    assert!(binaries.len() >= 6, "{messages}");
    let mut first = None;
    for _ in 0..5 {
        let run = |binary| Command::new(binary).env("MEMIMAGE_BLESS", "1").stdout(Stdio::null()).spawn().unwrap();
        let running: Vec<_> = binaries.iter().map(run).collect();
        for mut one in running {
            assert!(one.wait().unwrap().success());
        }
        let lock = shop.read("memimage.lock");
        assert_eq!(lock.lines().filter(|line| !line.starts_with('#')).count(), 9, "{lock}");
        assert_eq!(first.get_or_insert_with(|| lock.clone()), &lock);
        shop.remove("memimage.lock");
    }
}

#[test]
fn groups_have_one_lock() {
    let _alone = package::alone();
    let bank = Package::copy("groups", "groups");
    bank.test(true);
    expect![[r#"
        # The shapes of events, written by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. Edit it by hand
        # only to change the name of a renamed model, or to remove lines whose events no journal contains any more.
        shop::Bank deposit v1 {_account: u32}
        shop::Bank hire v1 {_name: string}
    "#]].assert_eq(&bank.read("memimage.lock"));
    assert_eq!(bank.check(), "");

    let source = bank.edit("src/lib.rs", "_name: String", "_name: u8");
    expect!["src/lib.rs:23:12: error[E0080]: evaluation panicked: hire v1: payload._name: string in the lock, u8 in this program; help: undo the change, or raise the version to 2 and add an upcaster; or, if no journal contains the event, remove line 4 of `memimage.lock` and bless the lock: evaluation of `_` failed here"].assert_eq(&bank.check());
    bank.write("src/lib.rs", &source.replace("pub fn hire", "pub fn recruit"));
    expect![[r#"
        src/lib.rs:8:12: error[E0080]: evaluation panicked: hire v1 is in the lock, but no group of commands can replay it; help: list its past types on a block with `retired(name = "hire", history(…))`; or keep the command with `#[command(name = "hire", version = 1, replay_only)]`; or, if no journal contains the event, remove its line: evaluation of `_` failed here
        src/lib.rs:23:12: error[E0080]: evaluation panicked: `memimage.lock` has no line for recruit v1; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it: evaluation of `_` failed here"#]].assert_eq(&bank.check());
    bank.write(
        "src/lib.rs",
        &source.replace("#[command]\n    pub fn hire", "#[command(version = 2, oldest = 2)]\n    pub fn hire"),
    );
    expect![[r#"
        src/lib.rs:8:12: error[E0080]: evaluation panicked: hire v1 is in the lock, but no group of commands can replay it; help: keep the struct of its arguments, write an upcaster for it, and list the struct in the `history(…)` of the later version; or, if no journal contains the event, remove its line: evaluation of `_` failed here
        src/lib.rs:23:12: error[E0080]: evaluation panicked: `memimage.lock` has no line for hire v2; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it: evaluation of `_` failed here"#]].assert_eq(&bank.check());
    // retired in a group
    let hire = "    #[command]\n    pub fn hire(&mut self, _name: String) {\n        self.count += 1;\n    }\n";
    let past = "#[derive(Deserialize, Shape)]\nstruct HireV1 {\n    _name: String,\n}\n\n#[memimage::upcast]\nfn hire(_: HireV1) {}\n\n";
    let retired = "#[memimage::commands(group = Tellers, lock, retired(name = \"hire\", history(HireV1)))]";
    let retired = source
        .replace(hire, &hire.replace("pub fn hire", "pub fn recruit"))
        .replace("#[memimage::commands(group = Tellers, lock)]", &(past.to_owned() + retired));
    let committed = bank.read("memimage.lock");
    bank.write("src/lib.rs", &retired);
    bank.test(true);
    expect![[r#"
        # The shapes of events, written by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. Edit it by hand
        # only to change the name of a renamed model, or to remove lines whose events no journal contains any more.
        shop::Bank deposit v1 {_account: u32}
        shop::Bank hire v1 {_name: string}
        shop::Bank recruit v1 {_name: string}
    "#]].assert_eq(&bank.read("memimage.lock"));
    assert_eq!(bank.check(), "");
    bank.edit("src/lib.rs", "HireV1 {\n    _name: String", "HireV1 {\n    _name: u8");
    expect!["src/lib.rs:28:76: error[E0080]: evaluation panicked: hire v1: payload._name: string in the lock, u8 in this program; help: undo the change of `HireV1`, because a past version must keep its shape: evaluation of `_` failed here"].assert_eq(&bank.check());

    bank.write("memimage.lock", &committed);
    bank.write("src/lib.rs", &source.replace("group = Tellers, lock", "group = Tellers"));
    expect!["src/lib.rs:7:26: error[E0080]: evaluation panicked: `Accounts` and `Tellers` have different locks; help: write the same `lock` on each group of a model, or on none: evaluation of `_` failed here"].assert_eq(&bank.check());
}
