//! One or more tests for each promise in the README, named by its number.

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
use memimage_tests::{Call, DiskMethod, Gate, GateDisk, Ledger, Run};

/// How long to wait for a result that must arrive.
const RESULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait for a result that must not arrive yet.
const NO_RESULT_TIMEOUT: Duration = Duration::from_millis(30);

/// An empty list of changed files.
const NONE: [PathBuf; 0] = [];

/// A simulated disk, and the same disk with rules for its calls.
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

/// The state that recovery reads from a disk.
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

/// The result of a call on another thread.
struct BackgroundCall<T>(Receiver<T>);

impl<T: Send + 'static> BackgroundCall<T> {
    fn of(act: impl FnOnce() -> T + Send + 'static) -> BackgroundCall<T> {
        let (sender, receiver) = channel();
        std::thread::spawn(move || sender.send(act()));
        BackgroundCall(receiver)
    }

    #[track_caller]
    fn assert_not_finished(&self) {
        let result = self.0.recv_timeout(NO_RESULT_TIMEOUT);
        assert!(matches!(result, Err(RecvTimeoutError::Timeout)), "the result arrived too early");
    }

    #[track_caller]
    fn result(&self) -> T {
        self.0.recv_timeout(RESULT_TIMEOUT).expect("the result should arrive")
    }
}

/// Calls the ledger on another thread.
fn in_background<T: Send + 'static>(
    image: &Image<Ledger>,
    ask: impl FnOnce(&Image<Ledger>) -> T + Send + 'static,
) -> BackgroundCall<T> {
    let image = image.clone();
    BackgroundCall::of(move || ask(&image))
}

/// Blocks calls of the journal until it is opened or dropped, so that a failing test does not hang.
struct HeldCalls(Gate);

impl HeldCalls {
    /// Waits until a call is blocked.
    #[track_caller]
    fn wait_until_reached(&self) {
        let gate = self.0.clone();
        BackgroundCall::of(move || gate.wait_until_blocked()).result();
    }

    fn open(&self) {
        self.0.open();
    }
}

impl Drop for HeldCalls {
    fn drop(&mut self) {
        self.open();
    }
}

fn hold_if(
    disk: &GateDisk,
    held: impl Fn(&Call) -> bool + Send + Sync + 'static,
    then: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) -> HeldCalls {
    let gate = Gate::default();
    let inside = gate.clone();
    disk.rule(move |call| {
        if held(call) {
            inside.pass();
            then()?;
        }
        Ok(None)
    });
    HeldCalls(gate)
}

/// Blocks calls of this kind on journal segments.
fn hold(disk: &GateDisk, act: DiskMethod) -> HeldCalls {
    hold_if(disk, move |call| call.is(act, ".journal"), || Ok(()))
}

/// As [`hold`], but the calls fail when they are released.
fn hold_and_fail(disk: &GateDisk, act: DiskMethod) -> HeldCalls {
    hold_if(disk, move |call| call.is(act, ".journal"), || Err(io::Error::other("the disk is gone")))
}

/// Fails all writes and syncs of journal segments.
fn forbid(disk: &GateDisk) {
    disk.rule(|call| match call.is(DiskMethod::Write, ".journal") || call.is(DiskMethod::SyncData, ".journal") {
        true => Err(io::Error::other("the journal must not be written")),
        false => Ok(None),
    });
}
