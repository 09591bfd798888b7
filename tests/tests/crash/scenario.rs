//! The scenario during which crashes happen.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Durability, Error, Image, Replica, Retention, Seq, SnapshotSource};
use memimage_tests::protection::ProtectionMode;
use memimage_tests::{Ledger, Request, Run, SplitMix64, with_keys};

use crate::recorder::Recorder;

/// The options of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) durability: Durability,
    pub(crate) align: u32,
    pub(crate) retention: Retention,
    pub(crate) protection: ProtectionMode,
    pub(crate) snapshot_source: SnapshotSource<Ledger>,
    pub(crate) replica: Replica,
}

impl Mode {
    pub(crate) fn image(self, disk: &SimDisk, path: &str) -> Result<Image<Ledger>, Error> {
        let options = Run::options(self.durability, self.align).retention(self.retention);
        let options = options.snapshot_source(self.snapshot_source).replica(self.replica);
        with_keys!(self.protection, options).open_with(Arc::new(disk.clone()), path)
    }

    pub(crate) fn open(self, disk: &SimDisk, digests: Vec<u64>, at_least: Seq) -> Result<Run, String> {
        Run::begin(self.image(disk, "/ledger").map_err(|error| error.to_string())?, digests, at_least)
    }

    pub(crate) fn prunes(self) -> bool {
        self.retention != Retention::Everything
    }
}

/// Creates an image, runs commands of all forms with segment changes and snapshots, closes the image, and opens it again. With
/// pruning, there are more snapshots and more events between them. Returns the digest after each event.
pub(crate) fn scenario(disk: &SimDisk, mode: Mode, recorder: &Recorder, rng: &mut SplitMix64) -> Vec<u64> {
    let mut run = mode.open(disk, Vec::new(), Seq::ZERO).unwrap();
    recorder.follow(&run);
    for half in 0..2 {
        for _ in 0..15 {
            match rng.below(12) {
                0 | 1 => run.execute(&Request::Deposit(rng.below(4) as u32, rng.below(300) as u32)),
                2 => run.execute(&Request::Once(rng.below(4) as u32, rng.below(300) as u32)),
                3 => run.execute(&Request::Withdraw(rng.below(4) as u32, rng.below(300) as u32)),
                4 => run.execute(&Request::Settle(rng.below(4) as u32, rng.below(900) as u32)),
                5 => run.execute(&Request::Draw(None)),
                6 => run.execute(&Request::File(rng.below(3_000) as usize)),
                7 if rng.once_in(4) => run.execute(&Request::File(rng.below(30_000) as usize)),
                7 => run.execute(&Request::Explode(1)),
                8 | 9 => (0..rng.below(6)).for_each(|n| run.execute(&Request::Submit(n as u32, 5))),
                10 | 11 if mode.prunes() => {
                    run.execute(&Request::File(9_000));
                    run.image().admin().snapshot().unwrap();
                    assert_eq!(run.image().admin().stats().retention_failure, None);
                }
                10 if rng.once_in(3) => drop(run.image().admin().snapshot().unwrap()),
                10 => run.sync(),
                _ => run.wait(),
            }
        }
        if half == 0 {
            let (digests, seq) = run.close();
            run = mode.open(disk, digests, seq).unwrap();
            recorder.follow(&run);
        }
    }
    run.close().0
}
