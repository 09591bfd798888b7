//! Readers beside an owner that changes its image at any moment: it writes, begins segments, prunes, restarts, or makes an event void
//! between two disk calls of a reader. The reader gives a right answer, or says which of its events were pruned.
//!
//! Backups have such tests in `backup/concurrent.rs`.

mod branches;
mod checks;
mod followers;
mod histories;
mod past_states;
mod projections;
mod subscriptions;
mod verbs;

use std::sync::Arc;

use memimage::{Error, ErrorKind, Journal, Options};
use memimage_tests::{Began, Change, ChangeBefore, ChangingOwner, GateDisk, Ledger, cases, with_timeout};

const IMAGE: &str = "/ledger";

/// A reader during one of whose disk calls the owner makes its change.
struct Reading<'a> {
    owner: &'a ChangingOwner,
    change: &'a ChangeBefore,
    began: Began,
}

impl Reading<'_> {
    /// The disk of the reader.
    fn disk(&self) -> Arc<GateDisk> {
        self.change.disk()
    }

    fn options(&self) -> Options<Ledger> {
        self.owner.options(false)
    }

    /// The journal, opened by the reader.
    fn journal(&self) -> Result<Journal<Ledger>, Error> {
        self.options().open_journal_with(self.disk(), IMAGE)
    }
}

/// What a reader may answer while the owner prunes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pruned {
    /// The right answer: what the reader asks for cannot be pruned.
    Never,
    /// That it was pruned.
    MayBe,
}

/// The number of calls of a reader before which the owner makes each change, one in each run of the reader.
const CASES: u32 = 6;

/// Lets an owner make each of `changes` before some of the disk calls of `read`, or before each of them if the environment variable
/// `MEMIMAGE_CASES` is large. If `read` fails, it must succeed afterwards, without a change. `read` asserts that what it reads is right.
fn beside(changes: &[Change], pruned: Pruned, read: fn(&Reading<'_>) -> Result<(), Error>) {
    for &change in changes {
        let original = ChangingOwner::new(change);
        let owner = original.copy();
        let calls = with_timeout(move || {
            let unchanged = ChangeBefore::new(owner.disk(), u64::MAX, || ());
            let result = read(&Reading { owner: &owner, change: &unchanged, began: owner.begin() });
            result.map(|()| unchanged.calls()).unwrap_or_else(|error| panic!("without a change: {error}"))
        });
        assert!(calls > 10, "only {calls} calls");
        each_of(calls, &original, pruned, read);
    }
}

/// Like [`beside`], for a reader that makes calls without an end. Of these, the first `calls` are tried.
fn beside_until(calls: u64, changes: &[Change], pruned: Pruned, read: fn(&Reading<'_>) -> Result<(), Error>) {
    for &change in changes {
        each_of(calls, &ChangingOwner::new(change), pruned, read);
    }
}

fn each_of(calls: u64, original: &ChangingOwner, pruned: Pruned, read: fn(&Reading<'_>) -> Result<(), Error>) {
    let step = (calls / u64::from(cases(CASES))).max(1);
    // not the same calls for each change
    let first = 1 + step * original.kind() as u64 / Change::ALL.len() as u64;
    for nth in (first..=calls).step_by(step as usize) {
        let owner = original.copy();
        with_timeout(move || before_call(nth, &owner, pruned, read));
    }
}

fn before_call(nth: u64, owner: &ChangingOwner, pruned: Pruned, read: fn(&Reading<'_>) -> Result<(), Error>) {
    let (change, changing) = (owner.kind(), owner.clone());
    let before = ChangeBefore::new(owner.disk(), nth, move || changing.change());
    let Err(error) = read(&Reading { owner, change: &before, began: owner.begin() }) else { return };
    let is_honest = error.kind() == ErrorKind::Pruned || is_pruned_time(&error);
    let is_allowed = change.prunes() && pruned == Pruned::MayBe && is_honest;
    assert!(is_allowed, "{change:?} before call {nth}: {:?}: {error}", error.kind());
    let unchanged = ChangeBefore::new(owner.disk(), u64::MAX, || ());
    let again = read(&Reading { owner, change: &unchanged, began: owner.begin() });
    again.unwrap_or_else(|error| panic!("again after {change:?} before call {nth}: {error}"));
}

/// Whether this is the error for a time before the first event that is left.
fn is_pruned_time(error: &Error) -> bool {
    error.kind() == ErrorKind::OutOfRange && error.to_string().contains("the events before this time were pruned")
}
