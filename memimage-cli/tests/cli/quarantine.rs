//! The verb `quarantine`: what openings and repairs set aside.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use expect_test::expect;
use memimage::Image;

use crate::support::{Stock, create, record_last, record_three, run};

fn segment(image: &Path) -> PathBuf {
    image.join("journal/00000001.journal")
}

/// The offset of the first byte in which a segment differs from what it was.
fn difference(image: &Path, before: &[u8]) -> usize {
    let bytes = std::fs::read(segment(image)).unwrap();
    before.iter().zip(&bytes).position(|(before, now)| before != now).unwrap()
}

/// Creates an image whose event 2 of 4 is damaged, and gives up the events from there on.
fn create_cut(directory: &Path) {
    let image = directory.join("stock.image");
    let stock = Image::<Stock>::open(&image).unwrap();
    let lines = vec![crate::support::Line { item: "nail".to_owned(), count: 100 }];
    crate::support::StockCommands::deliver(&stock, lines, None).unwrap();
    let before = std::fs::read(segment(&image)).unwrap();
    record_last(&stock);
    let frame = difference(&image, &before);
    record_last(&stock);
    record_last(&stock);
    Image::close(stock).unwrap();
    let file = std::fs::File::options().write(true).open(segment(&image)).unwrap();
    file.write_all_at(&[0; 40], frame as u64 + 16).unwrap();
    let repaired = run(directory, &["repair", "stock.image", "cut-from=2", "--yes"]);
    assert!(repaired.contains("lost: events 2 to 4"), "{repaired}");
}

#[test]
fn nothing_was_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let quarantine = |arguments: &[&str]| run(directory.path(), &[&["quarantine", "stock.image"], arguments].concat());
    assert_eq!(quarantine(&[]), "nothing was set aside\n");
    assert_eq!(quarantine(&["--json"]), "[]\n");
    assert_eq!(quarantine(&["--events"]), "stderr: note: nothing was set aside\n");
    let missing = quarantine(&["durable.0"]);
    assert_eq!(missing, "stderr: error: nothing was set aside\nexit code: Some(3)\n");
}

