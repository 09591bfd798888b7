//! The verb `rewrite`: rules that change events without their program.

use std::path::Path;

use expect_test::expect;
use memimage::{Image, Seq};

use crate::support::{Stock, command, create, run};

/// The program after the rewriting.
mod later {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Stock {
        pub(super) items: BTreeMap<String, i64>,
    }

    #[derive(Clone, Debug, Serialize, Deserialize, Shape)]
    pub(super) struct Line {
        item: String,
        number: i64,
        unit: String,
    }

    #[derive(Debug, Serialize, Deserialize, Shape)]
    pub(super) struct OutOfStock {
        left: i64,
    }

    #[memimage::commands]
    impl Stock {
        #[command]
        pub(super) fn receive(&mut self, lines: Vec<Line>) {
            for line in lines {
                *self.items.entry(line.item).or_default() += if line.unit == "piece" { line.number } else { 0 };
            }
        }

        #[command(version = 2, oldest = 2)]
        pub(super) fn remove(&mut self, item: String, count: i64, reason: Option<String>) -> Result<(), OutOfStock> {
            let left = self.items.entry(item).or_default();
            if *left < count || reason.is_some() {
                return Err(OutOfStock { left: *left });
            }
            *left -= count;
            Ok(())
        }
    }
}

const RULES: &str = "\
# the program renamed its command, and counts in units
rename-event deliver=receive
rename-field deliver.lines.count=number
set-default  deliver.lines.unit=\"piece\"
drop-field   deliver.note

--rename-event remove=remove@2
set-default remove.reason:option<string>=null
";

/// The events of the new image, below a line that keeps their indentation in the expected text.
fn log(directory: &Path) -> String {
    format!("the events\n{}", run(directory, &["log", "new.image"]))
}

