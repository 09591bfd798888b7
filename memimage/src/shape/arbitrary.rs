//! A proptest strategy that generates any shape.

use proptest::prelude::*;
use proptest::sample::select;

use super::decoding::PRIMITIVES;
use super::node::{Node, NodeField, NodeFields, NodeVariant};
use super::{Primitive, ShapeTree};

impl ShapeTree {
    /// Creates the tree of a complete shape from the shape's root node.
    pub(crate) fn of_node(node: &Node) -> ShapeTree {
        ShapeTree::from_node(node).unwrap()
    }
}

/// Any shape within the limits of the encoding.
pub(crate) fn node() -> impl Strategy<Value = Node> {
    any_node().prop_map(|mut node| {
        replace_dangling_back(&mut node, 0);
        node
    })
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        5 => select(vec![Primitive::Unit, Primitive::Bool, Primitive::U8, Primitive::U32, Primitive::String])
            .prop_map(Node::Primitive),
        2 => select(PRIMITIVES.to_vec()).prop_map(Node::Primitive),
        1 => name().prop_map(Node::Opaque),
        1 => name().prop_map(Node::Unordered),
        1 => (0..3u32).prop_map(Node::Back),
    ];
    leaf.prop_recursive(6, 40, 4, |node| {
        let boxed = node.clone().prop_map(Box::new);
        let entry = (node.clone(), node.clone()).prop_map(Box::new);
        let variant =
            (name(), fields(node.clone())).prop_map(|(name, fields)| NodeVariant { name: name.into(), fields });
        prop_oneof![
            boxed.clone().prop_map(Node::Option),
            boxed.clone().prop_map(Node::List),
            boxed.clone().prop_map(Node::Set),
            boxed.clone().prop_map(Node::OrderedSet),
            boxed.clone().prop_map(Node::Multiset),
            entry.clone().prop_map(Node::Map),
            entry.prop_map(Node::OrderedMap),
            (boxed, prop_oneof![0..300u64, Just(u64::MAX)]).prop_map(|(item, length)| Node::Array(item, length)),
            prop::collection::vec(node.clone(), 0..4).prop_map(Node::Tuple),
            fields(node).prop_map(Node::Struct),
            prop::collection::vec(variant, 0..4).prop_map(Node::Enum),
        ]
    })
}

/// Selects one of a few names, so that two generated shapes often have names in common.
fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c", "d", "größe", ""]).prop_map(str::to_owned)
}

fn fields(node: impl Strategy<Value = Node> + Clone + 'static) -> impl Strategy<Value = NodeFields> {
    let field = (name(), node.clone()).prop_map(|(name, shape)| NodeField { name: name.into(), shape });
    prop_oneof![
        Just(NodeFields::Unit),
        node.clone().prop_map(|item| NodeFields::Newtype(Box::new(item))),
        prop::collection::vec(node, 0..4).prop_map(NodeFields::Tuple),
        prop::collection::vec(field, 0..4).prop_map(NodeFields::Named),
    ]
}

/// Replaces each back reference that points outside the whole shape with a u64.
fn replace_dangling_back(node: &mut Node, enclosing: u32) {
    match node {
        Node::Back(steps) if *steps >= enclosing => *node = Node::Primitive(Primitive::U64),
        Node::Primitive(_) | Node::Opaque(_) | Node::Unordered(_) | Node::Back(_) => {}
        Node::Option(item)
        | Node::List(item)
        | Node::Set(item)
        | Node::OrderedSet(item)
        | Node::Multiset(item)
        | Node::Array(item, _) => {
            replace_dangling_back(item, enclosing);
        }
        Node::Map(entry) | Node::OrderedMap(entry) => {
            replace_dangling_back(&mut entry.0, enclosing);
            replace_dangling_back(&mut entry.1, enclosing);
        }
        Node::Tuple(items) => items.iter_mut().for_each(|item| replace_dangling_back(item, enclosing)),
        Node::Struct(fields) => replace_in_fields(fields, enclosing + 1),
        Node::Enum(variants) => {
            variants.iter_mut().for_each(|variant| replace_in_fields(&mut variant.fields, enclosing + 1));
        }
    }
}

fn replace_in_fields(fields: &mut NodeFields, enclosing: u32) {
    match fields {
        NodeFields::Unit => {}
        NodeFields::Newtype(item) => replace_dangling_back(item, enclosing),
        NodeFields::Tuple(items) => items.iter_mut().for_each(|item| replace_dangling_back(item, enclosing)),
        NodeFields::Named(fields) => {
            fields.iter_mut().for_each(|field| replace_dangling_back(&mut field.shape, enclosing));
        }
    }
}
