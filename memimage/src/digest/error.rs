//! The error for a value whose digest cannot be computed.

use std::fmt::{self, Display};

use crate::shape::Variant;

/// The number of steps shown at each end of a long path.
const MAX_STEPS: usize = 10;

/// A digest could not be computed: the value's `Serialize` failed or contradicts its shape, or the value is nested too deep.
#[derive(Debug)]
pub struct DigestError {
    /// Boxed to keep results small: each level of a value returns a `Result`, also on success.
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The path to the part that failed, innermost step first: each level adds its step as the error passes through the level.
    path: Vec<DigestPathStep>,
    kind: DigestErrorKind,
}

#[derive(Debug)]
enum DigestErrorKind {
    /// The output of the value's `Serialize` does not match the shape.
    Mismatch {
        expected: String,
        written: String,
    },
    /// The calls that the value's `Serialize` makes contradict one another.
    Contradiction(String),
    Custom(String),
    TooDeep,
}

/// One step of the path from the value to the part that failed.
#[derive(Clone, Copy, Debug)]
pub(super) enum DigestPathStep {
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
        DigestError::new(DigestErrorKind::Mismatch { expected: expected.into(), written: written.into() })
    }

    #[cold]
    pub(super) fn contradiction(written: impl Into<String>) -> DigestError {
        DigestError::new(DigestErrorKind::Contradiction(written.into()))
    }

    #[cold]
    pub(super) fn too_deep() -> DigestError {
        DigestError::new(DigestErrorKind::TooDeep)
    }

    fn new(kind: DigestErrorKind) -> DigestError {
        DigestError { inner: Box::new(Inner { path: Vec::new(), kind }) }
    }

    #[cold]
    pub(super) fn at(mut self, step: DigestPathStep) -> DigestError {
        self.inner.path.push(step);
        self
    }

    #[cold]
    pub(super) fn within_variant(self, variant: Option<&'static Variant>) -> DigestError {
        match variant {
            Some(variant) => self.at(DigestPathStep::Variant(variant.name)),
            None => self,
        }
    }

    /// Whether the type's `Serialize` contradicts its `Shape` or itself, which is a bug in the program. False means that the
    /// value's `Serialize` returned an error, or that the value is nested too deep.
    pub fn is_mismatch(&self) -> bool {
        matches!(self.inner.kind, DigestErrorKind::Mismatch { .. } | DigestErrorKind::Contradiction(_))
    }

    /// Whether the value is nested deeper than the limit.
    pub(crate) fn is_too_deep(&self) -> bool {
        matches!(self.inner.kind, DigestErrorKind::TooDeep)
    }

    /// The path to the part of the value that failed, such as `accounts[value].0`; empty for the value itself. A long path is
    /// shortened in the middle.
    pub fn path(&self) -> String {
        shortened_path(self.inner.path.iter().rev())
    }
}

/// Joins the steps of a path. A long path is shortened in the middle.
pub(super) fn shortened_path<S: Display>(steps: impl ExactSizeIterator<Item = S>) -> String {
    let (length, mut path) = (steps.len(), String::new());
    for (at, step) in steps.enumerate() {
        if length <= 2 * MAX_STEPS || at < MAX_STEPS || at >= length - MAX_STEPS {
            path.push_str(&step.to_string());
        } else if at == MAX_STEPS {
            path.push('…');
        }
    }
    path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
}

/// Joins the steps of a path.
pub(super) fn whole_path<S: Display>(steps: impl Iterator<Item = S>) -> String {
    let path: String = steps.map(|step| step.to_string()).collect();
    path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
}

impl Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        match &self.inner.kind {
            DigestErrorKind::Mismatch { expected, written } => {
                write!(f, "its shape has {expected}, but its Serialize wrote {written}")
            }
            DigestErrorKind::Contradiction(written) => write!(f, "its Serialize wrote {written}"),
            DigestErrorKind::Custom(message) => write!(f, "its Serialize failed: {message}"),
            DigestErrorKind::TooDeep => f.write_str("it is nested too deep"),
        }
    }
}

impl std::error::Error for DigestError {}

impl serde::ser::Error for DigestError {
    #[cold]
    fn custom<T: Display>(message: T) -> DigestError {
        DigestError::new(DigestErrorKind::Custom(message.to_string()))
    }
}

impl Display for DigestPathStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DigestPathStep::Field(name) => write!(f, ".{name}"),
            DigestPathStep::Position(position) => write!(f, ".{position}"),
            DigestPathStep::Variant(name) => write!(f, "::{name}"),
            DigestPathStep::Some => f.write_str("?"),
            DigestPathStep::Index(index) => write!(f, "[{index}]"),
            DigestPathStep::Item => f.write_str("[]"),
            DigestPathStep::Key => f.write_str("[key]"),
            DigestPathStep::Value => f.write_str("[value]"),
        }
    }
}
