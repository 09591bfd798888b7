//! What is recorded of an event besides its payload, and goes with it through its upcasters.

use crate::context::{Metadata, Timestamp};
use crate::outcome::Outcome;
use crate::seq::Seq;

/// What an upcaster may know of an event besides its payload: all that was recorded, and nothing of the model.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub(crate) seq: Seq,
    pub(crate) time: Timestamp,
    pub(crate) metadata: &'a Metadata,
    pub(crate) outcome: Outcome,
}

impl<'a> Recorded<'a> {
    /// The number under which the event was first recorded. For a state: the last event in it.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// When it was recorded.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Who ran the command and why.
    pub fn metadata(&self) -> &'a Metadata {
        self.metadata
    }

    /// Whether the command's fallible body refused it. What it is upcast to must be refused too, or nothing.
    pub fn is_rejected(&self) -> bool {
        self.outcome == Outcome::Rejected
    }
}

/// Why an upcaster cannot take a payload further. Any error will do, and so will a text.
pub type UpcastError = Box<dyn std::error::Error + Send + Sync>;

/// What is on its way through a chain of upcasters.
#[derive(Clone, Copy, Debug)]
pub struct Upcasting<'a> {
    pub(crate) recorded: &'a Recorded<'a>,
    /// Which of the event's parts it is.
    pub(crate) part: u32,
    /// How many steps it has taken.
    pub(crate) steps: u32,
}

impl Upcasting<'_> {
    /// The part of this number, of several that this became.
    ///
    /// A function of the way that led here and of nothing else, so that a journal rewritten halfway draws the same: the
    /// parts of an event are 1, 2, 3 …, parts of parts are numbers beyond.
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
