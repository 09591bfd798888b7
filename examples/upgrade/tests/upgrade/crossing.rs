//! Every stage opens, or refuses, every committed journal.

use std::path::PathBuf;

use tempfile::TempDir;
use upgrade::PROGRAMS;

use crate::files::{committed, copy, unlocked};

/// The output of stages 1 to 4 on the journals of stages 1 to 4, for each writer and reader.
const FOUND: [&str; 4] = [
    "6 events: 6 replayed
card 1: Ada King, 550
card 2: Max Bell, 100
guest book: Strong espresso.
",
    "5 events: 5 replayed
card 1: Grace Hopper, 950
guest book: Cocoa at last.
",
    "5 events: 5 replayed
card 1: Alan Turing, 1200
guest book: I come every day.
",
    "4 events: a snapshot of 3, and 1 replayed
card 1: Mary Shelley, 440
guest book: Dear, but good.
",
];

/// The output of stage 5: the same cards, their sum, and only guest book entries with a card.
const FOUND_BY_5: [&str; 5] = [
    "6 events: 6 replayed
card 1: Ada King, 550
card 2: Max Bell, 100
owed: 650
",
    "5 events: 5 replayed
card 1: Grace Hopper, 950
owed: 950
",
    "5 events: 5 replayed
card 1: Alan Turing, 1200
owed: 1200
",
    "4 events: a snapshot of 3, and 1 replayed
card 1: Mary Shelley, 440
owed: 440
",
    "4 events: 4 replayed
card 1: Emmy Noether, 570
owed: 570
guest book, card 1: Best in town.
",
];

/// The error of the previous stage on a journal, after the line with the image's path.
const TOO_OLD: [&str; 4] = [
    "buy` version 2 is in the journal, but the newest version in this program is 1",
    "load` version 1 is in the journal, but no command of this program records it: the program is too old, or the command was removed",
    "issue` version 3 is in the journal, but the newest version in this program is 2",
    "sign` version 2 is in the journal, but the newest version in this program is 1",
];

/// A copy of the committed image of a stage.
fn image(written_by: usize) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cafe.image");
    copy(&committed(written_by), &path);
    (directory, path)
}

/// All pairs of stages: the writer and the reader.
fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (1..=PROGRAMS.len()).flat_map(|writer| (1..=PROGRAMS.len()).map(move |reader| (writer, reader)))
}

#[test]
fn each_stage_opens_its_own_journal_and_those_of_earlier_stages() {
    for (writer, reader) in pairs().filter(|(writer, reader)| writer <= reader) {
        let (_directory, path) = image(writer);
        let program = PROGRAMS[reader - 1];
        let expected = if reader == 5 { FOUND_BY_5[writer - 1] } else { FOUND[writer - 1] };
        for _ in 0..2 {
            assert_eq!(program.show(&path).unwrap(), expected, "stage {reader} on the journal of stage {writer}");
        }

        // the commands of the day add new cards
        program.write(&path).unwrap();
        let shown = program.show(&path).unwrap();
        let cards: Vec<&str> = expected.lines().filter(|line| line.starts_with("card")).collect();
        assert!(shown.contains(&cards.join("\n")), "stage {reader} on the journal of stage {writer}, later:\n{shown}");
        assert!(shown.contains(&format!("\ncard {}: ", cards.len() + 1)), "{shown}");
        assert_eq!(program.show(&path).unwrap(), shown);
    }
}

#[test]
fn each_stage_refuses_the_journals_of_later_stages_and_changes_nothing() {
    for (writer, reader) in pairs().filter(|(writer, reader)| writer > reader) {
        let (_directory, path) = image(writer);
        let before = unlocked(&path);
        let program = PROGRAMS[reader - 1];
        for error in [program.show(&path).unwrap_err(), program.write(&path).unwrap_err()] {
            let error = error.to_string();
            let refused = format!(
                "the events of this program do not match the journal of `{}`; nothing was replayed or changed:\n",
                path.display()
            );
            assert!(error.starts_with(&refused), "stage {reader} on the journal of stage {writer}: {error}");
            if reader == writer - 1 {
                assert!(error.contains(TOO_OLD[reader - 1]), "{error}");
            }
        }
        assert_eq!(unlocked(&path), before, "stage {reader} on the journal of stage {writer}");
    }
}

#[test]
fn a_snapshot_of_stage_4_gives_stage_5_the_same_state_as_the_journal() {
    let (_directory, path) = image(4);
    std::fs::remove_dir_all(path.join("snapshot")).unwrap();
    let replayed = PROGRAMS[4].show(&path).unwrap();
    assert_eq!(replayed.replace("4 replayed", "a snapshot of 3, and 1 replayed"), FOUND_BY_5[3]);
}
