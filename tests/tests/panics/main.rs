//! Commands that panic while other commands are in flight: the caller gets an error, no effect of the command is recorded or
//! visible, and all other commands continue.

mod disk;
mod drops;
mod replay;
mod state_encoding;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{
    CommandError, Context, Durability, Error, ErrorKind, Image, Metadata, Model, Seq, Shape, SnapshotPolicy, digest,
};
use memimage_tests::{block_on, with_timeout};
use serde::{Deserialize, Serialize, Serializer};

const MODES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(2))];

/// Double-entry accounts: the sum of all balances is zero, except in the middle of a transfer.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
struct Book {
    accounts: BTreeMap<u32, i64>,
    seen: Vec<u64>,
}

/// An argument whose encoding panics if it is 0.
#[derive(Debug, Deserialize, Shape)]
struct Fragile(u32);

impl Serialize for Fragile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != 0, "the encoding panicked");
        serializer.serialize_newtype_struct("Fragile", &self.0)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Refused;

#[memimage::commands]
impl Book {
    #[command]
    fn transfer(&mut self, from: u32, to: u32, amount: i64) -> i64 {
        *self.accounts.entry(from).or_default() -= amount;
        let balance = self.accounts.entry(to).or_default();
        *balance += amount;
        *balance
    }

    /// Panics after half of a transfer.
    #[command]
    fn panic_midway(&mut self, from: u32, amount: i64) {
        *self.accounts.entry(from).or_default() -= amount;
        self.seen.clear();
        panic!("panicked with {amount}");
    }

    #[command(check = may_try)]
    fn attempt(&mut self, panics: bool) -> usize {
        _ = panics;
        self.accounts.len()
    }

    fn may_try(&self, panics: bool) -> Result<(), Refused> {
        assert!(!panics, "the check panicked");
        Err(Refused)
    }

    #[command]
    fn record(&mut self, fragile: Fragile) -> u32 {
        fragile.0
    }

    /// Uses all of its context, and then panics if `panics` is set.
    #[command]
    fn use_context(&mut self, ctx: &Context, panics: bool) -> (u64, u64) {
        let (seq, drawn) = (ctx.seq().get(), ctx.random().u64());
        self.seen.push(drawn);
        assert!(!panics, "{} ran event {seq}", ctx.metadata().get(Metadata::ACTOR).unwrap_or("nobody"));
        (seq, drawn)
    }

    #[command]
    fn panic_with_value(&mut self, text: bool) {
        self.accounts.clear();
        if text { panic_any("a text".to_owned()) } else { panic_any(42) }
    }
}

fn open(disk: &SimDisk, durability: Durability) -> Result<Image<Book>, Error> {
    Image::options().durability(durability).snapshots(SnapshotPolicy::Manual).open_with(Arc::new(disk.clone()), "book")
}

fn digest_of<M: Model>(image: &Image<M>) -> u64 {
    digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64()
}

fn assert_panic(error: &Error, message: &str) {
    assert_eq!(error.kind(), ErrorKind::Panicked, "{error}");
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn panics_among_many_commands_affect_only_their_callers() {
    for durability in MODES {
        with_timeout(move || {
            let disk = SimDisk::new();
            let image = open(&disk, durability).unwrap();
            let recorded = AtomicU64::new(0);
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let readers: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            while !done.load(Ordering::Acquire) {
                                let sum: i64 = image.query(|book| book.accounts.values().sum()).unwrap();
                                assert_eq!(sum, 0, "the effect of half a command is visible");
                                assert_eq!(image.read_uncommitted().unwrap().accounts.values().sum::<i64>(), 0);
                            }
                        })
                    })
                    .collect();
                let (image, recorded) = (&image, &recorded);
                let callers: Vec<_> =
                    (0..6).map(|caller| scope.spawn(move || run_commands(image, caller, recorded))).collect();
                callers.into_iter().for_each(|caller| caller.join().unwrap());
                done.store(true, Ordering::Release);
                readers.into_iter().for_each(|reader| reader.join().unwrap());
            });
            assert_eq!(
                image.journal().seq().get(),
                recorded.into_inner(),
                "each success is one event, and there are no other events"
            );
            let (live, seq) = (digest_of(&image), image.journal().seq());
            Image::close(image).unwrap();
            let again = open(&disk, durability).unwrap();
            assert_eq!((digest_of(&again), again.journal().seq()), (live, seq));
        });
    }
}

