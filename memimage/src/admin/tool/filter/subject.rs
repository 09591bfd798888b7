//! The event on which a condition is evaluated.

use std::borrow::Cow;

use super::condition::{Path, Root, Step};
use crate::context::{Metadata, Timestamp};
use crate::history::LoggedEvent;
use crate::value::Value;

/// An event, as a condition sees it.
pub(crate) struct Subject<'a> {
    pub(crate) seq: u64,
    pub(crate) time: Timestamp,
    pub(crate) name: &'a str,
    pub(crate) version: u32,
    pub(crate) is_rejected: bool,
    pub(crate) is_void: bool,
    pub(crate) metadata: &'a Metadata,
    /// The recorded arguments; `None` if they cannot be decoded.
    pub(crate) payload: Option<&'a Value>,
}

impl<'a> Subject<'a> {
    /// The event, with its payload if it can be decoded.
    pub(crate) fn of(event: &'a LoggedEvent, payload: Option<&'a Value>) -> Subject<'a> {
        Subject {
            seq: event.seq().get(),
            time: event.time(),
            name: event.recorded().name(),
            version: event.recorded().version(),
            is_rejected: event.is_rejected(),
            is_void: event.is_void(),
            metadata: event.metadata(),
            payload,
        }
    }
}

impl Subject<'_> {
    /// The value at a path; `None` if there is none.
    pub(super) fn at(&self, path: &Path) -> Option<Cow<'_, Value>> {
        let text = |text: &str| Value::String(text.to_owned());
        let start = match path.root {
            Root::Payload => {
                return path.steps.iter().try_fold(self.payload?, |value, step| part(value, step)).map(Cow::Borrowed);
            }
            Root::Metadata => {
                let [Step::Name(key)] = &path.steps[..] else { return None };
                return self.metadata.get(key).map(text).map(Cow::Owned);
            }
            Root::Seq => Value::Unsigned(self.seq.into()),
            Root::Time => text(&self.time.to_string()),
            Root::Name => text(self.name),
            Root::Version => Value::Unsigned(self.version.into()),
            Root::Rejected => Value::Bool(self.is_rejected),
            Root::Void => Value::Bool(self.is_void),
            Root::Actor => text(self.metadata.get(Metadata::ACTOR)?),
        };
        path.steps.is_empty().then_some(Cow::Owned(start))
    }
}

/// The part of a value to which a step leads. Options that have a value are passed through.
fn part<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match (unwrapped(value), step) {
        (Value::Struct(fields), Step::Name(name)) => {
            fields.iter().find(|(field, _)| **field == **name).map(|(_, value)| value)
        }
        (Value::Variant(variant, value), Step::Name(name)) if **variant == **name => Some(value),
        // the fields of a variant, without its name
        (Value::Variant(_, value), step) => part(value, step),
        (Value::List(items), Step::Position(position)) => items.get(usize::try_from(*position).ok()?),
        (Value::Map(entries), step) => entries.iter().find(|(key, _)| is_key(key, step)).map(|(_, value)| value),
        _ => None,
    }
}

fn is_key(key: &Value, step: &Step) -> bool {
    match (key, step) {
        (Value::String(key), Step::Name(name)) => key == name,
        (Value::Char(key), Step::Name(name)) => name.chars().eq([*key]),
        (Value::Variant(key, _), Step::Name(name)) => **key == **name,
        (Value::Unsigned(key), Step::Position(position)) => u128::try_from(*position) == Ok(*key),
        (Value::Signed(key), Step::Position(position)) => key == position,
        _ => false,
    }
}

/// The value within options.
pub(super) fn unwrapped(mut value: &Value) -> &Value {
    while let Value::Option(Some(inner)) = value {
        value = inner;
    }
    value
}
