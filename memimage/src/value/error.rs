//! The error for a value that cannot be decoded, edited or encoded.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::sync::Arc;

use super::Value;
use super::position::{MAX_DEPTH, MAX_EMPTY};
use crate::shape::node::Node;

/// The maximum length in bytes of a shape or a list of names in a message.
const MAX_TEXT: usize = 160;

/// The number of steps shown at each end of a long path.
const MAX_STEPS: usize = 10;

/// The error for an invalid [`Value`], and for bytes or JSON that cannot be converted to a [`Value`].
///
/// `Display` begins with the path: `account.0: expected u32, found a string`. In a path, `.name` or `.0` stands for a field,
/// `::Name` for a variant, and `?` for the value of an option. `[3]` stands for an item of a list, set or array, and `[key 3]`
/// or `[value 3]` for the key or the value of an entry of a map; items and entries are counted from 0.
#[derive(Clone)]
pub struct ValueError {
    /// Boxed to keep each `Result` small, because decoding returns a `Result` for every level of a value, also on success.
    inner: Box<ValueErrorInner>,
}

#[derive(Clone)]
struct ValueErrorInner {
    /// The steps of the path, innermost first: each level adds its step as the error passes through the level.
    path: Vec<ValuePathStep>,
    kind: ValueErrorKind,
}

/// One step of the path from the root value to the invalid part.
#[derive(Clone)]
pub(super) enum ValuePathStep {
    Field(Arc<str>),
    Position(usize),
    Variant(Arc<str>),
    Some,
    Index(usize),
    Key(usize),
    Value(usize),
}

#[derive(Clone, thiserror::Error)]
pub(super) enum ValueErrorKind {
    #[error("expected {expected}, found {found}")]
    Mismatch { expected: String, found: String },
    #[error("{number} is out of range for {expected}")]
    OutOfRange { number: String, expected: String },
    #[error("{number} cannot be represented exactly as {expected}")]
    Inexact { number: String, expected: String },
    #[error("expected {expected} items, found {found}")]
    Length { expected: u64, found: usize },
    #[error("there is no field `{name}`; {}", list_fields(.fields))]
    NoField { name: String, fields: String },
    #[error("the shape has no field `{name}`; its fields are {shape}")]
    ExtraField { name: String, shape: String },
    #[error("the field `{name}` already exists")]
    FieldExists { name: String },
    #[error("the shape has no variant `{name}`; its variants are {shape}")]
    NoVariant { name: String, shape: String },
    #[error("variant index {number} is out of range: the shape has {variants} variants")]
    VariantNumber { number: u32, variants: usize },
    #[error("the bytes end within the value")]
    Truncated,
    #[error("{0} bytes follow the value")]
    Remainder(usize),
    #[error("a number has more than {0} bits")]
    LongNumber(u32),
    #[error("byte {0:#04x} is neither 0 nor 1")]
    NotZeroOrOne(u8),
    #[error("the bytes are not valid UTF-8")]
    NotUtf8,
    #[error("the bytes are not exactly one character")]
    NotChar,
    #[error("the value is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("the value has more than {MAX_EMPTY} parts that take up no bytes")]
    TooMany,
    #[error("the type `{0}` is opaque and more bytes follow it: only the program knows where its value ends")]
    Opaque(String),
    #[error("the enum has two variants `{0}`, which a value cannot distinguish")]
    DuplicateVariant(String),
    #[cfg(feature = "json")]
    #[error("the key {0:?} occurs twice")]
    DuplicateKey(String),
    #[cfg(feature = "json")]
    #[error("expected {expected}, found {found:?}")]
    Text { expected: &'static str, found: String },
    #[cfg(feature = "json")]
    #[error("invalid JSON: {0}")]
    Json(String),
    #[error("{0}")]
    Custom(String),
}

fn list_fields(fields: &str) -> String {
    if fields.is_empty() { "the struct has no fields".to_owned() } else { format!("the fields are {fields}") }
}

impl ValueError {
    /// Creates an error for an upcaster whose input has the right shape, but is meaningless or cannot be converted.
    pub fn custom(message: impl Display) -> ValueError {
        ValueError::new(ValueErrorKind::Custom(message.to_string()))
    }

    /// Extends the path outward: the invalid part is inside the field `field`.
    #[must_use]
    pub fn within(self, field: impl Into<Arc<str>>) -> ValueError {
        self.at(ValuePathStep::Field(field.into()))
    }

    /// The path to the invalid part, such as `account.0` or `lines[3].price`; empty if the invalid part is the whole value. A
    /// long path is shortened in the middle.
    pub fn path(&self) -> String {
        let steps = |steps: &[ValuePathStep]| steps.iter().rev().map(ValuePathStep::to_string).collect::<String>();
        let path = match &self.inner.path[..] {
            long if long.len() > 2 * MAX_STEPS => {
                format!("{}…{}", steps(&long[long.len() - MAX_STEPS..]), steps(&long[..MAX_STEPS]))
            }
            path => steps(path),
        };
        path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
    }

    /// Whether the value is nested deeper than the limit.
    pub(crate) fn is_too_deep(&self) -> bool {
        matches!(self.inner.kind, ValueErrorKind::TooDeep)
    }

    /// Whether the cause is an opaque type that only the program can decode. An error with this cause does not show that the
    /// bytes are invalid.
    #[cold]
    pub(crate) fn is_opaque(&self) -> bool {
        matches!(self.inner.kind, ValueErrorKind::Opaque(_))
    }

    pub(super) fn new(kind: ValueErrorKind) -> ValueError {
        ValueError { inner: Box::new(ValueErrorInner { path: Vec::new(), kind }) }
    }

    /// The error for a value `found` that does not have the shape `node`.
    #[cold]
    pub(super) fn mismatch(node: &Node, found: &Value) -> ValueError {
        ValueError::unexpected(shorten(node.to_string()), found)
    }

    #[cold]
    pub(super) fn unexpected(expected: impl Into<String>, found: &Value) -> ValueError {
        ValueError::new(ValueErrorKind::Mismatch { expected: expected.into(), found: found.describe() })
    }

    #[cold]
    pub(super) fn no_field<'a>(name: &str, fields: impl Iterator<Item = &'a str>) -> ValueError {
        ValueError::new(ValueErrorKind::NoField { name: name.to_owned(), fields: names(fields) })
    }

    #[cold]
    pub(super) fn at(mut self, step: ValuePathStep) -> ValueError {
        self.inner.path.push(step);
        self
    }
}

/// Joins names, up to the maximum length of a list in a message.
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

/// Truncates a text for a message.
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
        self.inner.kind.fmt(f)
    }
}

/// Shows the same text as `Display`, so that `unwrap` in tests panics with a readable message.
impl fmt::Debug for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueError({self})")
    }
}

impl fmt::Debug for ValueErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl std::error::Error for ValueError {}

/// Lets `?` convert the error of a conversion that cannot fail.
impl From<Infallible> for ValueError {
    fn from(never: Infallible) -> ValueError {
        match never {}
    }
}

impl Display for ValuePathStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValuePathStep::Field(name) => write!(f, ".{name}"),
            ValuePathStep::Position(position) => write!(f, ".{position}"),
            ValuePathStep::Variant(name) => write!(f, "::{name}"),
            ValuePathStep::Some => f.write_str("?"),
            ValuePathStep::Index(index) => write!(f, "[{index}]"),
            ValuePathStep::Key(entry) => write!(f, "[key {entry}]"),
            ValuePathStep::Value(entry) => write!(f, "[value {entry}]"),
        }
    }
}
