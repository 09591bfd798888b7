//! A projection in another process than the owner's, killed at any moment.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use memimage_tests::{SplitMix64, seed, wait_until};

use super::*;

const DIR: &str = "MEMIMAGE_PROJECTED_DIRECTORY";

/// The process that is killed. Only the test below starts it.
#[test]
#[ignore = "run by the other test of this file"]
fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let journal = Journal::<Bank>::open(Path::new(&dir).join("bank")).unwrap();
    let turnover =
        Projection::<Turnover>::options().snapshot_every(20).open(&journal, Path::new(&dir).join("turnover")).unwrap();
    loop {
        let line = format!("\nreached {}\n", turnover.seq());
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_projection_beside_a_working_owner_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let bank = options().open(dir.path().join("bank")).unwrap();
    let mut rng = SplitMix64::new(seed(8));
    for _ in 0..5 {
        use_bank(&bank, 20);
        let mut child = start(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let goal = bank.journal().durable_seq().get() + 40;
        use_bank(&bank, 40);
        let is_reached =
            |line: &str| line.strip_prefix("reached ").is_some_and(|seq| seq.parse().is_ok_and(|seq: u64| seq >= goal));
        assert!(lines.any(|line| line.is_ok_and(|line| is_reached(&line))), "the child follows");
        let second = Projection::<Turnover>::open(&bank.journal(), dir.path().join("turnover")).unwrap_err();
        assert_eq!(second.kind(), memimage::ErrorKind::Locked);
        let text = second.to_string();
        assert!(text.contains(dir.path().join("turnover").to_str().unwrap()), "{text}");
        assert!(text.contains(&format!("in use by pid {} ", child.id())), "{text}");
        std::thread::sleep(Duration::from_micros(rng.below(3_000)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let journal = Journal::<Bank>::open(dir.path().join("bank")).unwrap();
    let turnover = Projection::<Turnover>::open(&journal, dir.path().join("turnover")).unwrap();
    assert!(turnover.stats().snapshot.is_some());
    turnover.wait(bank.journal().durable_seq()).unwrap();
    wait_until("the newest events", || turnover.seq() >= bank.journal().durable_seq());
    assert_complete(&turnover, &journal);
}
