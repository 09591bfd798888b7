//! The book at moments of its past.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::feed::{BITSTAMP, bitstamp, recount};
use crate::kill::random;
use crate::program::Program;

#[track_caller]
fn best(program: &Program, args: &[&str]) -> Value {
    serde_json::from_str(&program.run("best", args)).unwrap()
}

#[test]
fn the_book_after_any_event_equals_a_recount_of_the_rows() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    let rows = program.ingest(&feed, &[]).rows as usize;
    let text = bitstamp();
    // a row is the whole input of a failure, so there is no seed to print
    let random = std::iter::repeat_with(|| (random() * rows as f64) as usize).take(100);
    for limit in [0, rows].into_iter().chain(random) {
        let (counts, expected) = recount(&text, limit);
        assert_eq!(best(&program, &["--at-seq", &counts.seq.to_string()]), expected, "after row {limit}");
    }
}

#[test]
fn the_book_at_a_time_has_the_events_up_to_then() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    program.ingest(&feed, &["--limit", "1000"]);
    let (now, table) = (best(&program, &[]), program.run("depth", &["--levels", "7"]));
    #[expect(clippy::disallowed_methods, reason = "the time is an argument of the program")]
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    // the next event gets a later millisecond
    std::thread::sleep(std::time::Duration::from_millis(20));
    program.ingest(&feed, &[]);
    let millis = (millis + 5).to_string();
    assert_eq!(best(&program, &["--at-time", &millis]), now);
    assert_eq!(program.run("depth", &["--levels", "7", "--at-time", &millis]), table);
    assert_ne!(program.run("depth", &["--levels", "7"]), table);
}

#[test]
fn a_moment_that_the_book_does_not_have_is_an_error() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    let last = program.ingest(&feed, &["--limit", "10"]).seq;
    let error = program.fail("best", &["--at-seq", &(last + 1).to_string()]);
    assert!(error.contains(&format!("whose last durable event is {last}")), "{error}");
    let error = program.fail("depth", &["--levels", "1", "--at-time", "0"]);
    assert!(error.contains("the image was created at"), "{error}");
    let error = program.fail("best", &["--at-seq", "1", "--at-time", "1"]);
    assert!(error.contains("cannot be used with"), "{error}");
}
