//! Why a value has no digest.

use std::fmt::{self, Display};

use crate::shape::Variant;

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
    /// The calls of `Serialize` are not those that the shape leads to.
    Mismatch {
        expected: String,
        written: String,
    },
    /// They are not even in keeping with one another.
    Contradiction(String),
    Custom(String),
    TooDeep,
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

    #[cold]
    pub(super) fn contradiction(written: impl Into<String>) -> DigestError {
        DigestError::new(Fault::Contradiction(written.into()))
    }

    #[cold]
    pub(super) fn too_deep() -> DigestError {
        DigestError::new(Fault::TooDeep)
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
    pub(super) fn in_variant(self, variant: Option<&'static Variant>) -> DigestError {
        match variant {
            Some(variant) => self.at(Step::Variant(variant.name)),
            None => self,
        }
    }

    /// Whether the type's `Serialize` contradicts its `Shape` or itself, which is a mistake in the program; otherwise this
    /// value refused to serialize.
    pub fn is_mismatch(&self) -> bool {
        matches!(self.inner.fault, Fault::Mismatch { .. } | Fault::Contradiction(_))
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
                write!(f, "its shape has {expected}, its Serialize wrote {written}")
            }
            Fault::Contradiction(written) => write!(f, "its Serialize wrote {written}"),
            Fault::Custom(message) => write!(f, "it does not serialize: {message}"),
            Fault::TooDeep => f.write_str("it is nested too deep"),
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
