//! Writes a shape as one line of text, for messages and lock files: `{account: u32, memo: option<string>}`.
//!
//! Different shapes of a program's types have different lines, because [`Name`] quotes names that are not identifiers. (An
//! empty tuple, which only a journal can contain, has the same text as a unit.)

use std::fmt::{self, Display, Formatter, Write as _};

use super::Primitive;
use super::name::Name;
use super::node::{Node, NodeField, NodeFields, NodeVariant};

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Node::Primitive(primitive) => primitive.fmt(f),
            Node::Option(item) => write!(f, "option<{item}>"),
            Node::List(item) => write!(f, "list<{item}>"),
            Node::Set(item) => write!(f, "set<{item}>"),
            Node::OrderedSet(item) => write!(f, "ordered_set<{item}>"),
            Node::Multiset(item) => write!(f, "multiset<{item}>"),
            Node::Map(entry) => write!(f, "map<{}, {}>", entry.0, entry.1),
            Node::OrderedMap(entry) => write!(f, "ordered_map<{}, {}>", entry.0, entry.1),
            Node::Array(item, length) => write!(f, "[{item}; {length}]"),
            Node::Tuple(items) => tuple(f, items),
            Node::Struct(fields) => match fields {
                NodeFields::Unit => f.write_str("struct"),
                NodeFields::Newtype(_) | NodeFields::Tuple(_) => write!(f, "struct{fields}"),
                NodeFields::Named(_) => fields.fmt(f),
            },
            Node::Enum(variants) => {
                f.write_str("enum {")?;
                separated(f, variants)?;
                f.write_char('}')
            }
            Node::Opaque(name) => write!(f, "opaque<{}>", Name(name)),
            Node::Unordered(name) => write!(f, "unordered<{}>", Name(name)),
            Node::Back(steps) => write!(f, "back({steps})"),
        }
    }
}

impl Display for NodeFields {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            NodeFields::Unit => Ok(()),
            NodeFields::Newtype(item) => write!(f, "({item})"),
            NodeFields::Tuple(items) => tuple(f, items),
            NodeFields::Named(fields) => {
                f.write_char('{')?;
                separated(f, fields)?;
                f.write_char('}')
            }
        }
    }
}

impl Display for NodeField {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Name(&self.name), self.shape)
    }
}

impl Display for NodeVariant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Name(&self.name), self.fields)
    }
}

impl Display for Primitive {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Primitive {
    /// The name of the primitive, as `Display` writes it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Primitive::Unit => "()",
            Primitive::Bool => "bool",
            Primitive::U8 => "u8",
            Primitive::U16 => "u16",
            Primitive::U32 => "u32",
            Primitive::U64 => "u64",
            Primitive::U128 => "u128",
            Primitive::I8 => "i8",
            Primitive::I16 => "i16",
            Primitive::I32 => "i32",
            Primitive::I64 => "i64",
            Primitive::I128 => "i128",
            Primitive::F32 => "f32",
            Primitive::F64 => "f64",
            Primitive::Char => "char",
            Primitive::String => "string",
            Primitive::Bytes => "bytes",
        }
    }
}

/// Writes a tuple as Rust does: a comma follows a single item.
fn tuple(f: &mut Formatter<'_>, items: &[Node]) -> fmt::Result {
    f.write_char('(')?;
    separated(f, items)?;
    f.write_str(if items.len() == 1 { ",)" } else { ")" })
}

fn separated<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}
