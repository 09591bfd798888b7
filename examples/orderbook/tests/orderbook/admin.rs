//! `orderbook admin`: what a person asks about the book.

use std::process::Command;

use serde_json::Value;

use crate::feed::BITSTAMP;
use crate::program::Program;

/// An order that the feed creates, changes and deletes.
const ORDER: &str = "orders.2002351232385027";

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
fn the_event_that_set_the_price_of_an_order_is_found() {
    let program = Program::new();
    program.ingest(&program.file("bitstamp.csv.gz", BITSTAMP), &[]);
    let price = format!("{ORDER}.price");
    let changes = lines(&program, "changes", &[&price]);
    let created = &changes[0];
    assert_eq!(
        (&created["event"]["name"], &created["event"]["payload"]["id"]),
        (&"create".into(), &2_002_351_232_385_027_u64.into())
    );
    assert_eq!(created["changes"][0]["path"], price.as_str());
    assert_eq!(created["changes"][0]["after"], created["event"]["payload"]["order"]["price"]);
    let seq = created["event"]["seq"].as_u64().unwrap();
    assert_eq!(
        admin(&program, "state", &[&price, "--at", &seq.to_string(), "--json"]).trim_end(),
        created["changes"][0]["after"].to_string()
    );
    let before = admin(&program, "diff", &[&(seq - 1).to_string(), &(seq - 1).to_string(), "orders"]);
    assert!(before.ends_with("\nno difference\n"), "{before}");
    // the last change removes the order
    let last = lines(&program, "changes", &[ORDER, "--reverse", "--limit", "1"]);
    assert_eq!((&last[0]["event"]["name"], &last[0]["changes"][0]["after"]), (&"delete".into(), &Value::Null));
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
