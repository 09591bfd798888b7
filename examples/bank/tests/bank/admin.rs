//! `bank admin` on images in use, of other programs, and with keys.

use std::collections::BTreeMap;
use std::process::Command;

use expect_test::expect;
use memimage::{Image, Journal, Key, Keys, Metadata, Model, Shape};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{admin, bank, directory, json, shows};

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

/// Damages the frame of event `seq`, each of which begins at a multiple of 512 bytes.
#[expect(clippy::disallowed_methods, reason = "a test may read a file, and a command may not")]
fn damage(directory: &TempDir, seq: u64) {
    let journal = directory.path().join("bank.image/journal/00000001.journal");
    let sound = std::fs::read(&journal).unwrap();
    for offset in (4096..sound.len()).step_by(512) {
        let mut damaged = sound.clone();
        damaged[offset + 20] ^= 1;
        std::fs::write(&journal, damaged).unwrap();
        if admin(directory, &["repair"]).contains(&format!("give-up={seq}\n")) {
            return;
        }
    }
    panic!("no damage loses event {seq} alone");
}

#[test]
fn a_terminal_shows_how_far_a_replay_has_come() {
    let directory = directory();
    let on_terminal = |arguments: &str| {
        // `script` makes a terminal
        let program = format!("{} admin replay --dry-run {arguments}", env!("CARGO_BIN_EXE_bank"));
        let mut script = Command::new("script");
        let output = script.current_dir(&directory).args(["-qec", &program, "/dev/null"]).output().ok()?;
        Some(String::from_utf8(output.stdout).unwrap())
    };
    let Some(shown) = on_terminal("") else {
        println!("skipped: there is no program `script`");
        return;
    };
    assert!(shown.contains(" of 6, "), "{shown}");
    assert!(!on_terminal("2> none").unwrap().contains(" of 6, "));
}

#[test]
fn a_replay_and_the_changes_name_the_events_that_a_repair_gave_up() {
    let directory = directory();
    damage(&directory, 4);
    let repaired = admin(&directory, &["repair", "give-up=4", "--yes"]);
    assert!(repaired.contains("lost: event 4"), "{repaired}");
    let replay = admin(&directory, &["replay", "--dry-run"]);
    assert!(replay.starts_with("this program replays the journal: 5 events in "), "{replay}");
    assert!(replay.ends_with("\nwithout event 4, which a repair gave up\n"), "{replay}");
    assert_eq!(json(&directory, &["replay", "--dry-run"])["lost"], serde_json::json!([[4, 4]]));
    shows(
        &directory,
        &["changes", "accounts.7"],
        &expect![[r#"
            $ bank admin changes accounts.7
                   1  TIME  deposit {account: 7, amount: 100}
                      accounts.7: absent → 100
                   3  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 100 → 70
                   4  lost: event 4
                   6  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 70 → 40
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts.7", "--reverse", "--limit", "2"],
        &expect![[r#"
            $ bank admin changes accounts.7 --reverse --limit 2
                   6  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 70 → 40
                   4  lost: event 4
                   3  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 100 → 70
        "#]],
    );
}

/// The owner goes on from a snapshot with the effect of the lost event, and a digest is recorded of such a state. A program that replays
/// the events behind the gap correctly is not blamed for it, and one that does not is found out.
#[test]
fn a_digest_of_a_state_with_the_effect_of_a_lost_event_is_no_failure() {
    for (amount, replays) in [(5, true), (13, false)] {
        let directory = directory();
        admin(&directory, &["snapshot"]);
        damage(&directory, 4);
        admin(&directory, &["repair", "give-up=4", "--yes"]);
        let owner = Image::<Bank>::open(directory.path().join("bank.image")).unwrap();
        owner.deposit(7, amount).unwrap();
        assert!(owner.admin().snapshot().unwrap().verified); // the journal records the digest of this state
        owner.deposit(7, 1).unwrap();
        Image::close(owner).unwrap();
        // what an opening begins with: the snapshot after event 6
        let newest = directory.path().join("bank.image/snapshot/00000000000000000007.snapshot");
        std::fs::remove_file(newest).unwrap();
        let replay = admin(&directory, &["replay", "--dry-run"]);
        if replays {
            assert!(replay.starts_with("this program replays the journal: 7 events in "), "{replay}");
            assert!(
                replay.contains("not compared with the recorded digest: the state after event 6, because"),
                "{replay}"
            );
            let document = json(&directory, &["replay", "--dry-run"]);
            assert_eq!(document["uncompared_digests"], serde_json::json!([6]));
        } else {
            assert!(replay.starts_with("this program does not replay the journal: "), "{replay}");
            assert!(replay.contains("event 7"), "{replay}");
        }
    }
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
    assert!(with(&["rewrite", "new.image"]).starts_with("read 1 event, and wrote 1"));
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
    let (_, listed) = help.split_once("\nCommands:\n").unwrap();
    let (listed, _) = listed.split_once("\n\n").unwrap();
    let listed = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let verbs: Vec<&str> = listed.filter(|verb| verb.starts_with(char::is_alphabetic) && *verb != "help").collect();
    assert!(verbs.len() > 20, "{verbs:?}");
    for verb in verbs {
        let of_verb = admin(&directory, &[verb, "--help"]);
        assert!(of_verb.contains(&format!("Usage: bank admin {verb}")), "{of_verb}");
        assert!(!of_verb.contains("memimage ") && !of_verb.contains("memimage::"), "{of_verb}");
    }
}

#[test]
fn another_image_than_the_one_of_the_program_is_named_by_an_option() {
    let directory = directory();
    let log = admin(&directory, &["log", "other.image"]);
    assert!(
        log.contains("tip: to name another image than the one of this program, use '--image other.image'"),
        "{log}"
    );
    assert!(log.ends_with("exit code: Some(2)\n"), "{log}");
    let browse = admin(&directory, &["browse", "other.image"]);
    assert!(browse.contains("there is no image at `DIR/other.image`"), "{browse}");
}

#[test]
fn the_messages_name_the_verbs_of_the_program_and_the_image() {
    let directory = directory();
    damage(&directory, 4);
    let check = admin(&directory, &["check"]);
    assert!(check.contains("(bank admin repair give-up=4): loses event 4"), "{check}");
    let image = directory.path().join("bank.image");
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(image, elsewhere.path().join("moved.image")).unwrap();
    let log = admin(&elsewhere, &["log", "--image", "moved.image"]);
    assert!(log.contains("run `bank admin check --image moved.image`, which lists the possible repairs"), "{log}");
    let doctor = admin(&elsewhere, &["doctor", "--image", "moved.image"]);
    assert!(doctor.contains("Try it first: `bank admin repair --image moved.image give-up=4 --dry-run`"), "{doctor}");
}
