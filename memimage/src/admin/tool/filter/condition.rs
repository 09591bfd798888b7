//! The parts of a condition.

use std::cmp::Ordering;
use std::fmt;

use crate::context::Timestamp;

/// A condition on an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The value at a path is `true`.
    Holds(Path),
    Compare(Operand, Comparison, Operand),
    /// The event's time, on the left, is compared with this time.
    Time(Comparison, Timestamp),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Literal(Literal),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// Absent, or an option without a value.
    None,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The text on the left contains the text on the right.
    Contains,
}

impl Comparison {
    /// The comparison with its sides exchanged. `Contains` has no such comparison, and stays.
    pub(super) fn reversed(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            Comparison::Equal | Comparison::NotEqual | Comparison::Contains => self,
        }
    }

    /// Whether two values with this order fulfil the comparison; `None` for values that cannot be compared.
    pub(super) fn accepts(self, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Comparison::Contains => false,
        }
    }
}

/// The way to a part of an event, such as `payload.lines[0].price`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) steps: Vec<Step>,
}

/// The part of an event with which a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Seq,
    Time,
    Name,
    Version,
    Rejected,
    Void,
    Actor,
    Metadata,
    Payload,
}

impl Root {
    pub(crate) const ALL: [(&'static str, Root); 9] = [
        ("seq", Root::Seq),
        ("time", Root::Time),
        ("name", Root::Name),
        ("version", Root::Version),
        ("rejected", Root::Rejected),
        ("void", Root::Void),
        ("actor", Root::Actor),
        ("metadata", Root::Metadata),
        ("payload", Root::Payload),
    ];

    fn name(self) -> &'static str {
        Root::ALL.iter().find(|(_, root)| *root == self).map_or("", |(name, _)| name)
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A field, an entry of a map with this text as its key, or a variant of an enum.
    Name(String),
    /// A position in a list, or an entry of a map with this number as its key.
    Position(i128),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.name())?;
        for step in &self.steps {
            match step {
                Step::Name(name) if is_word(name) => write!(f, ".{name}")?,
                Step::Name(name) => write!(f, "[{name:?}]")?,
                Step::Position(position) => write!(f, "[{position}]")?,
            }
        }
        Ok(())
    }
}

/// Whether a name can stand in a path without quotes.
fn is_word(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|next| next.is_alphanumeric() || next == '_')
}