#[test]
fn the_events_behind_the_damage_are_shown_and_exported() {
    let directory = tempfile::tempdir().unwrap();
    create_cut(directory.path());
    let quarantine = |arguments: &[&str]| run(directory.path(), &[&["quarantine", "stock.image"], arguments].concat());
    expect![[r#"
        00000001.journal.0  64.00 KiB, set aside TIME
            segment 1, before it was changed or removed: 3 intact events, of which the journal lacks 2, from 3 to 4
        durable.0  64 B, set aside TIME
            `journal/durable`: the events up to 4 were synced
    "#]]
    .assert_eq(&quarantine(&[]));
    expect![[r#"
        [
          {
            "name": "00000001.journal.0",
            "kind": "segment",
            "bytes": 65536,
            "changed": "TIME",
            "segment": 1,
            "offset": null,
            "seq": null,
            "events": 3,
            "missing": 2,
            "first_missing": 3,
            "last_missing": 4,
            "undescribed": 0,
            "error": null
          },
          {
            "name": "durable.0",
            "kind": "durable",
            "bytes": 64,
            "changed": "TIME",
            "segment": null,
            "offset": null,
            "seq": 4,
            "events": 0,
            "missing": 0,
            "first_missing": null,
            "last_missing": null,
            "undescribed": 0,
            "error": null
          }
        ]
    "#]]
    .assert_eq(&quarantine(&["--json"]));
    expect![[r#"
        {"seq":3,"time":"TIME","name":"deliver","version":1,"rejected":false,"void":false,"metadata":{},"payload":{"lines":[{"item":"nut","count":7}],"note":null},"file":"00000001.journal.0","in_journal":false}
        {"seq":4,"time":"TIME","name":"deliver","version":1,"rejected":false,"void":false,"metadata":{},"payload":{"lines":[{"item":"nut","count":7}],"note":null},"file":"00000001.journal.0","in_journal":false}
    "#]].assert_eq(&quarantine(&["--events", "--json"]));
    let seqs = |arguments: &[&str]| {
        let lines = quarantine(arguments);
        lines.lines().map(|line| line.split_whitespace().next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seqs(&["00000001.journal.0"]), ["3", "4"]);
    assert_eq!(seqs(&["00000001.journal.0", "--all"]), ["1", "3", "4"]);
    assert_eq!(seqs(&["--events", "--all"]), ["1", "3", "4"]);
    assert_eq!(quarantine(&["durable.0"]), "stderr: note: this file has no intact event\n");

    // an event in two files is shown once
    let quarantined = directory.path().join("stock.image/quarantine");
    std::fs::copy(quarantined.join("00000001.journal.0"), quarantined.join("00000001.journal.1")).unwrap();
    assert_eq!(seqs(&["--events"]), ["3", "4"]);
    std::fs::remove_file(quarantined.join("00000001.journal.1")).unwrap();

    // new events get the seqs of the lost ones, and are others
    let stock = Image::<Stock>::open(directory.path().join("stock.image")).unwrap();
    record_three(&stock);
    Image::close(stock).unwrap();
    assert_eq!(seqs(&["--events"]), ["3", "4"]);

    let missing = quarantine(&["00000002.journal.0"]);
    assert!(missing.contains("has no file `00000002.journal.0`; it has 00000001.journal.0, durable.0"), "{missing}");
    assert!(missing.ends_with("exit code: Some(3)\n"), "{missing}");
    let both = quarantine(&["durable.0", "--events"]);
    assert!(both.ends_with("exit code: Some(2)\n"), "{both}");
}

#[test]
fn the_events_in_a_cleared_end_of_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    let stock = Image::<Stock>::open(&image).unwrap();
    record_three(&stock);
    let before = std::fs::read(segment(&image)).unwrap();
    record_last(&stock);
    let offset = difference(&image, &before);
    Image::close(stock).unwrap();
    let cleared = std::fs::read(segment(&image)).unwrap()[offset..].to_vec();
    let end = cleared.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("stock.image");
    let branched = run(directory.path(), &["branch", "stock.image", copy.to_str().unwrap(), "--at", "3"]);
    assert!(!branched.contains("exit code"), "{branched}");
    // the segment of the image without its last event, which was cleared
    let mut bytes = std::fs::read(segment(&image)).unwrap();
    bytes[offset..].fill(0);
    std::fs::write(segment(&image), bytes).unwrap();
    let name = format!("00000001-{offset:010}-0.torn");
    std::fs::write(image.join("quarantine").join(&name), &cleared[..end]).unwrap();
    let shown = run(directory.path(), &["quarantine", "stock.image", &name]);
    assert!(shown.contains("deliver {lines: [{item: \"nut\", count: 7}]"), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");
}

#[test]
fn a_torn_write_that_an_opening_cleared() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create(&image);
    let bytes = std::fs::read(segment(&image)).unwrap();
    let end = (bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1).next_multiple_of(512);
    let file = std::fs::File::options().write(true).open(segment(&image)).unwrap();
    file.write_all_at(&[0xaa; 40], end as u64).unwrap();
    Image::close(Image::<Stock>::open(&image).unwrap()).unwrap();
    let listed = run(directory.path(), &["quarantine", "stock.image"]);
    assert!(listed.contains(&format!("bytes that were cleared at offset {end} of segment 1")), "{listed}");
    assert!(listed.ends_with("the end of the journal: no intact event\n"), "{listed}");
}

#[test]
fn files_that_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("stock.image");
    create(&image);
    for name in [
        "00000000000000000003.snapshot.0",
        "00000001.journal.0",
        "durable.0",
        "00000009-0000004096-0.torn",
        "00000009-9999999999999-0.torn",
        "notes",
    ] {
        std::fs::write(image.join("quarantine").join(name), "garbage").unwrap();
    }
    let listed = run(directory.path(), &["quarantine", "stock.image"]);
    expect![[r#"
        00000000000000000003.snapshot.0  7 B, set aside TIME
            a snapshot of the state after event 3
            it cannot be read: the snapshot `DIR/stock.image/quarantine/00000000000000000003.snapshot.0` cannot be used: the file ends within its header; help: run `memimage check stock.image`, which says whether the image needs this file
        00000001.journal.0  7 B, set aside TIME
            segment 1, before it was changed or removed: no intact event
        00000009-0000004096-0.torn  7 B, set aside TIME
            bytes that were cleared at offset 4096 of segment 9, the end of the journal: no intact event
        00000009-9999999999999-0.torn  7 B, set aside TIME
            bytes that were cleared at offset 9999999999999 of segment 9, the end of the journal: no intact event
            it cannot be read: reading `DIR/stock.image/quarantine/00000009-9999999999999-0.torn` failed: by its name, its bytes come from offset 9999999999999, but no segment has so many bytes
        durable.0  7 B, set aside TIME
            `journal/durable`, damaged
        notes  7 B, set aside TIME
            a file that memimage does not know
    "#]].assert_eq(&listed);
    let events = run(directory.path(), &["quarantine", "stock.image", "--events"]);
    assert!(events.lines().count() == 1 && events.contains("no segment has so many bytes"), "{events}");
}
