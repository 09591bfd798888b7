//! The replica of a running image: views, snapshots from each source, verification, and the rebuild after a panic.

mod views;
mod sources;
mod standing;
mod verification;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Image, Options, Replica, Seq, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, wait_until};

const DURABILITIES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(2))];
const REPLICAS: [Replica; 2] = [Replica::OnDemand, Replica::Standing];

/// Options with small segments and manual snapshots, which are always verified.
fn options() -> Options<Ledger> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual).pause_budget(Duration::MAX)
}

fn open(disk: &(impl Disk + Clone), options: Options<Ledger>) -> Image<Ledger> {
    options.open_with(Arc::new(disk.clone()), "/ledger").unwrap()
}

fn snapshots(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.starts_with("/ledger/snapshot")).collect()
}

/// Waits until the standing replica has all durable events.
fn wait_for_replica(image: &Image<Ledger>) {
    let durable = image.journal().durable_seq();
    wait_until("the replica is up to date", || image.admin().stats().replica_seq >= Some(durable));
}

/// Makes deposits that fill several segments.
fn fill_segments(image: &Image<Ledger>, deposits: u32) {
    for number in 0..deposits {
        image.deposit(number % 7, 1).unwrap();
        image.file(vec![7; 2_000]).unwrap();
    }
    assert!(image.journal().seq() > Seq::ZERO);
}
