//! Handlers that panic, states that cannot be stored, and disk calls that fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use memimage::disk::{Effect, Fault};
use memimage::{ErrorKind, Projection};
use memimage_tests::with_timeout;

use super::*;

/// Panics at a deposit of 13 cents.
#[derive(Clone, Default, Serialize, Deserialize, Shape)]
struct Superstitious {
    deposits: u64,
}

#[memimage::projection(of = Bank)]
impl Superstitious {
    #[on]
    fn deposit(&mut self, event: &BankDeposit) {
        self.deposits += 1;
        assert!(event.cents != 13, "an unlucky number");
    }
}

#[test]
fn a_handler_that_panics_stops_the_projection_and_nothing_else() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        let open = || Projection::<Superstitious>::options().snapshot_every(3).open(&bank.journal(), "/unlucky");
        let projection = open().unwrap();
        for cents in 1..13 {
            bank.deposit(1, cents).unwrap();
            projection.wait(bank.journal().durable_seq()).unwrap();
        }
        assert_eq!(bank.deposit(1, 13).unwrap(), 13 * 14 / 2);
        let stopped = projection.wait(bank.journal().durable_seq()).unwrap_err();
        assert_eq!(stopped.kind(), ErrorKind::Panicked);
        assert_eq!(stopped.position().unwrap().seq, Some(Seq::new(13)));
        let text = stopped.to_string();
        assert!(text.contains("before event 13: its handler of `deposit` panicked: an unlucky number"), "{text}");
        assert_eq!(projection.query(|projection| projection.deposits).unwrap_err(), stopped);
        assert_eq!(projection.stats().error, Some(stopped.clone()));
        assert!(projection.stats().snapshot >= Some(Seq::new(9)));
        bank.deposit(1, 14).unwrap();
        assert_eq!(projection.close().unwrap_err(), stopped);
        assert_eq!(open().unwrap_err().kind(), ErrorKind::Panicked, "the event is still there");
    });
}

#[test]
fn a_projection_has_no_place_inside_an_image() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    for inside in ["/bank/snapshot", "/bank/turnover"] {
        let error = Projection::<Turnover>::open(&bank.journal(), inside).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAnImage, "{error}");
        assert!(error.to_string().contains("it is inside the image `/bank`"), "{error}");
    }
}

#[test]
fn the_projection_of_an_image_in_memory_is_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let bank = Image::<Bank>::in_memory().unwrap();
    bank.deposit(1, 7).unwrap();
    let path = dir.path().join("turnover");
    let error = Projection::<Turnover>::open(&bank.journal(), &path).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    assert!(text.contains("is in memory, too") && text.contains("such as `turnover`"), "{text}");
    let projection = Projection::<Turnover>::open(&bank.journal(), "turnover").unwrap();
    assert_eq!(projection.query(|turnover| turnover.deposited[&1]).unwrap(), 7);
    assert!(!path.exists() && !std::path::Path::new("turnover").exists());
}

/// Loses its count when it is stored.
#[derive(Default, Shape)]
struct Forgetful {
    count: u64,
}

impl Serialize for Forgetful {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Forgetful", 1)?;
        fields.serialize_field("count", &self.count)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Forgetful {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Forgetful, D::Error> {
        <(u64,)>::deserialize(deserializer).map(|_| Forgetful { count: 0 })
    }
}

#[memimage::projection(of = Bank)]
impl Forgetful {
    #[on]
    fn deposit(&mut self, _: &BankDeposit) {
        self.count += 1;
    }
}

#[test]
fn a_state_that_does_not_load_gets_no_snapshot() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 10);
        let projection: Projection<Forgetful> = Projection::open(&bank.journal(), "/forgetful").unwrap();
        let refused = projection.close().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidModel);
        let again: Projection<Forgetful> = Projection::open(&bank.journal(), "/forgetful").unwrap();
        assert_eq!(again.query(|projection| projection.count).unwrap(), 10);
    });
}

#[test]
fn a_full_disk_stops_no_projection() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        let turnover = turnover(&bank.journal()).unwrap();
        disk.inject(Fault::full().path(TURNOVER).from(1));
        use_bank(&bank, 100);
        assert_complete(&turnover, &bank.journal());
        memimage_tests::wait_until("a failed snapshot", || turnover.stats().snapshot_failure.is_some());
        assert_eq!(turnover.stats().snapshot_failure.unwrap().kind(), ErrorKind::StorageFull);
        disk.heal();
        use_bank(&bank, 100);
        memimage_tests::wait_until("a snapshot", || turnover.stats().snapshot.is_some());
        assert!(turnover.stats().snapshot_failure.is_none());
        turnover.close().unwrap();
    });
}

