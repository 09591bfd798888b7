//! A text buffer of bounded length that constants can use. A shape is written in the same form as by the `Display` of
//! `ShapeTree`.

use crate::shape::enclosing::{DANGLING_BACK, Enclosing, recursion_steps, steps_out};
use crate::shape::name::{escaped, is_plain, is_verbatim};
use crate::shape::{Descriptor, Field, ShapeRef, Style, Variant};

const CAPACITY: usize = 2048;

/// The longest shape that a message shows without truncation, in bytes.
const MAX_SHAPE: usize = 160;

const DOTS: &str = "…";

/// A text that a constant can write, and can use as a panic message. A text that exceeds the capacity is truncated.
pub struct ConstText {
    bytes: [u8; CAPACITY],
    length: usize,
    /// The length at which the text is truncated; lower while a shape or the fields of a variant are written.
    limit: usize,
    is_cut: bool,
}

impl ConstText {
    pub(super) const fn new() -> ConstText {
        ConstText { bytes: [0; CAPACITY], length: 0, limit: CAPACITY - DOTS.len(), is_cut: false }
    }

    /// A message about an event.
    pub(crate) const fn about(event: &str) -> ConstText {
        let mut text = ConstText::new();
        text.str(event);
        text.str(": ");
        text
    }

    /// The message about a locked event that the program cannot replay. If the model has a single block of commands,
    /// `#[memimage::commands]` itself reports the event, with another message. `newest` is the newest version of the event that
    /// the program can replay.
    pub(crate) const fn missing_event(event: &str, version: u32, newest: Option<u32>) -> ConstText {
        let mut text = ConstText::new();
        text.name(event);
        text.str(" v");
        text.number(version as u64);
        text.str(" is in the lock, but no group of commands can replay it; help: ");
        let has_later = match newest {
            Some(newest) => newest > version,
            None => false,
        };
        if has_later {
            text.str(
                "keep the struct of its arguments, write an upcaster for it, and list the struct in the `history(…)` of the later version",
            );
        } else {
            if newest.is_none() {
                text.str("list its past types on a block with `retired(name = \"");
                text.str(event);
                text.str("\", history(…))`; or ");
            }
            text.str("keep the command with `#[command(name = \"");
            text.str(event);
            text.str("\", version = ");
            text.number(version as u64);
            text.str(", replay_only)]`");
        }
        text.str("; or, if no journal contains the event, remove its line");
        text
    }

    /// The message about a derived field inside a model that has no `rebuild` method.
    pub(crate) const fn not_rebuilt(model: &str, field: &str) -> ConstText {
        let mut text = ConstText::new();
        text.str("a type in `");
        text.str(model);
        text.str("` has the derived field `");
        text.str(field);
        text.str("`, and nothing rebuilds it; help: add `#[model(rebuild = method)]` to `");
        text.str(model);
        text.str("`, with a method that takes `&mut self` and also fills that field");
        text
    }

    /// The text of a shape that is inside the types `inside`, truncated at the capacity.
    pub(super) const fn of(shape: ShapeRef, inside: &Enclosing<'_>) -> ConstText {
        let mut text = ConstText::new();
        text.shape(shape, Some(inside));
        text
    }

    /// The text of the fields of a variant, truncated at the capacity.
    pub(super) const fn of_variant(variant: &Variant, inside: &Enclosing<'_>) -> ConstText {
        let mut text = ConstText::new();
        text.fields(variant.style, variant.fields, inside);
        text
    }

