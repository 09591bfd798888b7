//! Writes the messages about differences between a shape and its text in a lock.

use super::{ConstText, Cursor, LockComparison, ShapePath, ShapePathStep};
use crate::shape::enclosing::Enclosing;
use crate::shape::{Field, ShapeRef, Style, Variant};

/// Each function writes a message and returns false, because the comparison stops at the first difference.
impl LockComparison<'_, '_> {
    /// Reports that the shape at `start` in the text differs from the program's shape.
    pub(super) const fn differs(
        &mut self,
        start: Cursor<'_>,
        shape: ShapeRef,
        path: &ShapePath<'_>,
        enclosing: Option<&Enclosing<'_>>,
    ) -> bool {
        let mut end = start;
        if !end.skip() {
            return self.unreadable();
        }
        self.message.path(path);
        self.in_the_lock(end.since(start));
        self.message.program(shape, enclosing);
        self.message.str(" in this program");
        false
    }

    /// Reports that the fields of a variant have another style in the lock than in the program.
    pub(super) const fn style_differs(
        &mut self,
        variant: &Variant,
        path: &ShapePath<'_>,
        inside: &Enclosing<'_>,
    ) -> bool {
        let (mut end, is_unit) = (self.text, matches!(self.text.style(), Style::Unit));
        if !is_unit && !end.skip() {
            return self.unreadable();
        }
        self.message.path(path);
        self.in_the_lock(if is_unit { b"no fields" } else { end.since(self.text) });
        self.message.variant(variant, inside);
        self.message.str(" in this program");
        false
    }

    /// Reports that the lock has more items than the program. `index` is the index of the first additional item.
    pub(super) const fn item_removed(&mut self, index: usize, path: &ShapePath<'_>) -> bool {
        let start = self.text;
        if !self.text.skip() {
            return self.unreadable();
        }
        self.message.path(&path.then(ShapePathStep::Item(index)));
        self.in_the_lock(self.text.since(start));
        self.message.str("not in this program");
        false
    }

    /// Reports that the program has more items or fields than the lock. `shape` is the shape of the first additional item or
    /// field.
    pub(super) const fn added(
        &mut self,
        shape: ShapeRef,
        path: &ShapePath<'_>,
        enclosing: Option<&Enclosing<'_>>,
    ) -> bool {
        self.message.path(path);
        self.message.str(": not in the lock, ");
        self.message.program(shape, enclosing);
        self.message.str(" in this program");
        false
    }

    /// Reports that the next field in the text is not the program's field at `index`, or that the program has no field at
    /// `index`.
    pub(super) const fn field_differs(
        &mut self,
        fields: &[Field],
        index: usize,
        path: &ShapePath<'_>,
        inside: &Enclosing<'_>,
    ) -> bool {
        let first = self.text;
        let mut is_kept = false;
        let mut i = index;
        while i < fields.len() {
            is_kept |= first.is_at(fields[i].name);
            i += 1;
        }
        let is_new = index < fields.len() && !first.is_ahead(fields[index].name);
        if is_kept && is_new {
            let field = &fields[index];
            return self.added(field.shape, &path.then(ShapePathStep::Field(field.name)), Some(inside));
        }
        if !self.text.skip_name() {
            return self.unreadable();
        }
        let name = self.text.since(first);
        if !self.expect(": ") {
            return false;
        }
        let start = self.text;
        if !self.text.skip() {
            return self.unreadable();
        }
        self.message.path(path);
        self.message.str(".");
        if is_kept {
            self.message.name(fields[index].name);
            self.message.str(": after ");
            self.message.locked(name);
            self.message.str(" in the lock, before it in this program");
            return false;
        }
        self.message.locked(name);
        if is_new && ConstText::of(fields[index].shape, inside).is(self.text.since(start)) {
            return self.renamed(fields[index].name);
        }
        self.in_the_lock(self.text.since(start));
        self.message.str("not in this program");
        false
    }

    /// Reports that the next variant in the text is not the program's variant at `index`, or that the program has no variant at
    /// `index`.
    pub(super) const fn variant_differs(
        &mut self,
        variants: &[Variant],
        index: usize,
        path: &ShapePath<'_>,
        inside: &Enclosing<'_>,
    ) -> bool {
        let first = self.text;
        let mut kept = None;
        let mut i = index;
        while i < variants.len() {
            if first.is_at(variants[i].name) {
                kept = Some(i);
            }
            i += 1;
        }
        let is_new = index < variants.len() && !first.is_ahead(variants[index].name);
        self.message.path(path);
        self.message.str("::");
        if kept.is_some() && is_new {
            self.message.name(variants[index].name);
            self.message.str(": not in the lock, variant ");
            self.message.number(index as u64);
            self.message.str(" in this program (a new variant must come last)");
            return false;
        }
        if !self.text.skip_name() {
            return self.unreadable();
        }
        self.message.locked(self.text.since(first));
        let start = self.text;
        if !matches!(start.style(), Style::Unit) && !self.text.skip() {
            return self.unreadable();
        }
        if kept.is_none() && is_new && ConstText::of_variant(&variants[index], inside).is(self.text.since(start)) {
            return self.renamed(variants[index].name);
        }
        self.message.str(": variant ");
        self.message.number(index as u64);
        self.message.str(" in the lock, ");
        match kept {
            Some(kept) => {
                self.message.str("variant ");
                self.message.number(kept as u64);
                self.message.str(" in this program");
            }
            None => self.message.str("not in this program"),
        }
        false
    }

    const fn renamed(&mut self, name: &str) -> bool {
        self.message.str(": renamed to ");
        self.message.name(name);
        self.message.str(" in this program");
        false
    }

    const fn in_the_lock(&mut self, shape: &[u8]) {
        self.message.str(": ");
        self.message.locked(shape);
        self.message.str(" in the lock, ");
    }

    /// Reports that the text does not represent a shape.
    pub(super) const fn unreadable(&mut self) -> bool {
        self.is_unreadable = true;
        self.message.str("the shape in the lock cannot be read from `");
        self.message.locked(self.text.rest());
        self.message.str("`");
        false
    }
}

impl ConstText {
    const fn path(&mut self, innermost: &ShapePath<'_>) {
        let mut depth = innermost.depth();
        while depth > 0 {
            depth -= 1;
            match innermost.outward(depth).step {
                ShapePathStep::Fixed(text) => self.str(text),
                ShapePathStep::Field(name) => {
                    self.str(".");
                    self.name(name);
                }
                ShapePathStep::Item(index) => {
                    self.str(".");
                    self.number(index as u64);
                }
                ShapePathStep::Variant(name) => {
                    self.str("::");
                    self.name(name);
                }
            }
        }
    }
}

/// The functions of `ShapePath` use loops, because recursion would add to the call depth, and the comparison already makes one
/// nested call per level.
impl ShapePath<'_> {
    const fn depth(&self) -> usize {
        let (mut path, mut depth) = (self, 1);
        while let Some(outer) = path.outer {
            path = outer;
            depth += 1;
        }
        depth
    }

    /// The path without its `steps` innermost steps.
    const fn outward(&self, mut steps: usize) -> &ShapePath<'_> {
        let mut path = self;
        while let Some(outer) = path.outer
            && steps > 0
        {
            path = outer;
            steps -= 1;
        }
        path
    }
}
