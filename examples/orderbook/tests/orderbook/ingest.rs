//! A feed gives the same book and the same counts, whether it is ingested at once or in parts, compressed or plain, once or
//! twice.

use serde_json::Value;

use crate::feed::{BITSTAMP, bitstamp, made_up, recount};
use crate::program::{Counts, Program};

#[test]
fn a_part_of_the_real_feed_has_the_expected_counts() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    let counts = program.ingest(&feed, &[]);
    assert_eq!(counts, Counts { rows: 2000, applied: 1923, refused: 77, seq: 1923 });
    assert_eq!(
        program.run("best", &[]),
        "{\"seq\":1923,\"orders\":72,\"bid\":[7841200,241940299,12],\"ask\":[7841300,18476818,2]}\n",
    );
}

#[test]
fn every_durability_has_the_expected_results() {
    for feed in [bitstamp(), made_up(3000)] {
        for durability in ["synced", "interval", "buffered"] {
            let program = Program::new();
            let path = program.file("feed.csv", &feed);
            let (counts, best) = recount(&feed, usize::MAX);
            assert_eq!(program.ingest(&path, &["--durability", durability]), counts);
            assert_eq!(serde_json::from_str::<Value>(&program.run("best", &[])).unwrap(), best);
        }
    }
}

#[test]
fn a_feed_ingested_in_parts_gives_the_same_book() {
    let feed = made_up(2000);
    let program = Program::new();
    let path = program.file("feed.csv", &feed);
    for limit in [0, 1, 2, 3, 500, 501, 1999] {
        let (counts, best) = recount(&feed, limit);
        assert_eq!(program.ingest(&path, &["--limit", &limit.to_string()]), counts, "after {limit} rows");
        assert_eq!(serde_json::from_str::<Value>(&program.run("best", &[])).unwrap(), best, "after {limit} rows");
    }
    let whole = Program::new();
    let counts = whole.ingest(&whole.file("feed.csv", &feed), &[]);
    assert_eq!(program.ingest(&path, &[]), counts);
    assert_eq!(program.book(), whole.book());
}

#[test]
fn a_finished_file_is_not_applied_again() {
    let program = Program::new();
    let path = program.file("feed.csv", made_up(1000));
    let counts = program.ingest(&path, &[]);
    let book = program.book();
    for words in [&[][..], &["--limit", "1000"], &["--limit", "5000"]] {
        assert_eq!(program.ingest(&path, words), counts, "{words:?}");
    }
    assert_eq!(program.book(), book);
}

#[test]
fn a_limit_below_the_applied_rows_changes_nothing() {
    let feed = bitstamp();
    let program = Program::new();
    let path = program.file("feed.csv", &feed);
    let counts = program.ingest(&path, &["--limit", "1000"]);
    let book = program.book();
    assert_eq!(program.ingest(&path, &["--limit", "10"]), counts);
    assert_eq!(program.ingest(&path, &["--limit", "0"]), counts);
    assert_eq!(program.book(), book);
}

#[test]
fn compression_is_detected_by_content() {
    let packed = Program::new();
    let counts = packed.ingest(&packed.file("feed.csv", BITSTAMP), &[]);
    let plain = Program::new();
    assert_eq!(plain.ingest(&plain.file("feed.csv.gz", bitstamp()), &[]), counts);
    assert_eq!(plain.book(), packed.book());
}

#[test]
fn compressed_files_may_have_several_members() {
    let program = Program::new();
    let text = bitstamp();
    let (first, second) = text.split_at(text.len() / 3);
    let path = program.file("feed.csv.gz", [gzip(first), gzip(second)].concat());
    assert_eq!(program.ingest(&path, &[]).rows, 2000);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzEncoder::new(text.as_bytes(), Default::default()), &mut packed)
        .unwrap();
    packed
}

#[test]
fn a_file_is_identified_by_its_name_in_any_directory() {
    let feed = made_up(500);
    let program = Program::new();
    let counts = program.ingest(&program.file("here/feed.csv", &feed), &["--limit", "300"]);
    assert_eq!(counts.rows, 300);
    assert_eq!(program.ingest(&program.file("there/feed.csv", &feed), &[]), recount(&feed, 500).0);
}

#[test]
fn each_file_has_its_own_counts() {
    let feed = made_up(1000);
    let (header, rows) = feed.split_once('\n').unwrap();
    let cut = rows.match_indices('\n').nth(399).unwrap().0 + 1;
    let program = Program::new();
    let first = program.file("first.csv", format!("{header}\n{}", &rows[..cut]));
    let second = program.file("second.csv", format!("{header}\n{}", &rows[cut..]));
    let (whole, best) = recount(&feed, 1000);
    let (half, _) = recount(&feed, 400);

    assert_eq!(program.ingest(&first, &[]), half);
    let rest = Counts {
        rows: 600,
        applied: whole.applied - half.applied,
        refused: whole.refused - half.refused,
        seq: whole.seq,
    };
    assert_eq!(program.ingest(&second, &[]), rest);
    assert_eq!(serde_json::from_str::<Value>(&program.run("best", &[])).unwrap(), best);
}

#[test]
fn refused_rows_at_the_end_are_counted_in_every_run() {
    let feed = made_up(40) + "1,0,0,5.0,0.0,created,ask\n9999,0,0,5.0,1.0,deleted,ask\n";
    let program = Program::new();
    let path = program.file("feed.csv", &feed);
    let (counts, _) = recount(&feed, 42);
    assert_eq!(program.ingest(&path, &[]), counts);
    assert_eq!(program.ingest(&path, &[]), counts);
    assert_eq!(program.ingest(&path, &["--limit", "41"]), recount(&feed, 41).0);
}

#[test]
fn the_answer_is_one_line_of_json() {
    let program = Program::new();
    let path = program.file("feed.csv", BITSTAMP);
    let line = program.run("ingest", &[path.to_str().unwrap()]);
    let (counts, seconds) = line.split_once(r#","seconds":"#).unwrap();
    assert_eq!(counts, r#"{"rows":2000,"applied":1923,"refused":77,"seq":1923"#);
    assert!(seconds.strip_suffix("}\n").unwrap().parse::<f64>().unwrap() > 0.0, "{seconds}");
}
