//! A killed process has recorded all commands that it acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use memimage::{Durability, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, SplitMix64, cases, seed};

use super::{DIR, MODE, start};

const CALLERS: u32 = 4;
/// The number of kills before a new image is created, which bounds the disk space of a long run.
const KILLS_PER_IMAGE: u32 = 100;

/// Parses a mode, for example `synced` or `synced pruned`. With `pruned`, snapshots are frequent, and each prunes the journal.
fn options(mode: &str) -> Options<Ledger> {
    let (durability, pruned) = match mode.strip_suffix(" pruned") {
        Some(durability) => (durability, true),
        None => (mode, false),
    };
    let durability = match durability {
        "synced" => Durability::Synced,
        "buffered" => Durability::Buffered,
        _ => Durability::Interval(Duration::from_millis(3)),
    };
    let (every, retention) = if pruned { (60, Retention::Events(0)) } else { (300, Retention::Everything) };
    // small segments, so that some kills happen while a segment is changed
    Image::options()
        .segment_bytes(64 << 10)
        .snapshots(SnapshotPolicy::AfterEvents(every))
        .retention(retention)
        .durability(durability)
}

/// The process that is killed. Only [`kill`] starts it.
#[test]
#[ignore = "run by the other tests of this file"]
fn child() {
    let (Ok(dir), Ok(mode)) = (std::env::var(DIR), std::env::var(MODE)) else { return };
    let image = options(&mode).open(dir).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let image = &image;
            scope.spawn(move || {
                loop {
                    let balance = image.deposit(caller, 1).unwrap();
                    // a single write, completed before the next deposit
                    let line = format!("\ncaller {caller} {balance} acknowledged\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// Parses an acknowledgement: the caller and its balance. `None` if the line is incomplete.
fn parse_line(line: &str) -> Option<(usize, i64)> {
    let mut words = line.strip_prefix("caller ")?.strip_suffix(" acknowledged")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

type Balances = [i64; CALLERS as usize];

fn kill(mode: &str) {
    let mut rng = SplitMix64::new(seed(7));
    let mut left = cases(50);
    while left > 0 {
        let kills = left.min(KILLS_PER_IMAGE);
        left -= kills;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let mut balances = Balances::default();
        for round in 0..kills {
            kill_once(mode, &path, &mut rng, &mut balances).unwrap_or_else(|what| {
                panic!("{mode}, seed {}, round {round} with {left} later kills: {what}", seed(7))
            });
        }
        assert!(kills < 10 || balances.iter().sum::<i64>() > 100, "the kills came too early: {balances:?}");
        if mode.ends_with(" pruned") && kills >= 10 {
            let names = std::fs::read_dir(path.join("journal")).unwrap().map(|entry| entry.unwrap().path());
            assert!(
                names.into_iter().any(|path| path.extension().is_some_and(|end| end == "base")),
                "the journal was never pruned"
            );
        }
    }
    println!("{mode}: {} kills", cases(50));
}

fn kill_once(mode: &str, path: &Path, rng: &mut SplitMix64, balances: &mut Balances) -> Result<(), String> {
    let mut child = start("acknowledgements::child", path, mode);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    // after the first acknowledgement, or sometimes while the image is being opened
    let opening = rng.once_in(8);
    let first = if opening { None } else { lines.by_ref().find_map(|line| parse_line(&line)) };
    std::thread::sleep(Duration::from_micros(rng.below(if opening { 12_000 } else { 40_000 })));
    child.kill().unwrap();
    child.wait().unwrap();
    if first.is_none() && !opening {
        return Err("the process ended without an acknowledgement".to_owned());
    }
    for (caller, balance) in first.into_iter().chain(lines.filter_map(|line| parse_line(&line))) {
        if balance <= balances[caller] {
            return Err(format!("caller {caller} received balance {balance} after {}", balances[caller]));
        }
        balances[caller] = balance;
    }
    let image = options(mode).open(path).map_err(|error| error.to_string())?;
    for (caller, acknowledged) in balances.iter_mut().enumerate() {
        let found = image.query(|ledger| ledger.accounts.get(&(caller as u32)).copied()).unwrap().unwrap_or(0);
        // one more deposit may have been recorded without its acknowledgement
        if !(*acknowledged..=*acknowledged + 1).contains(&found) {
            return Err(format!("caller {caller} received balance {acknowledged}, but {found} was recovered"));
        }
        *acknowledged = found;
    }
    assert_eq!(image.journal().seq().get() as i64, balances.iter().sum::<i64>());
    Image::close(image).map_err(|error| error.to_string())
}

#[test]
fn acknowledged_events_survive_a_kill_when_synced() {
    kill("synced");
}

#[test]
fn acknowledged_events_survive_a_kill_when_buffered() {
    kill("buffered");
}

#[test]
fn acknowledged_events_survive_a_kill_when_synced_at_intervals() {
    kill("interval");
}

#[test]
fn acknowledged_events_survive_a_kill_when_synced_and_pruned() {
    kill("synced pruned");
}

#[test]
fn acknowledged_events_survive_a_kill_when_buffered_and_pruned() {
    kill("buffered pruned");
}

#[test]
fn acknowledged_events_survive_a_kill_when_synced_at_intervals_and_pruned() {
    kill("interval pruned");
}
