//! Compares a shape with its text in a lock file, at compile time or at run time.
//!
//! The comparison walks through shape and text together. If the shape is unchanged, the comparison reads the text once, apart
//! from looking ahead, and builds no text of its own. At the first difference, the comparison writes a message and stops, so
//! that one mistake gives one message.

mod const_text;
mod cursor;
mod report;

pub use const_text::ConstText;
use cursor::Cursor;

use super::enclosing::{DANGLING_BACK, Enclosing, recursion_steps, steps_out};
use super::{Descriptor, ShapeRef, Style, Variant};

/// The result of comparing a shape with its text in a lock file.
pub(crate) enum Drift {
    /// The shape and the text are equal.
    None,
    /// The shape and the text are equal, except that the shape has more variants at the end of enums.
    Wider,
    /// The shape and the text differ.
    Different,
    /// The text does not represent a shape.
    Unreadable,
}

/// Compares a shape with its text in a lock file. Writes the first difference to `message`, in the form `payload.account.0: u32
/// in the lock, u64 in this program`. The path has the same form as in a [`Difference`](super::Difference).
pub(crate) const fn compare(locked: &str, shape: ShapeRef, message: &mut ConstText) -> Drift {
    let mut comparison = LockComparison { text: Cursor::new(locked), message, is_wider: false, is_unreadable: false };
    let same = comparison.shape(shape, &ShapePath::ROOT, None);
    if same && !comparison.text.is_at_end() {
        comparison.unreadable();
    }
    match (same, comparison.is_unreadable, comparison.is_wider) {
        (_, true, _) => Drift::Unreadable,
        (false, ..) => Drift::Different,
        (true, _, true) => Drift::Wider,
        (true, _, false) => Drift::None,
    }
}

/// Compares a shape with its text in a lock. If the shape and the text differ, returns the message of the compile error: the
/// `event`, the difference, and `help`. If the text cannot be read, the message names `place`, the position of the text.
pub const fn drifted(event: &str, place: &str, locked: &str, shape: ShapeRef, help: &str) -> Option<ConstText> {
    let mut message = ConstText::about(event);
    match compare(locked, shape, &mut message) {
        Drift::None | Drift::Wider => return None,
        Drift::Different => message.str(help),
        Drift::Unreadable => {
            message.str("; help: restore the committed line at ");
            message.str(place);
        }
    }
    Some(message)
}

/// The path to the part that is being compared, innermost step first.
struct ShapePath<'a> {
    step: ShapePathStep,
    outer: Option<&'a ShapePath<'a>>,
}

