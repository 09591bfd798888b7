//! Writes a name into a line of text so that any name can be read back.

use std::fmt::{self, Display, Formatter, Write as _};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A name in a line of text. A name that reads like an identifier is written unchanged (`account`), and any other name in
/// quotes (`"sort code"`).
///
/// In quotes, a `\` precedes each `"` and `\`, and a control character has the form `\x0a`.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_plain(self.0.as_bytes()) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if !c.is_ascii() || is_verbatim(c as u8) {
                f.write_char(c)?;
                continue;
            }
            let (escape, length) = escaped(c as u8);
            escape[..length].iter().try_for_each(|&byte| f.write_char(char::from(byte)))?;
        }
        f.write_char('"')
    }
}

/// Whether a name is written without quotes: it consists of letters, digits, `_` and non-ASCII characters only.
pub(super) const fn is_plain(name: &[u8]) -> bool {
    let mut i = 0;
    while i < name.len() {
        if !is_word(name[i]) {
            return false;
        }
        i += 1;
    }
    !name.is_empty()
}

/// Whether a byte may be part of an unquoted name.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether a byte inside quotes is written unchanged.
pub(super) const fn is_verbatim(byte: u8) -> bool {
    !(byte.is_ascii_control() || byte == b'"' || byte == b'\\')
}

/// The escape sequence of a byte that is not [verbatim](is_verbatim), and its length.
pub(super) const fn escaped(byte: u8) -> ([u8; 4], usize) {
    if byte.is_ascii_control() {
        ([b'\\', b'x', HEX[(byte >> 4) as usize], HEX[(byte & 0xf) as usize]], 4)
    } else {
        ([b'\\', byte, 0, 0], 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_identifier_is_quoted() {
        let text = |name| Name(name).to_string();
        assert_eq!(text("account"), "account");
        assert_eq!(text("0"), "0");
        assert_eq!(text("größe"), "größe");
        assert_eq!(text(""), r#""""#);
        assert_eq!(text("sort code"), r#""sort code""#);
        assert_eq!(text("a\"b\\c\nd\u{7f}ü"), r#""a\"b\\c\x0ad\x7fü""#);
    }
}
