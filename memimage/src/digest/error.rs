//! Why a value has no digest.

use std::fmt::{self, Display};

/// Why a value has no digest: it does not serialize, or not as its shape says.
#[derive(Debug)]
pub struct DigestError {
    /// Boxed, for it travels through every level of a value, and so does success.
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Innermost first: each level adds its own on the way out.
    path: Vec<Step>,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Mismatch { expected: String, written: String },
    Custom(String),
}

/// One step of the path from the value to the part that failed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Field(&'static str),
    Position(usize),
    Variant(&'static str),
    Some,
    Index(usize),
    Item,
    Key,
    Value,
}

impl DigestError {
    #[cold]
    pub(super) fn mismatch(expected: impl Into<String>, written: impl Into<String>) -> DigestError {
        DigestError::new(Fault::Mismatch { expected: expected.into(), written: written.into() })
    }

    fn new(fault: Fault) -> DigestError {
        DigestError { inner: Box::new(Inner { path: Vec::new(), fault }) }
    }

    #[cold]
    pub(super) fn at(mut self, step: Step) -> DigestError {
        self.inner.path.push(step);
        self
    }

    #[cold]
    pub(super) fn in_variant(self, name: Option<&'static str>) -> DigestError {
        match name {
            Some(name) => self.at(Step::Variant(name)),
            None => self,
        }
    }

    /// Whether the type's `Serialize` and its `Shape` contradict each other, which is a mistake in one of them; otherwise
    /// this value refused to serialize.
    pub fn is_mismatch(&self) -> bool {
        matches!(self.inner.fault, Fault::Mismatch { .. })
    }

    /// Which part of the value failed, such as `accounts[value].0`; empty for the value itself.
    pub fn path(&self) -> String {
        let path: String = self.inner.path.iter().rev().map(Step::to_string).collect();
        path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
    }
}

impl Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        match &self.inner.fault {
            Fault::Mismatch { expected, written } => {
                write!(f, "its shape is {expected}, but it serializes as {written}")
            }
            Fault::Custom(message) => write!(f, "it does not serialize: {message}"),
        }
    }
}

impl std::error::Error for DigestError {}

impl serde::ser::Error for DigestError {
    #[cold]
    fn custom<T: Display>(message: T) -> DigestError {
        DigestError::new(Fault::Custom(message.to_string()))
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
            Step::Item => f.write_str("[]"),
            Step::Key => f.write_str("[key]"),
            Step::Value => f.write_str("[value]"),
        }
    }
}