#[derive(Clone, Copy)]
enum ShapePathStep {
    Field(&'static str),
    Item(usize),
    Variant(&'static str),
    /// Any other step, as it is written in the path.
    Fixed(&'static str),
}

impl ShapePath<'_> {
    const ROOT: ShapePath<'static> = ShapePath { step: ShapePathStep::Fixed("payload"), outer: None };

    const fn then(&self, step: ShapePathStep) -> ShapePath<'_> {
        ShapePath { step, outer: Some(self) }
    }
}

struct LockComparison<'a, 'm> {
    text: Cursor<'a>,
    message: &'m mut ConstText,
    is_wider: bool,
    is_unreadable: bool,
}

impl LockComparison<'_, '_> {
    /// Compares the next shape in the text with `shape`. If the two shapes differ, writes a message and returns false.
    ///
    /// Makes one nested call per level of the shape, because the compiler limits the call depth in constants.
    const fn shape(&mut self, shape: ShapeRef, path: &ShapePath<'_>, enclosing: Option<&Enclosing<'_>>) -> bool {
        let start = self.text;
        let single;
        let (identity, variants, is_enum): (u64, &[Variant], bool) = match *shape.get() {
            Descriptor::Primitive(primitive) => {
                return self.text.word(primitive.text()) || self.differs(start, shape, path, enclosing);
            }
            Descriptor::Option(item)
            | Descriptor::List(item)
            | Descriptor::Set(item)
            | Descriptor::OrderedSet(item)
            | Descriptor::Multiset(item) => {
                let (open, step) = match shape.get() {
                    Descriptor::Option(_) => ("option<", "?"),
                    Descriptor::List(_) => ("list<", "[]"),
                    Descriptor::OrderedSet(_) => ("ordered_set<", "[]"),
                    Descriptor::Multiset(_) => ("multiset<", "[]"),
                    _ => ("set<", "[]"),
                };
                if !self.text.eat(open) {
                    return self.differs(start, shape, path, enclosing);
                }
                return self.shape(item, &path.then(ShapePathStep::Fixed(step)), enclosing) && self.expect(">");
            }
            Descriptor::Map(key, value) | Descriptor::OrderedMap(key, value) => {
                let open = if let Descriptor::Map(..) = shape.get() { "map<" } else { "ordered_map<" };
                if !self.text.eat(open) {
                    return self.differs(start, shape, path, enclosing);
                }
                return self.shape(key, &path.then(ShapePathStep::Fixed("[key]")), enclosing)
                    && self.expect(", ")
                    && self.shape(value, &path.then(ShapePathStep::Fixed("[value]")), enclosing)
                    && self.expect(">");
            }
            Descriptor::Array(item, length) => {
                let mut ahead = start;
                if !(ahead.eat("[") && ahead.skip() && ahead.eat("; ") && ahead.number(length as u64) && ahead.eat("]"))
                {
                    return self.differs(start, shape, path, enclosing);
                }
                self.text.eat("[");
                let same = self.shape(item, &path.then(ShapePathStep::Fixed("[]")), enclosing);
                self.text = ahead;
                return same;
            }
            Descriptor::Tuple(items) => {
                if !self.text.eat("(") {
                    return self.differs(start, shape, path, enclosing);
                }
                let mut i = 0;
                while !self.text.close(Style::Tuple, i) {
                    if i > 0 && !self.expect(", ") {
                        return false;
                    }
                    if i == items.len() {
                        return self.item_removed(i, path);
                    }
                    if !self.shape(items[i], &path.then(ShapePathStep::Item(i)), enclosing) {
                        return false;
                    }
                    i += 1;
                }
                return i == items.len() || self.added(items[i], &path.then(ShapePathStep::Item(i)), enclosing);
            }
            Descriptor::Opaque(name) => {
                return (self.text.eat("opaque<") && self.text.name(name) && self.text.eat(">"))
                    || self.differs(start, shape, path, enclosing);
            }
            Descriptor::Unordered(name) => {
                return (self.text.eat("unordered<") && self.text.name(name) && self.text.eat(">"))
                    || self.differs(start, shape, path, enclosing);
            }
            Descriptor::Back(identity) => {
                return self.back(steps_out(identity, enclosing)) || self.differs(start, shape, path, enclosing);
            }
            Descriptor::Struct(structure) => {
                single = [Variant { name: "", style: structure.style, fields: structure.fields }];
                (structure.identity, &single, false)
            }
            Descriptor::Enum(enumeration) => (enumeration.identity, enumeration.variants, true),
        };
        let back = recursion_steps(identity, enclosing);
        if back.is_some() {
            return self.back(back) || self.differs(start, shape, path, enclosing);
        }
        let inside = Enclosing { identity, outer: enclosing };
        if is_enum && !self.text.eat("enum {") || !is_enum && !self.structure(variants[0].style) {
            self.text = start;
            return self.differs(start, shape, path, enclosing);
        }
        let mut v = 0;
        while !is_enum || !self.text.eat("}") {
            if is_enum {
                if v > 0 && !self.expect(", ") {
                    return false;
                }
                if v == variants.len() || !self.text.name(variants[v].name) {
                    return self.variant_differs(variants, v, path, &inside);
                }
            }
            let Variant { name, style, fields } = variants[v];
            let here = path.then(ShapePathStep::Variant(name));
            let path = if is_enum { &here } else { path };
            if is_enum && !same_style(self.text.style(), style) {
                return self.style_differs(&variants[v], path, &inside);
            }
            if !matches!(style, Style::Unit) {
                self.text.eat(if let Style::Named = style { "{" } else { "(" });
            }
            let mut i = 0;
            while !self.text.close(style, i) {
                if i > 0 && !self.expect(", ") {
                    return false;
                }
                if let Style::Named = style {
                    if i == fields.len() || !self.text.name(fields[i].name) {
                        return self.field_differs(fields, i, path, &inside);
                    }
                    if !self.expect(": ") {
                        return false;
                    }
                } else if i == fields.len() {
                    return self.item_removed(i, path);
                }
                if !self.shape(fields[i].shape, &path.then(ShapePathStep::Field(fields[i].name)), Some(&inside)) {
                    return false;
                }
                i += 1;
            }
            if i < fields.len() && !matches!(style, Style::Unit) {
                return self.added(fields[i].shape, &path.then(ShapePathStep::Field(fields[i].name)), Some(&inside));
            }
            if !is_enum {
                return true;
            }
            v += 1;
        }
        self.is_wider |= v < variants.len();
        true
    }

    /// Reads the text that precedes the fields of a struct, if the fields have the style `style`. Returns false if fields of
    /// another style come next.
    const fn structure(&mut self, style: Style) -> bool {
        match style {
            Style::Named => matches!(self.text.style(), Style::Named),
            Style::Unit => self.text.word("struct") && matches!(self.text.style(), Style::Unit),
            style => self.text.eat("struct") && same_style(self.text.style(), style),
        }
    }

    const fn back(&mut self, steps: Option<u32>) -> bool {
        let Some(steps) = steps else { panic!("{}", DANGLING_BACK) };
        let mut ahead = self.text;
        let same = ahead.eat("back(") && ahead.number(steps as u64) && ahead.eat(")");
        if same {
            self.text = ahead;
        }
        same
    }

    /// Reads `expected`, which every valid text has at this position. If the text does not continue with `expected`, reports
    /// the text as unreadable.
    const fn expect(&mut self, expected: &str) -> bool {
        if !self.text.eat(expected) {
            self.unreadable();
            return false;
        }
        true
    }
}

const fn same_style(a: Style, b: Style) -> bool {
    a as u8 == b as u8
}

#[cfg(test)]
mod tests;
