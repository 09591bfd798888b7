//! The changes of the book, as they are recorded.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::feed::BITSTAMP;
use crate::program::Program;

fn change(line: &str) -> (u64, String, u64) {
    let change: Value = serde_json::from_str(line).unwrap();
    assert!(change["unix_ms"].as_u64().unwrap() > 1_700_000_000_000);
    let text = change["change"].as_str().unwrap().to_owned();
    (change["seq"].as_u64().unwrap(), text, change["order"].as_u64().unwrap())
}

#[test]
fn each_change_is_printed_once_in_order() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    let applied = program.ingest(&feed, &[]).applied;
    let lines = program.run("watch", &["--after", "0", "--count", &applied.to_string()]);
    let seqs: Vec<u64> = lines.lines().map(|line| change(line).0).collect();
    assert_eq!(seqs, (1..=applied).collect::<Vec<_>>());
    assert!(["created", "deleted"].iter().all(|kind| lines.lines().any(|line| change(line).1 == *kind)));
    let lines = program.run("watch", &["--after", "7", "--count", "2"]);
    assert_eq!(lines.lines().map(|line| change(line).0).collect::<Vec<_>>(), [8, 9]);
}

#[test]
fn changes_are_printed_while_an_ingest_runs() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    let first = program.ingest(&feed, &["--limit", "5"]).applied;
    let mut watcher = program.command("watch").args(["--after", &first.to_string(), "--count", "100"]).spawn().unwrap();
    program.ingest(&feed, &["--limit", "500"]);
    let lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let seqs: Vec<u64> = lines.map(|line| change(&line.unwrap()).0).collect();
    assert_eq!(seqs, (first + 1..=first + 100).collect::<Vec<_>>());
    assert!(watcher.wait().unwrap().success());
}

#[test]
fn void_changes_are_neither_printed_nor_counted() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    program.ingest(&feed, &["--limit", "20"]);
    for seq in [2, 4] {
        memimage::admin::Void::new(memimage::Seq::new(seq), "a mistake").run(program.image()).unwrap();
    }
    let lines = program.run("watch", &["--after", "0", "--count", "3"]);
    assert_eq!(lines.lines().map(|line| change(line).0).collect::<Vec<_>>(), [1, 3, 5]);
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    program.ingest(&feed, &[]);
    let mut watcher = program.command("watch").args(["--after", "0"]).spawn().unwrap();
    let mut line = String::new();
    // closes the pipe, which is too small for all lines
    BufReader::new(watcher.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(change(&line).0, 1);
    let output = watcher.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
