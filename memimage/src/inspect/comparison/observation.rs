//! A part of a value that changes over time.

use std::collections::HashSet;

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3Default;

use super::changed_items::changed_items;
use super::difference::Difference;
use super::node::{Listing, Node};
use super::survey::Survey;
use crate::digest::DigestPosition;
use crate::inspect::error::InspectError;
use crate::inspect::kind::Kind;
use crate::inspect::locate::{inspect, locate};
use crate::inspect::part::{Bounds, Content, Entry, Part};
use crate::inspect::path::Path;
use crate::nesting::MAX_STATE_DEPTH;
use crate::shape::Shape;

/// The part at a path of a value at one moment. [`observe`] returns it.
///
/// Two observations of a path are equal if the whole part is equal; the order in a set or an unordered map does not matter.
#[derive(Clone, Debug)]
pub struct Observation {
    path: Path,
    /// The hash of the whole part; `None` if there is nothing at the path.
    fingerprint: Option<u64>,
    part: Option<Part>,
}

/// Reads the part of a value at a path, to find out later whether it changed. Costs a pass over the part, and over the keys before it in the
/// maps that the path leads through; serde has no access by key. A path that leads nowhere is no error here, because an entry may come and
/// go.
///
/// [`Observation::changed`] finds the next change in a loop over [`Past::step`](crate::Past::step), and does not read a part again that is
/// as it was.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Bank { accounts: BTreeMap<u32, u64> }
/// # #[memimage::commands]
/// # impl Bank {
/// #     #[command]
/// #     fn deposit(&mut self, account: u32, cents: u64) { *self.accounts.entry(account).or_default() += cents; }
/// # }
/// use memimage::inspect::{Path, observe};
///
/// # let directory = tempfile::tempdir()?;
/// # let bank = Image::<Bank>::open(directory.path().join("bank"))?;
/// bank.deposit(7, 100)?;
/// bank.deposit(8, 1)?;
/// bank.deposit(7, 30)?;
///
/// let path: Path = "accounts.7".parse()?;
/// for change in bank.journal().changes(|bank| observe(bank, &path)) {
///     let change = change?;
///     for difference in change.new?.differences_from(&change.old?) {
///         println!("event {}: {difference}", change.seq); // event 1: accounts.7: absent → 100
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error if the value's `Serialize` fails.
pub fn observe<T: Shape + Serialize + ?Sized>(value: &T, path: &Path) -> Result<Observation, InspectError> {
    let fingerprint = fingerprint(value, path)?;
    Observation::with_fingerprint(value, path, fingerprint)
}

/// The hash of the whole part; `None` if there is nothing at the path.
fn fingerprint<T: Shape + Serialize + ?Sized>(value: &T, path: &Path) -> Result<Option<u64>, InspectError> {
    let mut node = Node::open();
    let position = DigestPosition::root(T::SHAPE, MAX_STATE_DEPTH);
    match locate(value, path, Some(position), &mut Survey::new(&mut node, 0, false)) {
        Err(error) if error.is_not_found() => return Ok(None),
        result => result?,
    }
    let Node::Open([listing, _]) = node else { unreachable!("a survey keeps an open node open") };
    Ok(Some(hash(listing)))
}

fn hash(listing: Listing) -> u64 {
    let mut hash = Xxh3Default::new();
    let mut absorb_variants = |variants: Vec<&str>, kind: u8| {
        hash.update(&[kind]);
        for variant in variants {
            hash.update(variant.as_bytes());
            hash.update(&[0]);
        }
    };
    match listing {
        Listing::Absent => {}
        Listing::Scalar { variants, hash: scalar } => {
            absorb_variants(variants, 0);
            hash.update(&scalar.to_le_bytes());
        }
        Listing::Parts { kind, variants, mut parts } => {
            absorb_variants(variants, 1 + kind as u8);
            if matches!(kind, Kind::Set | Kind::Map) {
                parts.sort_unstable();
            }
            for (key, digest) in parts {
                hash.update(&key.to_le_bytes());
                hash.update(&digest.to_le_bytes());
            }
        }
    }
    hash.digest()
}

