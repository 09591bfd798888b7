//! Compares the listings of the open nodes, and opens the parts that differ.

use std::collections::HashMap;
use std::mem;

use xxhash_rust::xxh3::xxh3_64;

use super::changed_items::changed_items;
use super::node::{Children, Listing, Node};
use crate::inspect::kind::Kind;
use crate::inspect::visitor::Key;

/// The hash of a key.
pub(super) fn key_hash(key: Key<'_>) -> u64 {
    match key {
        Key::Name(name) => xxh3_64(name.as_bytes()),
        Key::Index(index) => index_hash(index),
    }
}

fn index_hash(index: u64) -> u64 {
    xxh3_64(&index.to_le_bytes())
}

pub(super) struct Expansion {
    /// How many more differences may be found.
    left: usize,
    more: u64,
}

impl Expansion {
    pub(super) fn new(limit: usize) -> Expansion {
        // the root counts as a difference as long as it is not replaced by its parts
        Expansion { left: limit - 1, more: 0 }
    }

    /// The number of parts that differ beyond the limit.
    pub(super) fn more(&self) -> u64 {
        self.more
    }

    /// Replaces each open node by the nodes of its parts that differ. Returns whether there are open nodes now.
    pub(super) fn expand(&mut self, node: &mut Node, is_root: bool) -> bool {
        match node {
            Node::Differs { .. } => false,
            Node::Inner(children) => {
                let mut is_open = false;
                for child in children.nodes_mut() {
                    is_open |= self.expand(child, false);
                }
                is_open
            }
            Node::Open(listings) => {
                let [before, after] = mem::replace(listings, [Listing::Absent, Listing::Absent]);
                *node = self.compared(before, after, is_root);
                match node {
                    Node::Inner(children) => children.nodes_mut().any(|child| matches!(child, Node::Open(_))),
                    _ => false,
                }
            }
        }
    }

    fn compared(&mut self, before: Listing, after: Listing, is_root: bool) -> Node {
        let is_wanted = [before != Listing::Absent, after != Listing::Absent];
        let (
            Listing::Parts { kind, variants, parts: before },
            Listing::Parts { kind: other, variants: of_other, parts: after },
        ) = (before, after)
        else {
            return Node::differs(is_wanted);
        };
        if kind != other || variants != of_other {
            return Node::differs(is_wanted);
        }
        self.left += 1;
        let mut children = Children::default();
        match kind {
            Kind::Set => self.sets(&before, &after, &mut children),
            Kind::List => self.lists(&before, &after, &mut children),
            _ => self.keyed(&before, &after, &mut children),
        }
        if children.is_empty() && self.more == 0 && !is_root {
            // the parts are equal, and their order is not
            self.left = self.left.saturating_sub(1);
            return Node::differs(is_wanted);
        }
        Node::Inner(children)
    }

    fn push(&mut self, children: &mut Children, key: u64, node: Node) {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                children.push(key, node);
            }
            None => self.more += 1,
        }
    }

    /// Compares parts by their keys. What is equal at the beginning and at the end takes no memory for its keys.
    fn keyed(&mut self, before: &[(u64, u64)], after: &[(u64, u64)], children: &mut Children) {
        let [in_before, in_after] = changed_items(before, after, |a, b| a == b);
        let (before, after) = (&before[in_before], &after[in_after]);
        let in_after: HashMap<u64, u64> = after.iter().copied().collect();
        for (key, digest) in before {
            match in_after.get(key) {
                Some(other) if other == digest => {}
                Some(_) => self.push(children, *key, Node::open()),
                None => self.push(children, *key, Node::differs([true, false])),
            }
        }
        drop(in_after);
        let in_before: HashMap<u64, u64> = before.iter().copied().collect();
        for (key, _) in after.iter().filter(|(key, _)| !in_before.contains_key(key)) {
            self.push(children, *key, Node::differs([false, true]));
        }
    }

    /// Compares what stands between the items that are equal at the beginning and at the end of two lists.
    fn lists(&mut self, before: &[(u64, u64)], after: &[(u64, u64)], children: &mut Children) {
        let [in_before, in_after] = changed_items(before, after, |a, b| a.1 == b.1);
        let start = in_before.start;
        let (before, after) = (&before[in_before], &after[in_after]);
        for at in 0..before.len().max(after.len()) {
            let node = match (before.get(at), after.get(at)) {
                (Some(a), Some(b)) if a.1 == b.1 => continue,
                (Some(_), Some(_)) => Node::open(),
                (a, b) => Node::differs([a.is_some(), b.is_some()]),
            };
            self.push(children, index_hash((start + at) as u64), node);
        }
    }

    /// Compares the items of two sets, which may contain an item several times.
    fn sets(&mut self, before: &[(u64, u64)], after: &[(u64, u64)], children: &mut Children) {
        let mut surplus: HashMap<u64, i64> = HashMap::new();
        before.iter().for_each(|(_, digest)| *surplus.entry(*digest).or_default() += 1);
        after.iter().for_each(|(_, digest)| *surplus.entry(*digest).or_default() -= 1);
        for (_, digest) in before.iter().chain(after) {
            match surplus.insert(*digest, 0).unwrap_or_default() {
                0 => {}
                more => self.push(children, *digest, Node::differs([more > 0, more < 0])),
            }
        }
    }
}
