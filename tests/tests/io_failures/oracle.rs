//! The states that a ledger may have, given the answers of its image.

use memimage::{Error, Image};
use memimage_tests::{Ledger, LedgerCommands, Overdrawn};

/// A command of the ledger that needs no context, so that it can be applied to a plain ledger too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LedgerChange {
    Deposit(u32, u32),
    Settle(u32, u32),
    File(usize),
}

impl LedgerChange {
    pub(crate) fn apply(self, ledger: &mut Ledger) {
        match self {
            LedgerChange::Deposit(account, amount) => _ = ledger.deposit(account, amount),
            LedgerChange::Settle(account, amount) => _ = ledger.settle(account, amount),
            LedgerChange::File(bytes) => _ = ledger.file(vec![7; bytes]),
        }
    }

    /// Executes the command. A rejection is recorded, and so not an error.
    pub(crate) fn execute(self, image: &Image<Ledger>) -> Result<(), Error> {
        match self {
            LedgerChange::Deposit(account, amount) => image.deposit(account, amount).map(drop),
            LedgerChange::Settle(account, amount) => match image.settle(account, amount) {
                Ok(_) | Err(memimage::CommandError::Refused(Overdrawn(_))) => Ok(()),
                Err(memimage::CommandError::Image(error)) => Err(error),
            },
            LedgerChange::File(bytes) => image.file(vec![7; bytes]).map(drop),
        }
    }
}

/// The states of a ledger after each event, and the events that must survive.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedHistory {
    /// The state after each event, beginning with the initial state: acknowledged events first, then events with an unknown
    /// outcome.
    states: Vec<Ledger>,
    /// The last acknowledged event.
    pub(crate) acknowledged: usize,
    /// The last event that was reported as durable.
    pub(crate) durable: usize,
}

impl ExpectedHistory {
    pub(crate) fn new() -> ExpectedHistory {
        ExpectedHistory { states: vec![Ledger::default()], acknowledged: 0, durable: 0 }
    }

    /// Adds an event whose outcome is not known yet.
    pub(crate) fn record(&mut self, change: LedgerChange) {
        let mut state = self.states.last().expect("the initial state is always there").clone();
        change.apply(&mut state);
        self.states.push(state);
    }

    /// The number of events that may be recorded.
    pub(crate) fn executed(&self) -> usize {
        self.states.len() - 1
    }

    /// Notes that this event and all before it were acknowledged.
    pub(crate) fn acknowledge(&mut self, event: usize) {
        self.acknowledged = self.acknowledged.max(event);
    }

    /// Removes this event and all after it, which the image reported as not recorded.
    pub(crate) fn not_recorded(&mut self, event: usize) -> Result<(), String> {
        if event <= self.acknowledged {
            return Err(format!("event {event} was acknowledged, and then reported as not recorded"));
        }
        self.states.truncate(event);
        Ok(())
    }

    /// Reads the durable seq that the image reports.
    pub(crate) fn read_durable_seq(&mut self, image: &Image<Ledger>) {
        self.durable = self.durable.max(image.journal().durable_seq().get() as usize);
    }

    /// The event after which the ledger has this state, if there is one.
    pub(crate) fn event_of(&self, found: &Ledger) -> Option<usize> {
        self.states.iter().position(|state| state == found)
    }

    /// Whether this is the state after all executed events.
    pub(crate) fn is_newest(&self, found: &Ledger) -> bool {
        self.states.last() == Some(found)
    }

    /// Verifies a recovered image: it has at least `at_least` events and an expected state. Its events are acknowledged from now
    /// on.
    pub(crate) fn recovered(&mut self, image: &Image<Ledger>, at_least: usize) -> Result<(), String> {
        let found = image.read_uncommitted().map_err(|error| error.to_string())?;
        self.check(image, &found, at_least)
    }

    /// As [`recovered`](Self::recovered), with a state that was already read.
    pub(crate) fn check(&mut self, image: &Image<Ledger>, found: &Ledger, at_least: usize) -> Result<(), String> {
        let seq = image.journal().seq().get() as usize;
        if seq < at_least {
            return Err(format!("{seq} events were recovered, but {at_least} must survive"));
        }
        match self.states.get(seq) {
            None => {
                return Err(format!("{seq} events were recovered, but only {} were executed", self.states.len() - 1));
            }
            Some(state) if state != found => return Err(format!("the state after event {seq} is wrong")),
            Some(_) => {}
        }
        self.states.truncate(seq + 1);
        (self.acknowledged, self.durable) = (seq, self.durable.max(image.journal().durable_seq().get() as usize));
        Ok(())
    }
}
