//! Recognizes the shape of personal data, which the feature `erasure` defines.

use super::node::{Node, NodeFields};
use super::{Primitive, ShapeTree};

/// Whether a struct has the shape of personal data: the subject, the number of the key, the sealed bytes, and an array without items
/// that stands for the content.
fn is_personal(fields: &NodeFields) -> bool {
    let NodeFields::Named(fields) = fields else { return false };
    let [subject, key, sealed, content] = &fields[..] else { return false };
    let names = [subject, key, sealed, content].map(|field| &*field.name);
    names == ["subject", "key", "sealed", "content"]
        && subject.shape == Node::Primitive(Primitive::String)
        && matches!(&key.shape, Node::Array(item, 16) if **item == Node::Primitive(Primitive::U8))
        && sealed.shape == Node::Primitive(Primitive::Bytes)
        && matches!(content.shape, Node::Array(_, 0))
}

impl ShapeTree {
    /// Whether a value of this shape may contain personal data.
    pub(crate) fn has_personal_data(&self) -> bool {
        in_node(self.root())
    }
}

fn in_node(node: &Node) -> bool {
    match node {
        Node::Primitive(_) | Node::Opaque(_) | Node::Unordered(_) | Node::Back(_) => false,
        Node::Option(item)
        | Node::List(item)
        | Node::Set(item)
        | Node::OrderedSet(item)
        | Node::Multiset(item)
        | Node::Array(item, _) => in_node(item),
        Node::Map(entry) | Node::OrderedMap(entry) => in_node(&entry.0) || in_node(&entry.1),
        Node::Tuple(items) => items.iter().any(in_node),
        Node::Struct(fields) => is_personal(fields) || in_fields(fields),
        Node::Enum(variants) => variants.iter().any(|variant| in_fields(&variant.fields)),
    }
}

fn in_fields(fields: &NodeFields) -> bool {
    match fields {
        NodeFields::Unit => false,
        NodeFields::Newtype(item) => in_node(item),
        NodeFields::Tuple(items) => items.iter().any(in_node),
        NodeFields::Named(fields) => fields.iter().any(|field| in_node(&field.shape)),
    }
}
