//! Formats counts and lists of events for messages.

use crate::seq::Seq;

/// A count with its noun, in the singular or plural.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Events, listed by their numbers.
pub(super) fn listed(seqs: &[Seq]) -> String {
    let numbers: Vec<String> = seqs.iter().map(Seq::to_string).collect();
    format!("{} {}", if seqs.len() == 1 { "event" } else { "events" }, numbers.join(", "))
}
