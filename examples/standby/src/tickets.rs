//! The model: numbered tickets of each client.

use std::collections::BTreeMap;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

/// The tickets of all clients. Each client numbers its tickets 1, 2, 3 … so that a lost or doubled ticket shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub struct Tickets {
    clients: BTreeMap<u32, ClientTickets>,
}

/// The tickets of one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
pub struct ClientTickets {
    /// The number of the last ticket.
    pub last: u64,
    /// How many tickets were filed. Equal to `last` if each ticket was filed once.
    pub filed: u64,
}

#[memimage::commands]
impl Tickets {
    /// Files a ticket of a client, and returns how many tickets the client has.
    #[command]
    pub fn file(&mut self, client: u32, ticket: u64) -> u64 {
        let tickets = self.clients.entry(client).or_default();
        tickets.last = ticket;
        tickets.filed += 1;
        tickets.filed
    }

    /// The tickets of a client.
    pub fn of(&self, client: u32) -> ClientTickets {
        self.clients.get(&client).copied().unwrap_or_default()
    }
}
