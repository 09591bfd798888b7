//! Reads a part of a value into a tree of bounded size.

use serde::Serialize;

use super::key_text::write_key;
use super::kind::Kind;
use super::part::{Bounds, Content, Entry, Part};
use super::visitor::{Key, Scalar, Stop, Visitor};
use super::walk::visit;
use crate::digest::DigestPosition;
use crate::value::Value;
use crate::value::text::truncated;

/// The bounds of what a preview shows.
const PREVIEW: Bounds = Bounds { depth: 2, offset: 0, limit: 4, text: 60 };

/// The maximum length of a preview, in characters.
const MAX_PREVIEW: usize = 80;

/// Reads a value. [`Capture::finish`] returns what was read.
pub(super) struct Capture {
    bounds: Bounds,
    /// Whether the part is to be shown as a preview.
    is_preview: bool,
    /// The enum and the variant whose fields are read; several if the only field of a variant is a variant too.
    variants: Vec<(&'static str, &'static str)>,
    /// The part, once it has begun.
    part: Option<Part>,
    /// The number of entries so far.
    seen: u64,
    /// Whether the value has told the number of its entries.
    is_counted: bool,
}

impl Capture {
    pub(super) fn new(bounds: Bounds) -> Capture {
        let is_preview = bounds.depth == 0;
        let bounds = if is_preview { PREVIEW } else { bounds };
        Capture { bounds, is_preview, variants: Vec::new(), part: None, seen: 0, is_counted: false }
    }

    /// The part that was read; `None` if the value's `Serialize` wrote nothing.
    pub(super) fn finish(self) -> Option<Part> {
        let outer = self.variants.split_last().map_or(&[][..], |(_, outer)| outer);
        let part = outer.iter().rev().fold(self.part?, |part, (name, variant)| within_variant(part, name, variant));
        Some(match part.content {
            Content::Entries { .. } if self.is_preview => {
                let text = truncated(part.to_string(), MAX_PREVIEW);
                Part { content: Content::Preview(text), ..part }
            }
            _ => part,
        })
    }

    fn begun(&mut self, kind: Kind, name: &'static str, len: u64, content: Content) {
        let (name, variant) = match self.variants.last() {
            Some((enumeration, variant)) => (*enumeration, Some(*variant)),
            None => (name, None),
        };
        self.part = Some(Part { kind, name, variant, len, content });
    }

    /// An entry is read, or left out. The entries behind the page are not counted if the value has told their number.
    fn pass(&mut self) -> Result<(), Stop> {
        self.seen += 1;
        let is_over = self.is_counted && self.seen >= self.bounds.offset.saturating_add(self.bounds.limit);
        if is_over { Err(Stop::Done) } else { Ok(()) }
    }

    /// Whether the next entry is on the page.
    fn is_on_page(&self) -> bool {
        self.seen >= self.bounds.offset && self.seen - self.bounds.offset < self.bounds.limit
    }
}

/// A variant whose only field is the variant `part`.
fn within_variant(part: Part, name: &'static str, variant: &'static str) -> Part {
    let key = part.variant.unwrap_or_default().to_owned();
    let content = Content::Entries { offset: 0, entries: vec![Entry { key, part }] };
    Part { kind: Kind::Tuple, name, variant: Some(variant), len: 1, content }
}

/// Reads a value, or a part of one.
pub(super) fn capture<T: Serialize + ?Sized>(value: &T, bounds: Bounds) -> Result<Option<Part>, Stop> {
    let mut capture = Capture::new(bounds);
    visit(value, &mut capture, None)?;
    Ok(capture.finish())
}

impl Visitor for Capture {
    fn variant(&mut self, enumeration: &'static str, variant: &'static str) -> Result<(), Stop> {
        self.variants.push((enumeration, variant));
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stop> {
        let (value, len) = match scalar {
            Scalar::Value(value) => (value, 0),
            Scalar::Text(text) => {
                let end = text.floor_char_boundary(self.bounds.text);
                (Value::String(text[..end].to_owned()), text.len())
            }
            Scalar::Bytes(bytes) => {
                let end = bytes.len().min(self.bounds.text);
                (Value::Bytes(bytes[..end].to_owned()), bytes.len())
            }
        };
        self.begun(Kind::Scalar, "", len as u64, Content::Scalar(value));
        Ok(())
    }

    fn begin(&mut self, kind: Kind, name: &'static str, len: Option<usize>) -> Result<(), Stop> {
        self.is_counted = len.is_some();
        let content = Content::Entries { offset: self.bounds.offset, entries: Vec::new() };
        self.begun(kind, name, len.map_or(0, |len| len as u64), content);
        Ok(())
    }

    fn skip(&mut self, len: u64) -> u64 {
        self.seen = self.bounds.offset.min(len);
        self.seen
    }

    fn key<T: Serialize + ?Sized>(&mut self, text: &mut String, key: &T) -> Result<bool, Stop> {
        let is_wanted = self.is_on_page();
        match is_wanted {
            true => write_key(text, key)?,
            false => self.pass()?,
        }
        Ok(is_wanted)
    }

    fn part<T: Serialize + ?Sized>(
        &mut self,
        key: Key<'_>,
        part: &T,
        _: Option<DigestPosition<'_>>,
    ) -> Result<(), Stop> {
        if self.is_on_page() {
            let bounds = Bounds { depth: self.bounds.depth - 1, offset: 0, ..self.bounds };
            let part = capture(part, bounds)?;
            let key = match key {
                Key::Name(name) => name.to_owned(),
                Key::Index(index) => index.to_string(),
            };
            let content = self.part.as_mut().map(|part| &mut part.content);
            if let (Some(part), Some(Content::Entries { entries, .. })) = (part, content) {
                entries.push(Entry { key, part });
            }
        }
        self.pass()
    }

    fn end(&mut self) -> Result<(), Stop> {
        let seen = self.seen;
        if let Some(part) = &mut self.part {
            part.len = seen;
            if let Content::Entries { offset, .. } = &mut part.content {
                *offset = (*offset).min(seen);
            }
        }
        Ok(())
    }
}
