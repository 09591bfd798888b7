//! Promises 3 and 4: replay gives the live state, and a snapshot is only a cache.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use memimage::disk::{Disk, SimDisk};
use memimage::{CommandError, Durability, ErrorKind, Image, Model, Options, Seq, Shape, SnapshotPolicy};
use memimage_tests::{Request, Run, changed, files};
use serde::{Deserialize, Serialize};

use crate::{NONE, delete_snapshots, recovered, snapshots, state};

fn begin(disk: &SimDisk) -> Run {
    Run::open(disk.clone(), Durability::Synced, 512, Vec::new(), Seq::ZERO).unwrap()
}

fn requests() -> Vec<Request> {
    let some = [
        Request::Deposit(1, 100),
        Request::Withdraw(1, 30),
        Request::Withdraw(1, 1_000),
        Request::Settle(1, 20),
        // rejected by its body, but with a change to the model
        Request::Settle(2, 20),
        Request::Draw(None),
        Request::Explode(1),
        Request::Draw(Some(7)),
        Request::File(700),
        Request::Burn,
        Request::Submit(3, 5),
        Request::Explode(9),
    ];
    some.iter().cycle().take(60).cloned().collect()
}

/// `Run` compares the digest of the recovered state with that of the live state.
#[test]
fn promise_3_replay_gives_the_live_state() {
    let disk = SimDisk::new();
    let mut run = begin(&disk);
    requests().iter().for_each(|request| run.execute(request));
    let live = run.image().query(Clone::clone).unwrap();
    assert!(live.failed > 0, "some commands should be rejected");
    let (digests, seq) = run.close();
    let run = Run::open(disk, Durability::Synced, 512, digests, seq).unwrap();
    assert_eq!(run.image().admin().stats().recovery.replayed, seq.get());
    assert_eq!(run.image().query(Clone::clone).unwrap(), live);
}

/// A body that depends on the iteration order of a hash map.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
struct Lottery {
    tickets: HashMap<u32, u32>,
    order: Vec<u32>,
}

#[memimage::commands]
impl Lottery {
    #[command]
    fn sell(&mut self, ticket: u32) {
        self.tickets.insert(ticket, ticket);
    }

    #[command]
    fn list(&mut self) -> usize {
        self.order = self.tickets.keys().copied().collect();
        self.order.len()
    }
}

const TICKETS: u32 = 40;

fn lottery(disk: &SimDisk, verify_snapshots: bool, verify: bool) -> Result<Image<Lottery>, memimage::Error> {
    let options = Image::options().segment_bytes(64 << 10).snapshots(SnapshotPolicy::Manual);
    options.verify_snapshots(verify_snapshots).verify_digests(verify).open_with(Arc::new(disk.clone()), "/ledger")
}

#[test]
fn promise_3_snapshot_verification_finds_a_nondeterministic_body() {
    let disk = SimDisk::new();
    let image = lottery(&disk, true, true).unwrap();
    (0..TICKETS).for_each(|ticket| image.sell(ticket).unwrap());
    // insertion is deterministic, whatever the order
    assert!(image.admin().snapshot().unwrap().verified);
    let good = snapshots(&disk);
    image.list().unwrap();
    let live = state(&image);

    let error = image.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    let culprit = Seq::new(u64::from(TICKETS) + 1);
    assert_eq!(error.position().unwrap().seq, Some(culprit));
    assert!(
        error.to_string().contains(&format!("ran for event {culprit} or a later event is not deterministic")),
        "{error}"
    );

    // the snapshot is discarded, and the image keeps its state
    assert_eq!(snapshots(&disk), good);
    assert_eq!(state(&image), live);
    image.sell(TICKETS).unwrap();
    Image::close(image).unwrap();

    // no replay gave the digest of that state, so the journal does not have it, and the image opens
    let image = lottery(&disk, true, true).unwrap();
    assert_eq!(image.journal().seq(), culprit.next());
}

/// Changes the outcome of `judge`, which is nondeterministic for that reason.
static OUTCOME: AtomicU8 = AtomicU8::new(0);

#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
struct Court {
    cases: u32,
}

#[memimage::commands]
impl Court {
    #[command]
    fn sit(&mut self) {}

    #[command(version = 3, oldest = 3)]
    fn judge(&mut self) -> Result<u32, String> {
        self.cases += 1;
        match OUTCOME.load(Ordering::SeqCst) {
            0 => Ok(self.cases),
            1 => Err("guilty".to_owned()),
            _ => resume_unwind(Box::new("the judge is absent")),
        }
    }
}

#[test]
fn promise_3_a_different_outcome_is_reported_with_seq_name_and_version() {
    for (then, now, message) in [
        (0, 1, "its recorded outcome is `applied`, but on replay it was rejected"),
        (1, 0, "its recorded outcome is `rejected`, but on replay it was applied"),
        (0, 2, "its replay panicked: the judge is absent"),
        (1, 2, "its replay panicked: the judge is absent"),
    ] {
        let disk = SimDisk::new();
        let court = || Image::<Court>::options().segment_bytes(64 << 10).open_with(Arc::new(disk.clone()), "/court");
        OUTCOME.store(then, Ordering::SeqCst);
        let image = court().unwrap();
        image.sit().unwrap();
        assert!(!matches!(image.judge(), Err(CommandError::Image(_))));
        let live = state(&image);
        Image::close(image).unwrap();

        OUTCOME.store(now, Ordering::SeqCst);
        let before = files(&disk);
        let error = court().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert_eq!(error.position().unwrap().seq, Some(Seq::new(2)));
        assert!(error.to_string().contains("event 2 (`judge` version 3) cannot be replayed"), "{error}");
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(changed(&before, &files(&disk)), NONE);

        OUTCOME.store(then, Ordering::SeqCst);
        assert_eq!(state(&court().unwrap()), live, "with the old body");
    }
}

