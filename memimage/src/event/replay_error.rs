//! The error for an event that cannot be replayed.

use super::recorded::UpcastError;
use crate::digest::DigestError;
use crate::outcome::Outcome;
use crate::personal::take_failure;
use crate::value::ValueError;

/// The reason why an event cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The bytes are not a value of the type.
    #[error("its payload does not decode: {0}")]
    Decode(postcard::Error),
    /// Personal data in the payload cannot be read, for example because their key is unknown.
    #[error("{0}")]
    Personal(String),
    /// The value is nested deeper than the limit.
    #[error("it is nested more than {0} levels deep")]
    TooDeep(u32),
    /// Bytes follow the last field.
    #[error("its payload has {0} more bytes after the last field")]
    Remainder(usize),
    /// The bytes do not decode by the shape in the journal.
    #[error("its payload does not match its shape in the journal: {0}")]
    Value(ValueError),
    /// The result of an upcaster on values does not have the shape of the next version.
    #[error("an upcaster on values returned a value that does not have the shape of the next version: {0}")]
    Shape(ValueError),
    /// The result of the event's upcasters is nested deeper than the limit.
    #[error("its upcasters returned an event that cannot be recorded: {0}")]
    Deep(DigestError),
    /// An upcaster failed.
    #[error("an upcaster failed: {0}")]
    Upcast(UpcastError),
    /// The event's upcasters form a cycle.
    #[error("its upcasters form a cycle: after {0} steps, no current version was reached")]
    Cycle(u32),
    /// The outcome of the body differs from the recorded outcome.
    #[error("its recorded outcome is `{was}`, but on replay it was {now}", was = outcome_word(*.was), now = outcome_word(*.now))]
    Outcome {
        /// The recorded outcome.
        was: Outcome,
        /// The outcome on replay.
        now: Outcome,
    },
}

impl From<postcard::Error> for ReplayError {
    /// postcard drops the text of an error of personal data.
    fn from(error: postcard::Error) -> ReplayError {
        take_failure().map_or(ReplayError::Decode(error), ReplayError::Personal)
    }
}

/// The help for a body that behaves differently on replay.
const FIX_BODY: &str = "restore the old body, or give the new body a new version: on replay a body must do the same as when the event was recorded";

/// The help for an event of a past version whose outcome on replay differs from the recorded one.
const FIX_UPCAST_OUTCOME: &str = "an upcaster must lead to payloads with the recorded outcome: ask `Recorded::is_rejected`, and lead a rejected event \
     to a payload whose body rejects it, or to nothing";

impl ReplayError {
    /// The help in the error message. `is_past` is true if the event was recorded in a past version, so that upcasters convert
    /// its payload.
    pub(crate) fn help(&self, is_past: bool) -> &'static str {
        match self {
            ReplayError::Outcome { .. } if is_past => FIX_UPCAST_OUTCOME,
            ReplayError::Outcome { .. } => FIX_BODY,
            // the text of the error has its own help
            ReplayError::Personal(_) => "",
            ReplayError::Decode(_) | ReplayError::TooDeep(_) | ReplayError::Remainder(_) | ReplayError::Value(_) => {
                "correct the `Deserialize` or the past type, because the recorded bytes are intact"
            }
            ReplayError::Shape(_) | ReplayError::Upcast(_) | ReplayError::Cycle(_) | ReplayError::Deep(_) => {
                "correct the upcaster, then open the image again"
            }
        }
    }

    /// The help for a panic. If the event was recorded in a past version, the panic may come from an upcaster or from the body.
    pub(crate) fn help_for_panic(is_past: bool) -> &'static str {
        match is_past {
            true => "correct the upcaster or the body that panicked",
            false => FIX_BODY,
        }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Rejected => "rejected",
    }
}
