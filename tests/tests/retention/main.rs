//! A pruned journal still rebuilds the state, from each kept snapshot and from the base alone. Changes that would prevent this
//! are refused, and damage beyond that is refused without a change to the files.

mod damaged_base;
mod io_failures;
mod misplaced_files;
mod model_changes;
mod panics;
mod unproven_states;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, Image, Options, Retention, Seq, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, Request, Run, changed, files};

const JOURNAL: &str = "/ledger/journal";
const SNAPSHOTS: &str = "/ledger/snapshot";

fn options(retention: Retention) -> Options<Ledger> {
    Run::options(Durability::Synced, 512).retention(retention)
}

fn open(disk: &SimDisk, retention: Retention) -> Result<Image<Ledger>, Error> {
    options(retention).open_with(Arc::new(disk.clone()), "/ledger")
}

/// A ledger with a snapshot after every ten events.
struct LedgerHistory {
    disk: SimDisk,
    digests: Vec<u64>,
    seq: Seq,
}

impl LedgerHistory {
    fn new() -> LedgerHistory {
        LedgerHistory { disk: SimDisk::new(), digests: Vec::new(), seq: Seq::ZERO }
    }

    fn begin(&self, retention: Retention) -> Run {
        Run::begin(open(&self.disk, retention).unwrap(), self.digests.clone(), self.seq).unwrap()
    }

    /// Adds ten events and a snapshot, `snapshots` times, and closes the image.
    fn add_snapshots(&mut self, retention: Retention, snapshots: u64) -> &mut LedgerHistory {
        let mut run = self.begin(retention);
        for _ in 0..snapshots {
            ten_events(&mut run);
            run.image().admin().snapshot().unwrap();
            let stats = run.image().admin().stats();
            assert_eq!(stats.retention_failure, None);
        }
        run.execute(&Request::Deposit(7, 7));
        (self.digests, self.seq) = run.close();
        self
    }

    /// Opens a disk and asserts that no event is missing.
    fn recover(&self, disk: &SimDisk, retention: Retention) -> Result<Run, String> {
        let image = open(disk, retention).map_err(|error| error.to_string())?;
        Run::begin(image, self.digests.clone(), self.seq)
    }

    /// Asserts that opening is refused and changes nothing. Returns the error.
    fn assert_refused(&self, disk: &SimDisk) -> Error {
        let before = files(disk);
        let error = open(disk, Retention::Everything).expect_err("opening should be assert_refused");
        assert_eq!(changed(&before, &files(disk)), Vec::<PathBuf>::new());
        error
    }
}

fn ten_events(run: &mut Run) {
    for amount in 0..7 {
        run.execute(&Request::Deposit(amount, 5));
    }
    run.execute(&Request::Settle(1, 2_000));
    run.execute(&Request::Draw(None));
    run.execute(&Request::File(6_000));
}

fn numbers(disk: &SimDisk) -> Vec<u64> {
    let name = |path: PathBuf| path.file_name()?.to_str()?.strip_suffix(".journal")?.parse().ok();
    disk.files().into_iter().filter(|path| path.starts_with(JOURNAL)).filter_map(name).collect()
}

fn segment(number: u64) -> String {
    format!("{JOURNAL}/{number:08}.journal")
}

fn bases(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "base")).collect()
}

fn snapshots(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.starts_with(SNAPSHOTS)).collect()
}

fn remove(disk: &SimDisk, paths: &[PathBuf]) {
    for path in paths {
        disk.remove(path).unwrap();
        disk.sync_dir(path.parent().unwrap()).unwrap();
    }
}

fn damage(disk: &SimDisk, path: &Path) {
    let bytes = disk.read(path).unwrap();
    disk.write(path, bytes.len() as u64 / 2, &[bytes[bytes.len() / 2] ^ 1]).unwrap();
}

/// Damages the end of the state. The header stays intact.
fn damage_state(disk: &SimDisk, path: &Path) {
    let bytes = disk.read(path).unwrap();
    let at = bytes.len() - 60;
    disk.write(path, at as u64, &[bytes[at] ^ 1]).unwrap();
}

fn copy(from: &SimDisk, to: &SimDisk, path: &str) {
    let file = to.create_new(Path::new(path)).unwrap();
    file.write_at(&from.read(path).unwrap(), 0).unwrap();
    file.sync_all().unwrap();
    to.sync_dir(Path::new(JOURNAL)).unwrap();
}

