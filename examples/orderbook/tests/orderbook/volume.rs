//! The projection: the volume of new orders.

use serde_json::Value;

use crate::feed::{BITSTAMP, bitstamp, created};
use crate::program::Program;

/// The sums over all minutes: orders, bid satoshis, ask satoshis.
#[track_caller]
fn sums(program: &Program) -> [u64; 3] {
    let projection = program.image().with_file_name("volume.projection");
    let lines = program.run("volume", &["--projection", projection.to_str().unwrap()]);
    let mut sums = [0; 3];
    for line in lines.lines() {
        let minute: Value = serde_json::from_str(line).unwrap();
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum += minute[at + 1].as_u64().unwrap();
        }
    }
    sums
}

#[test]
fn the_volume_equals_a_recount_of_the_rows_also_after_it_was_continued_or_built_anew() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    let text = bitstamp();
    for limit in [0, 700, 700, 2000] {
        program.ingest(&feed, &["--limit", &limit.to_string()]);
        assert_eq!(sums(&program), created(&text, limit), "after row {limit}");
    }
    std::fs::remove_dir_all(program.image().with_file_name("volume.projection")).unwrap();
    assert_eq!(sums(&program), created(&text, 2000), "built anew");
}

#[test]
fn a_projection_of_another_image_is_refused() {
    let (one, other) = (Program::new(), Program::new());
    let feed = one.file("bitstamp.csv.gz", BITSTAMP);
    one.ingest(&feed, &["--limit", "10"]);
    other.ingest(&feed, &["--limit", "10"]);
    sums(&one);
    let projection = one.image().with_file_name("volume.projection");
    let error = other.fail("volume", &["--projection", projection.to_str().unwrap()]);
    assert!(error.contains("another image"), "{error}");
}
