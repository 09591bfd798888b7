//! A killed process has recorded every command that it acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use memimage::{Durability, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::{Dice, Ledger, LedgerCommands, cases, seed};

use super::{DIR, MODE, start};

const TELLERS: u32 = 4;
/// How often one image is killed before the next is begun, so that a long run needs no large disk.
const KILLS_OF_ONE: u32 = 100;

/// `synced`, or `synced pruned`: the second makes snapshots all the time and prunes the journal after each.
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
    // small, so that it is killed while it rolls too
    Image::options()
        .segment_bytes(64 << 10)
        .snapshots(SnapshotPolicy::AfterEvents(every))
        .retention(retention)
        .durability(durability)
}

/// The process that is killed; only of use to [`kill`].
#[test]
#[ignore = "run by the other tests of this file"]
fn child() {
    let (Ok(dir), Ok(mode)) = (std::env::var(DIR), std::env::var(MODE)) else { return };
    let image = options(&mode).open(dir).unwrap();
    std::thread::scope(|scope| {
        for teller in 0..TELLERS {
            let image = &image;
            scope.spawn(move || {
                loop {
                    let balance = image.deposit(teller, 1).unwrap();
                    // in one write, and only then goes on
                    let line = format!("\nteller {teller} {balance} told\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// What each teller was last told, up to the end of the pipe.
fn told(line: &str) -> Option<(usize, i64)> {
    let mut words = line.strip_prefix("teller ")?.strip_suffix(" told")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

type Balances = [i64; TELLERS as usize];

fn kill(mode: &str) {
    let mut dice = Dice::new(seed(7));
    let mut left = cases(50);
    while left > 0 {
        let kills = left.min(KILLS_OF_ONE);
        left -= kills;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let mut balances = Balances::default();
        for round in 0..kills {
            kill_once(mode, &path, &mut dice, &mut balances).unwrap_or_else(|what| {
                panic!("{mode}, seed {}, {left} kills before the end of all, round {round}: {what}", seed(7))
            });
        }
        assert!(kills < 10 || balances.iter().sum::<i64>() > 100, "it was killed too soon: {balances:?}");
        if mode.ends_with(" pruned") && kills >= 10 {
            let names = std::fs::read_dir(path.join("journal")).unwrap().map(|entry| entry.unwrap().path());
            assert!(names.into_iter().any(|path| path.extension().is_some_and(|end| end == "base")), "it never pruned");
        }
    }
    println!("{mode}: {} kills", cases(50));
}

fn kill_once(mode: &str, path: &Path, dice: &mut Dice, balances: &mut Balances) -> Result<(), String> {
    let mut child = start("acknowledgements::child", path, mode);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    // not before it has told anything, or now and then while it is still opening
    let opening = dice.once_in(8);
    let first = if opening { None } else { lines.by_ref().find_map(|line| told(&line)) };
    std::thread::sleep(Duration::from_micros(dice.below(if opening { 12_000 } else { 40_000 })));
    child.kill().unwrap();
    child.wait().unwrap();
    if first.is_none() && !opening {
        return Err("it ended and told nothing".to_owned());
    }
    for (teller, balance) in first.into_iter().chain(lines.filter_map(|line| told(&line))) {
        if balance <= balances[teller] {
            return Err(format!("teller {teller} was told {balance} after {}", balances[teller]));
        }
        balances[teller] = balance;
    }
    let image = options(mode).open(path).map_err(|error| error.to_string())?;
    for (teller, told) in balances.iter_mut().enumerate() {
        let found = image.query(|ledger| ledger.accounts.get(&(teller as u32)).copied()).unwrap().unwrap_or(0);
        // one more may have been on its way to be told
        if !(*told..=*told + 1).contains(&found) {
            return Err(format!("teller {teller} was told {told}, and {found} is there"));
        }
        *told = found;
    }
    assert_eq!(image.journal().seq().get() as i64, balances.iter().sum::<i64>());
    Image::close(image).map_err(|error| error.to_string())
}

#[test]
fn everything_a_killed_process_acknowledged_is_there_when_synced() {
    kill("synced");
}

#[test]
fn everything_a_killed_process_acknowledged_is_there_when_buffered() {
    kill("buffered");
}

#[test]
fn everything_a_killed_process_acknowledged_is_there_when_synced_at_intervals() {
    kill("interval");
}

#[test]
fn everything_a_killed_process_acknowledged_is_there_when_synced_and_pruned() {
    kill("synced pruned");
}

#[test]
fn everything_a_killed_process_acknowledged_is_there_when_buffered_and_pruned() {
    kill("buffered pruned");
}

#[test]
fn everything_a_killed_process_acknowledged_is_there_when_synced_at_intervals_and_pruned() {
    kill("interval pruned");
}
