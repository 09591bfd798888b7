//! Tests of transcripts: which differences transcripts show, and that transcripts agree with digests.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::*;
use crate::digest::digest;
use crate::shape::samples::{Id, Order, Side, Tree};
use crate::shape::{Descriptor, ShapeRef};

type OtherHasher = BuildHasherDefault<DefaultHasher>;

fn difference<T: Shape + Serialize>(a: &T, b: &T) -> Option<ValueDifference> {
    let [a, b] = [a, b].map(|value| Transcript::of(value).unwrap());
    assert_eq!(a.difference(&a), None);
    a.difference(&b)
}

#[track_caller]
fn check<T: Shape + Serialize>(a: &T, b: &T, expected: &Expect) {
    let found = difference(a, b).map(|found| found.between(["now", "then"]));
    expected.assert_eq(&found.unwrap_or_default());
}

#[test]
fn the_first_difference_is_named_with_both_values() {
    let order = |id, side, memo: Option<&str>| Order { id: Id(id), side, memo: memo.map(str::to_owned) };
    check(&1u8, &2u8, &expect!["`the whole state` is 1 now and 2 then"]);
    check(&order(1, Side::Bid, None), &order(2, Side::Ask(7), None), &expect!["`id` is 1 now and 2 then"]);
    check(&order(1, Side::Bid, None), &order(1, Side::Ask(7), None), &expect!["`side` is Bid now and Ask(7) then"]);
    check(
        &order(1, Side::Limit { price: 3 }, None),
        &order(1, Side::Limit { price: 4 }, Some("x")),
        &expect!["`side::Limit.price` is 3 now and 4 then"],
    );
    check(
        &order(1, Side::Both(2, 3), None),
        &order(1, Side::Both(2, 4), None),
        &expect!["`side::Both.1` is 3 now and 4 then"],
    );
    check(
        &order(1, Side::Bid, None),
        &order(1, Side::Bid, Some("x")),
        &expect![[r#"`memo` is none now and some("x") then"#]],
    );
    check(
        &order(1, Side::Bid, Some("y")),
        &order(1, Side::Bid, Some("x")),
        &expect![[r#"`memo?` is "y" now and "x" then"#]],
    );
    check(&vec![1u8, 2, 3], &vec![1u8, 9, 3], &expect!["`[1]` is 2 now and 9 then"]);
    check(&vec![1u8, 2], &vec![1u8, 2, 3], &expect!["`[2]` is absent now and 3 then"]);
    check(&[1u64, 2], &[1u64, 3], &expect!["`1` is 2 now and 3 then"]);
    check(&(1.5f32, -0.0f64, 'x'), &(1.5f32, 0.0f64, 'x'), &expect!["`1` is -0.0 now and 0.0 then"]);
    check(
        &(-1i8, i128::MIN),
        &(-1i8, i128::MAX),
        &expect![
            "`1` is -170141183460469231731687303715884105728 now and 170141183460469231731687303715884105727 then"
        ],
    );
    assert_eq!(difference(&(f64::NAN, f32::NAN), &(-f64::NAN, -f32::NAN)), None);
}

#[test]
fn unordered_collections_are_compared_by_keys_and_items() {
    let map = |entries: &[(u8, u8)]| entries.iter().copied().collect::<HashMap<u8, u8>>();
    check(&map(&[(1, 1), (2, 2), (3, 3)]), &map(&[(3, 3), (2, 7), (1, 1)]), &expect!["`[2]` is 2 now and 7 then"]);
    check(&map(&[(1, 1), (2, 2)]), &map(&[(1, 1)]), &expect!["`[2]` is 2 now and absent then"]);
    check(&map(&[(1, 1)]), &map(&[(0, 5), (1, 1)]), &expect!["`[0]` is absent now and 5 then"]);
    check(&BTreeSet::from([1u8, 2]), &BTreeSet::from([1u8, 3]), &expect!["`[]` is 2 now and absent then"]);
    check(&BTreeSet::from([1u8]), &BTreeSet::from([1u8, 3]), &expect!["`[]` is absent now and 3 then"]);
    check(&BinaryHeap::from([1u8, 1, 2]), &BinaryHeap::from([1u8, 2, 2]), &expect!["`[]` is 1 now and absent then"]);

    let forwards: Vec<u32> = (0..100).collect();
    let one: HashMap<u32, HashSet<u32>> = forwards.iter().map(|&n| (n, (0..n).collect())).collect();
    let other: HashMap<u32, HashSet<u32, OtherHasher>, OtherHasher> =
        forwards.iter().rev().map(|&n| (n, (0..n).rev().collect())).collect();
    assert_eq!(Transcript::of(&one).unwrap(), Transcript::of(&other).unwrap());
}

#[test]
fn a_deep_difference_is_found_and_its_path_is_shortened() {
    let deep = |end| {
        let mut tree = Tree { value: end, children: Vec::new() };
        (0..200).for_each(|_| tree = Tree { value: 1, children: vec![std::mem::take(&mut tree)] });
        tree
    };
    let start = ".children[0]".repeat(5);
    let end = ".children[0]".repeat(4);
    let found = difference(&deep(1), &deep(2)).unwrap();
    assert_eq!(found.path, format!("{}…[0]{end}.value", &start[1..]));
    assert_eq!(found.parts, ["1", "2"]);
}

#[test]
fn a_long_value_is_truncated() {
    let found = difference(&"x".repeat(1000), &"y".repeat(100_000)).unwrap();
    assert_eq!(found.parts[0], format!("\"{}…", "x".repeat(119)));
    assert_eq!(found.parts[1], "a value too long to show");
}

/// Serializes as a map or a sequence, in the given order. The opaque types below wrap a `Foreign`, and their shape is only a
/// name.
struct Foreign {
    entries: Vec<(u8, Vec<u8>)>,
    items: Vec<u8>,
    is_map: bool,
}

impl Serialize for Foreign {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_map {
            let mut map = serializer.serialize_map(Some(self.entries.len()))?;
            self.entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
            return map.end();
        }
        let mut sequence = serializer.serialize_seq(Some(self.items.len()))?;
        self.items.iter().try_for_each(|item| sequence.serialize_element(item))?;
        sequence.end()
    }
}

#[derive(Serialize)]
struct Named<T> {
    value: T,
}

macro_rules! opaque {
    ($($type:ty => $descriptor:expr;)+) => {$(
        impl Shape for $type {
            const SHAPE: ShapeRef = ShapeRef::new(&$descriptor);
        }
    )+};
}

/// An opaque type in which the order of items and entries is part of the value.
#[derive(Serialize)]
#[serde(transparent)]
struct Ordered(Foreign);

/// An opaque type in which the order of items and entries is not part of the value.
#[derive(Serialize)]
#[serde(transparent)]
struct Unordered(Foreign);

/// An opaque type that is declared unordered, and whose collection is inside other values.
#[derive(Serialize)]
#[serde(transparent)]
struct Inside(Named<Option<Foreign>>);

opaque! {
    Ordered => Descriptor::Opaque("Foreign");
    Unordered => Descriptor::Unordered("Foreign");
    Inside => Descriptor::Unordered("Inside");
    Named<Foreign> => Descriptor::Opaque("Named");
}

fn map(entries: &[(u8, &[u8])]) -> Foreign {
    let entries = entries.iter().map(|(key, value)| (*key, value.to_vec())).collect();
    Foreign { entries, items: Vec::new(), is_map: true }
}

fn set(items: &[u8]) -> Foreign {
    Foreign { entries: Vec::new(), items: items.to_vec(), is_map: false }
}

#[test]
fn parts_of_opaque_values_are_named() {
    let named = |n: u8| Named { value: map(&[(7, &[n])]) };
    check(&named(1), &named(2), &expect!["`value[7][0]` is 1 now and 2 then"]);
    check(&Ordered(set(&[1, 2])), &Ordered(set(&[2, 1])), &expect!["`[0]` is 1 now and 2 then"]);
    check(
        &Ordered(map(&[(1, &[]), (2, &[])])),
        &Ordered(map(&[(2, &[]), (1, &[])])),
        &expect!["`[key 0]` is 1 now and 2 then"],
    );
}

/// Asserts that two values have equal digests exactly if they have equal transcripts. Returns whether the digests are equal.
#[track_caller]
fn are_equal<T: Shape + Serialize>(a: T, b: T) -> bool {
    let equal = digest(&a).unwrap() == digest(&b).unwrap();
    assert_eq!(difference(&a, &b).is_none(), equal);
    equal
}

#[test]
fn the_order_of_an_opaque_type_counts_unless_it_is_declared_unordered() {
    assert!(!are_equal(Ordered(set(&[1, 2])), Ordered(set(&[2, 1]))));
    assert!(!are_equal(Ordered(map(&[(1, &[]), (2, &[])])), Ordered(map(&[(2, &[]), (1, &[])]))));
    assert!(are_equal(Unordered(set(&[1, 2])), Unordered(set(&[2, 1]))));
    assert!(are_equal(Unordered(map(&[(1, &[]), (2, &[5])])), Unordered(map(&[(2, &[5]), (1, &[])]))));
    let inside = |items: &[u8]| Inside(Named { value: Some(set(items)) });
    assert!(are_equal(inside(&[1, 2]), inside(&[2, 1])));
    // every difference except the order counts
    assert!(!are_equal(Unordered(set(&[1, 2])), Unordered(set(&[1, 3]))));
    assert!(!are_equal(Unordered(set(&[1, 1, 2])), Unordered(set(&[1, 2, 2]))));
    assert!(!are_equal(Unordered(set(&[1])), Unordered(set(&[1, 1]))));
    assert!(!are_equal(Unordered(set(&[])), Unordered(map(&[]))));
    assert!(!are_equal(Unordered(map(&[(1, &[2]), (2, &[1])])), Unordered(map(&[(1, &[1]), (2, &[2])]))));
    // the order of a sequence inside the map counts, because the sequence may be a list
    assert!(!are_equal(Unordered(map(&[(1, &[1, 2])])), Unordered(map(&[(1, &[2, 1])]))));
    // the declaration that a type is unordered is part of the shape
    assert_ne!(crate::shape::fingerprint(Ordered::SHAPE), crate::shape::fingerprint(Unordered::SHAPE));
}

#[test]
fn a_transcript_of_a_value_nested_too_deep_is_an_error() {
    let mut tree = Tree::default();
    (0..MAX_STATE_DEPTH).for_each(|value| tree = Tree { value, children: vec![std::mem::take(&mut tree)] });
    assert!(Transcript::of(&tree).unwrap_err().is_too_deep());
}

proptest! {
    #[test]
    fn transcripts_differ_exactly_if_digests_do(
        a in prop::collection::btree_map(0..3u8, prop::collection::vec(0..2u8, 0..3), 0..3),
        b in prop::collection::btree_map(0..3u8, prop::collection::vec(0..2u8, 0..3), 0..3),
    ) {
        prop_assert_eq!(are_equal(a.clone(), b.clone()), a == b);
        let sets = |map: &BTreeMap<u8, Vec<u8>>| -> BTreeSet<(u8, Vec<u8>)> { map.clone().into_iter().collect() };
        prop_assert_eq!(are_equal(sets(&a), sets(&b)), a == b);
    }
}
