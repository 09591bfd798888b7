//! What is shown of a damaged image, and what a dry run tells before it is repaired.

use std::path::Path;
use std::process::Command;

use expect_test::expect;
use memimage::Image;

use crate::support::{Stock, StockRemove, create, run, shown};

/// The program with the model: this test, which another one runs as a process.
#[test]
#[ignore = "a program, not a test"]
fn program() {
    let arguments = std::env::var("STOCK_ARGUMENTS").unwrap();
    println!("begin");
    let code = memimage::admin::run::<Stock>(["stock"].into_iter().chain(arguments.split(' ')));
    println!("{code:?}");
}

/// Runs a verb of the program with the model.
fn stock(directory: &Path, arguments: &str) -> String {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["partly_readable::program", "--exact", "--ignored", "--nocapture"]).current_dir(directory);
    let output = shown(directory, &program.env("STOCK_ARGUMENTS", arguments).output().unwrap());
    let (_, begin) = output.split_once("begin\n").unwrap();
    let (output, code) = begin.split_once("ExitCode").unwrap();
    format!("{output}ExitCode{}\n", code.lines().next().unwrap_or_default())
}

/// Damages the frame of event `seq`. Frames begin at multiples of 512 bytes.
fn damage(directory: &Path, seq: u64) {
    let journal = directory.join("stock.image/journal/00000001.journal");
    let sound = std::fs::read(&journal).unwrap();
    for offset in (4096..sound.len()).step_by(512) {
        let mut damaged = sound.clone();
        damaged[offset + 20] ^= 1;
        std::fs::write(&journal, damaged).unwrap();
        if run(directory, &["repair", "stock.image"]).contains(&format!("give-up={seq}\n")) {
            return;
        }
    }
    panic!("no damage loses event {seq} alone");
}

#[test]
fn a_damaged_journal_is_listed_up_to_the_damage() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    damage(directory.path(), 3);
    let log = run(directory.path(), &["log", "stock.image"]);
    assert_eq!(log.lines().filter(|line| line.contains("TIME")).count(), 2, "{log}");
    assert!(log.contains("\nstderr: error: the events behind the damage are not listed: the journal file"), "{log}");
    assert!(log.contains("run `memimage check stock.image`") && log.ends_with("exit code: Some(3)\n"), "{log}");
    let reverse = run(directory.path(), &["log", "stock.image", "--reverse"]);
    assert!(reverse.contains("without --reverse, this verb lists the events before the damage"), "{reverse}");
    let info = run(directory.path(), &["info", "stock.image"]);
    for line in ["model        Stock\n", "created      TIME\n", "events       from 1 on; those up to 4 were synced\n"] {
        assert!(info.contains(line), "{info}");
    }
    assert!(
        info.contains("`memimage check stock.image` lists all damage, and the repairs\nexit code: Some(1)"),
        "{info}"
    );
    let json = run(directory.path(), &["info", "stock.image", "--json"]);
    let json: serde_json::Value = serde_json::from_str(json.strip_suffix("exit code: Some(1)\n").unwrap()).unwrap();
    assert!(json["damage"].as_str().is_some_and(|damage| damage.contains("00000001.journal")), "{json}");
}

#[test]
fn the_segments_before_a_damaged_header_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    let stock = Image::<Stock>::open(&image).unwrap();
    for _ in 0..500 {
        drop(Image::submit(&stock, StockRemove { item: "x".repeat(500), count: 0 }).unwrap());
    }
    Image::close(stock).unwrap();
    let second = image.join("journal/00000002.journal");
    let mut bytes = std::fs::read(&second).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&second, bytes).unwrap();
    let log = run(directory.path(), &["log", "stock.image"]);
    let listed = log.lines().filter(|line| line.contains("TIME")).count();
    assert!((50..500).contains(&listed), "{listed} events are listed");
    assert!(log.contains("00000002.journal` is damaged") && log.ends_with("exit code: Some(3)\n"), "{log}");
}

