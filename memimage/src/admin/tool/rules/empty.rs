//! The empty value of a shape, which replaces a redacted one.

use crate::shape::node::{Node, NodeFields};
use crate::shape::{Primitive, ShapeTree};
use crate::value::Value;

/// The largest array of which an empty value is made.
const MAX_LENGTH: u64 = 1 << 16;

/// The empty value of a shape: zero, false, an empty text or list, no value of an option, and empty fields of a record. `None` if the
/// shape has no value that is obviously empty, such as an enum.
pub(super) fn empty(node: &Node) -> Option<Value> {
    let value = empty_part(node)?;
    // a shape that refers to the struct around it has no value of its own
    let shape = ShapeTree::from_node(node).ok()?;
    value.encode(&shape).is_ok().then_some(value)
}

fn empty_part(node: &Node) -> Option<Value> {
    Some(match node {
        Node::Primitive(primitive) => empty_primitive(*primitive),
        Node::Option(_) => Value::Option(None),
        Node::List(_) | Node::Set(_) | Node::OrderedSet(_) | Node::Multiset(_) => Value::List(Vec::new()),
        Node::Map(_) | Node::OrderedMap(_) => Value::Map(Vec::new()),
        Node::Array(item, length) if *length <= MAX_LENGTH => {
            Value::List(vec![empty_part(item)?; usize::try_from(*length).ok()?])
        }
        Node::Tuple(items) => Value::List(items.iter().map(empty_part).collect::<Option<_>>()?),
        Node::Struct(NodeFields::Unit) => Value::Unit,
        Node::Struct(NodeFields::Newtype(item)) => empty_part(item)?,
        Node::Struct(NodeFields::Tuple(items)) => Value::List(items.iter().map(empty_part).collect::<Option<_>>()?),
        Node::Struct(NodeFields::Named(fields)) => {
            let field = |(name, shape): (_, &Node)| Some((name, empty_part(shape)?));
            let fields = fields.iter().map(|of| (of.name.clone(), &of.shape)).map(field);
            Value::Struct(fields.collect::<Option<_>>()?)
        }
        Node::Array(..) | Node::Enum(_) | Node::Opaque(_) | Node::Unordered(_) | Node::Back(_) => return None,
    })
}

fn empty_primitive(primitive: Primitive) -> Value {
    match primitive {
        Primitive::Unit => Value::Unit,
        Primitive::Bool => Value::Bool(false),
        Primitive::U8 | Primitive::U16 | Primitive::U32 | Primitive::U64 | Primitive::U128 => Value::Unsigned(0),
        Primitive::I8 | Primitive::I16 | Primitive::I32 | Primitive::I64 | Primitive::I128 => Value::Signed(0),
        Primitive::F32 => Value::F32(0.0),
        Primitive::F64 => Value::F64(0.0),
        Primitive::Char => Value::Char('\0'),
        Primitive::String => Value::String(String::new()),
        Primitive::Bytes => Value::Bytes(Vec::new()),
    }
}
