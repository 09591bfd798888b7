//! A cursor in the text of a shape, usable in constants.

use crate::shape::Style;
use crate::shape::name::{escaped, is_plain, is_verbatim, is_word};

#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text: text.as_bytes(), at: 0 }
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// The text from `start`, an earlier state of this cursor, up to the cursor.
    pub(super) const fn since(&self, start: Cursor<'a>) -> &'a [u8] {
        self.text.split_at(self.at).0.split_at(start.at).1
    }

    /// The text after the cursor.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.text.split_at(self.at).1
    }

    const fn byte(&self) -> Option<u8> {
        if self.at < self.text.len() { Some(self.text[self.at]) } else { None }
    }

    /// If the text continues with `expected`, reads it and returns true. Otherwise reads nothing and returns false.
    pub(super) const fn eat(&mut self, expected: &str) -> bool {
        self.bytes(expected.as_bytes())
    }

    const fn bytes(&mut self, expected: &[u8]) -> bool {
        if self.text.len() - self.at < expected.len() {
            return false;
        }
        let mut i = 0;
        while i < expected.len() {
            if self.text[self.at + i] != expected[i] {
                return false;
            }
            i += 1;
        }
        self.at += expected.len();
        true
    }

    /// Like [`eat`](Cursor::eat), but only if no word character follows `expected`.
    pub(super) const fn word(&mut self, expected: &str) -> bool {
        let mut ahead = *self;
        let is_whole_word = ahead.eat(expected) && !matches!(ahead.byte(), Some(byte) if is_word(byte));
        if is_whole_word {
            *self = ahead;
        }
        is_whole_word
    }

    /// If the text continues with `name`, reads it and returns true. Otherwise reads nothing and returns false.
    pub(super) const fn name(&mut self, name: &str) -> bool {
        if is_plain(name.as_bytes()) {
            return self.word(name);
        }
        let mut ahead = *self;
        let same = ahead.eat("\"") && ahead.quoted(name.as_bytes());
        if same {
            *self = ahead;
        }
        same
    }

    const fn quoted(&mut self, name: &[u8]) -> bool {
        let mut i = 0;
        while i < name.len() {
            let same = if is_verbatim(name[i]) {
                self.bytes(&[name[i]])
            } else {
                let (escape, length) = escaped(name[i]);
                self.bytes(escape.split_at(length).0)
            };
            if !same {
                return false;
            }
            i += 1;
        }
        self.eat("\"")
    }

    /// Reads any name. Returns false if the text does not continue with a name.
    pub(super) const fn skip_name(&mut self) -> bool {
        if self.eat("\"") {
            return self.skip_quoted();
        }
        let start = self.at;
        while let Some(byte) = self.byte()
            && is_word(byte)
        {
            self.at += 1;
        }
        self.at > start
    }

    /// Reads the rest of a quoted name, up to and including the closing quote. The caller has read the opening quote.
    const fn skip_quoted(&mut self) -> bool {
        while let Some(byte) = self.byte() {
            self.at += 1;
            match byte {
                b'"' => return true,
                b'\\' if !self.is_at_end() => self.at += 1,
                _ => {}
            }
        }
        false
    }

    /// Reads the shape or the fields that come next. Returns false if brackets do not match.
    pub(super) const fn skip(&mut self) -> bool {
        let mut open = 0u32;
        let start = self.at;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.at += 1;
                    if !self.skip_quoted() {
                        return false;
                    }
                    continue;
                }
                b'(' | b'[' | b'{' | b'<' => open += 1,
                b',' | b';' | b')' | b']' | b'}' | b'>' if open == 0 => break,
                b')' | b']' | b'}' | b'>' => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
        open == 0 && self.at > start
    }

    /// Whether the text continues with `name`.
    pub(super) const fn is_at(self, name: &str) -> bool {
        let mut ahead = self;
        ahead.name(name)
    }

    /// Whether `name` occurs at the cursor or later in the same list of fields or variants.
    pub(super) const fn is_ahead(self, name: &str) -> bool {
        let mut ahead = self;
        while !ahead.is_at(name) {
            if !ahead.skip_name() {
                return false;
            }
            // skips `: u32`, `(u32)` or nothing
            ahead.skip();
            if !ahead.eat(", ") {
                return false;
            }
        }
        true
    }

    /// If the text continues with the number `expected`, reads it and returns true. Otherwise reads nothing and returns false.
    pub(super) const fn number(&mut self, expected: u64) -> bool {
        let mut ahead = *self;
        let mut number = 0u64;
        while let Some(digit) = ahead.byte()
            && digit.is_ascii_digit()
        {
            let (tens, overflows) = number.overflowing_mul(10);
            let (sum, overflows_too) = tens.overflowing_add((digit - b'0') as u64);
            if overflows || overflows_too {
                return false;
            }
            number = sum;
            ahead.at += 1;
        }
        let same = ahead.at > self.at && number == expected;
        if same {
            *self = ahead;
        }
        same
    }

    /// The style of the fields that come next.
    pub(super) const fn style(&self) -> Style {
        let mut ahead = *self;
        if ahead.eat("{") {
            return Style::Named;
        }
        if !ahead.eat("(") {
            return Style::Unit;
        }
        // `(u32)` belongs to a newtype; `(u32,)` and `()` belong to tuples
        if ahead.skip() && ahead.eat(")") { Style::Newtype } else { Style::Tuple }
    }

    /// If a list of fields in this style ends here, after `fields` fields, reads its end and returns true.
    pub(super) const fn close(&mut self, style: Style, fields: usize) -> bool {
        match style {
            Style::Unit => true,
            Style::Named => self.eat("}"),
            Style::Newtype => self.eat(")"),
            Style::Tuple if fields == 1 => self.eat(",)"),
            Style::Tuple => self.eat(")"),
        }
    }
}
