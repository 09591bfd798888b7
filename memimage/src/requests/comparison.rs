//! The comparison of a command with the request that has the same key.

use super::entry::Entry;
use super::log::StoredKind;
use crate::event::RequestKind;
use crate::outcome::Outcome;

/// The comparison of a command with the request that has the same key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SameKey<'a> {
    /// The command repeats the request, and this is the encoded answer.
    Answer(&'a [u8]),
    /// The command repeats the request, as far as the table can tell, but the table does not have the answer.
    NoAnswer { why: &'static str, help: &'static str },
    /// The request was another one. The text describes the difference.
    Other(String),
}

/// Compares a request with a command of a kind that has these arguments. The request's kind is `None` if no single command has its
/// answer. `is_recorded` tells whether the program still records an event with a name and a version: if not, an upcaster may convert it
/// to the command.
pub(super) fn compare<'a>(
    (first, entry): (Option<&StoredKind>, Entry<'a>),
    (kind, arguments): (RequestKind, u64),
    is_recorded: impl Fn(&str, u32) -> bool,
) -> SameKey<'a> {
    let Some(first) = first else {
        let why = "the event became void, was replaced on a branch, was upcast to several events, to a list or to none, or was forgotten by \
                   an opening with a smaller `remember`";
        return SameKey::NoAnswer { why, help: "" };
    };
    if first.name != kind.name && !is_recorded(&first.name, first.version) {
        let why = "the command had another name when it was executed";
        return SameKey::NoAnswer { why, help: "" };
    }
    if first.name != kind.name {
        return SameKey::Other(format!("it was the command `{}`, and this is `{}`", first.name, kind.name));
    }
    if first.version != kind.version {
        let why = "the command had another version when it was executed";
        return SameKey::NoAnswer { why, help: "" };
    }
    if entry.arguments != arguments {
        return SameKey::Other(format!("the command `{}` had other arguments", first.name));
    }
    let is_of_same_shape = match entry.outcome {
        Outcome::Applied => first.output == (kind.output)(),
        Outcome::Rejected => first.refusal == (kind.refusal)(),
    };
    match entry.answer {
        Some(answer) if is_of_same_shape => SameKey::Answer(answer),
        Some(_) => SameKey::NoAnswer { why: "the type of the answer has changed", help: "" },
        None => SameKey::NoAnswer {
            why: "an image remembers no answer of more than 64 KiB, and none of a type without `Serialize`, `Deserialize` or `Shape`",
            help: ", or derive these traits for the type of the answer",
        },
    }
}
