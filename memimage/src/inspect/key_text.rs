//! The text of a map's key.

use std::fmt::Write as _;

use serde::Serialize;

use super::kind::Kind;
use super::visitor::{Key, Scalar, Stop, Visitor};
use super::walk::visit;
use crate::digest::DigestPosition;
use crate::value::Value;
use crate::value::text::{hex, one_line};

/// Appends the text of a key: a scalar as it is, the name of a variant, and other keys in brackets.
pub(super) fn write_key<T: Serialize + ?Sized>(out: &mut String, key: &T) -> Result<(), Stop> {
    visit(key, &mut KeyText::new(out, false), None)
}

struct KeyText<'o> {
    out: &'o mut String,
    /// The number of parts so far.
    parts: usize,
    /// Whether this is a part of a key, in which texts are quoted.
    is_quoted: bool,
    close: Option<char>,
    /// The number of variants around the value.
    variants: usize,
}

impl KeyText<'_> {
    fn new(out: &mut String, is_quoted: bool) -> KeyText<'_> {
        KeyText { out, parts: 0, is_quoted, close: None, variants: 0 }
    }

    /// Closes the brackets of the variants whose field is a variant too.
    fn close_variants(&mut self) {
        self.out.extend(std::iter::repeat_n(')', self.variants.saturating_sub(1)));
    }
}

impl Visitor for KeyText<'_> {
    fn variant(&mut self, _: &'static str, variant: &'static str) -> Result<(), Stop> {
        if self.variants > 0 {
            self.out.push('(');
        }
        self.out.push_str(variant);
        self.variants += 1;
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stop> {
        let has_field = self.variants > 0 && !matches!(scalar, Scalar::Value(Value::Unit));
        if has_field {
            self.out.push('(');
        }
        match scalar {
            Scalar::Text(text) if self.is_quoted => {
                // writing into a string cannot fail
                let _ = write!(self.out, "{text:?}");
            }
            Scalar::Text(text) => self.out.push_str(text),
            Scalar::Bytes(bytes) => self.out.push_str(&hex(bytes)),
            Scalar::Value(Value::Char(next)) if !self.is_quoted => self.out.push(next),
            Scalar::Value(Value::Unit) if self.variants > 0 => {}
            Scalar::Value(Value::Unsigned(number)) => {
                let _ = write!(self.out, "{number}");
            }
            Scalar::Value(value) => self.out.push_str(&one_line(&value)),
        }
        if has_field {
            self.out.push(')');
        }
        self.close_variants();
        Ok(())
    }

    fn begin(&mut self, kind: Kind, _: &'static str, _: Option<usize>) -> Result<(), Stop> {
        let (open, close) = match kind {
            Kind::Tuple | Kind::Scalar => ('(', ')'),
            Kind::List | Kind::Set => ('[', ']'),
            Kind::Record | Kind::Map => ('{', '}'),
        };
        self.out.push(open);
        self.close = Some(close);
        Ok(())
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
        if self.parts > 0 {
            self.out.push_str(", ");
        }
        self.parts += 1;
        if let Key::Name(name) = key {
            self.out.push_str(name);
            self.out.push_str(": ");
        }
        visit(part, &mut KeyText::new(self.out, true), None)
    }

    fn end(&mut self) -> Result<(), Stop> {
        self.out.extend(self.close.take());
        self.close_variants();
        Ok(())
    }
}
