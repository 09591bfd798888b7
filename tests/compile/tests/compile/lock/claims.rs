//! Lines of a lock that no model claims, and packages that share a lock.

use expect_test::expect;

use super::package::{self, Package};

#[test]
fn lines_that_no_model_claims_are_an_error_and_stop_blessing() {
    let _alone = package::alone();
    let shop = Package::copy("shop", "unclaimed");
    // models that are not where a lock's test sees them at once
    let models = "
pub fn with_a_model() {
    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    struct Inner;

    #[memimage::commands(lock)]
    impl Inner {
        #[command]
        pub fn deposit(&mut self, _by_the_inner: u8) {}
    }
}

#[cfg(any())]
mod other_builds {
    pub struct Extra;
}

macro_rules! declare {
    ($model:ident) => {
        #[derive(Default, Serialize, Deserialize, Shape, Model)]
        pub struct $model;

        #[memimage::commands(lock)]
        impl $model {
            #[command]
            pub fn deposit(&mut self, _by_the_declared: u8) {}
        }
    };
}

declare!(Declared);
";
    shop.write("src/lib.rs", &(shop.read("src/lib.rs") + models));
    shop.write("src/main.rs", &(shop.read("src/main.rs") + "\npub struct Moved;\n"));
    let claimed = "\
bin/shop::Bank deposit v1 {_by_the_program: u8}
bin/show::Bank deposit v1 {_by_the_example: bool}
shop::Declared deposit v1 {_by_the_declared: u8}
shop::Extra deposit v1 {}
shop::Inner deposit v1 {_by_the_inner: u8}
test/shop::Bank deposit v1 {_by_the_test: u16}
";
    let unclaimed = "\
bin/gone::Bank deposit v1 {}
bin/shop::Gone deposit v1 {}
shop::Gone deposit v1 {}
shop::Gone deposit v2 {}
shop::Moved deposit v1 {}
test/gone::Bank deposit v1 {}
";
    shop.write("memimage.lock", &(claimed.to_owned() + unclaimed));
    expect![[r#"
        the shape lock `[shop]/memimage.lock` has lines of models that do not exist: a model or its crate was renamed, moved or removed; nothing was changed:
          - `bin/gone::Bank`: line 7
          - `bin/shop::Gone`: line 8
          - `shop::Gone`: lines 9, 10
          - `shop::Moved`: line 11
          - `test/gone::Bank`: line 12
        help: if a model was renamed, perhaps to `shop::Bank`, write its new name in these lines; if no journal contains these events, delete the lines"#]].assert_eq(&shop.failing_test(true));
    assert_eq!(shop.read("memimage.lock"), claimed.to_owned() + unclaimed);

    shop.write("memimage.lock", claimed);
    shop.test(true);
    let blessed = shop.read("memimage.lock");
    assert!(claimed.lines().all(|line| blessed.contains(line)), "{blessed}");
    shop.write("memimage.lock", &(blessed.clone() + unclaimed));
    expect![[r#"
        the shape lock `[shop]/memimage.lock` has lines of models that do not exist: a model or its crate was renamed, moved or removed; nothing was changed:
          - `bin/gone::Bank`: line 12
          - `bin/shop::Gone`: line 13
          - `shop::Gone`: lines 14, 15
          - `shop::Moved`: line 16
          - `test/gone::Bank`: line 17
        help: if a model was renamed, write its new name in these lines; if no journal contains these events, delete the lines"#]].assert_eq(&shop.failing_test(false));

    // the library, renamed with a changed shape: no blessing
    shop.write("memimage.lock", &blessed);
    shop.edit("src/lib.rs", "cents: u32", "cents: u64");
    shop.edit("Cargo.toml", "[workspace]", "[lib]\nname = \"renamed\"\n\n[workspace]");
    let bless = ["test", "--quiet", "--message-format", "short", "--lib"];
    let refused = shop.errors(&shop.cargo(&bless, true));
    expect![[r#"
        src/lib.rs:37:6: error[E0080]: evaluation panicked: `memimage.lock` has lines of `shop::Bank`, a model of another library (lines 5, 6, 7), but the library of this package is `renamed`; help: if `shop::Bank` was renamed to `renamed::Bank`, write the new name in these lines; if no journal contains these events, delete the lines: evaluation of `_` failed here
        src/lib.rs:59:10: error[E0080]: evaluation panicked: `memimage.lock` has lines of `shop::Inner`, a model of another library (line 10), but the library of this package is `renamed`; help: if `shop::Inner` was renamed to `renamed::Inner`, write the new name in these lines; if no journal contains these events, delete the lines: evaluation of `with_a_model::_` failed here
        src/lib.rs:83:10: error[E0080]: evaluation panicked: `memimage.lock` has lines of `shop::Declared`, a model of another library (line 8), but the library of this package is `renamed`; help: if `shop::Declared` was renamed to `renamed::Declared`, write the new name in these lines; if no journal contains these events, delete the lines: evaluation of `_` failed here"#]].assert_eq(&refused);
    assert_eq!(shop.read("memimage.lock"), blessed);
    // and once the lines have the new name, they hold it to the old shape
    shop.write("memimage.lock", &blessed.replace("\nshop::", "\nrenamed::"));
    expect!["src/lib.rs:39:12: error[E0080]: evaluation panicked: deposit v1: payload._money[].cents: u32 in the lock, u64 in this program; help: undo the change, or raise the version to 2 and add an upcaster; or, if no journal contains the event, remove line 5 of `memimage.lock` and bless the lock: evaluation of `_` failed here"].assert_eq(&shop.check());
}

#[test]
fn packages_that_share_a_lock_claim_lines_for_each_other() {
    let _alone = package::alone();
    let shop = Package::copy("groups", "shared");
    let manifest = shop.read("Cargo.toml");
    let source = shop.read("src/lib.rs").replace(", lock)]", ", lock = \"../shapes.lock\")]");
    for name in ["one", "two"] {
        shop.directory(&format!("{name}/src"));
        let package = manifest.replace("\"shop\"", &format!("\"{name}\"")).replace("[workspace]\n", "");
        shop.write(&format!("{name}/Cargo.toml"), package.split("[profile").next().unwrap());
        shop.write(&format!("{name}/src/lib.rs"), &source);
    }
    let workspace = "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n\n";
    shop.write("Cargo.toml", &(workspace.to_owned() + package::PROFILE));
    shop.test(true);
    let lock = shop.read("shapes.lock");
    expect![[r#"
        # The shapes of events, written by memimage. Commit this file. `MEMIMAGE_BLESS=1 cargo test` adds lines. Edit it by hand
        # only to change the name of a renamed model, or to remove lines whose events no journal contains any more.
        one::Bank deposit v1 {_account: u32}
        one::Bank hire v1 {_name: string}
        two::Bank deposit v1 {_account: u32}
        two::Bank hire v1 {_name: string}
    "#]].assert_eq(&lock);
    // one of them renamed
    shop.write("shapes.lock", &lock.replace("\none::", "\nold::"));
    expect![[r#"
        the shape lock `[shop]/one/../shapes.lock` has lines of models that do not exist: a model or its crate was renamed, moved or removed; nothing was changed:
          - `old::Bank`: lines 3, 4
        help: if a model was renamed, perhaps to `one::Bank`, write its new name in these lines; if no journal contains these events, delete the lines"#]].assert_eq(&shop.failing_test_of("Bank_Accounts", true));
}
