//! How a shape is written in a journal, and what its fingerprint is computed over.
//!
//! The bytes name no type and end with the shape's last part; there is one way to write a shape. What has a version is
//! the journal they are in.
//!
//! | part | bytes |
//! | --- | --- |
//! | *number* | LEB128: seven bits a byte, lowest first, high bit set on all but the last; shortest form only |
//! | *name* | its length in bytes as a *number*, then UTF-8 |
//! | *fields* | `00` none at all (`struct S;`) |
//! | | `01` *shape*: one without a name (`struct S(T);`) |
//! | | `02` *number* of shapes, *shape* …: without names (`struct S(T, U);`) |
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
//! | map | `23` *shape* of the keys, *shape* of the values |
//! | ordered map | `24` as map |
//! | array | `25` *number* of values, *shape* |
//! | tuple | `26` *number* of shapes, *shape* … |
//! | struct | `27` *fields* |
//! | enum | `28` *number* of variants, (*name*, *fields*) … |
//! | opaque | `29` *name* |
//! | back | `2a` *number* of structs and enums to step out of, 0 for the nearest around it: recursion |
//!
//! Bounds, kept by writers and demanded by readers: at most [`MAX_DEPTH`] shapes inside one another, [`MAX_NODES`] shapes
//! and variants, [`MAX_NAME`] bytes a name.

use super::node::{Field, Fields, Node, Variant};
use super::{Primitive, Style};

/// The most shapes inside one another, the outermost counted.
pub(super) const MAX_DEPTH: u32 = 64;

/// The most shapes and variants, all counted.
pub(super) const MAX_NODES: u32 = 1 << 16;

/// The longest name, in bytes.
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

const PRIMITIVES: [Primitive; 17] = [
    Primitive::Unit,
    Primitive::Bool,
    Primitive::U8,
    Primitive::U16,
    Primitive::U32,
    Primitive::U64,
    Primitive::U128,
    Primitive::I8,
    Primitive::I16,
    Primitive::I32,
    Primitive::I64,
    Primitive::I128,
    Primitive::F32,
    Primitive::F64,
    Primitive::Char,
    Primitive::String,
    Primitive::Bytes,
];

impl Primitive {
    /// Its byte.
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

/// The byte that begins *fields*.
pub(super) const fn style(style: Style) -> u8 {
    match style {
        Style::Unit => 0x00,
        Style::Newtype => 0x01,
        Style::Tuple => 0x02,
        Style::Named => 0x03,
    }
}

/// Appends `node` to `out`.
pub(super) fn write(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Primitive(primitive) => out.push(primitive.code()),
        Node::Option(item) => write_around(OPTION, item, out),
        Node::List(item) => write_around(LIST, item, out),
        Node::Set(item) => write_around(SET, item, out),
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

fn write_fields(fields: &Fields, out: &mut Vec<u8>) {
    out.push(style(fields.style()));
    match fields {
        Fields::Unit => {}
        Fields::Newtype(item) => write(item, out),
        Fields::Tuple(items) => {
            write_number(items.len() as u64, out);
            items.iter().for_each(|item| write(item, out));
        }
        Fields::Named(fields) => {
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

/// Why bytes are no shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the shape: {fault}")]
pub struct DecodeShapeError {
    offset: usize,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("it ends there, unfinished")]
    Truncated,
    #[error("it is complete, but bytes follow")]
    Trailing,
    #[error("{0:#04x} begins no shape that this version knows")]
    UnknownShape(u8),
    #[error("{0:#04x} is no way to write fields")]
    UnknownStyle(u8),
    #[error("a number is not in its shortest form or has more than 64 bits")]
    BadNumber,
    #[error("a name is no UTF-8")]
    NotUtf8,
    #[error("a name is longer than {MAX_NAME} bytes")]
    LongName,
    #[error("it is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("it has more than {MAX_NODES} parts")]
    TooLarge,
    #[error("it steps out of more structs and enums than there are around it")]
    LostBack,
}

/// Reads a shape that fills `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Node, DecodeShapeError> {
    let mut reader = Reader { bytes, offset: 0, nodes: 0, depth: 0, enclosing: 0 };
    let node = reader.node().and_then(|node| match reader.offset == bytes.len() {
        true => Ok(node),
        false => Err(Fault::Trailing),
    });
    node.map_err(|fault| DecodeShapeError { offset: reader.offset, fault })
}

/// Reads bytes that nobody vouches for: it recurses no further than [`MAX_DEPTH`], and what it allocates is in
/// proportion to the bytes it has read, never to a number found in them.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    nodes: u32,
    depth: u32,
    /// How many structs and enums are around the part being read.
    enclosing: u32,
}

impl Reader<'_> {
    fn node(&mut self) -> Result<Node, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.count()?;
        self.depth += 1;
        let node = self.node_inside()?;
        self.depth -= 1;
        Ok(node)
    }

