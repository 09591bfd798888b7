//! Conditions on events: `payload.account == 7 && !rejected`.
//!
//! A condition compares *paths* into an event with literals or with other paths. [`grammar`] parses it, [`evaluation`] decides whether an event
//! fulfils it.

// each module uses only the modules above it
mod condition;
mod grammar;
mod subject;
mod evaluation;

use std::fmt;

pub(crate) use condition::Condition;
pub(crate) use subject::Subject;

/// A condition that does not parse. `Display` shows the place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConditionError {
    text: String,
    /// The number of characters before the place.
    column: usize,
    expected: String,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConditionError { text, column, expected } = self;
        writeln!(f, "expected {expected}")?;
        writeln!(f, "  {text}")?;
        write!(f, "  {:column$}^", "")
    }
}

impl std::error::Error for ConditionError {}

impl std::str::FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Condition, ConditionError> {
        grammar::parse(text)
    }
}

#[cfg(test)]
mod tests;
