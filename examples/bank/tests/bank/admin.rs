//! `bank admin`, as a person runs it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use memimage::{Image, Journal, Key, Keys, Metadata, Model, Shape};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{bank, directory, without_times};

/// The model of the program, for another program that has its image open. A deposit of 13 cents gives 14, so that a state with
/// such a deposit is not one that `bank` replays.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Bank {
    accounts: BTreeMap<u32, u64>,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn deposit(&mut self, account: u32, amount: u64) -> u64 {
        let balance = self.accounts.entry(account).or_default();
        *balance += if amount == 13 { 14 } else { amount };
        *balance
    }

    #[command]
    fn withdraw(&mut self, account: u32, amount: u64) -> u64 {
        let balance = self.accounts.entry(account).or_default();
        *balance -= amount;
        *balance
    }
}

/// Another model, whose images `bank` cannot read.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Shop {
    open: bool,
}

#[memimage::commands]
impl Shop {
    #[command]
    fn open_shop(&mut self) {
        self.open = true;
    }
}

/// The output of `bank admin` with its exit code, without times.
fn admin(directory: &TempDir, arguments: &[&str]) -> String {
    let output = bank(directory.path(), &[&["admin"], arguments].concat());
    let mut shown = String::from_utf8(output.stdout).unwrap();
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        writeln!(shown, "{}", format!("stderr: {line}").trim_end()).unwrap();
    }
    if output.status.code() != Some(0) {
        writeln!(shown, "exit code: {:?}", output.status.code()).unwrap();
    }
    without_times(&shown.replace(directory.path().to_str().unwrap(), "DIR"))
}

/// Compares the command and its output.
#[track_caller]
fn shows(directory: &TempDir, arguments: &[&str], expected: &Expect) {
    let output = admin(directory, arguments);
    expected.assert_eq(&format!("$ bank admin {}\n{output}", arguments.join(" ")));
}

#[track_caller]
fn json(directory: &TempDir, arguments: &[&str]) -> Json {
    serde_json::from_str(&admin(directory, &[arguments, &["--json"]].concat())).unwrap()
}

