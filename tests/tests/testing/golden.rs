//! Golden journals over the life of a program: written once and replayed forever.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use memimage::testing::{given, golden};
use tempfile::{TempDir, tempdir};

/// The first program.
mod first {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Bank {
        pub accounts: BTreeMap<u32, u64>,
    }

    #[memimage::commands]
    impl Bank {
        #[command]
        pub fn deposit(&mut self, account: u32, cents: u32) {
            *self.accounts.entry(account).or_default() += u64::from(cents);
        }

        #[command]
        pub fn withdraw(&mut self, account: u32, cents: u64) -> Result<(), String> {
            let balance = self.accounts.get_mut(&account).ok_or("no account")?;
            *balance = balance.checked_sub(cents).ok_or("too little")?;
            Ok(())
        }
    }
}

/// Later programs: `deposit` has version 2, and each program has another change, correct or not.
macro_rules! later {
    ($(#[$about:meta])* $name:ident, past: { $($past:tt)* }, fields: { $($field:tt)* }, |$old:ident| $cents:expr, $balance:ident += $sum:expr) => {
        $(#[$about])*
        mod $name {
            use std::collections::BTreeMap;

            use memimage::{Model, Shape};
            use serde::{Deserialize, Serialize};

            #[derive(Default, Serialize, Deserialize, Shape, Model)]
            pub struct Bank {
                pub accounts: BTreeMap<u32, u64>,
                $($field)*
            }

            #[derive(Serialize, Deserialize, Shape)]
            pub struct DepositV1 {
                $($past)*
            }

            #[memimage::upcast]
            fn deposit_1_to_2($old: DepositV1) -> BankDeposit {
                BankDeposit { account: $old.account, cents: $cents }
            }

            #[memimage::commands]
            impl Bank {
                #[command(version = 2, history(DepositV1))]
                pub fn deposit(&mut self, account: u32, cents: u64) {
                    let $balance = self.accounts.entry(account).or_default();
                    let sum: u64 = $sum(cents);
                    *$balance += sum;
                }

                #[command]
                pub fn withdraw(&mut self, account: u32, cents: u64) -> Result<(), String> {
                    let balance = self.accounts.get_mut(&account).ok_or("no account")?;
                    *balance = balance.checked_sub(cents).ok_or("too little")?;
                    Ok(())
                }
            }
        }
    };
}

later!(
    /// A correct change.
    second, past: { pub account: u32, pub cents: u32 }, fields: {}, |old| u64::from(old.cents), balance += u64::from
);
later!(
    /// An upcaster with another result.
    changed_upcaster, past: { pub account: u32, pub cents: u32 }, fields: {}, |old| u64::from(old.cents) * 10, balance += u64::from
);
later!(
    /// A changed past shape.
    changed_past_shape, past: { pub account: u32, pub cents: u16 }, fields: {}, |old| u64::from(old.cents), balance += u64::from
);
later!(
    /// A new field in the model.
    new_field, past: { pub account: u32, pub cents: u32 }, fields: { pub memos: Vec<String>, }, |old| u64::from(old.cents), balance += u64::from
);
later!(
    /// A body that panics.
    panicking_body, past: { pub account: u32, pub cents: u32 }, fields: {}, |old| u64::from(old.cents), balance += |_| panic!("bang")
);

/// The golden test of each program, run as a child process with the directory in the environment.
#[test]
#[ignore = "run by the other tests, as one of the programs"]
fn program() {
    let dir = env::var_os("GOLDEN_DIR").expect("run by the other tests");
    let program = env::var("GOLDEN_PROGRAM").unwrap();
    macro_rules! later_check {
        ($name:ident) => {{
            use $name::{Bank, BankDeposit, BankWithdraw};
            let deposit = || given().event(BankDeposit { account: 7, cents: 100 });
            golden::<Bank>(dir)
                .sample(BankDeposit { account: 7, cents: 100 })
                .history(deposit().event(BankWithdraw { account: 7, cents: 30 }))
                .history(deposit().rejected(BankWithdraw { account: 7, cents: 30_000 }))
                .check();
        }};
    }
    match &*program {
        "first" => later_check!(first),
        "second" => later_check!(second),
        "changed_upcaster" => later_check!(changed_upcaster),
        "changed_past_shape" => {
            golden::<changed_past_shape::Bank>(dir).check();
        }
        "new_field" => later_check!(new_field),
        "panicking_body" => golden::<panicking_body::Bank>(dir).check(),
        "no samples" => golden::<second::Bank>(dir).check(),
        "late" => golden::<second::Bank>(dir)
            .history(given().past("deposit", 1, second::DepositV1 { account: 7, cents: 1 }))
            .check(),
        program => panic!("{program}"),
    }
}

/// Runs a program's test and returns its output if it fails.
#[track_caller]
fn run(program: &str, dir: &Path, bless: Option<&str>) -> Result<(), String> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["golden::program", "--exact", "--ignored", "--test-threads=1"]).env_remove("MEMIMAGE_BLESS");
    command.env("GOLDEN_DIR", dir).env("GOLDEN_PROGRAM", program).env("RUST_BACKTRACE", "0");
    if let Some(bless) = bless {
        command.env("MEMIMAGE_BLESS", bless);
    }
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("running 1 test"), "{message}");
    if output.status.success() { Ok(()) } else { Err(message) }
}

