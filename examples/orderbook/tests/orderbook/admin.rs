//! `orderbook admin`: what a person asks about the book.

use std::process::Command;

use serde_json::Value;

use crate::feed::BITSTAMP;
use crate::program::Program;

/// An order that the feed creates, changes and deletes.
const ORDER: &str = "orders.2002351239405568";

#[track_caller]
fn admin(program: &Program, verb: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderbook"));
    let output = command.args(["admin", verb]).arg(program.image()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of JSON.
#[track_caller]
fn lines(program: &Program, verb: &str, arguments: &[&str]) -> Vec<Value> {
    let text = admin(program, verb, &[arguments, &["--json"]].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_events_that_set_the_price_of_an_order_are_found() {
    let program = Program::new();
    program.ingest(&program.file("bitstamp.csv.gz", BITSTAMP), &[]);
    let price = format!("{ORDER}.price");
    let changes = lines(&program, "changes", &[&price]);
    let found: Vec<_> = changes
        .iter()
        .map(|line| {
            let change = &line["changes"][0];
            (line["event"]["name"].as_str().unwrap(), change["before"].as_u64(), change["after"].as_u64())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("create", None, Some(7_840_800)),
            ("change", Some(7_840_800), Some(7_840_600)),
            ("delete", Some(7_840_600), None)
        ]
    );
    assert!(changes.iter().all(|line| line["changes"][0]["path"] == price.as_str()));

    let [created, changed] = [0, 1].map(|at| changes[at]["event"]["seq"].as_u64().unwrap());
    let at = |seq: u64| admin(&program, "state", &[&price, "--at", &seq.to_string(), "--json"]);
    assert_eq!([at(created), at(changed - 1), at(changed)], ["7840800\n", "7840800\n", "7840600\n"]);
    let last = lines(&program, "changes", &[ORDER, "--reverse", "--limit", "1"]);
    assert_eq!(last[0]["event"]["name"], "delete");
    // the best price then, which is derived from the orders
    let best: Value = serde_json::from_str(&program.run("best", &["--at-seq", &created.to_string()])).unwrap();
    assert!(best["bid"][0].as_u64().unwrap() >= 7_840_800, "{best}");
}

#[test]
fn the_events_of_the_tool_are_those_of_the_book() {
    let program = Program::new();
    let counts = program.ingest(&program.file("bitstamp.csv.gz", BITSTAMP), &["--limit", "200"]);
    assert_eq!(lines(&program, "log", &[]).len() as u64, counts.seq);
    let orders: Value = serde_json::from_str(&admin(&program, "state", &["orders", "--json"])).unwrap();
    let depth = program.run("depth", &["--levels", "100000"]);
    assert!(!orders.as_object().unwrap().is_empty() && !depth.is_empty());
    assert!(admin(&program, "replay", &["--dry-run"]).starts_with("this program replays the journal: "));
}

#[test]
fn the_page_is_a_verb() {
    let program = Program::new();
    assert!(admin(&program, "browse", &["--help"]).starts_with("Serves a page that shows the image"));
}
