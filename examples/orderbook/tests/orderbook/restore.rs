//! The book is restored from a log, as of a time.

use std::path::Path;
use std::process::{Command, Stdio};

use memimage::Timestamp;
use memimage::admin::format_time;
use serde_json::Value;

use crate::feed::BITSTAMP;
use crate::program::Program;

/// Runs a verb of `orderbook admin`.
#[track_caller]
fn admin(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderbook"));
    let output = command.arg("admin").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The best prices of an image.
#[track_caller]
fn best(image: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orderbook"));
    let output = command.arg("best").arg("--image").arg(image).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_restored_book_is_that_of_the_time() {
    let program = Program::new();
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    program.ingest(&feed, &["--limit", "300"]);
    let (image, directory) = (program.image(), program.image().parent().unwrap().to_owned());
    let (image, log) = (image.to_str().unwrap(), format!("file://{}/log", directory.display()));
    let mut sidecar = Command::new(env!("CARGO_BIN_EXE_orderbook"))
        .args(["admin", "ship", image, "--to", &log])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let seq = program.ingest(&feed, &[]).seq;
    sidecar.kill().unwrap();
    sidecar.wait().unwrap();
    admin(&["ship", image, "--to", &log, "--once"]);

    // in the first run, within batches of the second one, and now
    for at in [1, 200, seq / 2, seq / 2 + 1, seq * 3 / 4, seq] {
        let at = at.to_string();
        let event: Value =
            serde_json::from_str(&admin(&["log", image, "--from", &at, "--until", &at, "--json"])).unwrap();
        let micros = micros(event["time"].as_str().unwrap()) / 1_000 * 1_000 + 999;
        let until = format_time(Timestamp::from_micros(micros));
        let target = directory.join(format!("restored-{at}"));
        admin(&["restore", target.to_str().unwrap(), "--from", &log, "--until", &until]);
        let millis = (micros / 1_000).to_string();
        let expected: Value = serde_json::from_str(&program.run("best", &["--at-time", &millis])).unwrap();
        assert_eq!(best(&target), expected, "at {until}");
    }
}

/// The microseconds since 1970 of a time as the verbs print it.
fn micros(time: &str) -> u64 {
    match memimage::admin::parse_moment(time).unwrap() {
        memimage::Moment::Time(time) => time.as_micros(),
        memimage::Moment::Seq(seq) => panic!("{seq} is no time"),
    }
}
