//! The life of an image, in which each part of the library that calls foreign code does so.

use std::sync::Arc;

use memimage::admin::Check;
use memimage::disk::SimDisk;
use memimage::{Durability, Error, Image, Retention, SnapshotPolicy, Timestamp};

use crate::{DiskMethod, GateDisk, Ledger, LedgerCommands, LedgerDeposit, Run};

fn open(disk: &GateDisk, durability: Durability) -> Result<Image<Ledger>, Error> {
    Run::options(durability, 8)
        .snapshots(SnapshotPolicy::AfterEvents(10))
        .retention(Retention::Events(10))
        .open_with(Arc::new(disk.clone()), "ledger")
}

/// Opens and uses an image in one durability mode: it enters segments, makes snapshots, prunes, corrects its time, and loses its
/// disk. `opened` gets each opened image. Afterwards all commands must have had their effect.
pub fn live(durability: Durability, opened: impl Fn(&Image<Ledger>)) {
    let kept = SimDisk::new();
    let disk = GateDisk::new(kept.clone());
    let image = open(&disk, durability).unwrap();
    opened(&image);
    for amount in 1..=30 {
        assert!(image.deposit(1, 1).unwrap() >= i64::from(amount));
        image.file(vec![3; 2_000]).unwrap();
    }
    image.admin().snapshot().unwrap();
    image.admin().correct_time(Timestamp::from_micros(1_001_000), "a test").unwrap();
    assert!(image.journal().sync().is_ok());
    Image::close(image).unwrap();

    let image = open(&disk, durability).unwrap();
    opened(&image);
    disk.fail(DiskMethod::Write, ".journal", std::io::ErrorKind::Other);
    let failed = image.submit(LedgerDeposit { account: 1, amount: 1 }).and_then(|pending| pending.wait());
    assert!(failed.is_err());
    assert!(image.journal().sync().is_err());
    assert!(Image::close(image).is_err());
    disk.remove_rule();

    Check::new().run_with(Arc::new(kept.fork()), "ledger").unwrap();
    let image = open(&disk, durability).unwrap();
    assert!(image.deposit(1, 1).unwrap() >= 30);
    Image::close(image).unwrap();
}
