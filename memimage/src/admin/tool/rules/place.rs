//! Finds the part of a shape to which a path leads.
//!
//! A step of a path is the name of a field, the position of an unnamed field, or a variant. Options, lists, arrays and the values of
//! maps need no step: a path means each value in them.

use crate::shape::node::{Node, NodeField, NodeFields};

/// A part of a shape.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'n> {
    Node(&'n Node),
    /// The fields of a struct or a variant.
    Fields(&'n NodeFields),
}

impl<'n> Place<'n> {
    /// The place to which a path leads; `None` if the shape has no such part.
    pub(super) fn at(root: &'n Node, path: &[String]) -> Option<Place<'n>> {
        path.iter().try_fold(Place::Node(root), |place, name| place.step(name))
    }

    fn step(self, name: &str) -> Option<Place<'n>> {
        let position = |items: &'n [Node]| items.get(name.parse::<usize>().ok()?).map(Place::Node);
        match self.opened() {
            Place::Fields(NodeFields::Named(fields)) => {
                fields.iter().find(|field| *field.name == *name).map(|field| Place::Node(&field.shape))
            }
            Place::Fields(NodeFields::Tuple(items)) | Place::Node(Node::Tuple(items)) => position(items),
            Place::Node(Node::Enum(variants)) => {
                variants.iter().find(|variant| *variant.name == *name).map(|variant| Place::Fields(&variant.fields))
            }
            _ => None,
        }
    }

    /// The place itself, or the place of the values in it that have no name.
    fn opened(self) -> Place<'n> {
        match self {
            Place::Node(
                Node::Option(item)
                | Node::List(item)
                | Node::Set(item)
                | Node::OrderedSet(item)
                | Node::Multiset(item)
                | Node::Array(item, _),
            )
            | Place::Fields(NodeFields::Newtype(item)) => Place::Node(item).opened(),
            Place::Node(Node::Map(entry) | Node::OrderedMap(entry)) => Place::Node(&entry.1).opened(),
            Place::Node(Node::Struct(fields)) => Place::Fields(fields).opened(),
            other => other,
        }
    }

    /// The named fields of a record; `None` if this is none.
    pub(super) fn record(self) -> Option<&'n [NodeField]> {
        match self.opened() {
            Place::Fields(NodeFields::Named(fields)) => Some(fields),
            Place::Fields(NodeFields::Unit) => Some(&[]),
            _ => None,
        }
    }

    /// The shape of the values; `None` for a variant.
    pub(super) fn node(self) -> Option<&'n Node> {
        match self {
            Place::Node(node) => Some(node),
            Place::Fields(_) => None,
        }
    }
}

/// Whether a struct or an enum contains itself.
pub(super) fn is_recursive(node: &Node) -> bool {
    match node {
        Node::Struct(fields) => fields_refer(fields, 0),
        Node::Enum(variants) => variants.iter().any(|variant| fields_refer(&variant.fields, 0)),
        _ => false,
    }
}

/// Whether a node has a reference to the struct or enum that is `steps` levels out.
fn refers(node: &Node, steps: u32) -> bool {
    match node {
        Node::Back(to) => *to == steps,
        Node::Option(item)
        | Node::List(item)
        | Node::Set(item)
        | Node::OrderedSet(item)
        | Node::Multiset(item)
        | Node::Array(item, _) => refers(item, steps),
        Node::Map(entry) | Node::OrderedMap(entry) => refers(&entry.0, steps) || refers(&entry.1, steps),
        Node::Tuple(items) => items.iter().any(|item| refers(item, steps)),
        Node::Struct(fields) => fields_refer(fields, steps + 1),
        Node::Enum(variants) => variants.iter().any(|variant| fields_refer(&variant.fields, steps + 1)),
        Node::Primitive(_) | Node::Opaque(_) | Node::Unordered(_) => false,
    }
}

fn fields_refer(fields: &NodeFields, steps: u32) -> bool {
    match fields {
        NodeFields::Unit => false,
        NodeFields::Newtype(item) => refers(item, steps),
        NodeFields::Tuple(items) => items.iter().any(|item| refers(item, steps)),
        NodeFields::Named(fields) => fields.iter().any(|field| refers(&field.shape, steps)),
    }
}
