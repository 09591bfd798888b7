//! The data that the journal records for an event besides the payload, for the event's upcasters.

use crate::context::{Metadata, Timestamp};
use crate::outcome::Outcome;
use crate::seq::Seq;

/// The data that the journal records for an event besides the payload. An upcaster can read these data, but not the model.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub(crate) seq: Seq,
    pub(crate) time: Timestamp,
    pub(crate) metadata: &'a Metadata,
    pub(crate) outcome: Outcome,
}

impl<'a> Recorded<'a> {
    /// The seq under which the event was first recorded; if the upcaster converts a state, the seq of the last event in that
    /// state.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The time at which the event was recorded.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The metadata of the command: who ran it and why.
    pub fn metadata(&self) -> &'a Metadata {
        self.metadata
    }

    /// Whether the event's command was rejected by its fallible body. For a rejected event, the upcaster must return a payload
    /// that is rejected on replay too, or no event.
    pub fn is_rejected(&self) -> bool {
        self.outcome == Outcome::Rejected
    }
}

/// The error of an upcaster: any error, or a text.
pub type UpcastError = Box<dyn std::error::Error + Send + Sync>;

/// The position of a payload in a chain of upcasters.
#[derive(Clone, Copy, Debug)]
pub struct Upcasting<'a> {
    pub(crate) recorded: &'a Recorded<'a>,
    /// The part number of the payload; 0 if no upcaster has split the event.
    pub(crate) part: u32,
    /// The number of upcasters that have run.
    pub(crate) steps: u32,
}

impl Upcasting<'_> {
    /// The position of part `number`, counted from 0, after an upcaster returned several parts.
    ///
    /// The new part number depends only on `number` and on the part number of this position, so the parts still draw the same
    /// random values after the journal is rewritten. The parts of an event have the numbers 1, 2, 3 …; the parts of a part have
    /// numbers from 2³¹ on.
    pub(super) fn part(self, number: usize) -> Self {
        let number = number as u32 + 1;
        let part = match self.part {
            0 => number,
            part => {
                let mixed = (u64::from(part) << 32 | u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                1 << 31 | (mixed >> 33) as u32
            }
        };
        Upcasting { part, ..self }
    }
}
