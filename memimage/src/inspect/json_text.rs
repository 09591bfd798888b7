//! Writes a part of a value as JSON text, without a copy of the part in memory.

use std::fmt;

use serde::Serialize;

use super::error::InspectError;
use super::json::ScalarJson;
use super::key_text::write_key;
use super::kind::Kind;
use super::locate::locate;
use super::path::Path;
use super::visitor::{Key, Scalar, Stop, Visitor};
use super::walk::visit;
use crate::digest::DigestPosition;
use crate::value::Value;
use crate::value::text::hex;

/// Writes the whole part of a value at a path as JSON, in several lines. The form is that of a [`Part`](super::Part) without bounds, but
/// needs no memory for the part.
///
/// # Errors
///
/// Returns an error if there is nothing at the path. Then nothing was written. Returns an error if the value's `Serialize` or `out`
/// fails. Then a part of the text may have been written.
pub fn write_json<T: Serialize + ?Sized>(value: &T, path: &Path, out: &mut dyn fmt::Write) -> Result<(), InspectError> {
    locate(value, path, None, &mut JsonText::new(out, 0))
}

struct JsonText<'o> {
    out: &'o mut dyn fmt::Write,
    /// The number of spaces before the line of this value.
    indent: usize,
    /// The variants around the value.
    variants: Vec<&'static str>,
    has_keys: bool,
    has_parts: bool,
}

impl JsonText<'_> {
    fn new(out: &mut dyn fmt::Write, indent: usize) -> JsonText<'_> {
        JsonText { out, indent, variants: Vec::new(), has_keys: false, has_parts: false }
    }

    fn write(&mut self, text: fmt::Arguments<'_>) -> Result<(), Stop> {
        self.out.write_fmt(text).map_err(|_| Stop::Failed("the output cannot be written".to_owned()))
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Stop> {
        let text = serde_json::to_string(value).map_err(|error| Stop::Failed(error.to_string()))?;
        self.write(format_args!("{text}"))
    }

    /// Opens an object for each of the first `count` variants.
    fn open_variants(&mut self, count: usize) -> Result<(), Stop> {
        for at in 0..count {
            self.write(format_args!("{{"))?;
            self.json(self.variants[at])?;
            self.write(format_args!(": "))?;
        }
        Ok(())
    }

    fn close_variants(&mut self, count: usize) -> Result<(), Stop> {
        (0..count).try_for_each(|_| self.write(format_args!("}}")))
    }

    fn line(&mut self, indent: usize) -> Result<(), Stop> {
        self.write(format_args!("\n{:indent$}", ""))
    }
}

impl Visitor for JsonText<'_> {
    fn variant(&mut self, _: &'static str, variant: &'static str) -> Result<(), Stop> {
        self.variants.push(variant);
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stop> {
        let unit = match (&scalar, self.variants.last()) {
            (Scalar::Value(Value::Unit), Some(variant)) => Some(*variant),
            _ => None,
        };
        let around = self.variants.len() - usize::from(unit.is_some());
        self.open_variants(around)?;
        match (unit, scalar) {
            (Some(variant), _) => self.json(variant)?,
            (None, Scalar::Text(text)) => self.json(text)?,
            (None, Scalar::Bytes(bytes)) => self.json(&hex(bytes))?,
            (None, Scalar::Value(value)) => self.json(&ScalarJson(&value))?,
        }
        self.close_variants(around)
    }

    fn begin(&mut self, kind: Kind, _: &'static str, _: Option<usize>) -> Result<(), Stop> {
        self.has_keys = matches!(kind, Kind::Record | Kind::Map);
        self.open_variants(self.variants.len())?;
        let open = if self.has_keys { '{' } else { '[' };
        self.write(format_args!("{open}"))
    }

    fn key<T: Serialize + ?Sized>(&mut self, text: &mut String, key: &T) -> Result<bool, Stop> {
        write_key(text, key)?;
        Ok(true)
    }

    fn part<T: Serialize + ?Sized>(
        &mut self,
        key: Key<'_>,
        part: &T,
        _: Option<DigestPosition<'_>>,
    ) -> Result<(), Stop> {
        if self.has_parts {
            self.write(format_args!(","))?;
        }
        self.has_parts = true;
        let indent = self.indent + 2;
        self.line(indent)?;
        match key {
            Key::Name(name) if self.has_keys => {
                self.json(name)?;
                self.write(format_args!(": "))?;
            }
            _ => {}
        }
        visit(part, &mut JsonText::new(self.out, indent), None)
    }

    fn end(&mut self) -> Result<(), Stop> {
        if self.has_parts {
            self.line(self.indent)?;
        }
        let close = if self.has_keys { '}' } else { ']' };
        self.write(format_args!("{close}"))?;
        self.close_variants(self.variants.len())
    }
}