impl PartialEq for Observation {
    fn eq(&self, other: &Observation) -> bool {
        self.path == other.path && self.fingerprint == other.fingerprint
    }
}

impl Eq for Observation {}

impl Observation {
    fn with_fingerprint<T: Serialize + ?Sized>(
        value: &T,
        path: &Path,
        fingerprint: Option<u64>,
    ) -> Result<Observation, InspectError> {
        let part = fingerprint.map(|_| inspect(value, path, Bounds::default())).transpose()?;
        Ok(Observation { path: path.clone(), fingerprint, part })
    }

    /// Observes the same path of a later value. Returns `None` if the part is equal.
    ///
    /// # Errors
    ///
    /// Returns an error if the value's `Serialize` fails.
    pub fn changed<T: Shape + Serialize + ?Sized>(&self, value: &T) -> Result<Option<Observation>, InspectError> {
        let fingerprint = fingerprint(value, &self.path)?;
        if fingerprint == self.fingerprint {
            return Ok(None);
        }
        Observation::with_fingerprint(value, &self.path, fingerprint).map(Some)
    }

    /// The part, within the [default bounds](Bounds::default); `None` if there was nothing at the path.
    pub fn part(&self) -> Option<&Part> {
        self.part.as_ref()
    }

    /// Like [`part`](Observation::part), by value.
    pub fn into_part(self) -> Option<Part> {
        self.part
    }

    /// What differs from an earlier observation, as far inside as both were read. Empty if they are equal; the part itself if the
    /// difference lies outside of what was read.
    pub fn differences_from(&self, earlier: &Observation) -> Vec<Difference> {
        let mut differences = Vec::new();
        if self != earlier {
            collect(&self.path, earlier.part(), self.part(), &mut differences);
            if differences.is_empty() {
                let (before, after) = (earlier.part.clone(), self.part.clone());
                differences.push(Difference { path: self.path.clone(), before, after });
            }
        }
        differences
    }
}

fn collect(path: &Path, before: Option<&Part>, after: Option<&Part>, differences: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    if let (Some(a), Some(b)) = (before, after)
        && (a.kind, a.variant) == (b.kind, b.variant)
        && let (Content::Entries { entries: old, .. }, Content::Entries { entries: new, .. }) = (&a.content, &b.content)
    {
        return match a.kind {
            Kind::List => items(path, old, new, differences),
            _ => entries(path, old, new, differences),
        };
    }
    differences.push(Difference { path: path.clone(), before: before.cloned(), after: after.cloned() });
}

fn items(path: &Path, before: &[Entry], after: &[Entry], differences: &mut Vec<Difference>) {
    let [in_before, in_after] = changed_items(before, after, |a, b| a.part == b.part);
    let start = in_before.start;
    let (before, after) = (&before[in_before], &after[in_after]);
    for at in 0..before.len().max(after.len()) {
        let part = |entries: &[Entry]| entries.get(at).map(|entry| entry.part.clone());
        collect(&path.child((start + at).to_string()), part(before).as_ref(), part(after).as_ref(), differences);
    }
}

fn entries(path: &Path, before: &[Entry], after: &[Entry], differences: &mut Vec<Difference>) {
    let find = |entries: &'_ [Entry], key: &str| entries.iter().position(|entry| entry.key == key);
    for entry in before {
        let other = find(after, &entry.key).map(|at| &after[at].part);
        collect(&path.child(entry.key.as_str()), Some(&entry.part), other, differences);
    }
    let keys: HashSet<&str> = before.iter().map(|entry| entry.key.as_str()).collect();
    for entry in after.iter().filter(|entry| !keys.contains(entry.key.as_str())) {
        collect(&path.child(entry.key.as_str()), None, Some(&entry.part), differences);
    }
}
