//! A process that is killed at any moment: what it had told over a pipe is there, in every durability mode.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use memimage::{Durability, Image, Options, SnapshotPolicy};
use memimage_tests::{Dice, Ledger, LedgerCommands, cases};

const DIR: &str = "MEMIMAGE_KILLED_IMAGE";
const MODE: &str = "MEMIMAGE_KILLED_MODE";
const TELLERS: u32 = 4;

fn options(mode: &str) -> Options<Ledger> {
    let durability = match mode {
        "synced" => Durability::Synced,
        "buffered" => Durability::Buffered,
        _ => Durability::Interval(Duration::from_millis(3)),
    };
    // small, so that it is killed while it rolls and makes snapshots too
    Image::options().segment_size(64 << 10).snapshots(SnapshotPolicy::AfterEvents(300)).durability(durability)
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

fn start(dir: &Path, mode: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([(DIR, dir.to_str().unwrap()), (MODE, mode)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What each teller was last told, up to the end of the pipe.
fn told(line: &str) -> Option<(usize, i64)> {
    let mut words = line.strip_prefix("teller ")?.strip_suffix(" told")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn kill(mode: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let mut dice = Dice::new(7);
    let mut balances = [0_i64; TELLERS as usize];
    for round in 0..cases(11) {
        let mut child = start(&path, mode);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // not before it has told anything, or now and then while it is still opening
        let opening = dice.once_in(8);
        if !opening {
            let first = lines.by_ref().find_map(|line| told(&line)).expect("it tells something");
            balances[first.0] = first.1;
        }
        std::thread::sleep(Duration::from_micros(dice.below(if opening { 12_000 } else { 40_000 })));
        child.kill().unwrap();
        child.wait().unwrap();
        for (teller, balance) in lines.filter_map(|line| told(&line)) {
            assert!(balance > balances[teller], "teller {teller} was told {balance} after {}", balances[teller]);
            balances[teller] = balance;
        }
        let image = options(mode).open(&path).unwrap_or_else(|error| panic!("{mode}, round {round}: {error}"));
        for (teller, told) in balances.iter_mut().enumerate() {
            let found = image.query(|ledger| ledger.accounts.get(&(teller as u32)).copied()).unwrap().unwrap_or(0);
            assert!(
                (*told..=*told + 1).contains(&found),
                "{mode}, round {round}: teller {teller} was told {told}, and {found} is there"
            );
            *told = found;
        }
        assert_eq!(image.seq().get() as i64, balances.iter().sum::<i64>());
        image.close().unwrap();
    }
    assert!(balances.iter().sum::<i64>() > 100, "it was killed too soon: {balances:?}");
}

#[test]
fn what_a_killed_process_told_is_there_when_synced() {
    kill("synced");
}

#[test]
fn what_a_killed_process_told_is_there_when_buffered() {
    kill("buffered");
}

#[test]
fn what_a_killed_process_told_is_there_when_synced_at_intervals() {
    kill("interval");
}
