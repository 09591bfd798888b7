//! The differences between two values of one type.

// each module uses only the modules above it
mod difference;
mod changed_items;
mod node;
mod expansion;
mod survey;
mod observation;

use serde::Serialize;

use super::error::InspectError;
use super::locate::{inspect, locate};
use super::part::Bounds;
use super::path::Path;
use crate::digest::DigestPosition;
use crate::nesting::MAX_STATE_DEPTH;
use crate::shape::Shape;
pub use difference::Difference;
use expansion::Expansion;
use node::{Listing, Node};
pub use observation::{Observation, observe};
use survey::Survey;

/// The differences between two values. [`compare`] returns it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The differences, in the order of the first value; in each part, what only the second value has comes last.
    pub differences: Vec<Difference>,
    /// The number of parts that differ too, and are not among the differences because of the limit.
    pub more: u64,
}

/// Compares the part at a path of two values. Returns at most `limit` differences, each as far inside as possible: an entry, a field,
/// an item. A part is shown within the [default bounds](super::Bounds::default).
///
/// Items of a list that were added or removed are found if what stands before and behind them is equal. The order in a set does not matter.
///
/// Both values are read several times, once for each level down to the innermost difference: first the digests of their parts are
/// compared, then those of the parts of the parts that differ. So memory holds 16 bytes for each entry of the maps and lists that
/// differ, and the differences; equal parts take none.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use memimage::inspect::{Path, compare};
///
/// let before = BTreeMap::from([(7, vec![1, 2, 3]), (8, vec![4])]);
/// let after = BTreeMap::from([(7, vec![1, 3]), (8, vec![5])]);
/// let found = compare(&before, &after, &Path::root(), 100)?;
/// let lines: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
/// assert_eq!(lines, ["7.1: 2 → absent", "8.0: 4 → 5"]);
/// # Ok::<(), memimage::inspect::InspectError>(())
/// ```
///
/// # Errors
///
/// Returns an error if neither value has a part at the path, or if a value's `Serialize` fails.
pub fn compare<T: Shape + Serialize + ?Sized>(
    before: &T,
    after: &T,
    path: &Path,
    limit: usize,
) -> Result<Comparison, InspectError> {
    let (mut expansion, mut root) = (Expansion::new(limit.max(1)), Node::open());
    survey([before, after], path, &mut root, false)?;
    if let Node::Open([one @ Listing::Scalar { .. }, other]) = &root
        && one == other
    {
        return Ok(Comparison { differences: Vec::new(), more: 0 });
    }
    let mut is_root = true;
    while expansion.expand(&mut root, is_root) {
        survey([before, after], path, &mut root, false)?;
        is_root = false;
    }
    let mut differences = Vec::new();
    if let Node::Differs { is_wanted, .. } = root {
        let part = |value, is_wanted: bool| is_wanted.then(|| inspect(value, path, Bounds::default())).transpose();
        let [before, after] = [part(before, is_wanted[0])?, part(after, is_wanted[1])?];
        differences.push(Difference { path: path.clone(), before, after });
    } else {
        survey([before, after], path, &mut root, true)?;
        collect(root, path, &mut differences);
    }
    Ok(Comparison { differences, more: expansion.more() })
}

/// Reads what the nodes ask for from both values.
fn survey<T: Shape + Serialize + ?Sized>(
    values: [&T; 2],
    path: &Path,
    root: &mut Node,
    is_last: bool,
) -> Result<(), InspectError> {
    let mut missing = Vec::new();
    for (side, value) in values.into_iter().enumerate() {
        let position = DigestPosition::root(T::SHAPE, MAX_STATE_DEPTH);
        match locate(value, path, Some(position), &mut Survey::new(root, side, is_last)) {
            Err(error) if error.is_not_found() => missing.push(error),
            result => result?,
        }
    }
    match missing.len() {
        2 => Err(missing.swap_remove(0)),
        _ => Ok(()),
    }
}

fn collect(node: Node, path: &Path, differences: &mut Vec<Difference>) {
    match node {
        Node::Open(_) => {}
        Node::Inner(children) => children.into_entries().for_each(|(key, node)| match key {
            Some(key) => collect(node, &path.child(key), differences),
            None => collect(node, path, differences),
        }),
        Node::Differs { parts: [before, after], .. } => {
            differences.push(Difference { path: path.clone(), before, after });
        }
    }
}