fn files(dir: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn names(dir: &Path) -> Vec<String> {
    files(dir).into_iter().map(|(name, _)| name).collect()
}

/// A directory with the fixtures that these programs write, one after another.
fn blessed(programs: &[&str]) -> TempDir {
    let dir = tempdir().unwrap();
    for program in programs {
        run(program, dir.path(), Some("1")).unwrap();
    }
    dir
}

#[track_caller]
fn contains(message: &str, expected: &[&str]) {
    for expected in expected {
        assert!(message.contains(expected), "{expected:?} is not in\n{message}");
    }
}

#[test]
fn missing_fixtures_fail_and_are_written_with_bless() {
    let dir = tempdir().unwrap();
    let dir = dir.path().join("not/there/yet");
    let message = run("first", &dir, None).unwrap_err();
    contains(
        &message,
        &[
            "- deposit.v1.golden: the fixture is missing; help: run `MEMIMAGE_BLESS=1 cargo test`, which writes it from the sample `deposit` v1 {account: 7, cents: 100}",
            "- withdraw.v1.golden: the fixture is missing",
            "- withdraw.v1.2.golden: the fixture is missing",
        ],
    );
    assert!(!dir.exists());
    run("first", &dir, Some("1")).unwrap();
    assert_eq!(names(&dir), ["deposit.v1.golden", "withdraw.v1.2.golden", "withdraw.v1.golden"]);
    run("first", &dir, None).unwrap();
}

#[test]
fn the_format_of_a_fixture_is_readable() {
    let dir = blessed(&["first"]);
    let text = fs::read_to_string(dir.path().join("withdraw.v1.2.golden")).unwrap();
    expect_test::expect![[r#"
        memimage golden: 1
        model: Bank
        # The events as journals contain them. Never edit this part: `memimage::testing::golden` replays it.

        event: deposit
        version: 1
        outcome: applied
        time: 1000000000000000
        shape: {account: u32, cents: u32}
        shape bytes: 270302076163636f756e74040563656e747304
        payload: {account: 7, cents: 100}
        payload bytes: 0764

        event: withdraw
        version: 1
        outcome: rejected
        time: 1000000000000000
        shape: {account: u32, cents: u64}
        shape bytes: 270302076163636f756e74040563656e747305
        payload: {account: 7, cents: 30000}
        payload bytes: 07b0ea01

        sum: 47567a762d8bb930

        # The state after these events. If you change it on purpose, run `MEMIMAGE_BLESS=outcomes cargo test`.
        digest: f135fa8059c4ddd2
        model shape bytes: 270301086163636f756e7473230405
        state bytes: 010764
        state: {accounts: {7: 100}}
    "#]]
    .assert_eq(&text);
}

#[test]
fn fixtures_of_old_versions_stay() {
    let dir = blessed(&["first"]);
    let before = files(dir.path());
    let message = run("second", dir.path(), None).unwrap_err();
    contains(&message, &["- deposit.v2.golden: the fixture is missing"]);
    run("second", dir.path(), Some("1")).unwrap();
    let after = files(dir.path());
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|file| after.contains(file)), "existing fixtures should not change");
    run("second", dir.path(), None).unwrap();
    run("no samples", dir.path(), None).unwrap();
}

#[test]
fn each_version_without_a_fixture_is_reported() {
    let dir = blessed(&["first", "second"]);
    for file in ["deposit.v1.golden", "withdraw.v1.golden", "withdraw.v1.2.golden"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    let message = run("no samples", dir.path(), Some("1")).unwrap_err();
    contains(
        &message,
        &[
            "- no fixture of `deposit` v1; help: restore the fixture from version control",
            ".history(given().past(\"deposit\", 1, …))",
            "- no fixture of `withdraw` v1; help: add a `.sample(…)` of the event",
        ],
    );
    assert!(!message.contains("`deposit` v2"), "{message}");
    run("late", dir.path(), Some("1")).unwrap_err();
    assert!(names(dir.path()).contains(&"deposit.v1.golden".to_owned()));
    run("second", dir.path(), Some("1")).unwrap();
}

#[test]
fn another_state_fails_until_it_is_accepted() {
    let dir = blessed(&["first", "second"]);
    let before = files(dir.path());
    for bless in [None, Some("1")] {
        let message = run("changed_upcaster", dir.path(), bless).unwrap_err();
        contains(
            &message,
            &[
                "deposit.v1.golden: the events of the fixture replay to another state:",
                "accounts[7]: 100 in the fixture, 1000 in this program",
                "MEMIMAGE_BLESS=outcomes",
            ],
        );
        assert!(!message.contains("deposit.v2.golden"), "{message}");
        assert_eq!(files(dir.path()), before);
    }
    run("changed_upcaster", dir.path(), Some("outcomes")).unwrap();
    run("changed_upcaster", dir.path(), None).unwrap();
    for ((name, before), (_, after)) in before.iter().zip(files(dir.path())) {
        let frozen = |text: &str| text.split_once("\nsum: ").unwrap().0.to_owned();
        assert_eq!(frozen(before), frozen(&after), "{name}");
        assert_eq!(*before != after, name != "deposit.v2.golden", "{name}");
    }
    contains(&run("second", dir.path(), None).unwrap_err(), &["accounts[7]: 1000 in the fixture, 100 in this program"]);
}

#[test]
fn another_model_shape_fails_until_it_is_accepted() {
    let dir = blessed(&["first", "second"]);
    let message = run("new_field", dir.path(), None).unwrap_err();
    contains(
        &message,
        &[
            "the model has another shape",
            "state.memos: not in the fixture, list<string> in this program",
            "MEMIMAGE_BLESS=outcomes",
        ],
    );
    run("new_field", dir.path(), Some("outcomes")).unwrap();
    run("new_field", dir.path(), None).unwrap();
}

#[test]
fn a_changed_past_shape_is_never_accepted() {
    let dir = blessed(&["first", "second"]);
    let before = files(dir.path());
    for bless in [None, Some("1"), Some("outcomes")] {
        let message = run("changed_past_shape", dir.path(), bless).unwrap_err();
        contains(
            &message,
            &["deposit.v1.golden: event 1", "deposit v1: payload.cents: u32 in the journal, u16 in this program"],
        );
        assert_eq!(files(dir.path()), before);
    }
}

#[test]
fn an_unknown_version_is_reported() {
    let dir = blessed(&["first", "second"]);
    let message = run("first", dir.path(), Some("outcomes")).unwrap_err();
    contains(
        &message,
        &["deposit.v2.golden: event 1", "`deposit` v2 is not known to this program, whose newest version of it is v1"],
    );
}

#[test]
fn a_panic_on_replay_is_reported() {
    let dir = blessed(&["first", "second"]);
    let message = run("panicking_body", dir.path(), Some("outcomes")).unwrap_err();
    contains(
        &message,
        &["deposit.v1.golden: event 1, `deposit` v1 {account: 7, cents: 100}: its replay panicked: bang"],
    );
}

#[test]
fn an_edited_or_malformed_fixture_is_refused_with_its_line() {
    let dir = blessed(&["first"]);
    let path = dir.path().join("deposit.v1.golden");
    let original = fs::read_to_string(&path).unwrap();
    let assert_refused = |text: String, bless: Option<&str>, expected: &str| {
        fs::write(&path, &text).unwrap();
        contains(&run("first", dir.path(), bless).unwrap_err(), &["- deposit.v1.golden: ", expected]);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    };
    for bless in [None, Some("outcomes")] {
        assert_refused(
            original.replace("payload bytes: 0764", "payload bytes: 0765"),
            bless,
            "the fixture was edited: it states the checksum ",
        );
        assert_refused(original.replace("cents: 100}", "cents: 101}"), bless, "the fixture was edited");
        assert_refused(original.replace("version: 1", "version: x"), bless, "invalid version: `x`");
        let conflict = original.replace("outcome:", "<<<<<<< ours\noutcome:");
        assert_refused(conflict, bless, "line 7: expected `outcome: …`, found `<<<<<<< ours`");
        assert_refused(String::new(), bless, "line 1: expected `memimage golden: …`, found `the end`");
        assert_refused(original.replace("golden: 1", "golden: 2"), bless, "of a newer memimage");
        assert_refused(original.replace("model: Bank", "model: Shop"), bless, "the fixture was edited");
    }
    assert_refused(original.replace("digest: ", "digest: x"), None, "the state in the fixture cannot be read");
    fs::write(&path, original.replace("digest: ", "<<<<<<< ours\ndigest: ")).unwrap();
    run("first", dir.path(), Some("outcomes")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), original);
    fs::write(&path, original.replace('\n', "\r\n")).unwrap();
    run("first", dir.path(), None).unwrap();
}

#[test]
fn a_scenario_may_begin_with_a_fixture() {
    let dir = blessed(&["first"]);
    let path = dir.path().join("withdraw.v1.golden");
    given::<second::Bank>()
        .event(second::BankDeposit { account: 7, cents: 1 })
        .fixture(&path)
        .then(|bank| assert_eq!(bank.accounts[&7], 71))
        .when(second::BankWithdraw { account: 7, cents: 71 })
        .then_ok(());
    let message = super::failure(|| drop(given::<changed_past_shape::Bank>().fixture(&path)));
    contains(&message, &["payload.cents: u32 in the journal, u16 in this program"]);
}

#[test]
fn a_history_with_a_given_state_or_without_events_is_refused() {
    let state = second::Bank::default();
    let past = memimage::testing::given_state(&state).event(second::BankDeposit { account: 7, cents: 1 });
    let message = super::failure(|| drop(golden::<second::Bank>("unused").history(past)));
    contains(&message, &["begins with `given()`"]);
    let message = super::failure(|| drop(golden::<second::Bank>("unused").history(given())));
    contains(&message, &["has at least one event"]);
}
