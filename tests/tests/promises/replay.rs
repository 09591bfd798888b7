//! Promises 3 and 4: replay gives the live state, and a snapshot is a cache.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use memimage::disk::{Disk, SimDisk};
use memimage::{CommandError, Durability, ErrorKind, Image, Model, Options, Seq, Shape, SnapshotPolicy};
use memimage_tests::{Ask, Run, changed, files};
use serde::{Deserialize, Serialize};

use crate::{NONE, delete_snapshots, recovered, snapshots, state};

fn begin(disk: &SimDisk) -> Run {
    Run::open(disk.clone(), Durability::Synced, 512, Vec::new(), Seq::ZERO).unwrap()
}

fn asks() -> Vec<Ask> {
    let some = [
        Ask::Deposit(1, 100),
        Ask::Withdraw(1, 30),
        Ask::Withdraw(1, 1_000),
        Ask::Settle(1, 20),
        // rejected by its body, and yet it changes something
        Ask::Settle(2, 20),
        Ask::Draw(None),
        Ask::Explode(1),
        Ask::Draw(Some(7)),
        Ask::File(700),
        Ask::Burn,
        Ask::Submit(3, 5),
        Ask::Explode(9),
    ];
    some.iter().cycle().take(60).cloned().collect()
}

/// A run compares the recovered state's digest with the live one's.
#[test]
fn promise_3_replay_gives_the_live_state() {
    let disk = SimDisk::new();
    let mut run = begin(&disk);
    asks().iter().for_each(|ask| run.ask(ask));
    let live = run.image().query(Clone::clone).unwrap();
    assert!(live.failed > 0, "some were rejected");
    let (digests, seq) = run.close();
    let run = Run::open(disk, Durability::Synced, 512, digests, seq).unwrap();
    assert_eq!(run.image().admin().stats().recovery.replayed, seq.get());
    assert_eq!(run.image().query(Clone::clone).unwrap(), live);
}

/// A body that depends on a hash map's order.
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
fn promise_3_a_snapshots_drill_finds_a_body_that_is_not_deterministic() {
    let disk = SimDisk::new();
    let image = lottery(&disk, true, true).unwrap();
    (0..TICKETS).for_each(|ticket| image.sell(ticket).unwrap());
    // to insert is deterministic, in whatever order it stands there
    assert!(image.admin().snapshot().unwrap().verified);
    let good = snapshots(&disk);
    image.list().unwrap();
    let live = state(&image);

    let error = image.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    let culprit = Seq::new(u64::from(TICKETS) + 1);
    assert_eq!(error.position().unwrap().seq, Some(culprit));
    assert!(error.to_string().contains(&format!("a body after event {culprit} is not deterministic")), "{error}");

    // the snapshot is thrown away, and the image goes on with what it answered
    assert_eq!(snapshots(&disk), good);
    assert_eq!(state(&image), live);
    image.sell(TICKETS).unwrap();
    Image::close(image).unwrap();

    // the journal remembers the digest: what is replayed over that place is refused
    let before = files(&disk);
    let error = lottery(&disk, true, true).unwrap_err();
    assert!(error.kind() == ErrorKind::Diverged && error.position().unwrap().seq == Some(culprit), "{error}");
    assert_eq!(changed(&before, &files(&disk)), NONE);
    // until that is accepted
    let image = lottery(&disk, true, false).unwrap();
    assert_eq!(image.journal().seq(), culprit.next());
}

#[test]
fn promise_3_replay_without_snapshots_finds_a_body_that_is_not_deterministic() {
    let disk = SimDisk::new();
    let image = lottery(&disk, false, true).unwrap();
    (0..TICKETS).for_each(|ticket| image.sell(ticket).unwrap());
    image.list().unwrap();
    let live = state(&image);
    assert!(!image.admin().snapshot().unwrap().verified);
    Image::close(image).unwrap();
    let image = lottery(&disk, false, true).unwrap();
    assert_eq!(state(&image), live, "it comes from the snapshot");
    Image::close(image).unwrap();

    delete_snapshots(&disk);
    let before = files(&disk);
    let error = lottery(&disk, false, true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    assert_eq!(error.position().unwrap().seq, Some(Seq::new(u64::from(TICKETS) + 1)));
    assert_eq!(changed(&before, &files(&disk)), NONE);
}

/// What a court's verdict depends on, and must not.
static MOOD: AtomicU8 = AtomicU8::new(0);

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
        match MOOD.load(Ordering::SeqCst) {
            0 => Ok(self.cases),
            1 => Err("guilty".to_owned()),
            _ => resume_unwind(Box::new("the judge left")),
        }
    }
}

