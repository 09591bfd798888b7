//! Why a value could not be read, edited or written.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::sync::Arc;

use super::Value;
use super::walk::{MAX_DEPTH, MAX_EMPTY};
use crate::shape::node::Node;

/// The longest shape or list of names that a message shows, in bytes.
const MAX_TEXT: usize = 160;

/// The most steps of a path that are shown at each end of it.
const MAX_STEPS: usize = 10;

/// What is wrong with a [`Value`], or with bytes or JSON that should become one, and where in it.
///
/// `Display` begins with the place: `account.0: u32 is expected, a string is found`. In a path, `.name` and `.0` are
/// fields, `::Name` a variant, `?` the value of an option, `[3]` an item of a list, set or array, `[key 3]` and
/// `[value 3]` those of a map's entry, counted from 0.
#[derive(Clone)]
pub struct ValueError {
    /// Boxed, for it travels through every level of a value, and so does success.
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    /// Innermost first: each level adds its own on the way out.
    path: Vec<Step>,
    fault: Fault,
}

/// One step of the path from the whole value to the part that is wrong.
#[derive(Clone)]
pub(super) enum Step {
    Field(Arc<str>),
    Position(usize),
    Variant(Arc<str>),
    Some,
    Index(usize),
    Key(usize),
    Value(usize),
}

#[derive(Clone, thiserror::Error)]
pub(super) enum Fault {
    #[error("{expected} is expected, {found} is found")]
    Mismatch { expected: String, found: String },
    #[error("{number} is out of the range of {expected}")]
    OutOfRange { number: String, expected: String },
    #[error("{number} is no {expected} without rounding")]
    Inexact { number: String, expected: String },
    #[error("{expected} items are expected, {found} are found")]
    Length { expected: u64, found: usize },
    #[error("there is no field `{name}`; {}", having(.fields))]
    NoField { name: String, fields: String },
    #[error("the field `{name}` is not in the shape, which has {shape}")]
    ExtraField { name: String, shape: String },
    #[error("there is a field `{name}` already")]
    FieldExists { name: String },
    #[error("there is no variant `{name}`; the shape has {shape}")]
    NoVariant { name: String, shape: String },
    #[error("the variant's number is {number}, and the shape has {variants} variants")]
    VariantNumber { number: u32, variants: usize },
    #[error("the bytes end before it does")]
    Truncated,
    #[error("{0} bytes are left over after it")]
    Remainder(usize),
    #[error("a number has more than {0} bits")]
    LongNumber(u32),
    #[error("byte {0:#04x} is neither 0 nor 1")]
    NotZeroOrOne(u8),
    #[error("its bytes are no UTF-8")]
    NotUtf8,
    #[error("its bytes are not one character")]
    NotChar,
    #[error("it is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("it has more than {MAX_EMPTY} parts that take up no bytes")]
    TooMany,
    #[error(
        "the type `{0}` is known to the program only, and more follows it: where it begins is known, where it ends is not"
    )]
    Opaque(String),
    #[error("an earlier variant is called `{0}` too, so the two cannot be told apart by name")]
    VariantTwice(String),
    #[cfg(feature = "json")]
    #[error("the key {0:?} comes twice")]
    KeyTwice(String),
    #[cfg(feature = "json")]
    #[error("{expected} is expected, {found:?} is found")]
    Text { expected: &'static str, found: String },
    #[cfg(feature = "json")]
    #[error("it is no JSON: {0}")]
    Json(String),
    #[error("{0}")]
    Custom(String),
}

fn having(fields: &str) -> String {
    if fields.is_empty() { "there are no fields at all".to_owned() } else { format!("the fields are {fields}") }
}

impl ValueError {
    /// An error of an upcaster's own: the value is of the right shape, but makes no sense, or cannot become the next.
    pub fn custom(message: impl Display) -> ValueError {
        ValueError::new(Fault::Custom(message.to_string()))
    }

    /// The same error, met in the field of that name.
    #[must_use]
    pub fn within(self, field: impl Into<Arc<str>>) -> ValueError {
        self.at(Step::Field(field.into()))
    }

    /// Which part of the value is wrong, such as `account.0` or `lines[3].price`; empty for the value itself. The middle of
    /// a long path is left out.
    pub fn path(&self) -> String {
        let steps = |steps: &[Step]| steps.iter().rev().map(Step::to_string).collect::<String>();
        let path = match &self.inner.path[..] {
            long if long.len() > 2 * MAX_STEPS => {
                format!("{}…{}", steps(&long[long.len() - MAX_STEPS..]), steps(&long[..MAX_STEPS]))
            }
            path => steps(path),
        };
        path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
    }

    /// Whether it goes deeper than values do.
    pub(crate) fn is_too_deep(&self) -> bool {
        matches!(self.inner.fault, Fault::TooDeep)
    }

    #[cold]
    /// Whether the shape does not tell enough to read the bytes, which may be right all the same.
    pub(crate) fn is_opaque(&self) -> bool {
        matches!(self.inner.fault, Fault::Opaque(_))
    }

    pub(super) fn new(fault: Fault) -> ValueError {
        ValueError { inner: Box::new(Inner { path: Vec::new(), fault }) }
    }

    /// Where `node` is expected, `found` is not one.
    #[cold]
    pub(super) fn mismatch(node: &Node, found: &Value) -> ValueError {
        ValueError::unexpected(shorten(node.to_string()), found)
    }

    #[cold]
    pub(super) fn unexpected(expected: impl Into<String>, found: &Value) -> ValueError {
        ValueError::new(Fault::Mismatch { expected: expected.into(), found: found.describe() })
    }

    #[cold]
    pub(super) fn no_field<'a>(name: &str, fields: impl Iterator<Item = &'a str>) -> ValueError {
        ValueError::new(Fault::NoField { name: name.to_owned(), fields: names(fields) })
    }

    #[cold]
    pub(super) fn at(mut self, step: Step) -> ValueError {
        self.inner.path.push(step);
        self
    }
}

/// Names in one line.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        let comma = if text.is_empty() { "" } else { ", " };
        text = text + comma + name;
        if text.len() > MAX_TEXT {
            break;
        }
    }
    shorten(text)
}

/// Not more of a text than a message should show.
pub(super) fn shorten(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

impl Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        self.inner.fault.fmt(f)
    }
}

/// As `Display`: a test that unwraps shows the sentence.
impl fmt::Debug for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueError({self})")
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl std::error::Error for ValueError {}

/// A value taken as it is cannot be of the wrong type.
impl From<Infallible> for ValueError {
    fn from(never: Infallible) -> ValueError {
        match never {}
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Position(position) => write!(f, ".{position}"),
            Step::Variant(name) => write!(f, "::{name}"),
            Step::Some => f.write_str("?"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(entry) => write!(f, "[key {entry}]"),
            Step::Value(entry) => write!(f, "[value {entry}]"),
        }
    }
}
