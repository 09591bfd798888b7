//! Damaged images: what is found, and how it is repaired.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use expect_test::expect;
use memimage::{Image, Timestamp};

use crate::support::{Stock, create, record_last, record_three, run};

/// Creates an image with four events, the last of which is damaged although it was synced.
fn create_damaged(image: &Path) {
    let stock = Image::<Stock>::open(image).unwrap();
    record_three(&stock);
    let before = std::fs::read(segment(image)).unwrap();
    record_last(&stock);
    Image::close(stock).unwrap();
    let mut bytes = std::fs::read(segment(image)).unwrap();
    let frame = before.iter().zip(&bytes).position(|(before, after)| before != after).unwrap();
    bytes[frame + 16] ^= 0xff;
    std::fs::write(segment(image), bytes).unwrap();
}

/// Records three events, whatever `damaged` records, and three more events. Damages all frames that `damaged` recorded.
fn create_damaged_between(image: &Path, stock: Image<Stock>, damaged: impl FnOnce(&Image<Stock>)) {
    record_three(&stock);
    let before = std::fs::read(segment(image)).unwrap();
    damaged(&stock);
    let after = std::fs::read(segment(image)).unwrap();
    record_three(&stock);
    Image::close(stock).unwrap();
    let differs = |at: &usize| before[*at] != after[*at];
    let (first, last) = ((0..after.len()).find(differs).unwrap(), (0..after.len()).rfind(differs).unwrap());
    let mut bytes = std::fs::read(segment(image)).unwrap();
    // frames are aligned to 512 bytes
    (first..=last).step_by(512).for_each(|frame| bytes[frame + 16] ^= 0xff);
    std::fs::write(segment(image), bytes).unwrap();
}

fn segment(image: &Path) -> PathBuf {
    let files = std::fs::read_dir(image.join("journal")).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "journal")).collect();
    segments.sort();
    segments[0].clone()
}

