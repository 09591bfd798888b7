//! A follower and a projection beside an owner, all on one disk whose n-th call fails. Neither shows a wrong state, nor an event that
//! a power cut takes back; an error tells where; and a single failed read stops no follower.

use std::sync::Arc;
use std::time::{Duration, Instant};

use memimage::disk::{Fault, Method, SimDisk};
use memimage::{Error, ErrorKind, EventInfo, Follower, Image, Journal, Projection, Shape};
use memimage_tests::{Ledger, LedgerDeposit};
use serde::{Deserialize, Serialize};

use crate::oracle::{ExpectedHistory, LedgerChange};
use crate::session::{LEDGER, Mode};
use crate::{EFFECTS, PRUNED, SYNCED, fault_of, message, stride};

const DEPOSITS: &str = "/deposits";
/// Long enough for the slowest machine, and less than the time after which a follower stops.
const PATIENCE: Duration = Duration::from_secs(8);

/// The deposits of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
struct Deposits {
    amounts: Vec<(u64, u32)>,
}

#[memimage::projection(of = Ledger)]
impl Deposits {
    #[on]
    fn deposit(&mut self, event: &LedgerDeposit, info: &EventInfo<'_>) {
        self.amounts.push((info.seq().get(), event.amount));
    }
}

/// A session with readers beside the owner.
struct Beside {
    disk: SimDisk,
    mode: Mode,
    /// Whether the disk fails only once.
    once: bool,
    history: ExpectedHistory,
    /// The deposits among the events, each with its seq.
    deposits: Vec<(u64, u32)>,
    /// The last event that the follower has shown.
    shown: usize,
}

impl Beside {
    /// Opens something. Opens it again if that fails once.
    fn open<T>(&self, what: &str, open: impl Fn(&Beside) -> Result<T, Error>) -> Result<Option<T>, String> {
        for attempt in 0..2 {
            match open(self) {
                Ok(opened) => return Ok(Some(opened)),
                Err(error) => names_path(&error).map_err(|why| format!("{what}: {why}"))?,
            }
            if !self.once || attempt == 1 {
                break;
            }
        }
        if self.once { Err(format!("{what} fails twice, and the disk only once")) } else { Ok(None) }
    }

    fn follow(&self) -> Result<Follower<Ledger>, Error> {
        self.mode.options().follow_with(Arc::new(self.disk.clone()), LEDGER)
    }

    fn project(&self) -> Result<Projection<Deposits>, Error> {
        let journal: Journal<Ledger> = self.mode.options().open_journal_with(Arc::new(self.disk.clone()), LEDGER)?;
        Projection::options().snapshot_every(4).open(&journal, DEPOSITS)
    }

    fn run(&mut self) -> Result<(), String> {
        let Some(owner) = self.open("the owner", |beside| beside.mode.open(&beside.disk, LEDGER))? else {
            return Ok(());
        };
        let follower = self.open("the follower", Beside::follow)?;
        let projection = self.open("the projection", Beside::project)?;
        let changes = [
            LedgerChange::Deposit(1, 10),
            LedgerChange::File(9_000),
            LedgerChange::Deposit(2, 7),
            LedgerChange::File(9_000),
            LedgerChange::Settle(2, 9),
            LedgerChange::File(9_000),
            LedgerChange::Deposit(3, 1),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let is_running = self.change(&owner, change);
            if number == 3 {
                // prunes the journal, if the image is to
                owner.admin().snapshot().ok();
            }
            self.check(follower.as_ref(), projection.as_ref())?;
            if !is_running {
                break;
            }
        }
        if self.once
            && let Some(follower) = &follower
        {
            let durable = owner.journal().durable_seq();
            let _owner = if owner.journal().sync().is_ok() {
                Some(owner)
            } else {
                // a poisoned owner may not have told in the files what is durable; the next owner does
                drop(owner);
                self.open("the next owner", |beside| beside.mode.open(&beside.disk, LEDGER))?
            };
            let reached = follower.wait_timeout(durable, PATIENCE);
            if reached != Ok(true) {
                return Err(format!("the follower is at {} of {durable}: {reached:?}", follower.seq()));
            }
        }
        self.check(follower.as_ref(), projection.as_ref())
    }

    /// Executes a command. Returns whether the owner can go on.
    fn change(&mut self, owner: &Image<Ledger>, change: LedgerChange) -> bool {
        for _ in 0..2 {
            self.history.record(change);
            let executed = self.history.executed();
            let done = change.execute(owner);
            match done {
                Err(error) if !error.is_outcome_unknown() => {
                    self.history.not_recorded(executed).expect("it was not acknowledged");
                    if error.is_poisoned() {
                        return false;
                    }
                }
                done => {
                    if let LedgerChange::Deposit(_, amount) = change {
                        self.deposits.push((executed as u64, amount));
                    }
                    return done.is_ok();
                }
            }
        }
        false
    }

