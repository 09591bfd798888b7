//! Killed at any moment, an ingest that is run again ends as if nothing had happened.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread;
use std::time::Instant;

use crate::feed::made_up;
use crate::program::Program;

const KILLS: u32 = 6;

#[track_caller]
fn check(durability: &str) {
    let feed = made_up(20_000);
    let unharmed = Program::new();
    let path = unharmed.file("feed.csv", &feed);
    #[expect(clippy::disallowed_methods, reason = "a test picks its moments by the clock")]
    let start = Instant::now();
    let counts = unharmed.ingest(&path, &["--durability", durability]);
    let whole_run = start.elapsed();

    let program = Program::new();
    let path = program.file("feed.csv", &feed);
    let mut moments = Vec::new();
    for _ in 0..KILLS {
        let mut child = program.command("ingest").arg(&path).args(["--durability", durability]).spawn().unwrap();
        let moment = whole_run.mul_f64(random() * 0.7);
        moments.push(moment);
        thread::sleep(moment);
        child.kill().unwrap(); // SIGKILL
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || output.status.code().is_none(), "killed after {moments:?}: {errors}");
    }
    assert_eq!(program.ingest(&path, &["--durability", durability]), counts, "killed after {moments:?}");
    assert_eq!(program.book(), unharmed.book(), "killed after {moments:?}");
}

/// From 0 to 1, another each time.
#[expect(clippy::disallowed_methods, reason = "a test picks its moments at random")]
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    bits as f64 / u64::MAX as f64
}

#[test]
fn kills_lose_nothing_when_synced() {
    check("synced");
}

#[test]
fn kills_lose_nothing_in_an_interval() {
    check("interval");
}

#[test]
fn kills_lose_nothing_when_buffered() {
    check("buffered");
}
