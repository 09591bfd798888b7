//! The address of the service, as clients look it up.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The address of the present owner.
#[derive(Debug, Default)]
pub struct Service {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    address: Option<Address>,
    /// When the present owner's first acknowledgement was read.
    first_acknowledgement: Option<Instant>,
    /// The number of all acknowledgements that were read.
    acknowledgements: u64,
    is_closed: bool,
}

/// Where an owner serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The number of owners so far.
    pub term: u64,
    /// The port on loopback.
    pub port: u16,
}

impl Service {
    /// Publishes the port of a new owner.
    pub fn publish(&self, port: u16) {
        let mut state = self.lock();
        let term = state.address.map_or(1, |address| address.term + 1);
        state.address = Some(Address { term, port });
        state.first_acknowledgement = None;
        self.changed.notify_all();
    }

    /// Tells the clients to end.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Whether the clients are to end.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Whether this is still the address of the owner.
    pub fn is_current(&self, address: Address) -> bool {
        self.lock().address == Some(address)
    }

    /// Waits for the address of an owner after the given term. `None` if the clients are to end.
    pub fn next_owner(&self, term: u64) -> Option<Address> {
        let is_old = |state: &mut State| !state.is_closed && state.address.is_none_or(|address| address.term <= term);
        let state = self.changed.wait_while(self.lock(), is_old).unwrap_or_else(PoisonError::into_inner);
        state.address.filter(|_| !state.is_closed)
    }

    /// Records that a client read an acknowledgement of the owner at this address.
    pub fn acknowledged(&self, address: Address, at: Instant) {
        let mut state = self.lock();
        state.acknowledgements += 1;
        if state.address == Some(address) && state.first_acknowledgement.is_none() {
            state.first_acknowledgement = Some(at);
            self.changed.notify_all();
        }
    }

    /// The number of acknowledgements that were read, of all owners.
    pub fn acknowledgements(&self) -> u64 {
        self.lock().acknowledgements
    }

    /// Waits for the first acknowledgement of the present owner. `None` if there is none within the time.
    pub fn wait_for_acknowledgement(&self, limit: Duration) -> Option<Instant> {
        let is_missing = |state: &mut State| state.first_acknowledgement.is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), limit, is_missing);
        waited.unwrap_or_else(PoisonError::into_inner).0.first_acknowledgement
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