#[test]
fn promise_3_an_outcome_that_differs_is_named_by_seq_name_and_version() {
    for (then, now, what) in [
        (0, 1, "it was applied when it was recorded and is rejected now"),
        (1, 0, "it was rejected when it was recorded and is applied now"),
        (0, 2, "it panicked: the judge left"),
        (1, 2, "it panicked: the judge left"),
    ] {
        let disk = SimDisk::new();
        let court = || Image::<Court>::options().segment_bytes(64 << 10).open_with(Arc::new(disk.clone()), "/court");
        MOOD.store(then, Ordering::SeqCst);
        let image = court().unwrap();
        image.sit().unwrap();
        assert!(!matches!(image.judge(), Err(CommandError::Image(_))));
        let live = state(&image);
        Image::close(image).unwrap();

        MOOD.store(now, Ordering::SeqCst);
        let before = files(&disk);
        let error = court().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert_eq!(error.position().unwrap().seq, Some(Seq::new(2)));
        assert!(error.to_string().contains("event 2 (`judge` version 3) cannot be replayed"), "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(changed(&before, &files(&disk)), NONE);

        MOOD.store(then, Ordering::SeqCst);
        assert_eq!(state(&court().unwrap()), live, "the old body is back");
    }
}

#[test]
fn promise_4_without_any_snapshot_nothing_is_lost() {
    let disk = SimDisk::new();
    let mut run = begin(&disk);
    for _ in 0..3 {
        asks().iter().for_each(|ask| run.ask(ask));
        run.image().admin().snapshot().unwrap();
    }
    run.ask(&Ask::Deposit(1, 1));
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
fn promise_4_a_damaged_snapshot_is_passed_over_and_reported() {
    let disk = SimDisk::new();
    let mut run = begin(&disk);
    for _ in 0..2 {
        asks().iter().for_each(|ask| run.ask(ask));
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

/// The digests of snapshots that were thrown away stay in the journal; the last of a place is the one that counts. It was
/// once the first, so that a state that had been accepted was refused again, and blamed on events after it.
#[test]
fn promise_3_an_accepted_state_is_not_refused_for_the_digest_of_a_snapshot_that_was_thrown_away() {
    let disk = SimDisk::new();
    let options = || Image::<Fickle>::options().snapshots(SnapshotPolicy::Manual);
    let image = options().open_with(Arc::new(disk.clone()), "/fickle").unwrap();
    image.stamp().unwrap();
    assert_eq!(image.admin().snapshot().unwrap_err().kind(), ErrorKind::Diverged);
    Image::close(image).unwrap();

    let refused = options().open_with(Arc::new(disk.clone()), "/fickle").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Diverged, "{refused}");
    let accepting =
        || options().verify_digests(false).verify_snapshots(false).open_with(Arc::new(disk.clone()), "/fickle");
    let image = accepting().unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    Image::close(options().open_with(Arc::new(disk.clone()), "/fickle").unwrap()).unwrap();
}

/// How often a stamp was made in this process, replays included: what no body may ask.
static STAMPS: AtomicU64 = AtomicU64::new(0);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Fickle {
    stamp: u64,
}

#[memimage::commands]
impl Fickle {
    #[command]
    fn stamp(&mut self) {
        self.stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
    }
}

/// A body was changed on purpose, so old events give another state: once that was accepted, it stays accepted.
#[test]
fn promise_4_a_state_that_was_accepted_needs_no_snapshot() {
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
    assert_eq!(open(options()).unwrap_err().kind(), ErrorKind::Diverged, "what was not accepted is refused as before");
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
