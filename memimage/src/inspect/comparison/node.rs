//! The parts that differ, as a tree.

use std::collections::HashMap;

use crate::inspect::kind::Kind;
use crate::inspect::part::Part;

/// A part of the two values that differs.
pub(super) enum Node {
    /// A part whose own parts are listed next, in each of the two values.
    Open([Listing; 2]),
    /// A part of which only some parts differ.
    Inner(Children),
    /// A part that differs as a whole.
    Differs {
        /// In which of the two values the part is read.
        is_wanted: [bool; 2],
        parts: [Option<Part>; 2],
    },
}

impl Node {
    pub(super) fn open() -> Node {
        Node::Open([Listing::Absent, Listing::Absent])
    }

    pub(super) fn differs(is_wanted: [bool; 2]) -> Node {
        Node::Differs { is_wanted, parts: [None, None] }
    }
}

/// What one of the two values has at a node.
#[derive(PartialEq)]
pub(super) enum Listing {
    Absent,
    /// The hash of a value without parts.
    Scalar {
        variants: Vec<&'static str>,
        hash: u64,
    },
    Parts {
        kind: Kind,
        /// The name of the variant; several if the only field of a variant is a variant too.
        variants: Vec<&'static str>,
        /// The hash of each key and the digest of its part; in a set, the digest twice.
        parts: Vec<(u64, u64)>,
    },
}

/// The parts that differ, by the hashes of their keys.
#[derive(Default)]
pub(super) struct Children {
    nodes: Vec<Child>,
    by_key: HashMap<u64, usize>,
}

struct Child {
    /// The step to the part; `None` until the part is read, and for an item of a set.
    key: Option<String>,
    node: Node,
}

impl Children {
    /// Appends a node, unless there is one with the same key.
    pub(super) fn push(&mut self, key: u64, node: Node) {
        self.by_key.entry(key).or_insert_with(|| {
            self.nodes.push(Child { key: None, node });
            self.nodes.len() - 1
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node of the part whose key has this hash. Stores the text of the key.
    pub(super) fn find(&mut self, key: u64, text: impl FnOnce() -> Option<String>) -> Option<&mut Node> {
        let child = &mut self.nodes[*self.by_key.get(&key)?];
        if child.key.is_none() {
            child.key = text();
        }
        Some(&mut child.node)
    }

    pub(super) fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut().map(|child| &mut child.node)
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = (Option<String>, Node)> {
        self.nodes.into_iter().map(|child| (child.key, child.node))
    }
}
