//! Rules that rewrite events without the program: `--rename-field deposit.cents=amount`.
//!
//! Every rule names events and fields as the journal declares them; no rule sees the result of another one. [`grammar`] parses the
//! rules. [`plan`] applies them to the declared shapes, and so finds each mistake before anything is written. A planned row then edits
//! the payloads of its event along both shapes. The modules do no I/O.

// each module uses only the modules above it
mod rule;
mod type_grammar;
mod grammar;
mod place;
mod empty;
mod value_edit;
mod shape_edit;
mod plan;

pub(super) use grammar::{parse_line, parse_rule};
pub(super) use plan::{PlannedRow, RewritePlan};
pub(super) use rule::{Rule, RuleKind};

#[cfg(test)]
mod tests;
