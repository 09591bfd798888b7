//! An ingest that is killed at any moment and run again ends with the same book.

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
    let undisturbed = Program::new();
    let path = undisturbed.file("feed.csv", &feed);
    #[expect(clippy::disallowed_methods, reason = "a test uses the clock for random moments")]
    let start = Instant::now();
    let counts = undisturbed.ingest(&path, &["--durability", durability]);
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
    assert_eq!(program.book(), undisturbed.book(), "killed after {moments:?}");
}

/// A random number from 0 to 1.
#[expect(clippy::disallowed_methods, reason = "tests kill at random moments, and compare random rows")]
pub(crate) fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    bits as f64 / u64::MAX as f64
}

#[test]
fn kills_lose_nothing_when_synced() {
    check("synced");
}

#[test]
fn kills_lose_nothing_with_an_interval() {
    check("interval");
}

#[test]
fn kills_lose_nothing_when_buffered() {
    check("buffered");
}
