//! Random branches, compared with a model that is computed by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Image, Seq};
use memimage_tests::{SplitMix64, cases, seed};

use super::till::{Till, TillCommands as _, TillDeposit, TillOpen, TillSettle};
use super::{BRANCH, PARENT, options, state};

#[derive(Clone, Copy, Debug)]
enum Call {
    Open(u32),
    Deposit(u32, u64),
    Withdraw(u32, u64),
    Settle(u32, u64),
    Audit(u32),
    Draw,
}

impl Call {
    fn random(rng: &mut SplitMix64) -> Call {
        let (account, cents) = (rng.below(5) as u32, rng.below(40));
        match rng.below(8) {
            0 => Call::Open(account),
            1..=3 => Call::Deposit(account, cents),
            4 => Call::Withdraw(account, cents),
            5 => Call::Settle(account, cents),
            6 => Call::Audit(account),
            _ => Call::Draw,
        }
    }

    /// Runs the command of an image. Returns whether it was recorded.
    fn run(self, till: &Image<Till>) -> bool {
        let before = till.journal().seq();
        match self {
            Call::Open(account) => drop(till.open(account)),
            Call::Deposit(account, cents) => drop(till.deposit(account, cents)),
            Call::Withdraw(account, cents) => drop(till.withdraw(account, cents)),
            Call::Settle(account, cents) => drop(till.settle(account, cents)),
            Call::Audit(account) => drop(till.audit(account)),
            Call::Draw => drop(till.draw()),
        }
        till.journal().seq() > before
    }

    /// Executes the command on a model, with its check. Returns false, without an effect, if it is refused or panics.
    fn execute(self, model: &mut Till, draw: Option<&super::till::Draw>) -> bool {
        let accepted = match self {
            Call::Open(account) => model.can_open(account),
            Call::Deposit(account, _) => model.can_deposit(account),
            Call::Withdraw(account, cents) => model.can_withdraw(account, cents),
            Call::Settle(..) | Call::Audit(_) | Call::Draw => Ok(()),
        };
        if accepted.is_err() {
            return false;
        }
        let mut next = model.clone();
        let ran = catch_unwind(AssertUnwindSafe(|| match self {
            Call::Open(account) => Till::open(&mut next, account),
            Call::Deposit(account, cents) => Till::deposit(&mut next, account, cents),
            Call::Withdraw(account, cents) => Till::withdraw(&mut next, account, cents),
            Call::Settle(account, cents) => drop(Till::settle(&mut next, account, cents)),
            Call::Audit(account) => Till::audit(&mut next, account),
            Call::Draw => next.draws.push(draw.expect("the parent drew").clone()),
        }));
        if ran.is_ok() {
            *model = next;
        }
        ran.is_ok()
    }
}

/// One random branch. Returns the number of conflicts.
fn one(seed: u64) -> usize {
    let mut rng = SplitMix64::new(seed);
    let disk = SimDisk::new();
    let till: Image<Till> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    let mut calls = Vec::new();
    while calls.len() < 60 {
        let call = Call::random(&mut rng);
        if call.run(&till) {
            calls.push(call);
        }
    }
    let draws: BTreeMap<u64, _> =
        till.query(|till| till.draws.iter().map(|draw| (draw.seq, draw.clone())).collect()).unwrap();
    Image::close(till).unwrap();

    let end = 30 + rng.below(31);
    let without: BTreeSet<u64> = (0..1 + rng.below(4)).map(|_| 1 + rng.below(end)).collect();
    let replaced = 1 + rng.below(end);
    let event = rng.below(3);
    let is_replaced = rng.below(3) == 0 && !without.contains(&replaced);
    let replacement = match event {
        0 => Call::Settle(1, 3),
        1 => Call::Deposit(2, 7),
        _ => Call::Open(4),
    };

    let mut expected = Till::default();
    let (mut missing, mut refused) = (BTreeSet::new(), false);
    for (at, call) in calls.iter().take(end as usize).enumerate() {
        let seq = at as u64 + 1;
        if is_replaced && seq == replaced {
            refused |= !replacement.execute(&mut expected, None);
        } else if !without.contains(&seq) && !call.execute(&mut expected, draws.get(&seq)) {
            missing.insert(seq);
        }
    }

    let mut branch = super::branch::<Till>(&disk).until(Seq::new(end)).without(without.iter().copied().map(Seq::new));
    if is_replaced {
        branch = match event {
            0 => branch.replacing(Seq::new(replaced), TillSettle { account: 1, cents: 3 }),
            1 => branch.replacing(Seq::new(replaced), TillDeposit { account: 2, cents: 7 }),
            _ => branch.replacing(Seq::new(replaced), TillOpen { account: 4 }),
        };
    }
    let report = match branch.create() {
        Ok(report) => report,
        Err(error) => {
            assert!(refused, "seed {seed}: {error}");
            return 0;
        }
    };
    assert!(!refused, "seed {seed}: the replacement should be refused");
    let left_out: BTreeSet<u64> =
        report.conflicts.iter().filter(|conflict| conflict.is_left_out).map(|conflict| conflict.seq.get()).collect();
    assert_eq!(left_out, missing, "seed {seed}");
    assert_eq!(state::<Till>(&disk, BRANCH), expected, "seed {seed}");
    report.conflicts.len()
}

#[test]
fn a_random_branch_has_the_state_that_the_remaining_commands_give() {
    let first = seed(1);
    let conflicts: usize = (first..first + u64::from(cases(150))).map(one).sum();
    assert!(conflicts > 100, "only {conflicts} conflicts in all branches");
}
