//! The differences between two states of an image.

use std::fmt;

use super::moment::Moment;
use super::past::Past;
use super::source::JournalSource;
use crate::digest::Transcript;
use crate::error::Error;
use crate::event::Model;
use crate::recovery::no_digest;
use crate::value::Value;
use crate::value::text::one_line;

/// A part of the model that differs between two states. [`Journal::diff`](crate::Journal::diff) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateDifference {
    /// The path to the part, such as `accounts[7]` or `rooms[3].guest?.name`; empty if the whole model differs.
    pub path: String,
    /// The part in the first state; `None` if only the second state has it.
    pub old: Option<Value>,
    /// The part in the second state; `None` if only the first state has it.
    pub new: Option<Value>,
}

impl fmt::Display for StateDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the whole model" } else { &self.path };
        let part = |part: &Option<Value>| part.as_ref().map_or_else(|| "absent".to_owned(), one_line);
        write!(f, "{path}: {} → {}", part(&self.old), part(&self.new))
    }
}

/// The differences between the states at two moments.
pub(super) fn diff<M: Model>(source: &JournalSource, old: Moment, new: Moment) -> Result<Vec<StateDifference>, Error> {
    let mut past = Past::<M>::at(source, old)?;
    let before = transcript(&past)?;
    past.seek(new)?;
    let differences = before.differences(&transcript(&past)?);
    Ok(differences.into_iter().map(|(path, [old, new])| StateDifference { path, old, new }).collect())
}

fn transcript<M: Model>(past: &Past<M>) -> Result<Transcript, Error> {
    Transcript::of::<M>(past).map_err(|error| no_digest::<M>(&error))
}
