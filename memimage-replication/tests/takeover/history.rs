//! What clients did, in the order of their calls and answers, and whether it is linearizable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

/// A call of a client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    Write(u64),
    Read,
    Transfer(usize, usize, u64),
    Balances,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Written,
    Value(u64),
    Transferred(bool),
    Balances(Vec<u64>),
}

/// The register and the accounts, as one thread would see them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) register: u64,
    pub(crate) accounts: Vec<u64>,
}

impl SequentialSpec for Reference {
    type Op = Call;
    type Ret = Answer;

    fn invoke(&mut self, call: &Call) -> Answer {
        match *call {
            Call::Write(value) => {
                self.register = value;
                Answer::Written
            }
            Call::Read => Answer::Value(self.register),
            Call::Transfer(from, to, amount) => {
                let is_enough = self.accounts[from] >= amount;
                if is_enough {
                    self.accounts[from] -= amount;
                    self.accounts[to] += amount;
                }
                Answer::Transferred(is_enough)
            }
            Call::Balances => Answer::Balances(self.accounts.clone()),
        }
    }
}

/// A history. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct History {
    steps: Arc<Mutex<Vec<(u64, Step)>>>,
}

#[derive(Clone, Debug)]
enum Step {
    Called(Call),
    Answered(Answer),
}

impl History {
    pub(crate) fn called(&self, client: u64, call: Call) {
        self.steps.lock().unwrap().push((client, Step::Called(call)));
    }

    pub(crate) fn answered(&self, client: u64, answer: Answer) {
        self.steps.lock().unwrap().push((client, Step::Answered(answer)));
    }

    /// Whether each answer is one that a single copy could have given, at some moment between the call and the answer. Calls without an answer may
    /// have had their effect or not.
    pub(crate) fn is_linearizable(&self, before: Reference) -> bool {
        let mut tester = LinearizabilityTester::new(before);
        for (client, step) in self.steps.lock().unwrap().iter() {
            let recorded = match step {
                Step::Called(call) => tester.on_invoke(*client, call.clone()).map(drop),
                Step::Answered(answer) => tester.on_return(*client, answer.clone()).map(drop),
            };
            recorded.expect("each client waits for its answer");
        }
        tester.is_consistent()
    }

    /// The values whose writes were acknowledged.
    pub(crate) fn written(&self) -> Vec<u64> {
        let steps = self.steps.lock().unwrap();
        let (mut open, mut written) = (BTreeMap::new(), Vec::new());
        for (client, step) in steps.iter() {
            match step {
                Step::Called(Call::Write(value)) => drop(open.insert(*client, *value)),
                Step::Called(_) => {}
                Step::Answered(Answer::Written) => written.extend(open.remove(client)),
                Step::Answered(_) => {}
            }
        }
        written
    }

    pub(crate) fn text(&self) -> String {
        self.steps.lock().unwrap().iter().map(|(client, step)| format!("{client}: {step:?}\n")).collect()
    }
}

#[test]
fn a_stale_read_is_not_linearizable() {
    let before = || Reference { register: 1, accounts: vec![1, 0] };
    let read = |value| {
        let history = History::default();
        history.called(1, Call::Write(2));
        history.answered(1, Answer::Written);
        history.called(2, Call::Read);
        history.answered(2, Answer::Value(value));
        history.is_linearizable(before())
    };
    assert!(read(2));
    assert!(!read(1), "the write had returned before the read began");
    // the outcome of a call without an answer is open
    for value in [1, 2] {
        let history = History::default();
        history.called(1, Call::Write(2));
        history.called(2, Call::Read);
        history.answered(2, Answer::Value(value));
        assert!(history.is_linearizable(before()));
    }
    let history = History::default();
    for (client, to) in [(1, 1), (2, 1)] {
        history.called(client, Call::Transfer(0, to, 1));
        history.answered(client, Answer::Transferred(true));
    }
    assert!(!history.is_linearizable(before()), "the money was spent twice");
}
