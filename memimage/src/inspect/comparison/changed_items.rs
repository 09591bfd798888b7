//! The items that differ between two lists.

use std::ops::Range;

/// The items of two lists between those that are equal at the beginning and those that are equal at the end.
pub(super) fn changed_items<T>(before: &[T], after: &[T], is_equal: impl Fn(&T, &T) -> bool) -> [Range<usize>; 2] {
    let start = before.iter().zip(after).take_while(|(a, b)| is_equal(a, b)).count();
    let (rest, other) = (&before[start..], &after[start..]);
    let end = rest.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| is_equal(a, b)).count();
    [start..before.len() - end, start..after.len() - end]
}