#[test]
fn a_sound_image() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    assert!(run(directory.path(), &["check", "stock.image"]).ends_with("\nsound\n"));
    expect![[r#"
        the image is sound: nothing to repair
    "#]]
    .assert_eq(&run(directory.path(), &["repair", "stock.image"]));
    expect![[r#"
        stderr: error: `torn-tail` does not apply to this image; no repair applies
        exit code: Some(3)
    "#]]
    .assert_eq(&run(directory.path(), &["repair", "stock.image", "torn-tail", "--yes"]));
    expect![[r#"
        What it is
          `DIR/stock.image` is an image of `Stock`.
          It holds the events 1 to 4. Those up to 4 are known to be on disk.
          It has no usable snapshot: opening replays all events.
          No process has it open.

        What is wrong
          Nothing was found. All checksums are right.

        What to do
          Nothing: open it with its program.
    "#]]
    .assert_eq(&run(directory.path(), &["doctor", "stock.image"]));
}

#[test]
fn a_damaged_image_is_repaired_by_what_the_doctor_says() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create_damaged(&image);
    expect![[r#"
        What it is
          `DIR/stock.image` is an image of `Stock`.
          It holds the events 1 to 3. Those up to 4 are known to be on disk.
          It has no usable snapshot: opening replays all events.
          No process has it open.

        What is wrong
          damage in `DIR/stock.image/journal/00000001.journal`: a frame that was synced is missing or damaged
            restore the file from a backup, or repair the image

        What to do
          - If you have a backup, look first what it holds: `memimage info BACKUP`.
          - Copy the directory before you repair it.
          - Then make this repair:
              memimage repair stock.image cut-from=4
                  give up event 4 and all later events: loses event 4
          - Then run this doctor again: more may be wrong.
        exit code: Some(1)
    "#]]
    .assert_eq(&run(directory.path(), &["doctor", "stock.image"]));
    expect![[r#"
        cut-from=4
            give up event 4 and all later events: loses event 4
        exit code: Some(1)
    "#]]
    .assert_eq(&run(directory.path(), &["repair", "stock.image"]));
    let before = std::fs::read(segment(&image)).unwrap();
    expect![[r#"
        give up event 4 and all later events: loses event 4
    "#]]
    .assert_eq(&run(directory.path(), &["repair", "stock.image", "cut-from=4", "--dry-run"]));
    expect![[r#"
        stderr: give up event 4 and all later events: loses event 4
        stderr: error: Repair the image: there is no terminal to ask on; help: add --yes to confirm
        exit code: Some(2)
    "#]]
    .assert_eq(&run(directory.path(), &["repair", "stock.image", "cut-from=4"]));
    expect![[r#"
        stderr: error: `cut-from=2` does not apply to this image; these repairs apply: cut-from=4
        exit code: Some(3)
    "#]]
    .assert_eq(&run(directory.path(), &["repair", "stock.image", "cut-from=2", "--yes"]));
    assert_eq!(std::fs::read(segment(&image)).unwrap(), before);
    let repaired = run(directory.path(), &["repair", "stock.image", "cut-from=4", "--yes"]);
    assert!(repaired.contains("lost: event 4") && !repaired.contains("exit code"), "{repaired}");
    Image::close(Image::<Stock>::open(&image).unwrap()).unwrap();
    assert_eq!(run(directory.path(), &["log", "stock.image"]).lines().count(), 3);
}

#[test]
fn the_findings_as_json() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create_damaged(&image);
    let check = run(directory.path(), &["check", "stock.image", "--json"]);
    let json: serde_json::Value = serde_json::from_str(check.strip_suffix("exit code: Some(1)\n").unwrap()).unwrap();
    assert_eq!(json["verdict"], "damaged");
    let repairs = &json["findings"][0]["repairs"];
    assert!(repairs.as_array().is_some_and(|repairs| !repairs.is_empty()), "{check}");
    let options = run(directory.path(), &["repair", "stock.image", "--json"]);
    assert!(options.contains("\"repair\": \"cut-from=4\""), "{options}");
}

#[test]
fn an_event_is_made_void() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let void = |arguments: &[&str]| run(directory.path(), &[&["void", "stock.image"], arguments].concat());
    expect![[r#"
        stderr: error: Make event 2 void for ever: there is no terminal to ask on; help: add --yes to confirm
        exit code: Some(2)
    "#]]
    .assert_eq(&void(&["2", "--reason", "a mistake"]));
    let done = void(&["2", "--reason", "a mistake", "--by", "ada", "--yes"]);
    assert!(!done.contains("exit code"), "{done}");
    let log = run(directory.path(), &["log", "stock.image", "--where", "void"]);
    assert_eq!(log.split_whitespace().next(), Some("2"), "{log}");
    let missing = void(&["9", "--reason", "a mistake", "--yes"]);
    assert!(missing.ends_with("exit code: Some(3)\n"), "{missing}");
}

/// One damaged event in the middle: the sound events behind it stay.
#[test]
fn a_damaged_event_is_given_up_alone() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create_damaged_between(&image, Image::<Stock>::open(&image).unwrap(), record_last);
    expect![[r#"
        cut-from=4
            give up event 4 and all later events: loses events 4 to 7
        give-up=4
            give up the damaged frames alone, from event 4 on, and keep the sound events behind them: loses event 4; replays events 5 to 7 without the lost ones, so their outcomes can differ
        exit code: Some(1)
    "#]].assert_eq(&run(directory.path(), &["repair", "stock.image"]));
    expect![[r#"
        give up the damaged frames alone, from event 4 on, and keep the sound events behind them: loses event 4; replays events 5 to 7 without the lost ones, so their outcomes can differ
          not tried: whether the later events can be replayed, and which of their outcomes would change
          this command does not have the model `Stock`; a program that has it, and carries these verbs, tries it: `PROGRAM admin repair give-up=4 --dry-run`
    "#]].assert_eq(&run(directory.path(), &["repair", "stock.image", "give-up=4", "--dry-run"]));
    let repaired = run(directory.path(), &["repair", "stock.image", "give-up=4", "--by", "Ann", "--yes"]);
    assert!(repaired.contains("lost: event 4") && !repaired.contains("exit code"), "{repaired}");
    expect![[r#"
        What it is
          `DIR/stock.image` is an image of `Stock`.
          It holds the events 1 to 7. Those up to 7 are known to be on disk.
          Lost: event 4, which a repair gave up.
          It has no usable snapshot: opening replays all events.
          No process has it open.

        What is wrong
          Nothing was found. All checksums are right.

        What to do
          - Try whether its program replays what follows the lost events: `PROGRAM admin replay --dry-run`.
          - Make an event void that it cannot replay: `memimage void stock.image SEQ --reason TEXT`.
          - Then open it with its program.
    "#]]
    .assert_eq(&run(directory.path(), &["doctor", "stock.image"]));
    let log = run(directory.path(), &["log", "stock.image", "--name", "deliver"]);
    assert!(log.lines().count() == 3 && log.contains("\n       4  lost: event 4\n       5  TIME  deliver"), "{log}");
    let check: serde_json::Value =
        serde_json::from_str(&run(directory.path(), &["check", "stock.image", "--json"])).unwrap();
    assert_eq!((check["verdict"].as_str(), check["gaps"][0]["by"].as_str()), (Some("sound"), Some("Ann")), "{check}");
    assert_eq!((check["gaps"][0]["lost"].to_string().as_str(), check["gaps"][0]["next"].as_u64()), ("[4,4]", Some(5)));
    let json = run(directory.path(), &["log", "stock.image", "--json"]);
    assert_eq!(json.lines().filter(|line| *line == r#"{"lost":[4,4]}"#).count(), 1, "{json}");
    let from = |first: &str| run(directory.path(), &["log", "stock.image", "--reverse", "--from", first]);
    assert!(from("4").ends_with("\n       4  lost: event 4\n"), "{}", from("4"));
    assert!(from("5").lines().count() == 3 && !from("5").contains("lost"), "{}", from("5"));
    assert!(run(directory.path(), &["stats", "stock.image"]).contains("1 event lost in recorded gaps"));
    let shown = run(directory.path(), &["show", "stock.image", "4"]);
    assert!(shown.contains("event 4 was lost by damage") && shown.contains("exit code: Some(3)"), "{shown}");
}

/// The program with the model: this test, which another one runs as a process.
#[test]
#[ignore = "a program, not a test"]
fn program() {
    let arguments = std::env::var("STOCK_ARGUMENTS").unwrap();
    println!();
    memimage::admin::run::<Stock>(["stock"].into_iter().chain(arguments.split(' ')));
}

#[test]
fn the_changes_go_on_behind_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create_damaged_between(&image, Image::<Stock>::open(&image).unwrap(), |stock| {
        (0..2).for_each(|_| record_last(stock));
    });
    let repaired = run(directory.path(), &["repair", "stock.image", "give-up=4", "--yes"]);
    assert!(!repaired.contains("exit code"), "{repaired}");
    let changes = |arguments: &str| {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["damage::program", "--exact", "--ignored", "--nocapture"]).current_dir(directory.path());
        let output = program.env("STOCK_ARGUMENTS", format!("changes stock.image items {arguments}")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| match line.strip_prefix("{\"lost\":") {
            Some(lost) => Some(format!("lost {}", lost.trim_end_matches('}'))),
            None => line.split_once("\"seq\":").map(|(_, rest)| rest.split_once(',').unwrap().0.to_owned()),
        };
        text.lines().filter_map(line).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(changes("--json"), "1 2 lost [4,5] 6 7");
    assert_eq!(changes("--json --reverse"), "7 6 lost [4,5] 2 1");
    assert_eq!(changes("--json --reverse --limit 2"), "7 6");
    assert_eq!(changes("--json --reverse --limit 3"), "7 6 lost [4,5] 2");
    assert_eq!(changes("--json --limit 2"), "1 2");
    for first in ["4", "5"] {
        assert_eq!(changes(&format!("--json --from {first}")), "lost [4,5] 6 7");
    }
    assert_eq!(changes("--json --from 6"), "6 7");
}

#[test]
fn a_new_image_takes_over_a_gap_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create_damaged_between(&image, Image::<Stock>::open(&image).unwrap(), record_last);
    let repaired = run(directory.path(), &["repair", "stock.image", "give-up=4", "--by", "Ann", "--yes"]);
    assert!(!repaired.contains("exit code"), "{repaired}");
    let rewrite = ["rewrite", "stock.image", "rewritten.image", "--rename-event", "deliver=receive"];
    for arguments in [
        &["export", "stock.image", "-o", "stock.jsonl"][..],
        &["branch", "stock.image", "branch.image"],
        &[&rewrite[..], &["--dry-run"]].concat(),
        &rewrite,
    ] {
        let refused = run(directory.path(), arguments);
        assert!(refused.contains("event 4 was lost") && refused.contains("`--carry-gaps`"), "{arguments:?}: {refused}");
        assert!(refused.ends_with("exit code: Some(3)\n"), "{arguments:?}: {refused}");
        let carried = run(directory.path(), &[arguments, &["--carry-gaps"]].concat());
        assert!(carried.contains("without event 4, which a repair gave up\n"), "{arguments:?}: {carried}");
    }
    let imported = run(directory.path(), &["import", "stock.jsonl", "imported.image"]);
    assert_eq!(imported, "imported 6 events, up to event 7\nwithout event 4, which a repair gave up\n");
    for copy in ["imported.image", "branch.image", "rewritten.image"] {
        let check: serde_json::Value =
            serde_json::from_str(&run(directory.path(), &["check", copy, "--json"])).unwrap();
        assert_eq!(check["verdict"], "sound", "{copy}: {check}");
        assert_eq!((&check["gaps"][0]["lost"], &check["gaps"][0]["by"]), (&serde_json::json!([4, 4]), &"Ann".into()));
        let log = run(directory.path(), &["log", copy]);
        assert!(log.contains("\n       4  lost: event 4\n"), "{copy}: {log}");
    }
    let again =
        run(directory.path(), &["export", "imported.image", "--carry-gaps", "--output", "again.jsonl", "--json"]);
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!((&again["events"], &again["lost"]), (&6.into(), &serde_json::json!([[4, 4]])));
}

/// A lost correction of recorded time: the events behind the gap are earlier, and a copy without the gap must correct the time.
#[test]
fn a_lost_correction_of_time_is_made_again_in_a_copy() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    let time = Arc::new(AtomicU64::new(2_000_000_000));
    let clock = Arc::clone(&time);
    let options = Image::<Stock>::options().clock(move || Timestamp::from_micros(clock.load(Ordering::Relaxed)));
    create_damaged_between(&image, options.open(&image).unwrap(), |stock| {
        time.store(1_000_000_000, Ordering::Relaxed);
        stock.admin().correct_time(Timestamp::from_micros(1_000_000_000), "a wrong clock").unwrap();
    });
    let options = run(directory.path(), &["repair", "stock.image"]);
    assert!(options.contains("give-up=4"), "{options}");
    let repaired = run(directory.path(), &["repair", "stock.image", "give-up=4", "--yes"]);
    assert!(!repaired.contains("exit code"), "{repaired}");
    for arguments in [
        &["rewrite", "stock.image", "rewritten.image", "--rename-event", "deliver=receive"][..],
        &["export", "stock.image", "-o", "stock.jsonl"],
        &["import", "stock.jsonl", "imported.image"],
    ] {
        let done = run(directory.path(), arguments);
        assert!(!done.contains("exit code"), "{arguments:?}: {done}");
    }
    let lines = std::fs::read_to_string(directory.path().join("stock.jsonl")).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("damaged and given up")).count(), 1, "{lines}");
    // the program makes copies, too
    memimage::admin::Rewrite::<Stock>::new().run(&image, directory.path().join("program.image")).unwrap();
    let journal = Image::<Stock>::options().open_journal(&image).unwrap();
    journal.branch(directory.path().join("branch.image")).create().unwrap();
    for copy in ["rewritten.image", "imported.image", "program.image", "branch.image"] {
        assert!(run(directory.path(), &["check", copy]).ends_with("\nsound\n"));
        assert_eq!(run(directory.path(), &["log", copy]).lines().count(), 6);
    }
}
