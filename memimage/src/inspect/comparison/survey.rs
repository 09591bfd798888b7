//! Reads what a tree of nodes asks for from one of the two values.

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::expansion::key_hash;
use super::node::{Listing, Node};
use crate::digest::{DigestPosition, digest_at};
use crate::inspect::capture::capture;
use crate::inspect::key_text::write_key;
use crate::inspect::kind::Kind;
use crate::inspect::part::Bounds;
use crate::inspect::visitor::{Key, Scalar, Stop, Visitor};
use crate::inspect::walk::visit;
use crate::value::text::one_line;

/// Lists the parts of an open node. In the last round, reads the parts that differ instead.
pub(super) struct Survey<'n> {
    node: &'n mut Node,
    /// Which of the two values is read: 0 or 1.
    side: usize,
    is_last: bool,
    variants: Vec<&'static str>,
    is_set: bool,
}

impl<'n> Survey<'n> {
    pub(super) fn new(node: &'n mut Node, side: usize, is_last: bool) -> Survey<'n> {
        Survey { node, side, is_last, variants: Vec::new(), is_set: false }
    }

    fn list(&mut self, listing: Listing) {
        if let Node::Open(listings) = self.node {
            listings[self.side] = listing;
        }
    }
}

/// The digest of a part.
fn digest<T: Serialize + ?Sized>(part: &T, position: Option<DigestPosition<'_>>) -> Result<u64, Stop> {
    if let Some(Ok(digest)) = position.map(|position| digest_at(part, position)) {
        return Ok(digest.to_u64());
    }
    // a type that serde writes for people in another form than its shape describes
    let text = capture(part, Bounds::WHOLE)?.map(|part| part.to_string());
    Ok(xxh3_64(text.unwrap_or_default().as_bytes()))
}

impl Visitor for Survey<'_> {
    fn variant(&mut self, _: &'static str, variant: &'static str) -> Result<(), Stop> {
        self.variants.push(variant);
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stop> {
        let hash = match scalar {
            Scalar::Value(value) => xxh3_64(one_line(&value).as_bytes()),
            Scalar::Text(text) => xxh3_64(text.as_bytes()),
            Scalar::Bytes(bytes) => xxh3_64(bytes),
        };
        let variants = std::mem::take(&mut self.variants);
        self.list(Listing::Scalar { variants, hash });
        Ok(())
    }

    fn begin(&mut self, kind: Kind, _: &'static str, _: Option<usize>) -> Result<(), Stop> {
        self.is_set = kind == Kind::Set;
        let variants = std::mem::take(&mut self.variants);
        self.list(Listing::Parts { kind, variants, parts: Vec::new() });
        Ok(())
    }

    fn key<T: Serialize + ?Sized>(&mut self, text: &mut String, key: &T) -> Result<bool, Stop> {
        write_key(text, key)?;
        Ok(true)
    }

    fn part<T: Serialize + ?Sized>(
        &mut self,
        key: Key<'_>,
        part: &T,
        position: Option<DigestPosition<'_>>,
    ) -> Result<(), Stop> {
        let (side, is_last) = (self.side, self.is_last);
        match self.node {
            Node::Open(listings) => {
                let digest = digest(part, position)?;
                if let Listing::Parts { parts, .. } = &mut listings[side] {
                    parts.push((if self.is_set { digest } else { key_hash(key) }, digest));
                }
                Ok(())
            }
            Node::Inner(children) => {
                let hash = if self.is_set { digest(part, position)? } else { key_hash(key) };
                let text = || match key {
                    Key::Name(name) => Some(name.to_owned()),
                    Key::Index(index) => (!self.is_set).then(|| index.to_string()),
                };
                match children.find(hash, text) {
                    Some(Node::Differs { is_wanted, parts }) if is_last && is_wanted[side] => {
                        parts[side] = capture(part, Bounds::default())?;
                        Ok(())
                    }
                    None | Some(Node::Differs { .. }) => Ok(()),
                    Some(node) => visit(part, &mut Survey::new(node, side, is_last), position),
                }
            }
            Node::Differs { .. } => Err(Stop::Done),
        }
    }

    fn end(&mut self) -> Result<(), Stop> {
        Ok(())
    }
}
