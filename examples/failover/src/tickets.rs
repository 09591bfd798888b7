//! The model: the tickets that clients have filed, in order.

use memimage::{Image, Model, Options, Retention, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

/// All tickets in the order in which they were filed. A ticket's place in this order is the sequence number of its event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub struct Tickets {
    filed: Vec<Ticket>,
}

/// A ticket. A client numbers its tickets 1, 2, 3 …, and sends each number once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Shape)]
pub struct Ticket {
    /// The number of the client.
    pub client: u32,
    /// The number of the ticket among those of the client.
    pub number: u64,
}

#[memimage::commands]
impl Tickets {
    /// Files a ticket, and returns its place in the order of all tickets, from 1 on.
    #[command]
    pub fn file(&mut self, ticket: Ticket) -> u64 {
        self.filed.push(ticket);
        self.filed.len() as u64
    }

    /// All tickets, in order.
    pub fn filed(&self) -> &[Ticket] {
        &self.filed
    }
}

/// The options of the image. Small numbers, so that a short run rolls segments, makes snapshots and prunes.
pub fn options() -> Options<Tickets> {
    Image::options()
        .segment_bytes(1 << 20)
        .snapshots(SnapshotPolicy::AfterEvents(1_000))
        .retention(Retention::Events(20_000))
}
