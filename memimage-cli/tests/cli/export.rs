//! Exports and imports: the lines, what a person reads about them, and lines that cannot be imported.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use expect_test::expect;
use memimage::{Image, admin};
use serde_json::Value;

use crate::support::{Stock, command, create, record_three, run, stable};

/// The number of the line with the third event.
const THIRD: usize = 6;

/// The lines of an export of an image with four events, the second of which is void.
fn exported(directory: &Path) -> Vec<String> {
    create(&directory.join("stock.image"));
    admin::void(directory.join("stock.image"), memimage::Seq::new(2), "a mistake").unwrap();
    let lines = run_raw(directory, &["export", "stock.image"]);
    lines.lines().map(str::to_owned).collect()
}

/// The standard output of the command, as it is.
fn run_raw(directory: &Path, arguments: &[&str]) -> String {
    let output = command(directory, arguments).output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    String::from_utf8(output.stdout).unwrap()
}

/// Removes the checksum from the last line, as a person does who changes lines.
fn remove_checksum(lines: &mut [String]) {
    let end = lines.last_mut().unwrap();
    *end = end.split_once(r#","checksum""#).unwrap().0.to_owned() + "}";
}

/// Imports these bytes, and returns the output. An import that fails must leave nothing.
fn import(directory: &Path, bytes: impl AsRef<[u8]>) -> String {
    std::fs::write(directory.join("lines"), bytes).unwrap();
    let output = run(directory, &["import", "lines", "copy.image"]);
    if output.contains("exit code") {
        assert!(
            !directory.join("copy.image").exists() && !directory.join(".copy.image.importing").exists(),
            "{output}"
        );
    }
    output
}

/// The digest of the state to which a program opens the image.
fn state(image: &Path) -> memimage::Digest {
    let image = Image::<Stock>::open(image).unwrap();
    image.query(|stock| memimage::digest(stock).unwrap()).unwrap()
}

#[test]
fn the_lines_of_an_export() {
    let directory = tempfile::tempdir().unwrap();
    let mut lines = exported(directory.path());
    let seed = lines[0].split("\"seed\":\"").nth(1).unwrap()[..64].to_owned();
    lines[0] = lines[0].replace(&seed, "SEED");
    let last = lines.pop().unwrap();
    let (end, checksum) = last.split_once(r#""checksum":""#).unwrap();
    assert_eq!(checksum.len(), 16 + "\"}".len(), "{checksum}");
    lines.push(format!(r#"{end}"checksum":"CHECKSUM"}}"#));
    expect![[r#"
        {"kind":"header","version":1,"model":"Stock","uuid":"UUID","created":"TIME","seed":"SEED","first_seq":1,"last_seq":4,"genesis":{"model_version":1,"shape_bytes":"270301056974656d73230f0a","digest":"3f9af8dbf606d20b","default":"00"}}
        {"kind":"shape","name":"deliver","version":1,"shape":"{lines: list<{item: string, count: i64}>, note: option<string>}","shape_bytes":"270302056c696e657321270302046974656d0f05636f756e740a046e6f7465200f"}
        {"kind":"event","seq":1,"time":"TIME","name":"deliver","version":1,"rejected":false,"metadata":{"actor":"ada"},"payload":{"lines":[{"item":"nail","count":100},{"item":"screw \u001b[31m","count":5}],"note":"first"}}
        {"kind":"shape","name":"remove","version":1,"shape":"{item: string, count: i64}","shape_bytes":"UUID"}
        {"kind":"event","seq":2,"time":"TIME","name":"remove","version":1,"rejected":false,"metadata":{"actor":"ben"},"payload":{"item":"nail","count":30}}
        {"kind":"event","seq":3,"time":"TIME","name":"remove","version":1,"rejected":true,"metadata":{},"payload":{"item":"nail","count":300}}
        {"kind":"event","seq":4,"time":"TIME","name":"deliver","version":1,"rejected":false,"metadata":{},"payload":{"lines":[{"item":"nut","count":7}],"note":null}}
        {"kind":"void","seq":2,"time":"TIME","reason":"a mistake","by":null}
        {"kind":"end","last_seq":4,"voids":1,"checksum":"CHECKSUM"}
    "#]].assert_eq(&(stable(&lines.join("\n")) + "\n"));
}

#[test]
fn an_import_has_the_events_and_the_state_of_the_exported_image() {
    let directory = tempfile::tempdir().unwrap();
    let lines = exported(directory.path());
    expect![[r#"
        exported 4 events, up to event 4
    "#]]
    .assert_eq(&run(directory.path(), &["export", "stock.image", "-o", "lines"]));
    assert_eq!(std::fs::read_to_string(directory.path().join("lines")).unwrap(), lines.join("\n") + "\n");
    expect![[r#"
        imported 4 events, up to event 4
    "#]]
    .assert_eq(&run(directory.path(), &["import", "lines", "copy.image"]));

    let log = |image| run_raw(directory.path(), &["log", image, "--json"]);
    assert_eq!(log("copy.image"), log("stock.image"));
    assert!(log("copy.image").contains(r#""void":true"#));
    let check: Value = serde_json::from_str(&run_raw(directory.path(), &["check", "copy.image", "--json"])).unwrap();
    assert_eq!(check["verdict"], "sound", "{check:#}");
    let info =
        |image| -> Value { serde_json::from_str(&run_raw(directory.path(), &["info", image, "--json"])).unwrap() };
    assert_eq!(info("copy.image")["parent"]["uuid"], info("stock.image")["uuid"]);
    assert_ne!(info("copy.image")["uuid"], info("stock.image")["uuid"]);
    assert_eq!(state(&directory.path().join("copy.image")), state(&directory.path().join("stock.image")));
}

#[test]
fn the_json_of_the_verbs() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    expect![[r#"
        {
          "events": 4,
          "seq": 4,
          "base": null,
          "undecoded": 0,
          "lost": []
        }
    "#]]
    .assert_eq(&run(directory.path(), &["export", "stock.image", "--output", "lines", "--json"]));
    expect![[r#"
        {
          "uuid": "UUID",
          "parent": {
            "uuid": "UUID",
            "seq": 4
          },
          "events": 4,
          "seq": 4,
          "base": null,
          "lost": []
        }
    "#]]
    .assert_eq(&run(directory.path(), &["import", "lines", "copy.image", "--json"]));
}

#[test]
fn an_export_flows_into_an_import() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let mut export = command(directory.path(), &["export", "stock.image"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = export.stdout.take().unwrap();
    let imported = command(directory.path(), &["import", "-", "copy.image"]).stdin(lines).output().unwrap();
    assert!(export.wait().unwrap().success() && imported.status.success(), "{imported:?}");
    assert_eq!(String::from_utf8_lossy(&imported.stdout), "imported 4 events, up to event 4\n");
}

#[test]
fn an_export_beside_the_owner() {
    let directory = tempfile::tempdir().unwrap();
    let stock = Image::<Stock>::open(directory.path().join("stock.image")).unwrap();
    record_three(&stock);
    let lines = run_raw(directory.path(), &["export", "stock.image"]);
    assert_eq!(import(directory.path(), lines), "imported 3 events, up to event 3\n");
}

#[test]
fn changed_lines_give_changed_events() {
    let directory = tempfile::tempdir().unwrap();
    let mut lines = exported(directory.path());
    let changed = lines.join("\n").replace("nail", "pin");
    let refused = import(directory.path(), changed);
    assert!(refused.contains("line 9, ") && refused.contains("remove the member `checksum`"), "{refused}");
    remove_checksum(&mut lines);
    let changed = lines.join("\n").replace("nail", "pin");
    assert_eq!(import(directory.path(), changed), "imported 4 events, up to event 4\n");
    let log = run_raw(directory.path(), &["log", "copy.image"]);
    assert!(log.contains("pin") && !log.contains("nail"), "{log}");
    assert_ne!(state(&directory.path().join("copy.image")), state(&directory.path().join("stock.image")));
}

#[test]
fn lines_that_cannot_be_imported() {
    let directory = tempfile::tempdir().unwrap();
    let lines = exported(directory.path());
    let event = &lines[THIRD - 1];
    assert!(event.contains(r#""kind":"event","seq":3"#), "{event}");
    let replaced = |line: usize, from: &str, to: &str| {
        assert!(lines[line - 1].contains(from), "{from}: {}", lines[line - 1]);
        let mut changed = lines.clone();
        changed[line - 1] = lines[line - 1].replacen(from, to, 1);
        changed.join("\n") + "\n"
    };
    let in_event = |from: &str, to: &str| replaced(THIRD, from, to);
    let time = event[event.find(r#""time":"#).unwrap()..event.find(r#","name""#).unwrap()].to_owned();
    let without = |line: usize| [&lines[..line - 1], &lines[line..]].concat().join("\n");
    let twice = |line: usize| [&lines[..line], &lines[line - 1..]].concat().join("\n");
    let end = lines.len();
    let mut shown = String::new();
    for (name, text) in [
        ("an empty file", String::new()),
        ("another file", "seq,time\n1,2\n".to_owned()),
        ("no header", without(1)),
        ("another version", replaced(1, r#""version":1"#, r#""version":2"#)),
        ("a wrong UUID", replaced(1, r#""uuid":""#, r#""uuid":7,"was":""#)),
        ("no seed", replaced(1, r#""seed":"#, r#""sead":"#)),
        ("a last event that is wrong", replaced(1, r#""last_seq":4"#, r#""last_seq":9"#)),
        ("two headers", twice(1)),
        ("a missing shape", without(4)),
        ("a shape that does not decode", replaced(2, r#""shape_bytes":"27"#, r#""shape_bytes":"ff"#)),
        ("a missing event", without(THIRD)),
        ("an event twice", twice(THIRD)),
        ("an event with another seq", in_event(r#""seq":3"#, r#""seq":5"#)),
        ("a seq that is no number", in_event(r#""seq":3"#, r#""seq":"3""#)),
        ("a time that is none", in_event(r#""time":""#, r#""time":"x"#)),
        ("an earlier time", in_event(&time, r#""time":"1999-12-31T23:59:59.999999Z""#)),
        ("an unknown event", in_event(r#""name":"remove""#, r#""name":"steal""#)),
        ("an unknown version", in_event(r#""version":1"#, r#""version":2"#)),
        ("an outcome that is none", in_event(r#""rejected":true"#, r#""rejected":1"#)),
        ("metadata that are no texts", in_event(r#""metadata":{}"#, r#""metadata":{"actor":7}"#)),
        ("a key of metadata twice", in_event(r#""metadata":{}"#, r#""metadata":{"a":"1","a":"2"}"#)),
        ("no arguments", in_event(r#""payload":"#, r#""arguments":"#)),
        ("an argument of another type", in_event(r#""count":300"#, r#""count":"many""#)),
        ("a missing argument", in_event(r#","count":300"#, "")),
        ("an argument too many", in_event(r#""count":300"#, r#""count":300,"price":1"#)),
        ("an argument out of range", in_event(r#""count":300"#, r#""count":9223372036854775808"#)),
        ("an unknown member", in_event(r#""rejected":"#, r#""extra":0,"rejected":"#)),
        ("a member twice", in_event(r#""rejected":"#, r#""seq":3,"rejected":"#)),
        ("an unknown kind", in_event(r#""kind":"event""#, r#""kind":"evnt""#)),
        ("an origin after the event", in_event(r#""metadata":"#, r#""origin":{"seq":4,"part":0},"metadata":"#)),
        ("a line that is cut off", lines[..THIRD].join("\n")[..lines[..THIRD].join("\n").len() - 9].to_owned()),
        ("no end", lines[..end - 1].join("\n") + "\n"),
        ("a line after the end", twice(end)),
        ("an empty line", lines.join("\n\n")),
        ("a lost decision", without(end - 1)),
        ("a decision about a later event", replaced(end - 1, r#""seq":2"#, r#""seq":5"#)),
        ("a state that was not announced", without(end) + "\n{\"kind\":\"state\",\"bytes\":\"00\"}"),
    ] {
        let output = import(directory.path(), text);
        assert!(output.ends_with("exit code: Some(3)\n"), "{name}: {output}");
        let message = output.lines().next().unwrap().trim_start_matches("stderr: error: the export is invalid in ");
        shown += &format!("{name}: {}\n", message.split("; no image was created").next().unwrap());
    }
    expect![[r#"
        an empty file: line 1, column 1: the text is empty
        another file: line 1, column 1: this is no object of JSON: expected value
        no header: line 1, column 1: an export begins with a line of the kind `header`
        another version: line 1, column 28: the export has the form of version 2, and this program reads version 1
        a wrong UUID: line 1, column 53: `uuid` must be a string with an even number of hexadecimal digits, not `7`
        no seed: line 1, column 1: the member `seed` is missing
        a last event that is wrong: line 9, column 9: event 5 is missing: the header says that event 9 is the last one
        two headers: line 2, column 9: a second header
        a missing shape: line 4, column 69: no line before this one has the shape of `remove` version 1
        a shape that does not decode: line 2, column 134: the shape does not decode: invalid shape at byte 1: byte 0xff is not the code of a shape that this version knows
        a missing event: line 6, column 23: event 3 must follow here, not event 4
        an event twice: line 7, column 23: event 4 must follow here, not event 3
        an event with another seq: line 6, column 23: event 3 must follow here, not event 5
        a seq that is no number: line 6, column 23: `seq` must be a number from 0 to 18446744073709551615, not `"3"`
        a time that is none: line 6, column 32: `time` must be a time from 1970 on with at most six decimals, such as "TIME", not `"xTIME"`
        an earlier time: line 6, column 32: event 3 has an earlier time than the event before it
        an unknown event: line 6, column 69: no line before this one has the shape of `steal` version 1
        an unknown version: line 6, column 69: no line before this one has the shape of `remove` version 2
        an outcome that is none: line 6, column 101: `rejected` must be true or false, not `1`
        metadata that are no texts: line 6, column 126: `actor` must be a string, not `7`
        a key of metadata twice: line 6, column 130: the member `a` occurs twice
        no arguments: line 6, column 1: the member `payload` is missing
        an argument of another type: line 6, column 130: `payload` does not have the shape of the event: count: expected an integer, found "many"
        a missing argument: line 6, column 130: `payload` does not have the shape of the event: there is no field `count`; the fields are item
        an argument too many: line 6, column 130: `payload` does not have the shape of the event: the shape has no field `price`; its fields are item, count
        an argument out of range: line 6, column 130: `payload` does not have the shape of the event: count: 9223372036854775808 is out of range for i64
        an unknown member: line 6, column 98: the member `extra` is not part of the form
        a member twice: line 6, column 96: the member `seq` occurs twice
        an unknown kind: line 6, column 9: there is no kind of lines `evnt`
        an origin after the event: line 6, column 122: the origin of event 3 must be an event from 1 to 3
        a line that is cut off: line 6, column 148: this is no object of JSON: EOF while parsing a string
        no end: line 9, column 1: there is no line of the kind `end`
        a line after the end: line 10, column 1: a line follows the line of the kind `end`
        an empty line: line 2, column 1: the line is empty
        a lost decision: line 8, column 36: there are 0 lines of the kind `void`, not 1
        a decision about a later event: line 8, column 22: event 5 is not among the events before this line
        a state that was not announced: line 9, column 9: the header announces no line of the kind `state`
    "#]].assert_eq(&shown);

    let mut bytes = lines.join("\n").into_bytes();
    bytes[lines[0].len() + 40] = 0xff;
    let output = import(directory.path(), bytes);
    assert!(output.contains("line 2, column 40: the bytes are not valid UTF-8"), "{output}");
}

#[test]
fn a_payload_that_the_events_of_the_shape_do_not_have_is_found_by_the_check() {
    let directory = tempfile::tempdir().unwrap();
    let mut lines = exported(directory.path());
    remove_checksum(&mut lines);
    let before = lines[THIRD - 1].split_once(r#""payload":"#).unwrap().0;
    lines[THIRD - 1] = format!("{before}\"payload_bytes\":\"ff\"}}");
    let output = import(directory.path(), lines.join("\n"));
    assert!(output.contains("was made from the export is damaged") && output.contains("event 3"), "{output}");
    assert!(output.ends_with("exit code: Some(3)\n"), "{output}");
}

#[test]
fn targets_that_exist() {
    let directory = tempfile::tempdir().unwrap();
    let lines = exported(directory.path()).join("\n");
    std::fs::write(directory.path().join("lines"), &lines).unwrap();
    std::fs::create_dir(directory.path().join("empty")).unwrap();
    expect![[r#"
        stderr: error: no image can be created at `DIR/stock.image`: the path leads to a directory that is not empty; nothing was changed; help: give the path of an empty directory, or of a directory that does not exist yet
        exit code: Some(3)
    "#]].assert_eq(&run(directory.path(), &["import", "lines", "stock.image"]));
    expect![[r#"
        stderr: error: no image can be created at `DIR/stock.image/copy`: the path leads to a place inside an image; nothing was changed; help: give the path of an empty directory, or of a directory that does not exist yet
        exit code: Some(3)
    "#]].assert_eq(&run(directory.path(), &["import", "lines", "stock.image/copy"]));
    expect![[r#"
        imported 4 events, up to event 4
    "#]]
    .assert_eq(&run(directory.path(), &["import", "lines", "empty"]));
    expect![[r#"
        stderr: error: there is no file `missing`; no image was created; help: give the file that `memimage export IMAGE --output FILE` wrote, or `-` for the standard input
        exit code: Some(3)
    "#]].assert_eq(&run(directory.path(), &["import", "missing", "copy.image"]));
    expect![[r#"
        stderr: error: `DIR/lines` exists already; nothing was written; help: remove it, or give the path of a new file
        exit code: Some(3)
    "#]]
    .assert_eq(&run(directory.path(), &["export", "stock.image", "--output", "lines"]));
    expect![[r#"
        stderr: error: `DIR/stock.image/lines` is inside an image; nothing was written; help: give a path outside of it
        exit code: Some(3)
    "#]]
    .assert_eq(&run(directory.path(), &["export", "stock.image", "--output", "stock.image/lines"]));
    expect![[r#"
        stderr: error: creating `DIR/missing/lines.tmp` failed: No such file or directory (os error 2); help: check the path, or create its parent directory first
        exit code: Some(3)
    "#]].assert_eq(&run(directory.path(), &["export", "stock.image", "--output", "missing/lines"]));
    assert_eq!(std::fs::read_to_string(directory.path().join("lines")).unwrap(), lines);
    assert!(!directory.path().join("stock.image/lines").exists());
}

#[test]
fn an_export_whose_reader_has_gone_ends_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let stock = Image::<Stock>::open(directory.path().join("stock.image")).unwrap();
    for _ in 0..2_000 {
        drop(Image::submit(&stock, crate::support::StockRemove { item: "x".repeat(500), count: 0 }).unwrap());
    }
    Image::close(stock).unwrap();
    let mut child = command(directory.path(), &["export", "stock.image"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap(); // and the pipe is closed
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(0), ""));
}

#[test]
fn what_is_no_export_is_refused_with_the_way_to_one() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    std::fs::write(directory.path().join("stock.jsonl.gz"), b"\x1f\x8b\x08\x00").unwrap();
    let import = |file: &str| run(directory.path(), &["import", file, "copy.image"]);
    expect![[r#"
        stderr: error: there is no file `missing.jsonl`; no image was created; help: give the file that `memimage export IMAGE --output FILE` wrote, or `-` for the standard input
        exit code: Some(3)
    "#]].assert_eq(&import("missing.jsonl"));
    expect![[r#"
        stderr: error: `stock.image` is a directory, and no export; no image was created; help: give the file that `memimage export IMAGE --output FILE` wrote, or `-` for the standard input; to copy an image, use `memimage backup` or `memimage branch`
        exit code: Some(3)
    "#]].assert_eq(&import("stock.image"));
    expect![[r#"
        stderr: error: `stock.jsonl.gz` is packed with gzip; no image was created; help: unpack it first: `zcat stock.jsonl.gz | memimage import - copy.image`
        exit code: Some(3)
    "#]].assert_eq(&import("stock.jsonl.gz"));
    let mut piped = crate::support::command(directory.path(), &["import", "-", "copy.image"]);
    piped.stdin(std::fs::File::open(directory.path().join("stock.jsonl.gz")).unwrap());
    expect![[r#"
        stderr: error: the standard input is packed with gzip; no image was created; help: unpack it first: `… | zcat | memimage import - copy.image`
        exit code: Some(3)
    "#]].assert_eq(&crate::support::shown(directory.path(), &piped.output().unwrap()));
    assert!(!directory.path().join("copy.image").exists());
}
