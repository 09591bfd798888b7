//! Encryption at rest, and the chain of keyed hashes: what is hidden, what is refused and how, and that all else goes on as
//! without them.

mod crash;
mod forgery;
mod confidentiality;
mod absent_keys;
mod keys;
mod maintenance;
mod rotation;

use std::path::PathBuf;
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, Image, Key, Keys, Options, Seq};
use memimage_tests::{Ask, Ledger, Run, changed, files};

const ROOT: &str = "/ledger";

/// Which of the two an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    encrypted: bool,
    chained: bool,
}

const PLAIN: Mode = Mode { encrypted: false, chained: false };
const ENCRYPTED: Mode = Mode { encrypted: true, chained: false };
const CHAINED: Mode = Mode { encrypted: false, chained: true };
const BOTH: Mode = Mode { encrypted: true, chained: true };
const PROTECTED: [Mode; 3] = [ENCRYPTED, CHAINED, BOTH];

/// The keys of a program: number 3 is current, and it still has number 2.
fn keys(store: u8) -> Keys {
    Keys::new(3, move |number| (2..=3).contains(&number).then(|| key(store, number)))
}

/// Keys of which an older one is current.
fn older_keys(store: u8) -> Keys {
    Keys::new(2, move |number| (number == 2).then(|| key(store, number)))
}

fn key(store: u8, number: u32) -> Key {
    Key::new([store ^ number as u8; 32])
}

/// Not the same keys for both, so that none of the two passes with the other's.
const CIPHER: u8 = 0x50;
const CHAIN: u8 = 0xA0;

impl Mode {
    fn options(self) -> Options<Ledger> {
        self.with(keys(CIPHER), keys(CHAIN))
    }

    fn with(self, cipher: Keys, chain: Keys) -> Options<Ledger> {
        let mut options = Run::options(Durability::Synced, 512);
        if self.encrypted {
            options = options.encryption(cipher);
        }
        if self.chained {
            options = options.chain(chain);
        }
        options
    }
}

fn open(disk: &SimDisk, options: Options<Ledger>) -> Result<Image<Ledger>, Error> {
    options.open_with(Arc::new(disk.clone()), ROOT)
}

/// A run on a disk, of an image that is new or holds what `digests` tell of.
fn begin(disk: &SimDisk, options: Options<Ledger>, digests: Vec<u64>, at_least: Seq) -> Run {
    Run::begin(open(disk, options).unwrap(), digests, at_least).unwrap()
}

/// Some of everything: rolls, a panic that rebuilds, a snapshot with its drill.
fn live(run: &mut Run) {
    for amount in 0..12 {
        run.ask(&Ask::Deposit(amount % 3, 100 + amount));
        run.ask(&Ask::Settle(amount % 4, 90));
    }
    run.ask(&Ask::Draw(Some(7)));
    run.ask(&Ask::File(9_000));
    run.ask(&Ask::Explode(1));
    run.image().admin().snapshot().unwrap();
    (0..4).for_each(|account| run.ask(&Ask::Submit(account, 5)));
    run.ask(&Ask::File(20_000));
    run.ask(&Ask::Withdraw(0, 1));
}

/// An image that has lived, with what is known of it.
fn lived(mode: Mode) -> (SimDisk, Vec<u64>, Seq) {
    let disk = SimDisk::new();
    let mut run = begin(&disk, mode.options(), Vec::new(), Seq::ZERO);
    live(&mut run);
    let (digests, seq) = run.close();
    (disk, digests, seq)
}

/// The error with which a disk is refused, and left as it is.
fn refused(disk: &SimDisk, options: Options<Ledger>) -> Error {
    let before = files(disk);
    let error = open(disk, options).expect_err("it is refused");
    assert_eq!(changed(&before, &files(disk)), Vec::<PathBuf>::new(), "{error}");
    error
}

/// The segments, in order.
fn segments(disk: &SimDisk) -> Vec<PathBuf> {
    let mut paths = disk.files();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    paths.sort();
    paths
}

fn remove_all(disk: &SimDisk, directory: &str) {
    for path in disk.files().into_iter().filter(|path| path.starts_with(directory)) {
        disk.remove(&path).unwrap();
    }
}

#[test]
fn a_protected_image_goes_on_as_any_other() {
    for mode in PROTECTED {
        let (disk, mut digests, mut seq) = lived(mode);
        for _ in 0..3 {
            let mut run = begin(&disk, mode.options(), digests, seq);
            live(&mut run);
            (digests, seq) = run.close();
        }
        assert!(segments(&disk).len() > 4, "{mode:?}: it rolled");
        let stats = open(&disk, mode.options()).unwrap().admin().stats();
        assert!(stats.recovery.snapshot.is_some(), "{mode:?}: from a snapshot");
        assert_eq!(stats.recovery.unusable_snapshots, []);

        // and from the journal alone
        remove_all(&disk, "/ledger/snapshot");
        let run = begin(&disk, mode.options(), digests, seq);
        assert_eq!(run.image().admin().stats().recovery.replayed, seq.get(), "{mode:?}");
    }
}

#[test]
fn a_protected_image_is_a_protected_image_in_memory_too() {
    let image = BOTH.options().in_memory().unwrap();
    let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
    live(&mut run);
    run.close();
}
