//! Programs whose model changed after the journal was pruned.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Image, Model, Retention, Seq, Shape, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, changed, files};
use serde::{Deserialize, Serialize};

use super::{bases, numbers, open, remove, snapshots};

/// The ledger of a later program, with the same name and without an upcaster.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "Ledger", version = 2)]
struct WithoutUpcaster {
    accounts: BTreeMap<u32, i64>,
    deposits: u64,
}

#[memimage::commands]
impl WithoutUpcaster {
    #[command]
    fn deposit(&mut self, account: u32, amount: u32) -> i64 {
        self.deposits += 1;
        let balance = self.accounts.entry(account).or_default();
        *balance += i64::from(amount);
        *balance
    }
}

/// The ledger of a later program with an upcaster.
mod upcast {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use memimage_tests::LedgerEntry;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Ledger", version = 2, history(LedgerV1))]
    pub(crate) struct WithUpcaster {
        pub(crate) accounts: BTreeMap<u32, i64>,
        pub(crate) old: bool,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct LedgerV1 {
        accounts: BTreeMap<u32, i64>,
        entries: Vec<LedgerEntry>,
        filed: u64,
        hash: u64,
        failed: u32,
    }

    #[memimage::upcast]
    fn ledger_1_to_2(old: LedgerV1) -> WithUpcaster {
        WithUpcaster { accounts: old.accounts, old: true }
    }

    #[memimage::commands]
    impl WithUpcaster {
        #[command]
        pub(crate) fn deposit(&mut self, account: u32, amount: u32) -> i64 {
            let balance = self.accounts.entry(account).or_default();
            *balance += i64::from(amount);
            *balance
        }
    }
}

fn open_later_program<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .open_with(Arc::new(disk.clone()), "/ledger")
}

fn deposits(image: &Image<Ledger>, snapshots: u64) {
    for _ in 0..snapshots {
        for _ in 0..30 {
            image.deposit(1, 1).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
}

#[test]
fn a_pruned_journal_of_an_older_model_without_an_upcaster_is_refused() {
    let disk = SimDisk::new();
    let image = open(&disk, Retention::Events(0)).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    assert!(numbers(&disk)[0] > 1);
    let before = files(&disk);
    let error = open_later_program::<WithoutUpcaster>(&disk).unwrap_err();
    assert!(error.kind() == ErrorKind::Incompatible && error.to_string().contains("state upcaster"), "{error}");
    assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    assert_eq!(open(&disk, Retention::Events(0)).unwrap().journal().seq(), Seq::new(120));
}

#[test]
fn a_base_of_an_older_model_is_upcast_and_later_replaced() {
    use upcast::{WithUpcaster, WithUpcasterCommands as _};

    let disk = SimDisk::new();
    let image = open(&disk, Retention::Events(0)).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    let old = bases(&disk);
    let alone = disk.fork();
    remove(&alone, &snapshots(&alone));
    let image = open_later_program::<WithUpcaster>(&alone).unwrap();
    assert_eq!(image.query(|model| (model.accounts[&1], model.old)).unwrap(), (120, true));
    assert_eq!(image.admin().stats().recovery.snapshot, Some(Seq::new(90)));

    let image = open_later_program::<WithUpcaster>(&disk).unwrap();
    for snapshot in 0..2 {
        (0..30).for_each(|_| _ = image.deposit(1, 1).unwrap());
        assert_eq!(bases(&disk), old);
        let pruned = image.admin().snapshot().unwrap().pruned;
        assert_eq!(pruned, (snapshot == 1).then_some(Seq::new(150)), "its first snapshot that another one verifies");
    }
    assert!(bases(&disk).iter().all(|path| !old.contains(path)));
    Image::close(image).unwrap();
    remove(&disk, &snapshots(&disk));
    assert_eq!(open_later_program::<WithUpcaster>(&disk).unwrap().query(|model| model.accounts[&1]).unwrap(), 180);
    assert_eq!(open(&disk, Retention::Everything).unwrap_err().kind(), ErrorKind::Incompatible);
}

/// The upcaster was removed, but there is a snapshot of the new model.
#[test]
fn a_base_that_the_program_cannot_load_is_replaced_by_a_usable_snapshot() {
    use upcast::{WithUpcaster, WithUpcasterCommands as _};

    let disk = SimDisk::new();
    let image = open(&disk, Retention::Events(0)).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    let image = open_later_program::<WithUpcaster>(&disk).unwrap();
    image.deposit(1, 1).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Ledger", version = 2)]
    struct UpcasterRemoved {
        accounts: BTreeMap<u32, i64>,
        old: bool,
    }

    #[memimage::commands]
    impl UpcasterRemoved {
        #[command]
        fn deposit(&mut self, account: u32, amount: u32) {
            *self.accounts.entry(account).or_default() += i64::from(amount);
        }
    }

    let image = open_later_program::<UpcasterRemoved>(&disk).unwrap();
    assert_eq!(image.admin().stats().base, Some(Seq::new(121)));
    Image::close(image).unwrap();
    remove(&disk, &snapshots(&disk));
    assert_eq!(open_later_program::<UpcasterRemoved>(&disk).unwrap().query(|model| model.accounts[&1]).unwrap(), 121);
}

/// Only the journal leads to the new model's first state, so it is kept until a later state is verified.
#[test]
fn a_changed_model_is_pruned_only_up_to_a_state_of_its_own() {
    let disk = SimDisk::new();
    let image = open(&disk, Retention::Everything).unwrap();
    deposits(&image, 4);
    Image::close(image).unwrap();
    assert_eq!(numbers(&disk)[0], 1);

    let image = open_later_program::<WithoutUpcaster>(&disk).unwrap();
    assert_eq!(image.admin().stats().recovery.replayed, 120);
    assert_eq!(numbers(&disk)[0], 1, "opening prunes nothing");
    image.deposit(1, 1).unwrap();
    assert_eq!(image.admin().snapshot().unwrap().pruned, None, "the previous snapshot is of the old model");
    assert_eq!(image.admin().stats().retention_failure, None);
    assert_eq!(numbers(&disk)[0], 1);
    image.deposit(1, 1).unwrap();
    assert_eq!(image.admin().snapshot().unwrap().pruned, Some(Seq::new(121)));
    assert!(numbers(&disk)[0] > 1);
    Image::close(image).unwrap();

    remove(&disk, &snapshots(&disk));
    let image = open_later_program::<WithoutUpcaster>(&disk).unwrap();
    assert_eq!(image.query(|model| (model.deposits, model.accounts[&1])).unwrap(), (122, 122));
}
