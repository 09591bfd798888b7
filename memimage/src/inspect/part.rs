//! A part of a value, as a tree of bounded size.

use std::fmt::{self, Write as _};

use super::kind::Kind;
use super::path::write_step;
use crate::value::Value;
use crate::value::text::one_line;

/// How much of a part [`inspect`](super::inspect()) reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many levels of parts are opened. A part below them has a [preview](Content::Preview) only. With 0, the part itself is not opened.
    pub depth: usize,
    /// The number of entries to leave out at the beginning of the part itself.
    pub offset: u64,
    /// The maximum number of entries of each part that is opened.
    pub limit: u64,
    /// The maximum length of a text, or of bytes, in bytes.
    pub text: usize,
}

impl Bounds {
    /// No bounds: the whole part. The memory that this takes is a multiple of the part's own.
    pub const WHOLE: Bounds = Bounds { depth: usize::MAX, offset: 0, limit: u64::MAX, text: usize::MAX };
}

/// Two levels of at most 100 entries, and the first 4096 bytes of a text.
impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { depth: 2, offset: 0, limit: 100, text: 4096 }
    }
}

/// A part of a value.
///
/// `Display` writes it in one line; with `{:#}` as a tree of several lines. `Serialize` writes what is captured of it: a record and a map as
/// an object, a list and a tuple as an array, a variant as its name or as an object with its name. Integers beyond ±(2⁵³ − 1) and floats
/// that are not finite become texts, bytes hexadecimal digits, and a preview a text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// What it is. For a variant of an enum, what its fields are.
    pub kind: Kind,
    /// The name of the struct or enum; empty if there is none.
    pub name: &'static str,
    /// The name of the variant, if it is a variant of an enum.
    pub variant: Option<&'static str>,
    /// The number of all its entries; for a text and for bytes, their whole length in bytes; 0 for other scalars.
    pub len: u64,
    /// What was read of it.
    pub content: Content,
}

/// What was read of a part.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// The scalar. If it is a text or bytes longer than the bound, its beginning: [`Part::len`] is the whole length.
    Scalar(Value),
    /// The entries from number `offset` on; more may follow.
    Entries {
        /// The number of entries before them.
        offset: u64,
        /// The entries, in the order of the value.
        entries: Vec<Entry>,
    },
    /// A short text of a part that was not opened, which may end in `…`.
    Preview(String),
}

/// An entry of a part: a field, an item, or the entry of a map.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The step that leads to it: the field's name, the number of the item, or the text of the key.
    pub key: String,
    /// The part.
    pub part: Part,
}

impl Part {
    /// The entries that were read; empty for a scalar and for a part that was not opened.
    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Entries { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The number of entries after those that were read; 0 for a part that was not opened.
    pub fn entries_after(&self) -> u64 {
        match &self.content {
            Content::Entries { offset, entries } => self.len.saturating_sub(offset + entries.len() as u64),
            _ => 0,
        }
    }

    /// Whether only the beginning of a text or of bytes was read.
    pub fn is_cut(&self) -> bool {
        match &self.content {
            Content::Scalar(Value::String(text)) => (text.len() as u64) < self.len,
            Content::Scalar(Value::Bytes(bytes)) => (bytes.len() as u64) < self.len,
            _ => false,
        }
    }

    fn brackets(&self) -> (char, char) {
        match self.kind {
            Kind::Record | Kind::Map => ('{', '}'),
            Kind::Tuple if self.variant.is_some() => ('(', ')'),
            Kind::Tuple | Kind::List | Kind::Set | Kind::Scalar => ('[', ']'),
        }
    }

    /// Whether a tree shows the part in one line: it has no entries, or is a variant whose only field is a variant too.
    fn fits_a_line(&self) -> bool {
        match self.entries() {
            [] => self.entries_after() == 0,
            [entry] => self.variant.is_some() && self.kind == Kind::Tuple && entry.part.fits_a_line(),
            _ => false,
        }
    }

    fn has_keys(&self) -> bool {
        matches!(self.kind, Kind::Record | Kind::Map)
    }

    /// Writes the part in one line, without the name of a variant.
    fn write_contents(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = self.brackets();
        match &self.content {
            Content::Scalar(value) => {
                f.write_str(&one_line(value))?;
                if self.is_cut() { write!(f, "… ({} bytes)", self.len) } else { Ok(()) }
            }
            Content::Preview(text) => f.write_str(text),
            Content::Entries { offset, entries } => {
                f.write_char(open)?;
                if *offset > 0 {
                    write!(f, "{offset} before, ")?;
                }
                for (index, entry) in entries.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    if self.has_keys() {
                        write_step(f, &entry.key)?;
                        f.write_str(": ")?;
                    }
                    entry.part.write_line(f)?;
                }
                match self.entries_after() {
                    0 => {}
                    more if entries.is_empty() => write!(f, "{more} more")?,
                    more => write!(f, ", {more} more")?,
                }
                f.write_char(close)
            }
        }
    }

    /// Writes the part in one line.
    fn write_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.variant, &self.content) {
            (None, _) | (_, Content::Preview(_)) => self.write_contents(f),
            (Some(variant), Content::Scalar(Value::Unit)) => f.write_str(variant),
            (Some(variant), Content::Scalar(_)) => {
                write!(f, "{variant}(")?;
                self.write_contents(f)?;
                f.write_char(')')
            }
            (Some(variant), Content::Entries { .. }) => {
                f.write_str(variant)?;
                if self.brackets().0 != '(' {
                    f.write_char(' ')?;
                }
                self.write_contents(f)
            }
        }
    }

    /// Writes the entries, each in a line of its own with its own entries below it.
    fn write_tree(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        let Content::Entries { offset, entries } = &self.content else { return Ok(()) };
        if *offset > 0 {
            write!(f, "\n{:indent$}… {offset} before", "")?;
        }
        for Entry { key, part } in entries {
            write!(f, "\n{:indent$}", "")?;
            write_step(f, key)?;
            f.write_char(':')?;
            part.write_node(f, indent)?;
        }
        match self.entries_after() {
            0 => Ok(()),
            more => write!(f, "\n{:indent$}… {more} more", ""),
        }
    }

    /// Writes the part after its key: in the same line, or as a heading with its entries below.
    fn write_node(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        if self.fits_a_line() {
            f.write_char(' ')?;
            return self.write_line(f);
        }
        if let Some(variant) = self.variant {
            write!(f, " {variant}")?;
        }
        if matches!(self.kind, Kind::Map | Kind::List | Kind::Set) {
            write!(f, " {}", Count(self.len, self.kind))?;
        }
        self.write_tree(f, indent + 2)
    }
}

/// A number of entries, with their name.
struct Count(u64, Kind);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count(number, kind) = self;
        match (kind, number) {
            (Kind::Map, 1) => f.write_str("1 entry"),
            (Kind::Map, number) => write!(f, "{number} entries"),
            (_, 1) => f.write_str("1 item"),
            (_, number) => write!(f, "{number} items"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() || self.fits_a_line() {
            return self.write_line(f);
        }
        if let Some(variant) = self.variant {
            f.write_str(variant)?;
            if matches!(self.kind, Kind::Map | Kind::List | Kind::Set) {
                write!(f, " {}", Count(self.len, self.kind))?;
            }
        } else if matches!(self.kind, Kind::Map | Kind::List | Kind::Set) {
            Count(self.len, self.kind).fmt(f)?;
        } else {
            f.write_str(if self.name.is_empty() { "a tuple" } else { self.name })?;
        }
        self.write_tree(f, 2)
    }
}
