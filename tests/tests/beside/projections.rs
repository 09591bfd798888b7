//! Projections in another process than the owner's.

use memimage::{Error, ErrorKind, EventInfo, Journal, Projection, Seq, Shape};
use memimage_tests::{Change, Ledger, LedgerDeposit, LedgerFile, wait_until};
use serde::{Deserialize, Serialize};

use super::{Pruned, Reading, beside, beside_until};

const PROJECTION: &str = "/seen";
/// A projection makes calls for as long as it follows. Of these, so many are tried.
const CALLS: u64 = 60;

/// The seqs of all events that are not void.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
struct Seen {
    seqs: Vec<u64>,
}

#[memimage::projection(of = Ledger)]
impl Seen {
    #[on]
    fn deposit(&mut self, _: &LedgerDeposit, info: &EventInfo<'_>) {
        self.seqs.push(info.seq().get());
    }

    #[on]
    fn file(&mut self, _: &LedgerFile, info: &EventInfo<'_>) {
        self.seqs.push(info.seq().get());
    }
}

fn open(journal: &Journal<Ledger>) -> Result<Projection<Seen>, Error> {
    Projection::options().snapshot_every(5).open(journal, PROJECTION)
}

/// Waits until the projection has handled each event of the owner, who may record more meanwhile.
fn assert_complete(reading: &Reading<'_>, projection: &Projection<Seen>) -> Result<(), Error> {
    let owner = reading.owner;
    let is_complete = || -> Result<bool, Error> {
        let seqs = projection.query(|seen| seen.seqs.clone())?;
        Ok(seqs == (1..=owner.last().get()).filter(|&seq| !owner.is_void(Seq::new(seq))).collect::<Vec<_>>())
    };
    let mut failed = None;
    wait_until("the projection has handled each event", || {
        is_complete().unwrap_or_else(|error| {
            failed = Some(error);
            true
        })
    });
    failed.map_or(Ok(()), Err)
}

/// The answer of a projection that may have handled an event before it became void.
fn unless_void(reading: &Reading<'_>, result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if reading.owner.kind().makes_void() && error.kind() == ErrorKind::Diverged => Ok(()),
        result => result,
    }
}

#[test]
fn a_new_projection_handles_all_events() {
    const COMPLETE: [Change; 6] = [
        Change::Write,
        Change::WriteLong,
        Change::PruneFirst,
        Change::Reopen,
        Change::MakeVoid,
        Change::MakeVoidAndPrune,
    ];
    beside(&COMPLETE, Pruned::Never, |reading| {
        let handled = open(&reading.journal()?).and_then(|projection| assert_complete(reading, &projection));
        match unless_void(reading, handled) {
            Err(error) if error.kind() == ErrorKind::Pruned && reading.owner.kind().prunes() => Ok(()),
            result => result,
        }
    });
}

/// What a projection needs may be pruned while it is closed, and while it opens.
#[test]
fn a_projection_continues() {
    const COMPLETE: [Change; 5] =
        [Change::Write, Change::WriteLong, Change::PruneFirst, Change::Reopen, Change::MakeVoid];
    beside(&COMPLETE, Pruned::Never, |reading| {
        open(&reading.owner.journal())?.close()?;
        reading.change.restart();
        let handled = open(&reading.journal()?).and_then(|projection| assert_complete(reading, &projection));
        match unless_void(reading, handled) {
            Err(error) if error.kind() == ErrorKind::Pruned && reading.owner.kind().prunes() => Ok(()),
            result => result,
        }
    });
}

#[test]
fn a_projection_goes_on() {
    const COMPLETE: [Change; 4] = [Change::Write, Change::WriteLong, Change::Reopen, Change::MakeVoid];
    beside_until(CALLS, &COMPLETE, Pruned::Never, |reading| {
        let projection = open(&reading.journal()?)?;
        reading.change.restart();
        wait_until("the change", || reading.change.has_run());
        unless_void(reading, assert_complete(reading, &projection))
    });
}
