//! Follows a path into a value.

use serde::Serialize;

use super::capture::Capture;
use super::error::InspectError;
use super::key_match::WantedKey;
use super::kind::Kind;
use super::part::{Bounds, Part};
use super::path::Path;
use super::visitor::{Key, Scalar, Stop, Visitor};
use super::walk::visit;
use crate::digest::DigestPosition;
use crate::value::Value;

/// The maximum number of names in an error.
const MAX_NAMES: usize = 20;

/// Reads the part of a value at a path.
///
/// # Errors
///
/// Returns an error if there is nothing at the path, or if the value's `Serialize` fails.
pub fn inspect<T: Serialize + ?Sized>(value: &T, path: &Path, bounds: Bounds) -> Result<Part, InspectError> {
    let mut capture = Capture::new(bounds);
    locate(value, path, None, &mut capture)?;
    capture.finish().ok_or_else(|| InspectError::unserializable("it writes nothing".to_owned()))
}

/// Hands the part at the path to the visitor.
///
/// # Errors
///
/// Returns an error if there is no part at the path, or if the value's `Serialize` fails.
pub(super) fn locate<T: Serialize + ?Sized, V: Visitor>(
    value: &T,
    path: &Path,
    position: Option<DigestPosition<'_>>,
    target: &mut V,
) -> Result<(), InspectError> {
    let mut result = Located::Nowhere { at: 0, what: "the value writes nothing".to_owned() };
    let mut locate = Locate::new(path, 0, &mut result, target);
    visit(value, &mut locate, position).map_err(|stop| InspectError::unserializable(stop.to_string()))?;
    match result {
        Located::Found => Ok(()),
        Located::Nowhere { at, what } => Err(InspectError::not_found(path, at, what)),
    }
}

enum Located {
    Found,
    /// The part after the first `at` steps has no part for the next step.
    Nowhere {
        at: usize,
        what: String,
    },
}

/// Follows the path from one value.
struct Locate<'a, V> {
    path: &'a Path,
    /// The number of steps that led to the value.
    at: usize,
    result: &'a mut Located,
    target: &'a mut V,
    /// Whether the parts that follow belong to the target.
    is_open: bool,
    kind: Kind,
    /// The key that the next step names, in a map.
    key: Option<WantedKey<'a>>,
    /// The number of parts that were left out.
    seen: u64,
    /// The names of these parts, for the error.
    names: Vec<String>,
}

impl<'a, V> Locate<'a, V> {
    fn new(path: &'a Path, at: usize, result: &'a mut Located, target: &'a mut V) -> Locate<'a, V> {
        let (is_open, kind, key, seen, names) = (false, Kind::Scalar, None, 0, Vec::new());
        Locate { path, at, result, target, is_open, kind, key, seen, names }
    }

    /// The next step; `None` at the end of the path.
    fn step(&self) -> Option<&'a str> {
        self.path.steps().get(self.at).map(String::as_str)
    }

    /// The end of the path is reached: what follows belongs to the target.
    fn found(&mut self) {
        *self.result = Located::Found;
        self.is_open = true;
    }

    fn nowhere(&mut self, what: String) {
        *self.result = Located::Nowhere { at: self.at, what };
    }

    /// The value at the steps so far, for an error.
    fn place(&self) -> String {
        match self.at {
            0 => "the value".to_owned(),
            at => format!("`{}`", self.path.steps()[..at].iter().collect::<Path>()),
        }
    }
}

impl<V: Visitor> Visitor for Locate<'_, V> {
    fn variant(&mut self, enumeration: &'static str, variant: &'static str) -> Result<(), Stop> {
        match self.step() {
            None => {
                self.found();
                self.target.variant(enumeration, variant)
            }
            Some(step) if step == variant => {
                self.at += 1;
                Ok(())
            }
            Some(_) => {
                self.names.push(variant.to_owned());
                Ok(())
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stop> {
        if self.step().is_none() {
            self.found();
            return self.target.scalar(scalar);
        }
        let place = self.place();
        let what = match (&scalar, &self.names[..]) {
            (_, [.., variant]) => format!("{place} is {variant}"),
            (Scalar::Value(Value::Option(None)), _) => format!("{place} is none"),
            _ => format!("{place} has no parts"),
        };
        self.nowhere(what);
        Ok(())
    }

    fn begin(&mut self, kind: Kind, name: &'static str, len: Option<usize>) -> Result<(), Stop> {
        self.kind = kind;
        match self.step() {
            None => {
                self.found();
                self.target.begin(kind, name, len)
            }
            Some(step) => {
                self.key = (kind == Kind::Map).then(|| WantedKey::new(step));
                Ok(())
            }
        }
    }

    fn skip(&mut self, len: u64) -> u64 {
        if self.is_open {
            return self.target.skip(len);
        }
        if !matches!(self.kind, Kind::List | Kind::Set) {
            return 0;
        }
        // a step that is no number leads to no item
        let item = self.step().and_then(|step| step.parse().ok()).unwrap_or(u64::MAX);
        self.seen = len.min(item);
        self.seen
    }

    fn key<T: Serialize + ?Sized>(&mut self, text: &mut String, key: &T) -> Result<bool, Stop> {
        if self.is_open {
            return self.target.key(text, key);
        }
        let is_wanted = match &self.key {
            Some(wanted) => wanted.is(key, text)?,
            None => false,
        };
        if !is_wanted {
            self.seen += 1;
        }
        Ok(is_wanted)
    }

    fn part<T: Serialize + ?Sized>(
        &mut self,
        key: Key<'_>,
        part: &T,
        position: Option<DigestPosition<'_>>,
    ) -> Result<(), Stop> {
        if self.is_open {
            return self.target.part(key, part, position);
        }
        let step = self.step().unwrap_or_default();
        let is_next = match key {
            Key::Name(name) => name == step,
            Key::Index(index) => step.parse() == Ok(index),
        };
        if is_next {
            let mut inner = Locate::new(self.path, self.at + 1, self.result, self.target);
            visit(part, &mut inner, position)?;
            // the rest of the value is not needed
            return Err(Stop::Done);
        }
        self.seen += 1;
        if self.kind == Kind::Record
            && self.names.len() < MAX_NAMES
            && let Key::Name(name) = key
        {
            self.names.push(name.to_owned());
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        if self.is_open {
            return self.target.end();
        }
        let (place, seen) = (self.place(), self.seen);
        let step = Path::root().child(self.step().unwrap_or_default());
        let what = match self.kind {
            Kind::Map => format!("{place} has no entry `{step}` among its {seen}"),
            Kind::Record => format!("{place} has no field `{step}`; it has {}", self.names.join(", ")),
            _ => format!("{place} has {seen} items, numbered from 0"),
        };
        self.nowhere(what);
        Ok(())
    }
}
