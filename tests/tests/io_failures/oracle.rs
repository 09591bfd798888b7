//! The states that a ledger may have, given the answers of its image.

use memimage::{Error, Image};
use memimage_tests::{Ledger, LedgerCommands, Overdrawn};

/// A change to a ledger that needs no context, so that it can be made to a plain one too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Deposit(u32, u32),
    Settle(u32, u32),
    File(usize),
}

impl Change {
    pub(crate) fn to(self, ledger: &mut Ledger) {
        match self {
            Change::Deposit(account, amount) => _ = ledger.deposit(account, amount),
            Change::Settle(account, amount) => _ = ledger.settle(account, amount),
            Change::File(bytes) => _ = ledger.file(vec![7; bytes]),
        }
    }

    /// A rejection is an answer, and recorded.
    pub(crate) fn through(self, image: &Image<Ledger>) -> Result<(), Error> {
        match self {
            Change::Deposit(account, amount) => image.deposit(account, amount).map(drop),
            Change::Settle(account, amount) => match image.settle(account, amount) {
                Ok(_) | Err(memimage::CommandError::Refused(Overdrawn(_))) => Ok(()),
                Err(memimage::CommandError::Image(error)) => Err(error),
            },
            Change::File(bytes) => image.file(vec![7; bytes]).map(drop),
        }
    }
}

/// The states that a ledger went through, and how many of them are promised.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// After each event, from the state before the first: those answered, and after them those of which nobody knows.
    states: Vec<Ledger>,
    /// The last event answered.
    pub(crate) answered: usize,
    /// The last event said to be durable.
    pub(crate) durable: usize,
}

impl Truth {
    pub(crate) fn new() -> Truth {
        Truth { states: vec![Ledger::default()], answered: 0, durable: 0 }
    }

    /// Something was executed; whether it is recorded is not known yet.
    pub(crate) fn executed(&mut self, change: Change) {
        let mut state = self.states.last().expect("there is always one").clone();
        change.to(&mut state);
        self.states.push(state);
    }

    /// How many events there may be.
    pub(crate) fn executed_so_far(&self) -> usize {
        self.states.len() - 1
    }

    /// The event was answered, and all before it with it.
    pub(crate) fn answered(&mut self, event: usize) {
        self.answered = self.answered.max(event);
    }

    /// It is said for certain that this event and those after it are not recorded.
    pub(crate) fn not_recorded(&mut self, event: usize) -> Result<(), String> {
        if event <= self.answered {
            return Err(format!("event {event} was answered, and then said not to be recorded"));
        }
        self.states.truncate(event);
        Ok(())
    }

    /// The image says how far it is durable.
    pub(crate) fn said(&mut self, image: &Image<Ledger>) {
        self.durable = self.durable.max(image.journal().durable_seq().get() as usize);
    }

    /// Whether it is the state after all that was executed.
    pub(crate) fn is_newest(&self, shown: &Ledger) -> bool {
        self.states.last() == Some(shown)
    }

    /// What was recovered holds at least so many events, and is a state that there was. Then that is the truth.
    pub(crate) fn recovered(&mut self, image: &Image<Ledger>, at_least: usize) -> Result<(), String> {
        let found = image.read_uncommitted().map_err(|error| error.to_string())?;
        self.judged(image, &found, at_least)
    }

    /// The same, of a state that was read.
    pub(crate) fn judged(&mut self, image: &Image<Ledger>, found: &Ledger, at_least: usize) -> Result<(), String> {
        let seq = image.journal().seq().get() as usize;
        if seq < at_least {
            return Err(format!("{seq} events were recovered, and {at_least} were promised"));
        }
        match self.states.get(seq) {
            None => {
                return Err(format!("{seq} events were recovered, and only {} may be there", self.states.len() - 1));
            }
            Some(state) if state != found => return Err(format!("the state after event {seq} is another one")),
            Some(_) => {}
        }
        self.states.truncate(seq + 1);
        (self.answered, self.durable) = (seq, self.durable.max(image.journal().durable_seq().get() as usize));
        Ok(())
    }
}