#[test]
fn a_repaired_image_does_not_say_that_it_was_created_by_the_repair() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    damage(directory.path(), 3);
    run(directory.path(), &["repair", "stock.image", "give-up=3", "--yes"]);
    let info = run(directory.path(), &["info", "stock.image"]);
    assert!(
        info.contains("created      unknown: the first segment, which says it, was pruned or repaired\n"),
        "{info}"
    );
    let export = run(directory.path(), &["log", "stock.image", "--until", "1h ago"]);
    assert!(!export.contains("exit code"), "{export}");
}

#[test]
fn a_dry_run_of_a_repair_lists_the_outcomes_that_would_change() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    damage(directory.path(), 1);
    expect![[r#"
        give up the damaged frames alone, from event 1 on, and keep the sound events behind them: loses event 1; replays events 2 to 4 without the lost ones, so their outcomes can differ
        lost would be: event 1; 1 later event would have another outcome
          event 2: was accepted, and would be rejected
        ExitCode(unix_exit_status(1))
    "#]].assert_eq(&stock(directory.path(), "repair stock.image give-up=1 --dry-run"));
    let json = stock(directory.path(), "repair stock.image give-up=1 --dry-run --json");
    assert!(json.contains("\"replayed\": true") && json.contains("\"rejected\": true"), "{json}");
    expect![[r#"
        give up the damaged frames alone, from event 1 on, and keep the sound events behind them: loses event 1; replays events 2 to 4 without the lost ones, so their outcomes can differ
          not tried: whether the later events can be replayed, and which of their outcomes would change
          this command does not have the model `Stock`; a program that has it, and carries these verbs, tries it: `PROGRAM admin repair give-up=1 --dry-run`
    "#]].assert_eq(&run(directory.path(), &["repair", "stock.image", "give-up=1", "--dry-run"]));
    let cut = stock(directory.path(), "repair stock.image cut-from=1 --dry-run");
    assert!(cut.starts_with("give up event 1 and all later events") && !cut.contains("tried"), "{cut}");
    let doctor = stock(directory.path(), "doctor stock.image");
    assert!(doctor.contains("Try it first: `stock repair stock.image give-up=1 --dry-run`"), "{doctor}");
}

#[test]
fn a_dry_run_of_a_void_event_lists_the_outcomes_that_would_change() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    expect![[r#"
        `deliver` version 1, event 1, would be void; 1 later event would have another outcome
          event 2: was accepted, and would be rejected
          later events are replayed on a state without the event: ids that bodies took from a counter or a length shift, and answers that callers got are not taken back
        ExitCode(unix_exit_status(1))
    "#]].assert_eq(&stock(directory.path(), "void stock.image 1 --dry-run"));
    expect![[r#"
        `deliver` version 1, event 4, would be void; the outcomes of all later events stay the same
          later events are replayed on a state without the event: ids that bodies took from a counter or a length shift, and answers that callers got are not taken back
        ExitCode(unix_exit_status(0))
    "#]].assert_eq(&stock(directory.path(), "void stock.image 4 --dry-run"));
    let json = stock(directory.path(), "void stock.image 1 --dry-run --json");
    assert!(json.contains("\"replayed\": true") && json.contains("\"rejected\": true"), "{json}");
    let cli = |arguments: &[&str]| run(directory.path(), &[&["void", "stock.image", "1"], arguments].concat());
    expect![[r#"
        `deliver` version 1, event 1, would be void
          not tried: whether the later events can be replayed, and which of their outcomes would change
          this command does not have the model `Stock`; a program that has it, and carries these verbs, tries it: `PROGRAM admin void 1 --dry-run`
    "#]].assert_eq(&cli(&["--dry-run"]));
    expect![[r#"
        {
          "seq": 1,
          "name": "deliver",
          "version": 1,
          "already": false,
          "replayed": false,
          "changed_outcomes": null,
          "failure": null
        }
    "#]]
    .assert_eq(&cli(&["--dry-run", "--json"]));
    assert!(cli(&["--yes"]).ends_with("exit code: Some(2)\n"), "a decision needs a reason");
    assert!(!run(directory.path(), &["log", "stock.image"]).contains(" void"), "a dry run changes nothing");
}
