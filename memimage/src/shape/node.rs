//! The nodes of a shape at run time.

use std::sync::Arc;

use super::{Descriptor, Primitive, ShapeRef, Style};

/// A shape or a part of one. The counterpart of [`Descriptor`] that owns its parts and has no cyclic references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Primitive(Primitive),
    Option(Box<Node>),
    List(Box<Node>),
    Set(Box<Node>),
    Map(Box<(Node, Node)>),
    OrderedMap(Box<(Node, Node)>),
    Array(Box<Node>, u64),
    Tuple(Vec<Node>),
    Struct(Fields),
    Enum(Vec<Variant>),
    Opaque(String),
    /// The struct or enum this many steps out; 0 is the innermost that encloses this node.
    Back(u32),
}

/// The fields of a struct or a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    Unit,
    Newtype(Box<Node>),
    Tuple(Vec<Node>),
    Named(Vec<Field>),
}

/// One named field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Shared with the values that are decoded along this shape.
    pub(crate) name: Arc<str>,
    pub(crate) shape: Node,
}

/// One variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: Arc<str>,
    pub(crate) fields: Fields,
}

impl Fields {
    /// The syntax of the fields in Rust.
    pub(crate) fn style(&self) -> Style {
        match self {
            Fields::Unit => Style::Unit,
            Fields::Newtype(_) => Style::Newtype,
            Fields::Tuple(_) => Style::Tuple,
            Fields::Named(_) => Style::Named,
        }
    }
}

/// The structs and enums that enclose a part of a descriptor, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Enclosing<'a> {
    pub(super) identity: u64,
    pub(super) outer: Option<&'a Enclosing<'a>>,
}

/// The number of enclosing types to step out of to reach `identity`: 0 if it is the innermost.
pub(super) const fn steps_out(identity: u64, enclosing: Option<&Enclosing<'_>>) -> Option<u32> {
    let mut steps = 0;
    let mut next = enclosing;
    while let Some(around) = next {
        if around.identity == identity {
            return Some(steps);
        }
        steps += 1;
        next = around.outer;
    }
    None
}

impl Node {
    /// Creates the node of a descriptor. [`fingerprint`](super::fingerprint()) has checked that it is within the limits.
    pub(super) fn of(shape: ShapeRef, enclosing: Option<&Enclosing<'_>>) -> Node {
        let boxed = |shape| Box::new(Node::of(shape, enclosing));
        let entry = |key, value| Box::new((Node::of(key, enclosing), Node::of(value, enclosing)));
        match *shape.get() {
            Descriptor::Primitive(primitive) => Node::Primitive(primitive),
            Descriptor::Option(item) => Node::Option(boxed(item)),
            Descriptor::List(item) => Node::List(boxed(item)),
            Descriptor::Set(item) => Node::Set(boxed(item)),
            Descriptor::Map(key, value) => Node::Map(entry(key, value)),
            Descriptor::OrderedMap(key, value) => Node::OrderedMap(entry(key, value)),
            Descriptor::Array(item, length) => Node::Array(boxed(item), length as u64),
            Descriptor::Tuple(items) => Node::Tuple(items.iter().map(|&item| Node::of(item, enclosing)).collect()),
            Descriptor::Struct(super::Struct { identity, style, fields }) => match recursion_steps(identity, enclosing)
            {
                Some(steps) => Node::Back(steps),
                None => Node::Struct(Fields::of(style, fields, &Enclosing { identity, outer: enclosing })),
            },
            Descriptor::Enum(super::Enum { identity, variants }) => match recursion_steps(identity, enclosing) {
                Some(steps) => Node::Back(steps),
                None => {
                    let inside = Enclosing { identity, outer: enclosing };
                    let variant = |variant: &super::Variant| Variant {
                        name: variant.name.into(),
                        fields: Fields::of(variant.style, variant.fields, &inside),
                    };
                    Node::Enum(variants.iter().map(variant).collect())
                }
            },
            Descriptor::Opaque(name) => Node::Opaque(name.to_owned()),
            Descriptor::Back(identity) => match steps_out(identity, enclosing) {
                Some(steps) => Node::Back(steps),
                None => panic!("{}", super::fingerprint::DANGLING_BACK),
            },
        }
    }
}

impl Fields {
    fn of(style: Style, fields: &[super::Field], inside: &Enclosing<'_>) -> Fields {
        let mut nodes = fields.iter().map(|field| Node::of(field.shape, Some(inside)));
        match style {
            Style::Unit => Fields::Unit,
            Style::Newtype => Fields::Newtype(Box::new(nodes.next().expect("a newtype has a field"))),
            Style::Tuple => Fields::Tuple(nodes.collect()),
            Style::Named => {
                let names = fields.iter().map(|field| field.name.into());
                Fields::Named(names.zip(nodes).map(|(name, shape)| Field { name, shape }).collect())
            }
        }
    }
}

/// If a struct or enum with this identity inside `enclosing` is a recursion: the number of steps to the type it repeats.
pub(super) const fn recursion_steps(identity: u64, enclosing: Option<&Enclosing<'_>>) -> Option<u32> {
    if super::identity::marks_recursion(identity) { steps_out(identity, enclosing) } else { None }
}
