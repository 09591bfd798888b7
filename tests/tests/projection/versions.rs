//! The version of a projection is raised, lowered, or forgotten.

use memimage::{ErrorKind, Projection};
use memimage_tests::with_timeout;

use super::*;

/// Later programs with the same projection.
mod later {
    use super::*;

    /// Version 2 of the projection counts the deposits too.
    #[derive(Default, Serialize, Deserialize, Shape)]
    pub(crate) struct Turnover {
        pub deposits: u64,
        pub cents: u64,
    }

    #[memimage::projection(of = Bank, version = 2)]
    impl Turnover {
        #[on]
        fn deposit(&mut self, event: &BankDeposit) {
            self.deposits += 1;
            self.cents += event.cents;
        }
    }

    pub(crate) mod unversioned {
        use super::super::*;

        /// The shape of version 2, without a new version.
        #[derive(Default, Serialize, Deserialize, Shape)]
        pub(crate) struct Turnover {
            pub deposits: u64,
        }

        #[memimage::projection(of = Bank)]
        impl Turnover {
            #[on]
            fn deposit(&mut self, _: &BankDeposit) {
                self.deposits += 1;
            }
        }
    }

    pub(crate) mod renamed {
        use super::super::*;

        #[derive(Default, Serialize, Deserialize, Shape)]
        pub(crate) struct Turnover {
            pub deposits: u64,
        }

        #[memimage::projection(of = Bank, name = "volume")]
        impl Turnover {
            #[on]
            fn deposit(&mut self, _: &BankDeposit) {
                self.deposits += 1;
            }
        }
    }
}

fn files(disk: &SimDisk) -> Vec<String> {
    let files = disk.files().into_iter().filter(|path| path.starts_with(TURNOVER));
    files.map(|path| path.to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_version_is_built_from_all_events_and_replaces_the_old_one() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 100);
        turnover(&bank.journal()).unwrap().close().unwrap();
        assert!(files(&disk).iter().any(|path| path.starts_with("/turnover/v1/")));
        let new: Projection<later::Turnover> = Projection::open(&bank.journal(), TURNOVER).unwrap();
        assert_eq!(new.query(|new| (new.deposits, new.cents)).unwrap(), (100, 99 * 100 / 2));
        assert!(!files(&disk).iter().any(|path| path.starts_with("/turnover/v1/")), "{:?}", files(&disk));
        assert!(files(&disk).iter().any(|path| path.starts_with("/turnover/v2/")));
        drop(new);
        let refused = turnover(&bank.journal()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Incompatible);
        assert!(refused.to_string().contains("version 2 of the projection `Turnover`"), "{refused}");
    });
}

/// During an upgrade, the old program still runs.
#[test]
fn a_new_version_is_refused_while_the_old_one_is_open() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 100);
        let old = turnover(&bank.journal()).unwrap();
        let new = || Projection::<later::Turnover>::open(&bank.journal(), TURNOVER);
        let before = files(&disk);
        let refused = new().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked);
        assert!(refused.to_string().contains("the directory `/turnover` is in use by"), "{refused}");
        assert_eq!(files(&disk), before, "nothing was changed");
        use_bank(&bank, 100);
        assert_complete(&old, &bank.journal());
        old.close().unwrap();
        assert_eq!(new().unwrap().query(|new| new.deposits).unwrap(), 200);
    });
}

#[test]
fn the_old_version_stays_if_the_new_one_cannot_be_built() {
    #[derive(Default, Serialize, Deserialize, Shape)]
    struct Faulty {
        deposits: u64,
    }

    #[memimage::projection(of = Bank, name = "Turnover", version = 2)]
    impl Faulty {
        #[on]
        fn deposit(&mut self, _: &BankDeposit) {
            self.deposits += 1;
            assert!(self.deposits < 90, "too many");
        }
    }

    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 100);
        turnover(&bank.journal()).unwrap().close().unwrap();
        let faulty = Projection::<Faulty>::options().snapshot_every(20).open(&bank.journal(), TURNOVER).unwrap_err();
        assert_eq!(faulty.kind(), ErrorKind::Panicked);
        assert!(files(&disk).iter().any(|path| path.starts_with("/turnover/v2/snapshot")), "{:?}", files(&disk));
        let old = turnover(&bank.journal()).unwrap();
        assert_complete(&old, &bank.journal());
        drop(old);
        let new: Projection<later::Turnover> = Projection::open(&bank.journal(), "/other").unwrap();
        assert_eq!(new.query(|new| new.deposits).unwrap(), 100);
    });
}

#[test]
fn another_shape_needs_another_version() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    use_bank(&bank, 10);
    turnover(&bank.journal()).unwrap().close().unwrap();
    let before = files(&disk);
    let refused = Projection::<later::unversioned::Turnover>::open(&bank.journal(), TURNOVER).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Incompatible);
    assert!(refused.to_string().contains("raise the version, `#[memimage::projection(version = 2, …)]`"), "{refused}");
    assert_eq!(files(&disk), before);
}

#[test]
fn a_directory_belongs_to_one_projection_of_one_image() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    use_bank(&bank, 10);
    turnover(&bank.journal()).unwrap().close().unwrap();
    let before = files(&disk);
    let renamed = Projection::<later::renamed::Turnover>::open(&bank.journal(), TURNOVER).unwrap_err();
    assert_eq!(renamed.kind(), ErrorKind::Incompatible);
    assert!(renamed.to_string().contains("holds the projection `Turnover`, not `volume`"), "{renamed}");
    let other = options().open_with(Arc::new(disk.clone()), "/other").unwrap();
    use_bank(&other, 10);
    for refused in [
        turnover(&other.journal()).unwrap_err(),
        Projection::<later::Turnover>::open(&other.journal(), TURNOVER).unwrap_err(),
    ] {
        assert_eq!(refused.kind(), ErrorKind::Incompatible);
        assert!(refused.to_string().contains("a projection of another image than `/other`"), "{refused}");
    }
    assert_eq!(files(&disk), before);
}

#[test]
fn a_directory_with_other_files_is_refused() {
    let disk = SimDisk::new();
    let bank = bank(&disk);
    memimage::disk::Disk::create_dir(&disk, TURNOVER.as_ref()).unwrap();
    disk.write("/turnover/letter.txt", 0, b"Dear").unwrap_or_else(|_| {
        let file = memimage::disk::Disk::create_new(&disk, "/turnover/letter.txt".as_ref()).unwrap();
        file.write_at(b"Dear", 0).unwrap();
    });
    let refused = turnover(&bank.journal()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotAnImage);
    assert!(refused.to_string().contains("it contains `letter.txt`"), "{refused}");
    assert_eq!(files(&disk), ["/turnover/letter.txt"]);
}

#[test]
fn after_a_failed_snapshot_of_the_new_version_the_old_version_stays() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let bank = bank(&disk);
        use_bank(&bank, 100);
        turnover(&bank.journal()).unwrap().close().unwrap();
        disk.inject(memimage::disk::Fault::full().path("/turnover/v2/snapshot/").from(1));
        let new: Projection<later::Turnover> = Projection::open(&bank.journal(), TURNOVER).unwrap();
        assert_eq!(new.query(|new| new.deposits).unwrap(), 100);
        assert!(new.stats().snapshot_failure.is_some());
        assert_eq!(new.close().unwrap_err().kind(), ErrorKind::StorageFull);
        disk.heal();
        let old = turnover(&bank.journal()).unwrap();
        assert_eq!(old.stats().snapshot, Some(bank.journal().durable_seq()));
    });
}