#[test]
fn promise_4_without_snapshots_nothing_is_lost() {
    let disk = SimDisk::new();
    let mut run = begin(&disk);
    for _ in 0..3 {
        requests().iter().for_each(|request| run.execute(request));
        run.image().admin().snapshot().unwrap();
    }
    run.execute(&Request::Deposit(1, 1));
    let (digests, seq) = run.close();

    let run = Run::open(disk.clone(), Durability::Synced, 512, digests, seq).unwrap();
    let recovery = run.image().admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed), (Some(Seq::new(seq.get() - 1)), 1));
    let (digests, seq) = run.close();

    delete_snapshots(&disk);
    let run = Run::open(disk, Durability::Synced, 512, digests, seq).unwrap();
    let recovery = run.image().admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed), (None, seq.get()));
}

#[test]
fn promise_4_a_damaged_snapshot_is_skipped_and_reported() {
    let disk = SimDisk::new();
    let mut run = begin(&disk);
    for _ in 0..2 {
        requests().iter().for_each(|request| run.execute(request));
        run.image().admin().snapshot().unwrap();
    }
    let live = run.image().query(Clone::clone).unwrap();
    let (digests, seq) = run.close();
    let mut damaged = snapshots(&disk);
    assert_eq!(damaged.len(), 2);
    damaged.reverse();
    for damage in 1..=2 {
        let newest = &damaged[damage - 1];
        let middle = disk.read(newest).unwrap().len() / 2;
        let flipped = disk.read(newest).unwrap()[middle] ^ 1;
        disk.write(newest, middle as u64, &[flipped]).unwrap();
        let run = Run::open(disk.fork(), Durability::Synced, 512, digests.clone(), seq).unwrap();
        let unusable = run.image().admin().stats().recovery.unusable_snapshots;
        assert_eq!(
            unusable.iter().map(|(path, _)| path).collect::<Vec<_>>(),
            damaged[..damage].iter().collect::<Vec<_>>()
        );
        assert_eq!(recovered(&disk.fork()), live);
    }
}

/// Regression: the digest of a discarded snapshot stayed in the journal, and every later open was refused.
#[test]
fn promise_3_a_discarded_snapshot_leaves_no_digest() {
    let disk = SimDisk::new();
    let options = || Image::<Nondeterministic>::options().snapshots(SnapshotPolicy::Manual);
    let image = options().open_with(Arc::new(disk.clone()), "/fickle").unwrap();
    image.stamp().unwrap();
    assert_eq!(image.admin().snapshot().unwrap_err().kind(), ErrorKind::Diverged);
    Image::close(image).unwrap();
    Image::close(options().open_with(Arc::new(disk.clone()), "/fickle").unwrap()).unwrap();

    let accepting =
        || options().verify_digests(false).verify_snapshots(false).open_with(Arc::new(disk.clone()), "/fickle");
    let image = accepting().unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    Image::close(options().open_with(Arc::new(disk.clone()), "/fickle").unwrap()).unwrap();
}

/// The number of stamps made in this process, including replays. A body must not depend on it.
static STAMPS: AtomicU64 = AtomicU64::new(0);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Nondeterministic {
    stamp: u64,
}

#[memimage::commands]
impl Nondeterministic {
    #[command]
    fn stamp(&mut self) {
        self.stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
    }
}

/// After a body was changed on purpose, the old events give another state, which stays accepted.
#[test]
fn promise_4_an_accepted_state_needs_no_snapshot() {
    let disk = SimDisk::new();
    let options = || Image::<Rated>::options().snapshots(SnapshotPolicy::Manual);
    let open = |options: Options<Rated>| options.open_with(Arc::new(disk.clone()), "/rated");
    let image = open(options()).unwrap();
    image.add().unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();

    RATE.store(2, Ordering::Relaxed);
    let forget = || {
        disk.files()
            .iter()
            .filter(|file| file.starts_with("/rated/snapshot"))
            .for_each(|file| disk.remove(file).unwrap());
    };
    forget();
    assert_eq!(open(options()).unwrap_err().kind(), ErrorKind::Diverged);
    let image = open(options().verify_digests(false)).unwrap();
    image.add().unwrap();
    image.admin().snapshot().unwrap();
    image.add().unwrap();
    Image::close(image).unwrap();

    forget();
    let image = open(options()).unwrap();
    assert_eq!(image.query(|rated| rated.sum).unwrap(), 6);
    Image::close(image).unwrap();
    RATE.store(3, Ordering::Relaxed);
    assert_eq!(
        open(options()).unwrap_err().kind(),
        ErrorKind::Diverged,
        "a state that was not accepted should still be refused"
    );
}

static RATE: AtomicU64 = AtomicU64::new(1);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Rated {
    sum: u64,
}

#[memimage::commands]
impl Rated {
    #[command]
    fn add(&mut self) {
        self.sum += RATE.load(Ordering::Relaxed);
    }
}
