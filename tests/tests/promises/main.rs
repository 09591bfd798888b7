//! One test, or several, for each promise in the README, by its number.

mod acknowledgements;
mod failures;
mod durability_modes;
mod owner;
mod replay;
mod shapes;
mod torn_write;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, Image, Model, digest};
use memimage_tests::{Act, Call, Gate, GateDisk, Ledger, Run};

/// The longest that something may take which must come.
const LONG: Duration = Duration::from_secs(60);

/// How long to look out for something which must not come.
const SHORT: Duration = Duration::from_millis(30);

/// No file, of those that changed.
const NONE: [PathBuf; 0] = [];

/// A simulated disk, and the same disk behind a rule.
fn disks() -> (SimDisk, GateDisk) {
    let sim = SimDisk::new();
    (sim.clone(), GateDisk::new(sim))
}

fn try_open(disk: &(impl Disk + Clone)) -> Result<Image<Ledger>, Error> {
    Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), "/ledger")
}

fn open(disk: &(impl Disk + Clone)) -> Image<Ledger> {
    try_open(disk).unwrap()
}

/// The state that is recovered from a disk.
fn recovered(disk: &SimDisk) -> Ledger {
    open(disk).query(Ledger::clone).unwrap()
}

fn state<M: Model>(image: &Image<M>) -> u64 {
    digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64()
}

fn snapshots(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.starts_with("/ledger/snapshot")).collect()
}

fn delete_snapshots(disk: &SimDisk) {
    snapshots(disk).iter().for_each(|path| disk.remove(path).unwrap());
    disk.sync_dir(Path::new("/ledger/snapshot")).unwrap();
}

/// What another thread will say.
struct Later<T>(Receiver<T>);

impl<T: Send + 'static> Later<T> {
    fn of(act: impl FnOnce() -> T + Send + 'static) -> Later<T> {
        let (sender, receiver) = channel();
        std::thread::spawn(move || sender.send(act()));
        Later(receiver)
    }

    #[track_caller]
    fn has_not_come(&self) {
        let came = self.0.recv_timeout(SHORT);
        assert!(matches!(came, Err(RecvTimeoutError::Timeout)), "it came too early");
    }

    #[track_caller]
    fn comes(&self) -> T {
        self.0.recv_timeout(LONG).expect("it must come")
    }
}

/// Asks the ledger from another thread.
fn later<T: Send + 'static>(image: &Image<Ledger>, ask: impl FnOnce(&Image<Ledger>) -> T + Send + 'static) -> Later<T> {
    let image = image.clone();
    Later::of(move || ask(&image))
}

/// Calls of the journal wait here, until it is opened or dropped: so a test that fails does not hang.
struct Held(Gate);

impl Held {
    /// Returns once a call waits.
    #[track_caller]
    fn is_reached(&self) {
        let gate = self.0.clone();
        Later::of(move || gate.until_somebody_waits()).comes();
    }

    fn open(&self) {
        self.0.open();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.open();
    }
}

fn hold_if(
    disk: &GateDisk,
    held: impl Fn(&Call) -> bool + Send + Sync + 'static,
    then: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) -> Held {
    let gate = Gate::default();
    let inside = gate.clone();
    disk.rule(move |call| {
        if held(call) {
            inside.pass();
            then()?;
        }
        Ok(None)
    });
    Held(gate)
}

/// Holds this kind of calls on segments of the journal.
fn hold(disk: &GateDisk, act: Act) -> Held {
    hold_if(disk, move |call| call.is(act, ".journal"), || Ok(()))
}

/// As [`hold`], and once opened they fail.
fn hold_and_fail(disk: &GateDisk, act: Act) -> Held {
    hold_if(disk, move |call| call.is(act, ".journal"), || Err(io::Error::other("the disk is gone")))
}

/// Nothing is written to segments of the journal nor synced any more.
fn forbid(disk: &GateDisk) {
    disk.rule(|call| match call.is(Act::Write, ".journal") || call.is(Act::SyncData, ".journal") {
        true => Err(io::Error::other("nothing is to be written here")),
        false => Ok(None),
    });
}
