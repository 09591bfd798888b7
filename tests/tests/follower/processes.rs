//! An owner in another process that is killed by SIGKILL at any moment, and a follower that takes over.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use memimage::{Durability, ErrorKind, Follower, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, SplitMix64, cases, seed};

const DIR: &str = "MEMIMAGE_FOLLOWED_IMAGE";
const MODE: &str = "MEMIMAGE_FOLLOWED_MODE";
const CALLERS: u32 = 4;

type Balances = [i64; CALLERS as usize];

/// Small segments, frequent snapshots, and pruning, so that some kills happen while files are created and removed.
fn options(mode: &str) -> Options<Ledger> {
    let durability = match mode {
        "synced" => Durability::Synced,
        "buffered" => Durability::Buffered,
        _ => Durability::Interval(Duration::from_millis(3)),
    };
    Image::options()
        .segment_bytes(64 << 10)
        .snapshots(SnapshotPolicy::AfterEvents(60))
        .retention(Retention::Events(100))
        .durability(durability)
}

/// The owner that is killed. Only [`start_owner`] starts it.
#[test]
#[ignore = "run by the other tests of this file"]
fn owner() {
    let (Ok(dir), Ok(mode)) = (std::env::var(DIR), std::env::var(MODE)) else { return };
    let image = options(&mode).open(dir).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let image = &image;
            scope.spawn(move || {
                loop {
                    let balance = image.deposit(caller, 1).unwrap();
                    let line = format!("\ncaller {caller} {balance} acknowledged\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

fn start_owner(dir: &Path, mode: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::owner", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([(DIR, dir.to_str().unwrap()), (MODE, mode)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Parses an acknowledgement: the caller and its balance. `None` if the line is incomplete.
fn parse(line: &str) -> Option<(usize, i64)> {
    let mut words = line.strip_prefix("caller ")?.strip_suffix(" acknowledged")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn balances(ledger: &Ledger) -> Balances {
    std::array::from_fn(|caller| ledger.accounts.get(&(caller as u32)).copied().unwrap_or(0))
}

/// Kills owners, and promotes a follower after each kill.
fn take_over(mode: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let mut rng = SplitMix64::new(seed(11));
    Image::close(options(mode).open(&path).unwrap()).unwrap();
    let mut acknowledged = Balances::default();
    for round in 0..cases(12) {
        let mut owner = start_owner(&path, mode);
        let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
        let first = lines.by_ref().find_map(|line| parse(&line)).unwrap();
        let mut follower: Follower<Ledger> = options(mode).follow(&path).unwrap();
        let failed = follower.promote().unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::Locked, "the owner lives");
        follower = failed.into_follower();
        std::thread::sleep(Duration::from_micros(rng.below(60_000)));
        owner.kill().unwrap();
        owner.wait().unwrap();
        for (caller, balance) in [first].into_iter().chain(lines.filter_map(|line| parse(&line))) {
            acknowledged[caller] = acknowledged[caller].max(balance);
        }
        let shown = follower.query(balances).unwrap();
        let image = follower.promote().unwrap();
        let found = image.query(balances).unwrap();
        for caller in 0..CALLERS as usize {
            // one more deposit may have been recorded without its acknowledgement
            let range = acknowledged[caller]..=acknowledged[caller] + 1;
            assert!(range.contains(&found[caller]), "{mode} {round}: {acknowledged:?}, but {found:?}");
            assert!(shown[caller] <= found[caller], "{mode} {round}: {shown:?} was shown, but {found:?} exists");
        }
        assert_eq!(image.journal().seq().get() as i64, found.iter().sum::<i64>());
        acknowledged = found;
        for _ in 0..3 {
            acknowledged[0] = image.deposit(0, 1).unwrap();
        }
        Image::close(image).unwrap();
    }
    assert!(acknowledged.iter().sum::<i64>() > 100, "the kills came too early: {acknowledged:?}");
    let image = options(mode).open(&path).unwrap();
    assert_eq!(image.query(balances).unwrap(), acknowledged);
}

#[test]
fn a_follower_takes_over_from_a_killed_owner_that_synced() {
    take_over("synced");
}

#[test]
fn a_follower_takes_over_from_a_killed_owner_that_buffered() {
    take_over("buffered");
}

#[test]
fn a_follower_takes_over_from_a_killed_owner_that_synced_at_intervals() {
    take_over("interval");
}

/// A follower stays through many owners that are killed, and never needs to be opened again.
#[test]
fn a_follower_survives_killed_owners() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    Image::close(options("synced").open(&path).unwrap()).unwrap();
    let follower: Follower<Ledger> = options("synced").follow(&path).unwrap();
    let mut rng = SplitMix64::new(seed(12));
    for _ in 0..cases(8) {
        let mut owner = start_owner(&path, "synced");
        let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
        lines.by_ref().find_map(|line| parse(&line)).unwrap();
        std::thread::sleep(Duration::from_micros(rng.below(40_000)));
        owner.kill().unwrap();
        owner.wait().unwrap();
        let image = options("synced").open(&path).unwrap();
        follower.wait(image.journal().durable_seq()).unwrap();
        assert_eq!(follower.query(Ledger::clone).unwrap(), image.query(Ledger::clone).unwrap());
        Image::close(image).unwrap();
    }
}