/// Every n-th disk call of a projection fails. It must neither panic nor hang, and afterwards contain each event once.
#[test]
fn a_failed_disk_call_loses_no_event_and_handles_none_twice() {
    with_timeout(|| {
        let prepared = SimDisk::new();
        let bank = bank(&prepared);
        use_bank(&bank, 60);
        turnover(&bank.journal()).unwrap().close().unwrap();
        use_bank(&bank, 60);
        Image::close(bank).unwrap();
        let mut n = 0;
        loop {
            n += 1;
            let disk = prepared.fork();
            let effect = [Effect::Nothing, Effect::Everything, Effect::Part][n as usize % 3];
            disk.inject(Fault::io().from(n).effect(effect));
            let used = catch_unwind(AssertUnwindSafe(|| use_projection(&disk)));
            let used = used.unwrap_or_else(|_| panic!("call {n} fails, and the projection panics\n{}", disk.trace()));
            let strikes = disk.strikes();
            disk.heal();
            let journal = journal(&disk);
            for disk in [disk.fork(), disk.crash(|_| false), disk.crash(|_| true)] {
                let left = super::journal(&disk);
                let turnover = turnover(&left).unwrap_or_else(|error| panic!("call {n}: {error}\n{}", disk.trace()));
                assert_complete(&turnover, &left);
            }
            drop(journal);
            if strikes == 0 {
                used.unwrap();
                return;
            }
        }
    });
}

fn use_projection(disk: &SimDisk) -> Result<(), Error> {
    let journal = options().open_journal_with(Arc::new(disk.clone()), BANK)?;
    let turnover = turnover(&journal)?;
    turnover.query(|_| ())?;
    turnover.close()
}

/// An error about a projection's directory or its image tells where.
#[track_caller]
fn assert_names(error: &Error, path: &str) {
    assert!(error.to_string().contains(path), "{error}");
}

#[test]
fn a_projection_is_not_opened_on_a_full_disk() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 10);
        disk.inject(Fault::full().path(TURNOVER).from(1));
        let error = turnover(&bank.journal()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_names(&error, "creating `/turnover`");
        disk.heal();
        let turnover = turnover(&bank.journal()).unwrap();
        disk.inject(Fault::full().path(TURNOVER).from(1));
        let error = turnover.close().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_names(&error, "/turnover/v1/snapshot/");
    });
}

#[test]
fn an_image_that_is_removed_stops_its_projections() {
    with_timeout(|| {
        for is_owner_here in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let (image, projection) = (dir.path().join("bank"), dir.path().join("turnover"));
            let bank = options().open(&image).unwrap();
            use_bank(&bank, 20);
            let journal = Journal::<Bank>::open(&image).unwrap();
            let open = |journal: &Journal<Bank>| Projection::<Turnover>::open(journal, &projection);
            open(&journal).unwrap().close().unwrap();
            let here = bank.journal();
            let turnover = open(if is_owner_here { &here } else { &journal }).unwrap();
            let state = turnover.query(Turnover::clone).unwrap();
            let last = bank.journal().durable_seq();
            std::fs::remove_dir_all(&image).unwrap();
            if is_owner_here {
                // the owner still writes to its open segment, which has no name any more
                bank.deposit(1, 1).ok();
            }
            let error = match is_owner_here {
                true => turnover.wait(last.next()).unwrap_err(),
                false => turnover.wait(Seq::new(u64::MAX)).unwrap_err(),
            };
            let (expected, text) = match is_owner_here {
                true => (ErrorKind::Io, "removed"),
                false => (ErrorKind::Replaced, "was removed"),
            };
            assert_eq!(error.kind(), expected, "{error}");
            assert!(error.to_string().contains(text), "{error}");
            assert_names(&error, image.to_str().unwrap());
            assert_eq!(turnover.close().unwrap_err(), error);
            let error = open(&journal).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert_names(&error, image.to_str().unwrap());
            assert!(!image.exists(), "nothing was created");
            assert!(state.seqs.len() > 10);
        }
    });
}

#[test]
fn a_projection_whose_directory_is_removed_goes_on_without_snapshots() {
    with_timeout(|| {
        let dir = tempfile::tempdir().unwrap();
        let bank = options().open(dir.path().join("bank")).unwrap();
        let projection = dir.path().join("turnover");
        let turnover: Projection<Turnover> =
            Projection::options().snapshot_every(20).open(&bank.journal(), &projection).unwrap();
        std::fs::remove_dir_all(&projection).unwrap();
        use_bank(&bank, 60);
        assert_complete(&turnover, &bank.journal());
        memimage_tests::wait_until("a failed snapshot", || turnover.stats().snapshot_failure.is_some());
        assert_names(&turnover.stats().snapshot_failure.unwrap(), projection.to_str().unwrap());
        assert_names(&turnover.close().unwrap_err(), projection.to_str().unwrap());
        let again: Projection<Turnover> = Projection::open(&bank.journal(), &projection).unwrap();
        assert_complete(&again, &bank.journal());
    });
}
