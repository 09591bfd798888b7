//! Conditions on events: `payload.account == 7 && !rejected`.
//!
//! A condition compares *paths* into an event with literals or with other paths. [`grammar`] parses it, [`evaluation`] decides whether an event
//! fulfils it.

// each module uses only the modules above it
mod condition;
mod grammar;
mod subject;
mod evaluation;
mod mismatch;

pub(crate) use condition::Condition;
pub(crate) use mismatch::Mismatches;
pub(crate) use subject::Subject;

use crate::admin::tool::syntax::SyntaxError;

impl std::str::FromStr for Condition {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Condition, SyntaxError> {
        grammar::parse(text)
    }
}

#[cfg(test)]
mod tests;
