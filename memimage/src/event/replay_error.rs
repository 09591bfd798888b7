//! Why an event cannot be replayed.

use super::recorded::UpcastError;
use crate::digest::DigestError;
use crate::outcome::Outcome;
use crate::value::ValueError;

/// Why an event cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The bytes are no value of the type.
    #[error("it does not decode: {0}")]
    Decode(#[from] postcard::Error),
    /// Bytes were left over.
    #[error("{0} bytes are left over after its last field")]
    Remainder(usize),
    /// The journal's shape does not fit the bytes, so they cannot be read as values.
    #[error("it cannot be read as values: {0}")]
    Value(ValueError),
    /// What a step on values gave is not of the next version's shape.
    #[error("a step on values gave what the next version is not: {0}")]
    Shape(ValueError),
    /// What came of it is nested deeper than any reader of a journal goes.
    #[error("what its upcasters made of it cannot be recorded: {0}")]
    Deep(DigestError),
    /// An upcaster failed.
    #[error("an upcaster failed: {0}")]
    Upcast(UpcastError),
    /// Upcasters lead from one to the other and back.
    #[error("its upcasters go round in a circle: {0} steps, and no end")]
    Circle(u32),
    /// The body did not do again what it did.
    #[error("it was {was} when it was recorded and is {now} now", was = word(*.was), now = word(*.now))]
    Outcome {
        /// What became of it.
        was: Outcome,
        /// What would become of it.
        now: Outcome,
    },
}

/// What to do about a body that does not do again what it did.
const MEND_BODY: &str = "a body must do on replay what it did when it was recorded, so restore the old body, or give the \
                         new one a new version";

impl ReplayError {
    /// What to do about it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            ReplayError::Outcome { .. } => MEND_BODY,
            ReplayError::Decode(_) | ReplayError::Remainder(_) | ReplayError::Value(_) => {
                "its bytes are as they were written, so mend the `Deserialize`, or the past type, that cannot read them"
            }
            ReplayError::Shape(_) | ReplayError::Upcast(_) | ReplayError::Circle(_) | ReplayError::Deep(_) => {
                "mend the upcaster, and open the image again"
            }
        }
    }

    /// What to do about a panic, of which nobody knows whose it was.
    pub(crate) fn help_for_panic(is_past: bool) -> &'static str {
        match is_past {
            true => "mend the upcaster, or the body, that panicked",
            false => MEND_BODY,
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Rejected => "rejected",
    }
}
