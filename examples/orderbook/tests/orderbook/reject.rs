//! Files that cannot be read, or only in part.

use crate::feed::{BITSTAMP, HEADER, bitstamp, made_up, recount};
use crate::program::Program;

const GOOD: &str = "1,0,0,78318.0,0.5,created,bid\n";

/// Ingests a good row and then `row`. Asserts that the error has all of `parts`, and that the good row is applied.
#[track_caller]
fn check(row: &str, parts: &[&str]) {
    let program = Program::new();
    let path = program.file("feed.csv", format!("{HEADER}{GOOD}{row}\n"));
    let error = program.fail("ingest", &[path.to_str().unwrap()]);
    for part in ["row 2 of", "feed.csv"].iter().chain(parts) {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
    assert!(program.run("best", &[]).starts_with(r#"{"seq":1,"orders":1,"bid":[7831800,50000000,1]"#));

    let path = program.file("feed.csv", format!("{HEADER}{GOOD}2,0,0,1.0,1.0,created,bid\n"));
    assert_eq!(program.ingest(&path, &[]).applied, 2, "the fixed file should be applied");
}

#[test]
fn a_bad_value_is_reported() {
    check("2,0,0,78318.005,0.5,created,bid", &["price `78318.005`", "more than 2 decimals"]);
    check("2,0,0,-1.0,0.5,created,bid", &["price `-1.0`", "not a decimal number"]);
    check("2,0,0,,0.5,created,bid", &["price ``", "not a decimal number"]);
    check("2,0,0,1.0,0.000000001,created,bid", &["volume `0.000000001`", "more than 8 decimals"]);
    check("2,0,0,1.0,999999999999,created,bid", &["volume `999999999999`", "too large"]);
    check("two,0,0,1.0,1.0,created,bid", &["id `two`", "not a whole number"]);
    check("-2,0,0,1.0,1.0,created,bid", &["id `-2`", "not a whole number"]);
    check("2,0,0,1.0,1.0,canceled,bid", &["action `canceled`", "`deleted`"]);
    check("2,0,0,1.0,1.0,created,buy", &["direction `buy`", "`ask`"]);
}

#[test]
fn a_row_with_the_wrong_number_of_fields_is_reported() {
    check("2,0,0,1.0,1.0,created", &["6 fields"]);
    check("2,0,0,1.0,1.0,created,bid,x", &["8 fields"]);
}

#[test]
fn a_row_past_the_limit_is_not_read() {
    let program = Program::new();
    let path = program.file("feed.csv", format!("{HEADER}{GOOD}rubbish\n"));
    assert_eq!(program.ingest(&path, &["--limit", "1"]).applied, 1);
}

#[test]
fn a_file_that_is_not_a_feed_creates_no_image() {
    let program = Program::new();
    let files = [
        program.file("empty.csv", ""),
        program.file("short.csv", "id,price\n1,2\n"),
        program.file("binary.csv", [0xff, 0x00, 0xfe, b'\n']),
        program.file("order.csv", HEADER.replace("price,volume", "volume,price")),
    ];
    for file in files {
        let error = program.fail("ingest", &[file.to_str().unwrap()]);
        assert!(error.contains("is not a feed of orders") && error.contains(HEADER.trim_end()), "{error}");
    }
    let error = program.fail("ingest", &["nowhere.csv"]);
    assert!(error.contains("`nowhere.csv` cannot be read: No such file"), "{error}");
    assert!(!program.image().exists());
}

#[test]
fn the_rows_of_a_truncated_compressed_file_are_applied() {
    let program = Program::new();
    let path = program.file("feed.csv.gz", &BITSTAMP[..BITSTAMP.len() / 2]);
    let error = program.fail("ingest", &[path.to_str().unwrap()]);
    assert!(error.contains("feed.csv.gz` cannot be read"), "{error}");
    let path = program.file("feed.csv.gz", BITSTAMP);
    assert_eq!(program.ingest(&path, &[]), recount(&bitstamp(), 2000).0);
}

#[test]
fn another_file_of_the_same_name_is_refused() {
    let program = Program::new();
    let path = program.file("feed.csv", bitstamp());
    program.ingest(&path, &["--limit", "1000"]);
    let book = program.book();
    for (other, found) in [(made_up(2000), "its row names the order"), (made_up(10), "it has 10 rows")] {
        program.file("feed.csv", other);
        let error = program.fail("ingest", &[path.to_str().unwrap()]);
        assert!(error.contains("is not the file of this name") && error.contains(found), "{error}");
    }
    assert_eq!(program.book(), book);
}
