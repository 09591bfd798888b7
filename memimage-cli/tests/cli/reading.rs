//! The verbs that read a sound image.

use expect_test::expect;

use crate::support::{create, run};

#[test]
fn info() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    expect![[r#"
        image        DIR/stock.image
        model        Stock
        uuid         UUID
        owner        none: the image is not open
        protection   not protected
        created      TIME
        epoch        2
        journal      64.00 KiB in 1 segment
        events       1 to 4, from TIME to TIME
        snapshots    none
    "#]]
    .assert_eq(&run(directory.path(), &["info", "stock.image"]));
    expect![[r#"
        {
          "path": "DIR/stock.image",
          "model": "Stock",
          "uuid": "UUID",
          "owner": null,
          "protection": "not protected",
          "created": "TIME",
          "epoch": 2,
          "segments": 1,
          "journal_bytes": 65536,
          "first_seq": 1,
          "first_time": "TIME",
          "durable_seq": 4,
          "durable_time": "TIME",
          "base": null,
          "snapshots": [],
          "subscriptions": []
        }
    "#]]
    .assert_eq(&run(directory.path(), &["info", "stock.image", "--json"]));
}

#[test]
fn log() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    // the first line keeps the spaces before the others
    let log = |arguments: &[&str]| {
        format!("> {}\n{}", arguments.join(" "), run(directory.path(), &[&["log", "stock.image"], arguments].concat()))
    };
    expect![[r#"
        > 
               1  TIME  deliver {lines: [{item: "nail", count: 100}, {item: "screw \u{1b}[31m", count: 5}], note: some("first")} actor=ada
               2  TIME  remove {item: "nail", count: 30} actor=ben
               3  TIME  remove {item: "nail", count: 300} rejected
               4  TIME  deliver {lines: [{item: "nut", count: 7}], note: none}
    "#]].assert_eq(&log(&[]));
    expect![[r#"
        > --json
        {"seq":1,"time":"TIME","name":"deliver","version":1,"rejected":false,"void":false,"metadata":{"actor":"ada"},"payload":{"lines":[{"item":"nail","count":100},{"item":"screw \u001b[31m","count":5}],"note":"first"}}
        {"seq":2,"time":"TIME","name":"remove","version":1,"rejected":false,"void":false,"metadata":{"actor":"ben"},"payload":{"item":"nail","count":30}}
        {"seq":3,"time":"TIME","name":"remove","version":1,"rejected":true,"void":false,"metadata":{},"payload":{"item":"nail","count":300}}
        {"seq":4,"time":"TIME","name":"deliver","version":1,"rejected":false,"void":false,"metadata":{},"payload":{"lines":[{"item":"nut","count":7}],"note":null}}
    "#]].assert_eq(&log(&["--json"]));
    expect![[r#"
        > --reverse --limit 2
               4  TIME  deliver {lines: [{item: "nut", count: 7}], note: none}
               3  TIME  remove {item: "nail", count: 300} rejected
    "#]]
    .assert_eq(&log(&["--reverse", "--limit", "2"]));
    expect![[r#"
        > --from 2 --until 3 --name remove
               2  TIME  remove {item: "nail", count: 30} actor=ben
               3  TIME  remove {item: "nail", count: 300} rejected
    "#]]
    .assert_eq(&log(&["--from", "2", "--until", "3", "--name", "remove"]));
    expect![[r#"
        > --rejected
               3  TIME  remove {item: "nail", count: 300} rejected
    "#]]
    .assert_eq(&log(&["--rejected"]));
    expect![[r#"
        > --actor ben
               2  TIME  remove {item: "nail", count: 30} actor=ben
    "#]]
    .assert_eq(&log(&["--actor", "ben"]));
    expect![[r#"
        > --from 1h ago --until 2999-01-01 --limit 1
               1  TIME  deliver {lines: [{item: "nail", count: 100}, {item: "screw \u{1b}[31m", count: 5}], note: some("first")} actor=ada
    "#]].assert_eq(&log(&["--from", "1h ago", "--until", "2999-01-01", "--limit", "1"]));
    expect![[r#"
        > --until 1h ago
        stderr: note: no event was selected; the last one is event 4
    "#]]
    .assert_eq(&log(&["--until", "1h ago"]));
}

#[test]
fn conditions() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let seqs = |condition: &str| {
        let log = run(directory.path(), &["log", "stock.image", "--where", condition]);
        log.lines()
            .map(|line| line.split_whitespace().next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(seqs("payload.count > 50"), "3");
    assert_eq!(seqs("payload.lines[0].item == 'nut' || actor == 'ben'"), "2 4");
    assert_eq!(seqs("payload.note == none && name == 'deliver'"), "4");
    assert_eq!(seqs("rejected"), "3");
    assert_eq!(seqs("!(name contains 'liv') && seq < 3"), "2");
    expect![[r#"
        stderr: note: no event had a value at `payload.cuont`
    "#]]
    .assert_eq(&run(directory.path(), &["log", "stock.image", "--where", "payload.cuont == 1"]));
    expect![[r#"
        stderr: error: invalid value 'payload.count = 1' for '--where <CONDITION>': expected `==`, which compares
        stderr:   payload.count = 1
        stderr:                 ^
        stderr: 
        stderr: For more information, try '--help'.
        exit code: Some(2)
    "#]]
    .assert_eq(&run(directory.path(), &["log", "stock.image", "--where", "payload.count = 1"]));
}

#[test]
fn show() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    expect![[r#"
        seq          1
        time         TIME
        event        deliver, version 1
        outcome      applied
        actor        ada
        shape        {lines: list<{item: string, count: i64}>, note: option<string>}
        payload
        {
          "lines": [
            {
              "item": "nail",
              "count": 100
            },
            {
              "item": "screw \u001b[31m",
              "count": 5
            }
          ],
          "note": "first"
        }
    "#]]
    .assert_eq(&run(directory.path(), &["show", "stock.image", "1"]));
    expect![[r#"
        seq          3
        time         TIME
        event        remove, version 1
        outcome      rejected: the command returned an error
        shape        {item: string, count: i64}
        payload
        {
          "item": "nail",
          "count": 300
        }
    "#]]
    .assert_eq(&run(directory.path(), &["show", "stock.image", "3"]));
    expect![[r#"
        stderr: error: there is no event 5: the last durable event is 4
        exit code: Some(3)
    "#]]
    .assert_eq(&run(directory.path(), &["show", "stock.image", "5"]));
}

#[test]
fn shapes() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    expect![[r#"
        deliver@1 {lines: list<{item: string, count: i64}>, note: option<string>}
        remove@1 {item: string, count: i64}
    "#]]
    .assert_eq(&run(directory.path(), &["shapes", "stock.image"]));
    expect![[r#"
        // `deliver` version 1
        #[derive(Serialize, Deserialize, Shape)]
        pub struct DeliverV1 {
            pub lines: Vec<DeliverV1Lines>,
            pub note: Option<String>,
        }

        #[derive(Serialize, Deserialize, Shape)]
        pub struct DeliverV1Lines {
            pub item: String,
            pub count: i64,
        }

    "#]]
    .assert_eq(&run(directory.path(), &["shapes", "stock.image", "--as", "rust", "--name", "deliver"]));
    expect![[r#"
        stderr: error: the journal declares no event `order`: it has deliver, remove
        exit code: Some(3)
    "#]]
    .assert_eq(&run(directory.path(), &["shapes", "stock.image", "--name", "order"]));
}

#[test]
fn stats() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let stats = run(directory.path(), &["stats", "stock.image"]);
    let (before_hours, _) = stats.split_once("\nby hour\n").unwrap();
    expect![[r#"
        4 events, 1 rejected, 0 void, 48 B of payload

        by event
                   2  deliver@1  0 rejected, 35 B (mean 17 B, largest 28 B)
                   2  remove@1  1 rejected, 13 B (mean 6 B, largest 7 B)

        by size of the payload
                   3  up to 8 B   ████████████████████████████████████████
                   1  up to 32 B  ██████████████
    "#]]
    .assert_eq(before_hours);
    let json: serde_json::Value =
        serde_json::from_str(&run(directory.path(), &["stats", "stock.image", "--json"])).unwrap();
    assert_eq!(json["events"], 4);
    assert_eq!(json["by_event"][1]["rejected"], 1);
    assert_eq!(json["by_hour"].as_array().unwrap().iter().map(|hour| hour["events"].as_u64().unwrap()).sum::<u64>(), 4);
}

#[test]
fn snapshots() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let listed = run(directory.path(), &["snapshots", "stock.image"]);
    expect![[r#"
        no snapshot: opening replays the whole journal
    "#]]
    .assert_eq(&listed);
}

#[test]
fn backup() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let backup = || run(directory.path(), &["backup", "stock.image", "backup"]);
    assert!(backup().starts_with("backed up to event 4; "));
    assert!(backup().starts_with("the backup now goes up to event 4, before to event 4; "));
    let of = |image: &str| run(directory.path(), &["log", image, "--json"]);
    assert_eq!(of("backup"), of("stock.image"));
}

#[test]
fn an_image_that_is_older_than_its_backup_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let cli = |arguments: &[&str]| run(directory.path(), arguments);
    cli(&["backup", "stock.image", "older.image"]);
    cli(&["void", "stock.image", "2", "--reason", "a mistake", "--yes"]);
    cli(&["backup", "stock.image", "backup"]);
    expect![[r#"
        stderr: error: `DIR/backup` cannot take a backup of the image `DIR/older.image`: the directory contains a newer backup: both end with event 4, but behind it the backup has frames without events, such as decisions and digests, and the image does not; nothing was changed; help: if the image is open, make the backup again once its owner has synced more; if the image was restored from an older copy, give another directory, or one that does not exist yet
        exit code: Some(3)
    "#]].assert_eq(&cli(&["backup", "older.image", "backup"]));
}

#[test]
fn an_empty_list_says_why() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let log = |arguments: &[&str]| run(directory.path(), &[&["log", "stock.image"], arguments].concat());
    expect![[r#"
        stderr: note: the journal declares no event `delivery`: did you mean `deliver`? It has deliver, remove
    "#]]
    .assert_eq(&log(&["--name", "delivery"]));
    expect![[r#"
               2  TIME  remove {item: "nail", count: 30} actor=ben
        stderr: note: the journal declares no event `delivery`: did you mean `deliver`? It has deliver, remove
    "#]]
    .assert_eq(&log(&["--name", "delivery", "--name", "remove", "--limit", "1"]));
    expect![[r#"
        stderr: note: `payload.count` is a number, and "30" is a text; write 30 without quotes
    "#]]
    .assert_eq(&log(&["--where", "payload.count == '30'"]));
    expect![[r#"
        stderr: note: no event fulfils the condition
    "#]]
    .assert_eq(&log(&["--where", "seq > 100"]));
    expect![[r#"
        stderr: note: no event was selected; the last one is event 4
    "#]]
    .assert_eq(&log(&["--actor", "eve", "--json"]));
    assert_eq!(log(&["--limit", "0"]), "");
    let reversed = ["--from", "2026-11-30", "--until", "2026-11-29"];
    assert!(log(&reversed).ends_with("exit code: Some(2)\n"), "{}", log(&reversed));
    let stats = run(directory.path(), &["stats", "stock.image", "--from", "3", "--until", "2"]);
    assert!(stats.ends_with("exit code: Some(2)\n"), "{stats}");
    expect![[r#"
        stderr: note: nothing was set aside
    "#]]
    .assert_eq(&run(directory.path(), &["quarantine", "stock.image", "--events"]));
}
