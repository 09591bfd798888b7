//! The nodes of a shape at run time.

use std::sync::Arc;

use super::enclosing::{DANGLING_BACK, Enclosing, recursion_steps, steps_out};
use super::{Descriptor, Enum, Field, Primitive, ShapeRef, Struct, Style, Variant};

/// A shape or a part of a shape. In contrast to a [`Descriptor`], a node owns its parts and has no cyclic references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Primitive(Primitive),
    Option(Box<Node>),
    List(Box<Node>),
    Set(Box<Node>),
    OrderedSet(Box<Node>),
    Multiset(Box<Node>),
    Map(Box<(Node, Node)>),
    OrderedMap(Box<(Node, Node)>),
    Array(Box<Node>, u64),
    Tuple(Vec<Node>),
    Struct(NodeFields),
    Enum(Vec<NodeVariant>),
    Opaque(String),
    /// An opaque type in which the order of items and entries is not part of the value.
    Unordered(String),
    /// A reference back to an enclosing struct or enum, for recursive types: 0 refers to the innermost one that encloses this
    /// node, 1 to the next one outward.
    Back(u32),
}

/// The fields of a struct or a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeFields {
    Unit,
    Newtype(Box<Node>),
    Tuple(Vec<Node>),
    Named(Vec<NodeField>),
}

/// One named field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeField {
    /// The name. All values that are decoded with this shape point to this one copy of the name.
    pub(crate) name: Arc<str>,
    pub(crate) shape: Node,
}

/// One variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeVariant {
    pub(crate) name: Arc<str>,
    pub(crate) fields: NodeFields,
}

impl NodeFields {
    /// The Rust syntax of the fields.
    pub(crate) fn style(&self) -> Style {
        match self {
            NodeFields::Unit => Style::Unit,
            NodeFields::Newtype(_) => Style::Newtype,
            NodeFields::Tuple(_) => Style::Tuple,
            NodeFields::Named(_) => Style::Named,
        }
    }
}

impl Node {
    /// Creates the node of a descriptor. The caller has called [`fingerprint`](super::fingerprint()), which checks that the
    /// descriptor is within the limits.
    pub(super) fn of(shape: ShapeRef, enclosing: Option<&Enclosing<'_>>) -> Node {
        let boxed = |shape| Box::new(Node::of(shape, enclosing));
        let entry = |key, value| Box::new((Node::of(key, enclosing), Node::of(value, enclosing)));
        match *shape.get() {
            Descriptor::Primitive(primitive) => Node::Primitive(primitive),
            Descriptor::Option(item) => Node::Option(boxed(item)),
            Descriptor::List(item) => Node::List(boxed(item)),
            Descriptor::Set(item) => Node::Set(boxed(item)),
            Descriptor::OrderedSet(item) => Node::OrderedSet(boxed(item)),
            Descriptor::Multiset(item) => Node::Multiset(boxed(item)),
            Descriptor::Map(key, value) => Node::Map(entry(key, value)),
            Descriptor::OrderedMap(key, value) => Node::OrderedMap(entry(key, value)),
            Descriptor::Array(item, length) => Node::Array(boxed(item), length as u64),
            Descriptor::Tuple(items) => Node::Tuple(items.iter().map(|&item| Node::of(item, enclosing)).collect()),
            Descriptor::Struct(Struct { identity, style, fields, .. }) => match recursion_steps(identity, enclosing) {
                Some(steps) => Node::Back(steps),
                None => Node::Struct(NodeFields::of(style, fields, &Enclosing { identity, outer: enclosing })),
            },
            Descriptor::Enum(Enum { identity, variants, .. }) => match recursion_steps(identity, enclosing) {
                Some(steps) => Node::Back(steps),
                None => {
                    let inside = Enclosing { identity, outer: enclosing };
                    let variant = |variant: &Variant| NodeVariant {
                        name: variant.name.into(),
                        fields: NodeFields::of(variant.style, variant.fields, &inside),
                    };
                    Node::Enum(variants.iter().map(variant).collect())
                }
            },
            Descriptor::Opaque(name) => Node::Opaque(name.to_owned()),
            Descriptor::Unordered(name) => Node::Unordered(name.to_owned()),
            Descriptor::Back(identity) => match steps_out(identity, enclosing) {
                Some(steps) => Node::Back(steps),
                None => panic!("{}", DANGLING_BACK),
            },
        }
    }
}

impl NodeFields {
    fn of(style: Style, fields: &[Field], inside: &Enclosing<'_>) -> NodeFields {
        let mut nodes = fields.iter().map(|field| Node::of(field.shape, Some(inside)));
        match style {
            Style::Unit => NodeFields::Unit,
            Style::Newtype => NodeFields::Newtype(Box::new(nodes.next().expect("a newtype has a field"))),
            Style::Tuple => NodeFields::Tuple(nodes.collect()),
            Style::Named => {
                let names = fields.iter().map(|field| field.name.into());
                NodeFields::Named(names.zip(nodes).map(|(name, shape)| NodeField { name, shape }).collect())
            }
        }
    }
}
