//! Encodes shapes for journals and fingerprints.
//!
//! The encoding contains no type names and is self-delimiting. Each shape has exactly one encoding. The format has no version
//! of its own: the version of the journal applies.
//!
//! | part | bytes |
//! | --- | --- |
//! | *number* | LEB128: seven bits per byte, lowest first, high bit set on all bytes but the last; shortest form only |
//! | *name* | its length in bytes as a *number*, then UTF-8 |
//! | *fields* | `00`: no fields (`struct S;`) |
//! | | `01` *shape*: one unnamed field (`struct S(T);`) |
//! | | `02` *number* of shapes, *shape* …: unnamed fields (`struct S(T, U);`) |
//! | | `03` *number* of fields, (*name*, *shape*) …: `struct S { a: T }` |
//!
//! | *shape* | bytes |
//! | --- | --- |
//! | unit, bool | `00`, `01` |
//! | u8, u16, u32, u64, u128 | `02`, `03`, `04`, `05`, `06` |
//! | i8, i16, i32, i64, i128 | `07`, `08`, `09`, `0a`, `0b` |
//! | f32, f64, char, string, bytes | `0c`, `0d`, `0e`, `0f`, `10` |
//! | option | `20` *shape* |
//! | list | `21` *shape* |
//! | set | `22` *shape* |
//! | ordered set, multiset | `2c` *shape*, `2d` *shape* |
//! | map | `23` *shape* of the keys, *shape* of the values |
//! | ordered map | `24` as map |
//! | array | `25` *number* of values, *shape* |
//! | tuple | `26` *number* of shapes, *shape* … |
//! | struct | `27` *fields* |
//! | enum | `28` *number* of variants, (*name*, *fields*) … |
//! | opaque | `29` *name* |
//! | opaque, unordered | `2b` *name* |
//! | back | `2a` *number* of structs and enums to step out of, 0 for the innermost; only in recursive types |
//!
//! Writers and readers have the same limits: at most [`MAX_DEPTH`] nested shapes, [`MAX_NODES`] shapes and variants, and
//! [`MAX_NAME`] bytes per name.

use super::node::{Node, NodeFields};
use super::{Primitive, Style};

/// The maximum number of nested shapes, including the outermost.
pub(super) const MAX_DEPTH: u32 = 64;

/// The maximum number of nested shapes and variants, counted together, that one shape may contain.
pub(super) const MAX_NODES: u32 = 1 << 16;

/// The maximum length of a name in bytes.
pub(super) const MAX_NAME: usize = 1024;

pub(super) const OPTION: u8 = 0x20;
pub(super) const LIST: u8 = 0x21;
pub(super) const SET: u8 = 0x22;
pub(super) const MAP: u8 = 0x23;
pub(super) const ORDERED_MAP: u8 = 0x24;
pub(super) const ARRAY: u8 = 0x25;
pub(super) const TUPLE: u8 = 0x26;
pub(super) const STRUCT: u8 = 0x27;
pub(super) const ENUM: u8 = 0x28;
pub(super) const OPAQUE: u8 = 0x29;
pub(super) const BACK: u8 = 0x2a;
pub(super) const UNORDERED: u8 = 0x2b;
pub(super) const ORDERED_SET: u8 = 0x2c;
pub(super) const MULTISET: u8 = 0x2d;

impl Primitive {
    /// The byte that encodes this primitive.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Primitive::Unit => 0x00,
            Primitive::Bool => 0x01,
            Primitive::U8 => 0x02,
            Primitive::U16 => 0x03,
            Primitive::U32 => 0x04,
            Primitive::U64 => 0x05,
            Primitive::U128 => 0x06,
            Primitive::I8 => 0x07,
            Primitive::I16 => 0x08,
            Primitive::I32 => 0x09,
            Primitive::I64 => 0x0a,
            Primitive::I128 => 0x0b,
            Primitive::F32 => 0x0c,
            Primitive::F64 => 0x0d,
            Primitive::Char => 0x0e,
            Primitive::String => 0x0f,
            Primitive::Bytes => 0x10,
        }
    }
}

/// The byte that encodes a style: the first byte of *fields* in the table above.
pub(super) const fn style(style: Style) -> u8 {
    match style {
        Style::Unit => 0x00,
        Style::Newtype => 0x01,
        Style::Tuple => 0x02,
        Style::Named => 0x03,
    }
}

/// Appends the encoding of `node` to `out`.
pub(super) fn write(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Primitive(primitive) => out.push(primitive.code()),
        Node::Option(item) => write_around(OPTION, item, out),
        Node::List(item) => write_around(LIST, item, out),
        Node::Set(item) => write_around(SET, item, out),
        Node::OrderedSet(item) => write_around(ORDERED_SET, item, out),
        Node::Multiset(item) => write_around(MULTISET, item, out),
        Node::Map(entry) => write_entry(MAP, entry, out),
        Node::OrderedMap(entry) => write_entry(ORDERED_MAP, entry, out),
        Node::Array(item, length) => {
            out.push(ARRAY);
            write_number(*length, out);
            write(item, out);
        }
        Node::Tuple(items) => {
            out.push(TUPLE);
            write_number(items.len() as u64, out);
            items.iter().for_each(|item| write(item, out));
        }
        Node::Struct(fields) => {
            out.push(STRUCT);
            write_fields(fields, out);
        }
        Node::Enum(variants) => {
            out.push(ENUM);
            write_number(variants.len() as u64, out);
            for variant in variants {
                write_name(&variant.name, out);
                write_fields(&variant.fields, out);
            }
        }
        Node::Opaque(name) => {
            out.push(OPAQUE);
            write_name(name, out);
        }
        Node::Unordered(name) => {
            out.push(UNORDERED);
            write_name(name, out);
        }
        Node::Back(levels) => {
            out.push(BACK);
            write_number(u64::from(*levels), out);
        }
    }
}

fn write_around(code: u8, item: &Node, out: &mut Vec<u8>) {
    out.push(code);
    write(item, out);
}

fn write_entry(code: u8, (key, value): &(Node, Node), out: &mut Vec<u8>) {
    out.push(code);
    write(key, out);
    write(value, out);
}

fn write_fields(fields: &NodeFields, out: &mut Vec<u8>) {
    out.push(style(fields.style()));
    match fields {
        NodeFields::Unit => {}
        NodeFields::Newtype(item) => write(item, out),
        NodeFields::Tuple(items) => {
            write_number(items.len() as u64, out);
            items.iter().for_each(|item| write(item, out));
        }
        NodeFields::Named(fields) => {
            write_number(fields.len() as u64, out);
            for field in fields {
                write_name(&field.name, out);
                write(&field.shape, out);
            }
        }
    }
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    write_number(name.len() as u64, out);
    out.extend_from_slice(name.as_bytes());
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
