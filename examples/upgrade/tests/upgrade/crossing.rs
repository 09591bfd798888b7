//! Every stage on every stage's committed journal.

use std::path::PathBuf;

use tempfile::TempDir;
use upgrade::PROGRAMS;

use crate::files::{committed, copy, unlocked};

/// What stages 1 to 4 find in the journals of stages 1 to 4, whichever of them wrote it and reads it.
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

/// What stage 5 finds: the same cards, what they sum up to, and in the guest book only who has a card.
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

/// What the stage before says of a journal, after a line that names the image.
const TOO_OLD: [&str; 4] = [
    "buy` version 2 is in the journal, and this program knows version 1",
    "load` version 1 is in the journal, but is no command of this program: the program is too old, or the command was removed",
    "issue` version 3 is in the journal, and this program knows version 2",
    "sign` version 2 is in the journal, and this program knows version 1",
];

/// A copy of a stage's image.
fn image(written_by: usize) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cafe.image");
    copy(&committed(written_by), &path);
    (directory, path)
}

/// All pairs of stages, the writer first.
fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (1..=PROGRAMS.len()).flat_map(|writer| (1..=PROGRAMS.len()).map(move |reader| (writer, reader)))
}

#[test]
fn each_stage_opens_what_it_and_those_before_it_wrote_and_goes_on() {
    for (writer, reader) in pairs().filter(|(writer, reader)| writer <= reader) {
        let (_directory, path) = image(writer);
        let program = PROGRAMS[reader - 1];
        let expected = if reader == 5 { FOUND_BY_5[writer - 1] } else { FOUND[writer - 1] };
        for _ in 0..2 {
            assert_eq!(program.show(&path).unwrap(), expected, "stage {reader} on the journal of stage {writer}");
        }

        // the day's commands come after what was there, on cards of their own
        program.write(&path).unwrap();
        let shown = program.show(&path).unwrap();
        let cards: Vec<&str> = expected.lines().filter(|line| line.starts_with("card")).collect();
        assert!(shown.contains(&cards.join("\n")), "stage {reader} on the journal of stage {writer}, later:\n{shown}");
        assert!(shown.contains(&format!("\ncard {}: ", cards.len() + 1)), "{shown}");
        assert_eq!(program.show(&path).unwrap(), shown);
    }
}

#[test]
fn each_stage_refuses_what_those_after_it_wrote_and_changes_nothing() {
    for (writer, reader) in pairs().filter(|(writer, reader)| writer > reader) {
        let (_directory, path) = image(writer);
        let before = unlocked(&path);
        let program = PROGRAMS[reader - 1];
        for error in [program.show(&path).unwrap_err(), program.write(&path).unwrap_err()] {
            let error = error.to_string();
            let refused = format!(
                "the journal of `{}` and this program differ in their events; nothing was replayed or changed:\n",
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
fn a_snapshot_of_stage_4_gives_stage_5_what_the_journal_gives() {
    let (_directory, path) = image(4);
    std::fs::remove_dir_all(path.join("snapshot")).unwrap();
    let replayed = PROGRAMS[4].show(&path).unwrap();
    assert_eq!(replayed.replace("4 replayed", "a snapshot of 3, and 1 replayed"), FOUND_BY_5[3]);
}
