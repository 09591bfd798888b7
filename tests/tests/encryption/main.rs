//! Encryption at rest and the chain of keyed hashes: confidentiality, refusals of wrong keys and forgeries, and the same
//! behaviour as without protection otherwise.

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
use memimage_tests::protection::{BOTH, CHAINED, ENCRYPTED, PLAIN, ProtectionMode};
use memimage_tests::{Ledger, Request, Run, changed, files, with_keys};

const ROOT: &str = "/ledger";

const PROTECTED: [ProtectionMode; 3] = [ENCRYPTED, CHAINED, BOTH];

/// Keys of which number 3 is current and number 2 is still available.
fn keys(store: u8) -> Keys {
    Keys::new(3, move |number| (2..=3).contains(&number).then(|| key(store, number)))
}

/// Keys with only the older key 2, as the current one.
fn older_keys(store: u8) -> Keys {
    Keys::new(2, move |number| (number == 2).then(|| key(store, number)))
}

fn key(store: u8, number: u32) -> Key {
    Key::new([store ^ number as u8; 32])
}

/// Encryption and chain use different keys, so that one cannot be used for the other.
const CIPHER: u8 = 0x50;
const CHAIN: u8 = 0xA0;

/// The options of the images in these tests.
trait LedgerOptions {
    /// Options with the newest keys that the mode needs.
    fn options(self) -> Options<Ledger>;

    /// Options with those of these keys that the mode needs.
    fn with(self, cipher: Keys, chain: Keys) -> Options<Ledger>;
}

impl LedgerOptions for ProtectionMode {
    fn options(self) -> Options<Ledger> {
        self.with(keys(CIPHER), keys(CHAIN))
    }

    fn with(self, cipher: Keys, chain: Keys) -> Options<Ledger> {
        with_keys!(self, Run::options(Durability::Synced, 512), cipher, chain)
    }
}

fn open(disk: &SimDisk, options: Options<Ledger>) -> Result<Image<Ledger>, Error> {
    options.open_with(Arc::new(disk.clone()), ROOT)
}

/// Opens a disk and begins a run. The image is new or has the states of `digests`.
fn begin(disk: &SimDisk, options: Options<Ledger>, digests: Vec<u64>, at_least: Seq) -> Run {
    Run::begin(open(disk, options).unwrap(), digests, at_least).unwrap()
}

/// Runs commands of all kinds: several segments, a panic that rebuilds the model, and a verified snapshot.
fn run_commands(run: &mut Run) {
    for amount in 0..12 {
        run.execute(&Request::Deposit(amount % 3, 100 + amount));
        run.execute(&Request::Settle(amount % 4, 90));
    }
    run.execute(&Request::Draw(Some(7)));
    run.execute(&Request::File(9_000));
    run.execute(&Request::Explode(1));
    run.image().admin().snapshot().unwrap();
    (0..4).for_each(|account| run.execute(&Request::Submit(account, 5)));
    run.execute(&Request::File(20_000));
    run.execute(&Request::Withdraw(0, 1));
}

/// A closed image after [`run_commands`], with its digests and last event.
fn closed_image(mode: ProtectionMode) -> (SimDisk, Vec<u64>, Seq) {
    let disk = SimDisk::new();
    let mut run = begin(&disk, mode.options(), Vec::new(), Seq::ZERO);
    run_commands(&mut run);
    let (digests, seq) = run.close();
    (disk, digests, seq)
}

/// Asserts that opening is refused and changes nothing. Returns the error.
fn assert_refused(disk: &SimDisk, options: Options<Ledger>) -> Error {
    let before = files(disk);
    let error = open(disk, options).expect_err("opening should be refused");
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
fn a_protected_image_recovers_like_an_unprotected_one() {
    for mode in PROTECTED {
        let (disk, mut digests, mut seq) = closed_image(mode);
        for _ in 0..3 {
            let mut run = begin(&disk, mode.options(), digests, seq);
            run_commands(&mut run);
            (digests, seq) = run.close();
        }
        assert!(segments(&disk).len() > 4, "{mode:?}: several segments");
        let stats = open(&disk, mode.options()).unwrap().admin().stats();
        assert!(stats.recovery.snapshot.is_some(), "{mode:?}: from a snapshot");
        assert_eq!(stats.recovery.unusable_snapshots, []);

        // from the journal alone
        remove_all(&disk, "/ledger/snapshot");
        let run = begin(&disk, mode.options(), digests, seq);
        assert_eq!(run.image().admin().stats().recovery.replayed, seq.get(), "{mode:?}");
    }
}

#[test]
fn an_image_in_memory_accepts_keys() {
    let image = BOTH.options().in_memory().unwrap();
    let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
    run_commands(&mut run);
    run.close();
}