    /// Verifies what the readers show now.
    fn check(
        &mut self,
        follower: Option<&Follower<Ledger>>,
        projection: Option<&Projection<Deposits>>,
    ) -> Result<(), String> {
        if let Some(follower) = follower {
            match follower.query(Ledger::clone) {
                Ok(state) => {
                    let event = self.history.event_of(&state).ok_or("the follower shows a wrong state")?;
                    if event < self.shown {
                        return Err(format!("the follower showed event {}, and now {event}", self.shown));
                    }
                    self.shown = event;
                }
                Err(error) => names_path(&error)?,
            }
        }
        if let Some(projection) = projection {
            match projection.query(Deposits::clone) {
                Ok(state) if !self.deposits.starts_with(&state.amounts) => {
                    return Err(format!("the projection shows {state:?}"));
                }
                Ok(_) => {}
                Err(error) => names_path(&error)?,
            }
        }
        Ok(())
    }

    /// Verifies on a disk without faults what is left after a power cut.
    fn verify_after_power_cut(mut self) -> Result<(), String> {
        self.disk = self.disk.crash(|_| false);
        self.once = true;
        let owner = self.mode.open(&self.disk, LEDGER).map_err(|error| error.to_string())?;
        self.history.recovered(&owner, self.shown).map_err(|why| format!("after a power cut: {why}"))?;
        let seq = owner.journal().seq();
        self.deposits.retain(|(deposit, _)| *deposit <= seq.get());
        let follower = self.follow().map_err(|error| error.to_string())?;
        if !self.history.is_newest(&follower.query(Ledger::clone).map_err(|error| error.to_string())?) {
            return Err("a follower shows a wrong state after a power cut".to_owned());
        }
        match self.project() {
            Ok(projection) if projection.query(Deposits::clone).map(|state| state.amounts) == Ok(self.deposits) => {
                Ok(())
            }
            Ok(projection) => {
                Err(format!("after a power cut, the projection shows {:?}", projection.query(Deposits::clone)))
            }
            // the projection had not handled the events that were pruned
            Err(error) if self.mode.prunes() && error.kind() == ErrorKind::Pruned => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn names_path(error: &Error) -> Result<(), String> {
    let text = error.to_string();
    // the parent directory of both is synced when one of them is created, and must not be an image
    match [LEDGER, DEPOSITS, "`/`", "`/journal`"].iter().any(|path| text.contains(path)) {
        true => Ok(()),
        false => Err(format!("an error does not tell where: {text}")),
    }
}

/// Runs a session with the fault. Returns the number of failed calls.
fn try_fault(mode: Mode, fault: Fault, once: bool) -> Result<u64, String> {
    let disk = SimDisk::new();
    Image::close(mode.open(&disk, LEDGER).unwrap()).unwrap();
    disk.inject(fault);
    let history = ExpectedHistory::new();
    let mut beside = Beside { disk: disk.clone(), mode, once, history, deposits: Vec::new(), shown: 0 };
    let ended = beside.run();
    let strikes = disk.strikes();
    disk.heal();
    ended.and_then(|()| beside.verify_after_power_cut()).map_err(|why| format!("{why}\n{}", disk.trace()))?;
    Ok(strikes)
}

#[test]
fn any_call_may_fail_beside_a_follower_and_a_projection() {
    let started = Instant::now();
    for (mode, once) in [(SYNCED, true), (SYNCED, false), (PRUNED, true), (PRUNED, false)] {
        // the readers poll, so the number of calls depends on the machine
        for n in (1..800).step_by(stride()) {
            let fault = fault_of(&Method::ALL, EFFECTS[n as usize % EFFECTS.len()]).seed(n);
            let fault = if once { fault.nth(n) } else { fault.from(n) };
            let injected = fault.clone();
            let failed = memimage_tests::with_timeout(move || {
                let session = || try_fault(mode, injected, once);
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(session))
                    .unwrap_or_else(|panic| Err(format!("panicked: {}", message(&*panic))))
            });
            match failed {
                Ok(0) => {
                    assert!(n > 100, "a session made only {n} calls");
                    break;
                }
                Ok(_) => {}
                Err(why) => panic!("{why}\ncall {n}, {mode:?}, {fault:?}"),
            }
        }
    }
    println!("beside a follower and a projection: {:.0?}", started.elapsed());
}