    /// Whether the text equals `bytes`.
    pub(super) const fn is(&self, bytes: &[u8]) -> bool {
        let mut i = 0;
        while i < self.length && i < bytes.len() && self.bytes[i] == bytes[i] {
            i += 1;
        }
        i == self.length && i == bytes.len()
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => panic!("text is cut between characters only"),
        }
    }

    pub(super) const fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    const fn bytes(&mut self, bytes: &[u8]) {
        let mut i = 0;
        while i < bytes.len() && !self.is_cut {
            if self.length == self.limit {
                self.cut();
                return;
            }
            self.bytes[self.length] = bytes[i];
            self.length += 1;
            i += 1;
        }
    }

    /// Ends a truncated part with an ellipsis, after the last complete character.
    const fn cut(&mut self) {
        // `bytes` may end within a character
        while self.length > 0 && str::from_utf8(self.bytes.split_at(self.length).0).is_err() {
            self.length -= 1;
        }
        let mut i = 0;
        while i < DOTS.len() {
            self.bytes[self.length] = DOTS.as_bytes()[i];
            self.length += 1;
            i += 1;
        }
        self.is_cut = true;
    }

    /// Writes a shape from a lock, truncated if it is long.
    pub(super) const fn locked(&mut self, text: &[u8]) {
        let limit = self.narrow();
        self.bytes(text);
        self.widen(limit);
    }

    /// Writes the fields of one of the program's variants. A long text is truncated.
    pub(super) const fn variant(&mut self, variant: &Variant, inside: &Enclosing<'_>) {
        let limit = self.narrow();
        match variant.style {
            Style::Unit => self.str("no fields"),
            style => self.fields(style, variant.fields, inside),
        }
        self.widen(limit);
    }

    /// Writes a shape of the program, truncated if it is long.
    pub(super) const fn program(&mut self, shape: ShapeRef, enclosing: Option<&Enclosing<'_>>) {
        let limit = self.narrow();
        self.shape(shape, enclosing);
        self.widen(limit);
    }

    const fn narrow(&mut self) -> usize {
        let limit = self.limit;
        if self.length + MAX_SHAPE < limit {
            self.limit = self.length + MAX_SHAPE;
        }
        limit
    }

    const fn widen(&mut self, limit: usize) {
        if self.limit < limit {
            self.is_cut = false;
        }
        self.limit = limit;
    }

    pub(super) const fn name(&mut self, name: &str) {
        if is_plain(name.as_bytes()) {
            return self.str(name);
        }
        self.str("\"");
        let name = name.as_bytes();
        let mut i = 0;
        while i < name.len() {
            if is_verbatim(name[i]) {
                self.bytes(&[name[i]]);
            } else {
                let (escape, length) = escaped(name[i]);
                self.bytes(escape.split_at(length).0);
            }
            i += 1;
        }
        self.str("\"");
    }

    pub(super) const fn number(&mut self, number: u64) {
        let mut power = 1;
        while number / power >= 10 {
            power *= 10;
        }
        while power > 0 {
            self.bytes(&[b'0' + (number / power % 10) as u8]);
            power /= 10;
        }
    }

    /// Writes a shape. The compiler limits the call depth of constants; truncation keeps the recursion within that limit.
    const fn shape(&mut self, shape: ShapeRef, enclosing: Option<&Enclosing<'_>>) {
        if self.is_cut {
            return;
        }
        let single;
        let (identity, variants, is_enum): (u64, &[Variant], bool) = match *shape.get() {
            Descriptor::Primitive(primitive) => return self.str(primitive.text()),
            Descriptor::Option(item)
            | Descriptor::List(item)
            | Descriptor::Set(item)
            | Descriptor::OrderedSet(item)
            | Descriptor::Multiset(item) => {
                self.str(match shape.get() {
                    Descriptor::Option(_) => "option<",
                    Descriptor::List(_) => "list<",
                    Descriptor::OrderedSet(_) => "ordered_set<",
                    Descriptor::Multiset(_) => "multiset<",
                    _ => "set<",
                });
                self.shape(item, enclosing);
                return self.str(">");
            }
            Descriptor::Map(key, value) | Descriptor::OrderedMap(key, value) => {
                self.str(if let Descriptor::Map(..) = shape.get() { "map<" } else { "ordered_map<" });
                self.shape(key, enclosing);
                self.str(", ");
                self.shape(value, enclosing);
                return self.str(">");
            }
            Descriptor::Array(item, length) => {
                self.str("[");
                self.shape(item, enclosing);
                self.str("; ");
                self.number(length as u64);
                return self.str("]");
            }
            Descriptor::Tuple(items) => {
                self.str("(");
                let mut i = 0;
                while i < items.len() {
                    self.str(if i > 0 { ", " } else { "" });
                    self.shape(items[i], enclosing);
                    i += 1;
                }
                return self.str(if items.len() == 1 { ",)" } else { ")" });
            }
            Descriptor::Opaque(name) | Descriptor::Unordered(name) => {
                self.str(if let Descriptor::Opaque(_) = shape.get() { "opaque<" } else { "unordered<" });
                self.name(name);
                return self.str(">");
            }
            Descriptor::Back(identity) => return self.back(steps_out(identity, enclosing)),
            Descriptor::Struct(structure) => {
                single = [Variant { name: "", style: structure.style, fields: structure.fields }];
                (structure.identity, &single, false)
            }
            Descriptor::Enum(enumeration) => (enumeration.identity, enumeration.variants, true),
        };
        let back = recursion_steps(identity, enclosing);
        if back.is_some() {
            return self.back(back);
        }
        let inside = Enclosing { identity, outer: enclosing };
        self.str(if is_enum { "enum {" } else { "" });
        let mut v = 0;
        while v < variants.len() {
            let Variant { name, style, fields } = variants[v];
            match (is_enum, style) {
                (true, _) => {
                    self.str(if v > 0 { ", " } else { "" });
                    self.name(name);
                }
                (false, Style::Named) => {}
                (false, _) => self.str("struct"),
            }
            self.fields(style, fields, &inside);
            v += 1;
        }
        self.str(if is_enum { "}" } else { "" });
    }

    const fn back(&mut self, steps: Option<u32>) {
        let Some(steps) = steps else { panic!("{}", DANGLING_BACK) };
        self.str("back(");
        self.number(steps as u64);
        self.str(")");
    }

    const fn fields(&mut self, style: Style, fields: &[Field], inside: &Enclosing<'_>) {
        self.str(match style {
            Style::Unit => "",
            Style::Newtype | Style::Tuple => "(",
            Style::Named => "{",
        });
        let mut i = 0;
        while i < fields.len() {
            self.str(if i > 0 { ", " } else { "" });
            if let Style::Named = style {
                self.name(fields[i].name);
                self.str(": ");
            }
            self.shape(fields[i].shape, Some(inside));
            i += 1;
        }
        self.str(match style {
            Style::Unit => "",
            Style::Tuple if fields.len() == 1 => ",)",
            Style::Newtype | Style::Tuple => ")",
            Style::Named => "}",
        });
    }
}