#[test]
fn the_changes_of_an_account_say_which_event_changed_it_from_what_to_what() {
    let directory = directory();
    shows(
        &directory,
        &["changes", "accounts.7"],
        &expect![[r#"
            $ bank admin changes accounts.7
                   1  TIME  deposit {account: 7, amount: 100}
                      accounts.7: absent → 100
                   3  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 100 → 70
                   4  TIME  deposit {account: 7, amount: 100}
                      accounts.7: 70 → 170
                   6  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 170 → 140
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts.7", "--reverse", "--limit", "1"],
        &expect![[r#"
            $ bank admin changes accounts.7 --reverse --limit 1
                   6  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 170 → 140
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts", "--from", "2", "--until", "4"],
        &expect![[r#"
            $ bank admin changes accounts --from 2 --until 4
                   2  TIME  deposit {account: 8, amount: 20}
                      accounts.8: absent → 20
                   3  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 100 → 70
                   4  TIME  deposit {account: 7, amount: 100}
                      accounts.7: 70 → 170
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts.7", "--limit", "1", "--json"],
        &expect![[r#"
            $ bank admin changes accounts.7 --limit 1 --json
            {"event":{"seq":1,"time":"TIME","name":"deposit","version":1,"rejected":false,"void":false,"metadata":{},"payload":{"account":7,"amount":100}},"changes":[{"path":"accounts.7","after":100}]}
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts.7", "--from", "1000h ago", "--until", "1h ago"],
        &expect![[r#"
            $ bank admin changes accounts.7 --from 1000h ago --until 1h ago
            stderr: note: there is nothing at `accounts.7`: `accounts` has no entry `7` among its 0
        "#]],
    );
    assert_eq!(admin(&directory, &["changes", "accounts.7", "--from", "1h ago"]).lines().count(), 8);
    // the bank has accounts only
    assert_eq!(admin(&directory, &["changes", "accounts"]), admin(&directory, &["changes", ""]));
}

#[test]
fn a_path_that_leads_nowhere_is_told() {
    let directory = directory();
    shows(
        &directory,
        &["changes", "accounts.9"],
        &expect![[r#"
            $ bank admin changes accounts.9
            stderr: note: there is nothing at `accounts.9`: `accounts` has no entry `9` among its 2
        "#]],
    );
    shows(
        &directory,
        &["changes", "account.7"],
        &expect![[r#"
            $ bank admin changes account.7
            stderr: note: there is nothing at `account.7`: the value has no field `account`; it has accounts
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts..7"],
        &expect![[r#"
            $ bank admin changes accounts..7
            stderr: error: invalid value 'accounts..7' for '<PATH>': this is not a path: expected a field, a key, a number or a text in quotes
            stderr:   accounts..7
            stderr:            ^
            stderr:
            stderr: For more information, try '--help'.
            exit code: Some(2)
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts.9"],
        &expect![[r#"
            $ bank admin state accounts.9
            stderr: error: there is nothing at `accounts.9`: `accounts` has no entry `9` among its 2
            exit code: Some(3)
        "#]],
    );
    shows(
        &directory,
        &["diff", "1", "2", "accounts.9"],
        &expect![[r#"
            $ bank admin diff 1 2 accounts.9
            stderr: error: there is nothing at `accounts.9`: `accounts` has no entry `9` among its 1
            exit code: Some(3)
        "#]],
    );
}

#[test]
fn the_state_at_a_moment() {
    let directory = directory();
    shows(
        &directory,
        &["state"],
        &expect![[r#"
            $ bank admin state
            after event 6, TIME
            Bank
              accounts: 2 entries
                7: 140
                8: 40
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts.7", "--at", "1"],
        &expect![[r#"
            $ bank admin state accounts.7 --at 1
            after event 1, TIME
            100
        "#]],
    );
    shows(
        &directory,
        &["state", "--at", "0"],
        &expect![[r#"
            $ bank admin state --at 0
            before the first event
            Bank
              accounts: {}
        "#]],
    );
    shows(
        &directory,
        &["state", "--json", "--at", "5"],
        &expect![[r#"
            $ bank admin state --json --at 5
            {
              "accounts": {
                "7": 170,
                "8": 40
              }
            }
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts", "--limit", "1", "--offset", "1", "--at", "2"],
        &expect![[r#"
            $ bank admin state accounts --limit 1 --offset 1 --at 2
            after event 2, TIME
            2 entries
              … 1 before
              8: 20
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts", "--limit", "1"],
        &expect![[r#"
            $ bank admin state accounts --limit 1
            after event 6, TIME
            2 entries
              7: 140
              … 1 more
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts", "--depth", "1", "--json"],
        &expect![[r#"
            $ bank admin state accounts --depth 1 --json
            {
              "7": 140,
              "8": 40
            }
        "#]],
    );
    shows(
        &directory,
        &["state", "--at", "7"],
        &expect![[r#"
            $ bank admin state --at 7
            stderr: error: event 7 is not in the journal of `DIR/bank.image`, whose last durable event is 6; help: ask for an event up to 6
            exit code: Some(3)
        "#]],
    );
    let early = admin(&directory, &["state", "--at", "1h ago"]);
    assert!(early.contains("the image was created at") && early.ends_with("exit code: Some(3)\n"), "{early}");
}

#[test]
fn the_difference_between_two_moments() {
    let directory = directory();
    shows(
        &directory,
        &["diff", "1", "6"],
        &expect![[r#"
            $ bank admin diff 1 6
            from event 1 to event 6
            accounts.7: 100 → 140
            accounts.8: absent → 40
            exit code: Some(1)
        "#]],
    );
    shows(
        &directory,
        &["diff", "6", "3", "accounts.7"],
        &expect![[r#"
            $ bank admin diff 6 3 accounts.7
            from event 6 to event 3
            accounts.7: 140 → 70
            exit code: Some(1)
        "#]],
    );
    shows(
        &directory,
        &["diff", "2", "3", "accounts.8"],
        &expect![[r#"
            $ bank admin diff 2 3 accounts.8
            from event 2 to event 3
            no difference
        "#]],
    );
    shows(
        &directory,
        &["diff", "0", "6", "--limit", "1"],
        &expect![[r#"
            $ bank admin diff 0 6 --limit 1
            from event 0 to event 6
            accounts.7: absent → 140
            … 1 more; help: --limit shows more
            exit code: Some(1)
        "#]],
    );
    shows(
        &directory,
        &["diff", "1", "6", "--json"],
        &expect![[r#"
            $ bank admin diff 1 6 --json
            {
              "before": 1,
              "after": 6,
              "differences": [
                {
                  "path": "accounts.7",
                  "before": 100,
                  "after": 140
                },
                {
                  "path": "accounts.8",
                  "after": 40
                }
              ],
              "unlisted": 0
            }
            exit code: Some(1)
        "#]],
    );
}

#[test]
fn equal_states_have_equal_digests() {
    let directory = directory();
    let digest = json(&directory, &["digest"]);
    assert_eq!(digest["seq"], 6);
    let text = admin(&directory, &["digest"]);
    assert_eq!(text, format!("{} after event 6\n", digest["digest"].as_str().unwrap()));
    assert_ne!(digest["digest"], json(&directory, &["digest", "--at", "5"])["digest"]);
    assert_eq!(digest["digest"], json(&directory, &["replay", "--dry-run"])["digest"]);
    assert_eq!(digest["digest"], json(&directory, &["rewrite", "new.image"])["digest"]);
    assert_eq!(digest, json(&directory, &["digest", "--image", "new.image"]));
}

#[test]
fn a_snapshot_is_made_unless_the_image_is_in_use() {
    let directory = directory();
    let made = admin(&directory, &["snapshot"]);
    assert!(made.starts_with("made a snapshot after event 6: "), "{made}");
    assert_eq!(json(&directory, &["snapshots"])[0]["seq"], 6);

    let owner = Image::<Bank>::open(directory.path().join("bank.image")).unwrap();
    let refused = admin(&directory, &["snapshot"]);
    assert!(refused.contains("in use by"), "{refused}");
    assert!(refused.ends_with("exit code: Some(3)\n"), "{refused}");
    Image::close(owner).unwrap();
}

#[test]
fn a_snapshot_removes_no_other() {
    let directory = directory();
    for count in 1..5 {
        assert!(admin(&directory, &["snapshot"]).starts_with("made a snapshot"));
        assert_eq!(json(&directory, &["snapshots"]).as_array().unwrap().len(), count);
        assert!(bank(directory.path(), &[]).status.success());
    }
}

#[test]
fn what_only_reads_works_beside_the_owner() {
    let directory = directory();
    let owner = Image::<Bank>::open(directory.path().join("bank.image")).unwrap();
    owner.with(Metadata::actor("ada")).deposit(7, 5).unwrap();
    owner.journal().sync().unwrap();
    shows(
        &directory,
        &["changes", "accounts.7", "--reverse", "--limit", "1"],
        &expect![[r#"
            $ bank admin changes accounts.7 --reverse --limit 1
                   7  TIME  deposit {account: 7, amount: 5} actor=ada
                      accounts.7: 140 → 145
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts.7"],
        &expect![[r#"
            $ bank admin state accounts.7
            after event 7, TIME
            145
        "#]],
    );
    shows(
        &directory,
        &["diff", "6", "7"],
        &expect![[r#"
            $ bank admin diff 6 7
            from event 6 to event 7
            accounts.7: 140 → 145
            exit code: Some(1)
        "#]],
    );
    assert!(admin(&directory, &["replay", "--dry-run"]).starts_with("this program replays the journal: 7 events in "));
    assert!(admin(&directory, &["digest"]).ends_with(" after event 7\n"));
    Image::close(owner).unwrap();
}

#[test]
fn the_first_event_that_this_program_does_not_replay_is_named() {
    let directory = directory();
    let other = Image::<Bank>::open(directory.path().join("bank.image")).unwrap();
    other.deposit(8, 13).unwrap();
    other.admin().snapshot().unwrap(); // the journal records the digest of this state
    other.deposit(8, 1).unwrap();
    Image::close(other).unwrap();
    let output = admin(&directory, &["replay", "--dry-run"]);
    assert!(output.starts_with("this program does not replay the journal: "), "{output}");
    assert!(output.contains("event 7") && output.ends_with("exit code: Some(1)\n"), "{output}");
    let document = admin(&directory, &["replay", "--dry-run", "--json"]);
    let document: Json = serde_json::from_str(document.strip_suffix("exit code: Some(1)\n").unwrap()).unwrap();
    assert_eq!((&document["replays"], &document["failure"]["seq"]), (&false.into(), &7.into()), "{document}");
    assert!(admin(&directory, &["replay"]).ends_with("exit code: Some(2)\n"));
}

#[test]
fn an_image_of_another_model_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Image::<Shop>::open(directory.path().join("bank.image")).unwrap();
    shop.open_shop().unwrap();
    Image::close(shop).unwrap();
    for arguments in [
        &["state"][..],
        &["changes", "accounts.7"],
        &["diff", "0", "1"],
        &["digest"],
        &["replay", "--dry-run"],
        &["snapshot"],
        &["rewrite", "new.image"],
    ] {
        let output = admin(&directory, arguments);
        assert!(output.contains("Shop") && output.ends_with("exit code: Some(3)\n"), "{arguments:?}: {output}");
        let missing = admin(&directory, &[arguments, &["--image", "missing"]].concat());
        assert!(
            missing.contains("DIR/missing") && missing.ends_with("exit code: Some(3)\n"),
            "{arguments:?}: {missing}"
        );
    }
    assert!(!directory.path().join("new.image").exists() && !directory.path().join("missing").exists());
    // what needs no model
    assert!(admin(&directory, &["log"]).contains("open_shop"));
}

#[test]
fn an_encrypted_image_is_read_and_rewritten_with_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let keys = || Keys::new(1, |number| (number == 1).then(|| Key::new([0x5a; 32])));
    let image = directory.path().join("bank.image");
    let owner = Image::<Bank>::options().encryption(keys()).chain(keys()).open(&image).unwrap();
    owner.deposit(7, 100).unwrap();
    Image::close(owner).unwrap();
    std::fs::write(directory.path().join("keys"), format!("1 {}\n", "5a".repeat(32))).unwrap();
    let with = |arguments: &[&str]| {
        admin(&directory, &[arguments, &["--encryption-keys", "keys", "--chain-keys", "keys"]].concat())
    };
    assert!(with(&["state", "accounts.7"]).ends_with("\n100\n"));
    assert!(with(&["changes", "accounts.7"]).contains("accounts.7: absent → 100"));
    assert!(with(&["snapshot"]).starts_with("made a snapshot after event 1"));
    assert!(with(&["rewrite", "new.image"]).starts_with("read 1 events, and wrote 1"));
    let new = directory.path().join("new.image");
    let protected = Image::<Bank>::options().encryption(keys()).chain(keys()).open_journal(&new);
    assert_eq!(protected.unwrap().durable_seq().unwrap().get(), 1);
    assert!(Journal::<Bank>::open(&new).is_err(), "the new image is not encrypted");
    let without = admin(&directory, &["state"]);
    assert!(without.contains("--encryption-keys") && without.ends_with("exit code: Some(3)\n"), "{without}");
}

#[test]
fn the_help_names_the_program_and_leaves_out_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let help = admin(&directory, &["--help"]);
    assert!(help.contains("Usage: bank admin [OPTIONS] <COMMAND>"), "{help}");
    for verb in ["state", "diff", "changes", "digest", "replay", "snapshot", "rewrite", "log", "check", "backup"] {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb}: {help}");
        let of_verb = admin(&directory, &[verb, "--help"]);
        assert!(of_verb.contains(&format!("bank admin {verb}")) && !of_verb.contains("memimage "), "{of_verb}");
        assert!(of_verb.contains("--image <DIR>") && of_verb.contains("[default: bank.image]"), "{of_verb}");
    }
}