    fn node_inside(&mut self) -> Result<Node, Fault> {
        let code = self.peek()?;
        if let Some(primitive) = PRIMITIVES.get(usize::from(code)) {
            self.offset += 1;
            return Ok(Node::Primitive(*primitive));
        }
        if !(OPTION..=BACK).contains(&code) {
            return Err(Fault::UnknownShape(code));
        }
        self.offset += 1;
        Ok(match code {
            OPTION => Node::Option(Box::new(self.node()?)),
            LIST => Node::List(Box::new(self.node()?)),
            SET => Node::Set(Box::new(self.node()?)),
            MAP => Node::Map(Box::new((self.node()?, self.node()?))),
            ORDERED_MAP => Node::OrderedMap(Box::new((self.node()?, self.node()?))),
            ARRAY => {
                let length = self.number()?;
                Node::Array(Box::new(self.node()?), length)
            }
            TUPLE => Node::Tuple(self.many(Self::node)?),
            STRUCT => {
                self.enclosing += 1;
                let fields = self.fields()?;
                self.enclosing -= 1;
                Node::Struct(fields)
            }
            ENUM => {
                self.enclosing += 1;
                let variants = self.many(Self::variant)?;
                self.enclosing -= 1;
                Node::Enum(variants)
            }
            OPAQUE => Node::Opaque(self.name()?),
            _ => Node::Back(self.levels()?),
        })
    }

    fn levels(&mut self) -> Result<u32, Fault> {
        let levels = self.number()?;
        match u32::try_from(levels) {
            Ok(levels) if levels < self.enclosing => Ok(levels),
            _ => Err(Fault::LostBack),
        }
    }

    fn variant(&mut self) -> Result<Variant, Fault> {
        self.count()?;
        Ok(Variant { name: self.name()?, fields: self.fields()? })
    }

    fn fields(&mut self) -> Result<Fields, Fault> {
        let code = self.peek()?;
        if code > style(Style::Named) {
            return Err(Fault::UnknownStyle(code));
        }
        self.offset += 1;
        Ok(match code {
            0 => Fields::Unit,
            1 => Fields::Newtype(Box::new(self.node()?)),
            2 => Fields::Tuple(self.many(Self::node)?),
            _ => Fields::Named(self.many(|reader| Ok(Field { name: reader.name()?, shape: reader.node()? }))?),
        })
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        let number = self.number()?;
        let mut items = Vec::new();
        for _ in 0..number {
            items.push(one(self)?);
        }
        Ok(items)
    }

    fn name(&mut self) -> Result<String, Fault> {
        let start = self.offset;
        let length = match usize::try_from(self.number()?) {
            Ok(length) if length <= MAX_NAME => length,
            _ => {
                self.offset = start;
                return Err(Fault::LongName);
            }
        };
        let rest = &self.bytes[self.offset..];
        let name = rest.get(..length).ok_or(Fault::Truncated)?;
        let name = str::from_utf8(name).map_err(|_| Fault::NotUtf8)?;
        self.offset += length;
        Ok(name.to_owned())
    }

    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.peek()?;
            let bits = u64::from(byte & 0x7f);
            let last = byte < 0x80;
            if bits << shift >> shift != bits || (last && bits == 0 && shift > 0) {
                return Err(Fault::BadNumber);
            }
            self.offset += 1;
            number |= bits << shift;
            if last {
                return Ok(number);
            }
        }
        Err(Fault::BadNumber)
    }

    fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.offset).copied().ok_or(Fault::Truncated)
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(Fault::TooLarge) } else { Ok(()) }
    }
}
