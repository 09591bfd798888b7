//! Decodes shapes from untrusted bytes.

use super::Primitive;
use super::encoding::{
    ARRAY, BACK, ENUM, LIST, MAP, MAX_DEPTH, MAX_NAME, MAX_NODES, MULTISET, OPAQUE, OPTION, ORDERED_MAP, ORDERED_SET,
    SET, STRUCT, TUPLE, UNORDERED,
};
use super::node::{Node, NodeField, NodeFields, NodeVariant};

/// The error for bytes that do not encode a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid shape at byte {offset}: {kind}")]
pub struct DecodeShapeError {
    offset: usize,
    kind: ShapeErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum ShapeErrorKind {
    #[error("the bytes end within the shape")]
    Truncated,
    #[error("more bytes follow the complete shape")]
    Trailing,
    #[error("byte {0:#04x} is not the code of a shape that this version knows")]
    UnknownShape(u8),
    #[error("byte {0:#04x} is not the code of a field style")]
    UnknownStyle(u8),
    #[error("a number is not in its shortest form or has more than 64 bits")]
    InvalidNumber,
    #[error("a name is not valid UTF-8")]
    NotUtf8,
    #[error("a name is longer than {MAX_NAME} bytes")]
    LongName,
    #[error("the shape is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("the shape has more than {MAX_NODES} parts")]
    TooLarge,
    #[error("a back reference steps out of more structs and enums than enclose it")]
    DanglingBack,
}

/// All primitives, indexed by code.
pub(crate) const PRIMITIVES: [Primitive; 17] = [
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

/// Decodes a shape that spans all of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Node, DecodeShapeError> {
    let mut decoder = ShapeDecoder { bytes, offset: 0, nodes: 0, depth: 0, enclosing: 0 };
    let node = decoder
        .node()
        .and_then(|node| if decoder.offset == bytes.len() { Ok(node) } else { Err(ShapeErrorKind::Trailing) });
    node.map_err(|kind| DecodeShapeError { offset: decoder.offset, kind })
}

/// Reads untrusted bytes. Recursion is limited to [`MAX_DEPTH`] levels. Memory use is proportional to the bytes read so far,
/// never to a length that the bytes declare.
struct ShapeDecoder<'a> {
    bytes: &'a [u8],
    offset: usize,
    nodes: u32,
    depth: u32,
    /// The number of structs and enums that enclose the current part.
    enclosing: u32,
}

impl<'a> ShapeDecoder<'a> {
    fn node(&mut self) -> Result<Node, ShapeErrorKind> {
        if self.depth == MAX_DEPTH {
            return Err(ShapeErrorKind::TooDeep);
        }
        self.count()?;
        self.depth += 1;
        let node = self.node_inside()?;
        self.depth -= 1;
        Ok(node)
    }

    fn node_inside(&mut self) -> Result<Node, ShapeErrorKind> {
        let code = self.byte()?;
        if let Some(primitive) = PRIMITIVES.get(usize::from(code)) {
            return Ok(Node::Primitive(*primitive));
        }
        Ok(match code {
            OPTION => Node::Option(Box::new(self.node()?)),
            LIST => Node::List(Box::new(self.node()?)),
            SET => Node::Set(Box::new(self.node()?)),
            ORDERED_SET => Node::OrderedSet(Box::new(self.node()?)),
            MULTISET => Node::Multiset(Box::new(self.node()?)),
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
            OPAQUE => Node::Opaque(self.name()?.to_owned()),
            UNORDERED => Node::Unordered(self.name()?.to_owned()),
            BACK => Node::Back(self.steps()?),
            _ => return Err(ShapeErrorKind::UnknownShape(code)),
        })
    }

    fn steps(&mut self) -> Result<u32, ShapeErrorKind> {
        match u32::try_from(self.number()?) {
            Ok(steps) if steps < self.enclosing => Ok(steps),
            _ => Err(ShapeErrorKind::DanglingBack),
        }
    }

    fn variant(&mut self) -> Result<NodeVariant, ShapeErrorKind> {
        self.count()?;
        Ok(NodeVariant { name: self.name()?.into(), fields: self.fields()? })
    }

    fn fields(&mut self) -> Result<NodeFields, ShapeErrorKind> {
        Ok(match self.byte()? {
            0 => NodeFields::Unit,
            1 => NodeFields::Newtype(Box::new(self.node()?)),
            2 => NodeFields::Tuple(self.many(Self::node)?),
            3 => NodeFields::Named(
                self.many(|decoder| Ok(NodeField { name: decoder.name()?.into(), shape: decoder.node()? }))?,
            ),
            code => return Err(ShapeErrorKind::UnknownStyle(code)),
        })
    }

    fn many<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, ShapeErrorKind>,
    ) -> Result<Vec<T>, ShapeErrorKind> {
        let number = self.number()?;
        let mut items = Vec::new();
        for _ in 0..number {
            items.push(one(self)?);
        }
        Ok(items)
    }

    fn name(&mut self) -> Result<&'a str, ShapeErrorKind> {
        let length = match usize::try_from(self.number()?) {
            Ok(length) if length <= MAX_NAME => length,
            _ => return Err(ShapeErrorKind::LongName),
        };
        let (name, _) = self.bytes[self.offset..].split_at_checked(length).ok_or(ShapeErrorKind::Truncated)?;
        let name = str::from_utf8(name).map_err(|_| ShapeErrorKind::NotUtf8)?;
        self.offset += length;
        Ok(name)
    }

    fn number(&mut self) -> Result<u64, ShapeErrorKind> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let is_last = byte < 0x80;
            let overflows = bits << shift >> shift != bits;
            let is_longer_than_needed = is_last && bits == 0 && shift > 0;
            if overflows || is_longer_than_needed {
                break;
            }
            number |= bits << shift;
            if is_last {
                return Ok(number);
            }
        }
        Err(ShapeErrorKind::InvalidNumber)
    }

    fn byte(&mut self) -> Result<u8, ShapeErrorKind> {
        let byte = *self.bytes.get(self.offset).ok_or(ShapeErrorKind::Truncated)?;
        self.offset += 1;
        Ok(byte)
    }

    fn count(&mut self) -> Result<(), ShapeErrorKind> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(ShapeErrorKind::TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