/// Runs one caller's commands. The balance of its own account shows whether each transfer counted once.
fn run_commands(image: &Image<Book>, caller: u32, recorded: &AtomicU64) {
    let (mut balance, mut pending) = (0, Vec::new());
    for round in 0..40 {
        match (round + caller) % 10 {
            0 => assert_panic(
                &image.panic_midway(caller + 1, i64::from(round)).unwrap_err(),
                &format!("panicked with {round}"),
            ),
            2 => match image.attempt(true).unwrap_err() {
                CommandError::Image(error) => assert_panic(&error, "the check panicked"),
                CommandError::Refused(refusal) => panic!("{refusal:?}"),
            },
            4 => assert_panic(&image.record(Fragile(0)).unwrap_err(), "the encoding panicked"),
            6 => assert_eq!(image.attempt(false).unwrap_err().refusal(), Some(&Refused)),
            8 => {
                pending.push((balance + 1, image.submit(BookTransfer { from: 0, to: caller + 1, amount: 1 }).unwrap()));
                balance += 1;
                recorded.fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                balance += 3;
                assert_eq!(image.transfer(0, caller + 1, 3).unwrap(), balance);
                recorded.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    for (balance, pending) in pending {
        assert_eq!(pending.wait().unwrap(), balance);
    }
}

#[test]
fn a_body_that_panics_midway_changes_nothing() {
    for durability in MODES {
        let image = open(&SimDisk::new(), durability).unwrap();
        image.use_context(false).unwrap();
        image.transfer(1, 2, 30).unwrap();
        image.admin().snapshot().unwrap();
        image.transfer(2, 3, 7).unwrap();
        let (before, seq) = (digest_of(&image), image.journal().seq());
        for _ in 0..3 {
            assert_panic(
                &image.panic_midway(1, 5).unwrap_err(),
                "`panic_midway` panicked in its body: panicked with 5",
            );
            assert_eq!((digest_of(&image), image.journal().seq()), (before, seq));
        }
        assert_eq!(image.transfer(1, 2, 1).unwrap(), 24);
    }
}

#[test]
fn pending_answers_are_delivered() {
    for durability in MODES {
        let disk = SimDisk::new();
        let image = open(&disk, durability).unwrap();
        let pending: Vec<_> =
            (0..10).map(|_| image.submit(BookTransfer { from: 0, to: 1, amount: 1 }).unwrap()).collect();
        assert_panic(&image.panic_midway(1, 1).unwrap_err(), "panicked");
        let answers: Vec<i64> = pending.into_iter().map(|pending| pending.wait().unwrap()).collect();
        assert_eq!(answers, (1..=10).collect::<Vec<_>>());
        assert_eq!(image.transfer(0, 1, 1).unwrap(), 11);
    }
}

#[test]
fn each_way_to_run_a_command_reports_the_panic() {
    let image = open(&SimDisk::new(), Durability::Synced).unwrap();
    let panic_midway = || BookPanicMidway { from: 1, amount: 2 };
    assert_panic(&image.submit(panic_midway()).unwrap_err(), "panicked with 2");
    assert_panic(&image.try_submit(panic_midway()).unwrap_err(), "panicked with 2");
    assert_panic(&image.with(Metadata::actor("a")).submit(panic_midway()).unwrap_err(), "panicked with 2");
    let asynchronous = block_on(image.submit_async(panic_midway()));
    assert_panic(&asynchronous.unwrap_err(), "panicked with 2");
    match image.submit(BookAttempt { panics: true }).and_then(|pending| pending.wait().map_err(image_error)) {
        Err(error) => assert_panic(&error, "the check panicked"),
        Ok(answer) => panic!("answered {answer}"),
    }
    assert_eq!(image.journal().seq(), Seq::ZERO);
}

/// The image's error in a command's error.
fn image_error(error: CommandError<Refused>) -> Error {
    match error {
        CommandError::Image(error) => error,
        CommandError::Refused(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn a_panic_consumes_no_seq_and_no_random_numbers() {
    let (without_panics, with_panics) = (SimDisk::new(), SimDisk::new());
    for (disk, panics) in [(&without_panics, 0), (&with_panics, 3)] {
        let image = open(disk, Durability::Synced).unwrap();
        for _ in 0..panics {
            let error = image.with(Metadata::actor("teller")).use_context(true).unwrap_err();
            assert_panic(&error, "teller ran event 1");
        }
        let (seq, drawn) = image.with(Metadata::actor("teller")).use_context(false).unwrap();
        assert_eq!(seq, 1);
        Image::close(image).unwrap();
        // replay draws the same number for the event
        assert_eq!(open(disk, Durability::Synced).unwrap().query(|book| book.seen.clone()).unwrap(), [drawn]);
    }
}

#[test]
fn a_panic_may_have_any_payload() {
    let image = open(&SimDisk::new(), Durability::Synced).unwrap();
    image.transfer(1, 2, 3).unwrap();
    assert_panic(&image.panic_with_value(true).unwrap_err(), "a text");
    assert_panic(&image.panic_with_value(false).unwrap_err(), "a value that is not a text");
    assert_eq!(image.query(|book| book.accounts[&2]).unwrap(), 3);
}

#[test]
fn a_query_or_reader_that_panics_does_not_block_others() {
    with_timeout(|| {
        let image = open(&SimDisk::new(), Durability::Synced).unwrap();
        let query = catch_unwind(AssertUnwindSafe(|| image.query(|_| panic!("the query panicked"))));
        assert!(query.is_err());
        let reader = catch_unwind(AssertUnwindSafe(|| {
            let _guard = image.read_uncommitted().unwrap();
            panic!("the reader panicked");
        }));
        assert!(reader.is_err());
        assert_eq!(image.transfer(1, 2, 3).unwrap(), 3);
        assert_eq!(image.query(|book| book.accounts[&2]).unwrap(), 3);
        Image::close(image).unwrap();
    });
}
