//! Power cuts and kills after each disk operation of a scenario with an image and its projection. The projection must open, with each
//! durable event once; while a new version is built, the old version or the new one must be complete.

use std::sync::Mutex;

use memimage::Projection;
use memimage::disk::Crash;
use memimage_tests::{SplitMix64, with_timeout};

use super::*;

/// The disks after each operation on a file of the projection.
fn record(disk: &SimDisk) -> Arc<Mutex<Vec<SimDisk>>> {
    let points = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&points);
    disk.observe(move |_, disk| recorded.lock().unwrap().push(disk.fork()));
    points
}

/// The disks that may be left of a crash at this point.
fn left(point: &SimDisk, seed: u64) -> Vec<SimDisk> {
    let cuts = [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(seed)];
    let mut left: Vec<_> = cuts.iter().map(|cut| point.crash_by(cut)).collect();
    left.push(point.fork());
    left
}

#[test]
fn after_a_crash_a_projection_has_each_event_once() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        bank.deposit(9, 1).unwrap();
        let points = record(&disk);
        for _ in 0..2 {
            let turnover =
                Projection::<Turnover>::options().snapshot_every(12).open(&bank.journal(), TURNOVER).unwrap();
            for round in 0..12 {
                use_bank(&bank, 2);
                turnover.wait(bank.journal().durable_seq()).unwrap();
                if round == 6 {
                    bank.rename("x".repeat(30_000)).unwrap();
                }
            }
            turnover.close().unwrap();
        }
        Image::close(bank).unwrap();
        let points = std::mem::take(&mut *points.lock().unwrap());
        assert!(points.len() > 100);
        let mut rng = SplitMix64::new(memimage_tests::seed(5));
        let (mut resumed, mut crashes) = (0, 0);
        for point in points.iter().step_by(3) {
            for left in left(point, rng.below(u64::MAX)) {
                let bank = super::bank(&left);
                let turnover = turnover(&bank.journal()).unwrap_or_else(|error| panic!("{error}\n{}", left.trace()));
                assert_complete(&turnover, &bank.journal());
                resumed += u32::from(turnover.stats().snapshot.is_some());
                crashes += 1;
            }
        }
        assert!(resumed > crashes / 3, "{resumed} of {crashes} resumed from a snapshot");
    });
}

#[derive(Default, Serialize, Deserialize, Shape)]
struct Count {
    deposits: u64,
}

#[memimage::projection(of = Bank, name = "Turnover", version = 2)]
impl Count {
    #[on]
    fn deposit(&mut self, _: &BankDeposit) {
        self.deposits += 1;
    }
}

#[test]
fn a_crash_while_a_new_version_is_built_leaves_the_old_version_or_the_new_one() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 60);
        turnover(&bank.journal()).unwrap().close().unwrap();
        Image::close(bank).unwrap();
        let journal = journal(&disk);
        let points = record(&disk);
        Projection::<Count>::options().snapshot_every(20).open(&journal, TURNOVER).unwrap().close().unwrap();
        let points = std::mem::take(&mut *points.lock().unwrap());
        let mut rng = SplitMix64::new(memimage_tests::seed(6));
        let (mut old, mut new) = (0, 0);
        for point in &points {
            for left in left(point, rng.below(u64::MAX)) {
                let journal = super::journal(&left);
                match turnover(&journal) {
                    // an old program continues from its own snapshot, without the first events
                    Ok(turnover) => {
                        assert_complete(&turnover, &journal);
                        old += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), memimage::ErrorKind::Incompatible, "{error}");
                        assert!(
                            has_complete_version(&left),
                            "the old version is gone, and the new one is not built\n{}",
                            left.trace()
                        );
                        new += 1;
                    }
                }
                let count = Projection::<Count>::open(&journal, TURNOVER).unwrap();
                assert_eq!(count.query(|count| count.deposits).unwrap(), 60);
            }
        }
        assert!(old > 10 && new > 3, "{old} old, {new} new");
    });
}

/// Whether the new version has a snapshot after the last event.
fn has_complete_version(disk: &SimDisk) -> bool {
    let last = journal(disk).durable_seq().unwrap();
    disk.files().iter().any(|path| path.ends_with(format!("v2/snapshot/{:020}.snapshot", last.get())))
}
