//! What a handler can learn about an event besides its payload.

use crate::context::{Metadata, Timestamp};
use crate::history::EventKey;
use crate::outcome::Outcome;
use crate::seq::Seq;

/// What a handler of a [projection](macro@crate::projection) can learn about an event besides its payload.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo<'a> {
    pub(super) key: EventKey,
    pub(super) time: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) metadata: &'a Metadata,
}

impl<'a> EventInfo<'a> {
    /// The identity of the event among all images and their copies.
    pub fn key(&self) -> EventKey {
        self.key
    }

    /// The seq of the event.
    pub fn seq(&self) -> Seq {
        self.key.seq
    }

    /// The number of this part if upcasters converted the event to several events; 0 otherwise.
    pub fn part(&self) -> u32 {
        self.key.part
    }

    /// The recorded time.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether the command's body returned an error when it was executed.
    ///
    /// This recorded outcome also selects the handler. If an earlier event became void later, a replay of the model may give another
    /// outcome: see [`VoidDryRun::outcomes`](crate::admin::VoidDryRun::outcomes). A projection may then differ from the model.
    pub fn is_rejected(&self) -> bool {
        self.outcome == Outcome::Rejected
    }

    /// The metadata of the command: who ran it, and why.
    pub fn metadata(&self) -> &'a Metadata {
        self.metadata
    }
}