#[test]
fn promise_4_a_pruned_journal_rebuilds_the_state_from_each_snapshot_and_from_the_base_alone() {
    let mut history = LedgerHistory::new();
    let disk = history.add_snapshots(Retention::Events(0), 8).disk.clone();
    assert!(numbers(&disk)[0] > 3, "{:?}", numbers(&disk));
    assert_eq!(bases(&disk).len(), 2, "the base should have two copies");
    let there = snapshots(&disk);
    assert_eq!(there.len(), 2);

    for lost in [&there[..0], &there[..1], &there[1..], &there[..]] {
        let disk = disk.fork();
        remove(&disk, lost);
        let run = history.recover(&disk, Retention::Events(0)).unwrap();
        let stats = run.image().admin().stats();
        let [newest, base] = [81 - 1, 81 - 11];
        let began = if lost.contains(&there[1]) { base } else { newest };
        assert_eq!(stats.recovery.snapshot, Some(Seq::new(began)));
        assert_eq!(stats.recovery.replayed, 81 - began);
        assert_eq!(stats.base, Some(Seq::new(base)));
    }
}

#[test]
fn the_requested_number_of_events_is_kept() {
    for asked in [0, 15, 33, 60] {
        let mut history = LedgerHistory::new();
        let disk = history.add_snapshots(Retention::Events(asked), 20).disk.clone();
        assert!(numbers(&disk)[0] > 1, "{asked}");
        remove(&disk, &snapshots(&disk));
        let replayed = history.recover(&disk, Retention::Everything).unwrap().image().admin().stats().recovery.replayed;
        assert!(
            (asked..=2 * asked + 31).contains(&replayed),
            "the retention is {asked} events, and {replayed} were kept"
        );
    }
    // the clock of these tests advances by at least a millisecond per event
    let mut history = LedgerHistory::new();
    let disk = history.add_snapshots(Retention::Period(Duration::from_millis(50)), 20).disk.clone();
    assert!(numbers(&disk)[0] > 1);
    remove(&disk, &snapshots(&disk));
    let replayed = history.recover(&disk, Retention::Everything).unwrap().image().admin().stats().recovery.replayed;
    assert!((40..=131).contains(&replayed), "{replayed}");
}

#[test]
fn retention_of_everything_never_prunes() {
    let mut history = LedgerHistory::new();
    let disk = history.add_snapshots(Retention::Everything, 6).disk.clone();
    assert_eq!((numbers(&disk)[0], bases(&disk)), (1, vec![]));
    history.add_snapshots(Retention::Events(0), 2);
    let (first, base) = (numbers(&disk)[0], bases(&disk));
    assert!(first > 1);
    for _ in 0..2 {
        history.add_snapshots(Retention::Everything, 4);
        assert_eq!((numbers(&disk)[0], bases(&disk)), (first, base.clone()));
        assert_eq!(snapshots(&disk).len(), 2);
    }
    remove(&disk, &snapshots(&disk));
    let run = history.recover(&disk, Retention::Everything).unwrap();
    assert!(run.image().admin().stats().recovery.replayed > 80);
}

/// Pruning does not block commands, and loses none.
#[test]
fn pruning_runs_concurrently_with_commands() {
    let disk = SimDisk::new();
    let options = options(Retention::Events(50)).snapshots(SnapshotPolicy::AfterEvents(100));
    let image = options.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut last = None;
    for n in 0..4_000 {
        last = Some(image.submit(LedgerDeposit { account: n % 9, amount: 1 }).unwrap());
        if n % 50 == 0 {
            last.take().unwrap().wait().unwrap();
        }
    }
    last.map_or(Ok(0), |pending| pending.wait()).unwrap();
    for _ in 0..2 {
        image.admin().snapshot().unwrap();
        (0..60).for_each(|n| _ = image.deposit(n, 1).unwrap());
    }
    image.admin().snapshot().unwrap();
    let state = image.query(Ledger::clone).unwrap();
    Image::close(image).unwrap();
    assert!(numbers(&disk)[0] > 1);
    remove(&disk, &snapshots(&disk));
    assert_eq!(open(&disk, Retention::Everything).unwrap().query(Ledger::clone).unwrap(), state);
}