#[test]
fn a_later_program_opens_the_rewritten_image() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    std::fs::write(directory.path().join("rules.txt"), RULES).unwrap();
    let rewrite = |arguments: &[&str]| {
        run(directory.path(), &[&["rewrite", "stock.image", "new.image", "--rules", "rules.txt"], arguments].concat())
    };
    expect![[r#"
        would rewrite 4 events
                   2  --rename-event deliver=receive
                   2  --rename-field deliver.lines.count=number
                   2  --set-default deliver.lines.unit="piece"
                   2  --drop-field deliver.note
                   2  --rename-event remove=remove@2
                   2  --set-default remove.reason:option<string>=null
        the program must declare
          receive@1 {lines: list<{item: string, number: i64, unit: string}>}
          remove@2 {item: string, count: i64, reason: option<string>}
    "#]]
    .assert_eq(&rewrite(&["--dry-run"]));
    assert!(!directory.path().join("new.image").exists());
    expect![[r#"
        rewrote 4 events into DIR/new.image
                   2  --rename-event deliver=receive
                   2  --rename-field deliver.lines.count=number
                   2  --set-default deliver.lines.unit="piece"
                   2  --drop-field deliver.note
                   2  --rename-event remove=remove@2
                   2  --set-default remove.reason:option<string>=null
        the program must declare
          receive@1 {lines: list<{item: string, number: i64, unit: string}>}
          remove@2 {item: string, count: i64, reason: option<string>}
    "#]]
    .assert_eq(&rewrite(&[]));
    expect![[r#"
        the events
               1  TIME  receive {lines: [{item: "nail", number: 100, unit: "piece"}, {item: "screw \u{1b}[31m", number: 5, unit: "piece"}]} actor=ada
               2  TIME  remove@2 {item: "nail", count: 30, reason: none} actor=ben
               3  TIME  remove@2 {item: "nail", count: 300, reason: none} rejected
               4  TIME  receive {lines: [{item: "nut", number: 7, unit: "piece"}]}
    "#]].assert_eq(&log(directory.path()));
    assert!(run(directory.path(), &["check", "new.image"]).ends_with("\nsound\n"));
    assert!(run(directory.path(), &["info", "new.image"]).contains("parent"));

    let stock = Image::<later::Stock>::open(directory.path().join("new.image")).unwrap();
    assert_eq!(stock.query(|stock| stock.items["nail"]).unwrap(), 70);
    Image::close(stock).unwrap();
    // the old program does not, and still opens the source
    let refused = Image::<Stock>::open(directory.path().join("new.image")).unwrap_err();
    assert!(refused.to_string().contains("receive"), "{refused}");
    Image::close(Image::<Stock>::open(directory.path().join("stock.image")).unwrap()).unwrap();
}

#[test]
fn redacted_and_dropped_events_as_json() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let arguments =
        ["rewrite", "stock.image", "new.image", "--redact", "deliver.note", "--drop-event", "remove", "--json"];
    expect![[r#"
        {
          "path": "DIR/new.image",
          "uuid": "UUID",
          "seq": 4,
          "events": 4,
          "dropped": 2,
          "void": 0,
          "lost": [],
          "rules": [
            {
              "rule": "--drop-event remove",
              "events": 2
            },
            {
              "rule": "--redact deliver.note",
              "events": 2
            }
          ],
          "declarations": []
        }
    "#]]
    .assert_eq(&run(directory.path(), &arguments));
    expect![[r#"
        the events
               1  TIME  deliver {lines: [{item: "nail", count: 100}, {item: "screw \u{1b}[31m", count: 5}], note: none} actor=ada
               2  TIME  memimage.dropped () actor=ben
               3  TIME  memimage.dropped () rejected
               4  TIME  deliver {lines: [{item: "nut", count: 7}], note: none}
    "#]].assert_eq(&log(directory.path()));
    // nothing of the redacted text is left in the new image
    let bytes = std::fs::read(directory.path().join("new.image/journal/00000001.journal")).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"first"));
    let stock = Image::<Stock>::open(directory.path().join("new.image")).unwrap();
    assert_eq!(stock.query(|stock| stock.count("nail")).unwrap(), 100);
    assert_eq!(stock.journal().seq(), Seq::new(4), "dropped events keep their seqs");
    Image::close(stock).unwrap();
}

#[test]
fn the_program_refuses_an_image_in_which_a_dropped_event_changed_an_outcome() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let rewritten = run(directory.path(), &["rewrite", "stock.image", "new.image", "--drop-event", "deliver"]);
    assert!(!rewritten.contains("exit code"), "{rewritten}");
    let refused = Image::<Stock>::open(directory.path().join("new.image")).unwrap_err();
    assert!(refused.to_string().contains("event 2 (`remove` version 1) cannot be replayed"), "{refused}");
}

#[test]
fn rules_that_cannot_be_followed_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    std::fs::write(directory.path().join("rules.txt"), "drop-event remove\nforget it\n").unwrap();
    let rewrite =
        |arguments: &[&str]| run(directory.path(), &[&["rewrite", "stock.image", "new.image"], arguments].concat());
    expect![[r#"
        stderr: error: there is no rule; help: give one, such as --drop-field EVENT.FIELD; to copy an image, use `memimage branch`
        exit code: Some(2)
    "#]].assert_eq(&rewrite(&[]));
    expect![[r#"
        stderr: error: `--drop-field remove.cuont`: no event has the field `cuont`: remove@1 is {item: string, count: i64}
        exit code: Some(2)
    "#]].assert_eq(&rewrite(&["--drop-field", "remove.cuont"]));
    expect![[r#"
        stderr: error: `--redact remove.count="many"`: the value is no i64: expected an integer, found "many"
        exit code: Some(2)
    "#]]
    .assert_eq(&rewrite(&["--redact", "remove.count=\"many\""]));
    expect![[r#"
        stderr: error: `--rename-field remove.count=number` and `--drop-field remove.count` contradict each other for the event remove@1
        exit code: Some(2)
    "#]].assert_eq(&rewrite(&["--drop-field", "remove.count", "--rename-field", "remove.count=number"]));
    expect![[r#"
        stderr: error: invalid value 'remove.count' for '--rename-field <EVENT.FIELD=NEW>': expected `.` and a field, or `=` and the new name
        stderr:   remove.count
        stderr:               ^
        stderr: 
        stderr: For more information, try '--help'.
        exit code: Some(2)
    "#]].assert_eq(&rewrite(&["--rename-field", "remove.count"]));
    expect![[r#"
        stderr: error: rules.txt, line 2: `forget` is no rule; the rules are rename-event, drop-event, rename-field, drop-field, set-default, redact
        exit code: Some(2)
    "#]].assert_eq(&rewrite(&["--rules", "rules.txt"]));
    for (arguments, message, code) in [
        (&["--rules", "missing.txt"][..], "missing.txt: there is no file with rules", 3),
        (&["--set-default", "remove.fee=1"], "help: give it, as in `--set-default remove.fee:u64=1`", 2),
        (&["--rename-event", "remove=deliver"], "with different shapes", 2),
    ] {
        let output = rewrite(arguments);
        assert!(output.contains(message), "{arguments:?}: {output}");
        assert!(output.ends_with(&format!("exit code: Some({code})\n")), "{arguments:?}: {output}");
    }
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing is left: {names:?}");
}

#[test]
fn an_image_that_is_open_or_a_place_that_is_taken_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let rewrite = |target: &str, more: &[&str]| {
        run(directory.path(), &[&["rewrite", "stock.image", target, "--drop-field", "deliver.note"], more].concat())
    };
    let inside = rewrite("stock.image/new", &[]);
    assert!(inside.contains("inside the source image") && inside.ends_with("exit code: Some(3)\n"), "{inside}");
    let itself = rewrite("stock.image", &[]);
    assert!(itself.ends_with("exit code: Some(3)\n"), "{itself}");
    let stock = Image::<Stock>::open(directory.path().join("stock.image")).unwrap();
    let open = rewrite("new.image", &[]);
    assert!(open.contains("pid ") && open.ends_with("exit code: Some(3)\n"), "{open}");
    let dry = rewrite("new.image", &["--dry-run"]);
    assert!(dry.starts_with("would rewrite 4 events"), "{dry}");
    Image::close(stock).unwrap();
    // a rewriting that was killed is run again
    let staging = directory.path().join(".new.image.rewriting");
    std::fs::create_dir_all(staging.join("journal")).unwrap();
    std::fs::write(staging.join("REWRITING"), "").unwrap();
    std::fs::write(staging.join("journal/00000001.journal"), "half").unwrap();
    assert!(rewrite("new.image", &[]).starts_with("rewrote 4 events"));
    assert!(!staging.exists());
    let again = command(directory.path(), &["rewrite", "stock.image", "new.image", "--drop-event", "remove"]);
    assert_eq!({ again }.output().unwrap().status.code(), Some(3), "the target exists now");
}

/// A program whose type is not written as its shape says.
mod odd {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Clone, Debug, Shape)]
    pub(super) struct Odd {
        pub(super) number: u8,
    }

    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            (self.number, vec![7_u8; usize::from(self.number)]).serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Odd {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Odd, D::Error> {
            let (number, _) = <(u8, Vec<u8>)>::deserialize(deserializer)?;
            Ok(Odd { number })
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Numbers {
        sum: u64,
    }

    #[memimage::commands]
    impl Numbers {
        #[command]
        pub(super) fn add(&mut self, odd: Odd) {
            self.sum += u64::from(odd.number);
        }
    }
}

#[test]
fn a_void_event_that_cannot_be_edited_is_dropped() {
    use odd::NumbersCommands as _;
    let directory = tempfile::tempdir().unwrap();
    let numbers = Image::<odd::Numbers>::open(directory.path().join("numbers.image")).unwrap();
    numbers.add(odd::Odd { number: 3 }).unwrap();
    Image::close(numbers).unwrap();
    let rewrite =
        || run(directory.path(), &["rewrite", "numbers.image", "new.image", "--rename-field", "add.odd.number=count"]);
    let refused = rewrite();
    assert!(refused.contains("event 1 cannot be edited") && refused.ends_with("exit code: Some(3)\n"), "{refused}");
    let void = run(directory.path(), &["void", "numbers.image", "1", "--reason", "a mistake", "--yes"]);
    assert!(!void.contains("exit code"), "{void}");
    let done = rewrite();
    assert!(done.contains("rewrote 1 events") && done.contains("(1 of them dropped)"), "{done}");
    let log = run(directory.path(), &["log", "new.image"]);
    assert!(log.contains("memimage.dropped") && log.contains(" void"), "{log}");
}
