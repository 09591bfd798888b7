//! Tests that check which differences between values change the digest.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};

use expect_test::expect;
use proptest::prelude::*;
use serde::ser::Serializer;

mod contradictions;
mod std_types;

use super::*;
use crate::nesting::deserialize_within;
use crate::shape::samples::{Chain, Id, Knot, Order, Pair, Shrub, Side, Tree};
use crate::shape::{Descriptor, ShapeRef};

type OtherHasher = BuildHasherDefault<DefaultHasher>;

fn of<T: Shape + Serialize + ?Sized>(value: &T) -> u64 {
    digest(value).unwrap().to_u64()
}

fn order() -> Order {
    Order { id: Id(7), side: Side::Limit { price: 100 }, memo: Some("a memo of more than sixteen bytes".to_owned()) }
}

/// Digests are stored on disk, so these digests must never change.
#[test]
fn digests_are_frozen() {
    let tree = Tree { value: 1, children: vec![Tree::default(), Tree { value: 2, children: vec![] }] };
    let map: HashMap<String, Vec<i16>> = [("a".to_owned(), vec![-1]), (String::new(), vec![])].into();
    let digests = [
        ("()", of(&())),
        ("0u8", of(&0u8)),
        ("-1i8", of(&-1i8)),
        ("u128", of(&(u128::MAX - 1))),
        ("f32, f64", of(&(1.5f32, -0.0f64))),
        ("char", of(&'ß')),
        ("empty string", of("")),
        ("string", of("memory image")),
        ("bytes", of(c"memory image")),
        ("none", of(&None::<u8>)),
        ("list", of(&[1u64, 2, 3][..])),
        ("empty list", of(&[0u64; 0][..])),
        ("set", of(&BTreeSet::from([1u64, 2, 3]))),
        ("empty set", of(&BTreeSet::<u64>::new())),
        ("map", of(&map)),
        ("array", of(&[1u64, 2, 3])),
        ("order", of(&order())),
        ("tree", of(&tree)),
        ("opaque", of(&Opaque((order(), vec![(1u8, 'a')], BTreeMap::from([(1i128, None::<bool>)]))))),
    ];
    let text: String = digests.iter().map(|(name, digest)| format!("{name}: {digest:016x}\n")).collect();
    expect![[r#"
        (): 7acdbb98b1344213
        0u8: ebecde93ce52f108
        -1i8: 5e8670d7f5b8a574
        u128: 8cfe1148ee5003d2
        f32, f64: dea0ace5181f84b1
        char: 71f85e72c5a99815
        empty string: fd333d0193cec9f9
        string: 88f1609bb50702f1
        bytes: 88f1609bb50702f1
        none: ebecde93ce52f108
        list: 66b89b49f5a8ba27
        empty list: ebecde93ce52f108
        set: 0b1ad1d6ce9ab66c
        empty set: 3f9af8dbf606d20b
        map: ecd765d330599d70
        array: b64bb716402ab669
        order: 686514ac36ed28ff
        tree: 89dbbcff1da95245
        opaque: dffd1b2435a2700a
    "#]]
    .assert_eq(&text);
}

#[test]
fn digests_follow_the_definition_in_the_docs() {
    fn fold(state: u64, word: u64) -> u64 {
        let product = u128::from(state ^ word) * 0x9e37_79b9_7f4a_7c15;
        (product >> 64) as u64 ^ product as u64
    }
    fn finish(mut hash: u64) -> u64 {
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
    let item = |words: &[u64]| finish(words.iter().copied().fold(0x1319_8a2e_0370_7344, fold));
    let value = |words: &[u64]| finish(words.iter().copied().fold(0x243f_6a88_85a3_08d3, fold));
    let name = xxhash_rust::xxh3::xxh3_64(b"name");

    assert_eq!(of(&-1i8), value(&[u64::MAX]));
    assert_eq!(of(&(1u128 << 64 | 2)), value(&[2, 1]));
    assert_eq!(of(&1.5f32), value(&[1.5f32.to_bits().into()]));
    assert_eq!(of(&-f32::NAN), value(&[0x7fc0_0000]));
    assert_eq!(of(&-f64::NAN), value(&[0x7ff8_0000_0000_0000]));
    assert_eq!(of("name"), value(&[name]));
    assert_eq!(of(&(Some(3u8), None::<u8>)), value(&[1, 3, 0]));
    assert_eq!(of(&vec![4u8, 5]), value(&[2, 4, 5]));
    assert_eq!(of(&Side::Both(8, 9)), value(&[2, 8, 9]));
    assert_eq!(of(&BTreeSet::from([4u8, 5])), value(&[2, item(&[4]).wrapping_add(item(&[5]))]));
    let map = BTreeMap::from([("name", Id(1)), ("", Id(2))].map(|(name, id)| (name.to_owned(), id)));
    let empty = xxhash_rust::xxh3::xxh3_64(b"");
    assert_eq!(of(&map), value(&[2, item(&[name, 1]).wrapping_add(item(&[empty, 2]))]));
}

#[test]
fn the_order_of_maps_sets_and_heaps_does_not_change_the_digest() {
    let numbers: Vec<u32> = (0..1000).map(|i: u32| i.wrapping_mul(2_654_435_761)).collect();
    let forwards = || numbers.iter().map(|&n| (n, Some(n)));

    let map: HashMap<_, _> = forwards().collect();
    let other: HashMap<_, _, OtherHasher> = forwards().rev().collect();
    assert_ne!(map.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    assert_eq!(of(&map), of(&other));
    assert_eq!(of(&map), of(&forwards().collect::<BTreeMap<_, _>>()));

    let set: HashSet<_> = numbers.iter().copied().collect();
    let other: HashSet<_, OtherHasher> = numbers.iter().rev().copied().collect();
    assert_eq!(of(&set), of(&other));

    let heap: BinaryHeap<_> = numbers.iter().copied().collect();
    let mut other = BinaryHeap::new();
    numbers.iter().rev().for_each(|&n| other.push(n));
    assert_ne!(heap.iter().collect::<Vec<_>>(), other.iter().collect::<Vec<_>>());
    assert_eq!(of(&heap), of(&other));

    let reversed: Vec<_> = numbers.iter().rev().copied().collect();
    assert_ne!(of(&numbers), of(&reversed));
}

#[test]
fn nested_unordered_collections_have_equal_digests_in_any_order() {
    let inner = |n: u8| BTreeMap::from([(n, vec![n]), (n + 1, vec![])]);
    let one: HashMap<u8, BTreeSet<BTreeMap<u8, Vec<u8>>>> = HashMap::from([(1, [inner(1), inner(5)].into())]);
    let two: BTreeMap<u8, HashSet<BTreeMap<u8, Vec<u8>>>> = BTreeMap::from([(1, [inner(5), inner(1)].into())]);
    assert_eq!(of(&one), of(&two));
}

/// The two values in each pair below would have the same digest if the hash omitted some part of a value.
#[test]
fn every_part_of_a_value_changes_the_digest() {
    // The hash depends on how many items each collection has.
    assert_ne!(of(&vec![vec![0u64], vec![]]), of(&vec![vec![], vec![0u64]]));
    assert_ne!(of(&vec![vec![1u64, 1]]), of(&vec![vec![1u64], vec![]]));
    assert_ne!(of(&(vec![0u64], None::<u64>)), of(&(vec![0u64; 0], Some(0u64))));
    assert_ne!(of(&vec![(); 2]), of(&vec![(); 3]));
    assert_ne!(
        of(&(BTreeSet::from([1u8]), BTreeSet::from([2u8]))),
        of(&(BTreeSet::from([1u8, 2]), BTreeSet::<u8>::new()))
    );
    // The hash depends on how often each item occurs in a collection.
    assert_ne!(of(&BinaryHeap::from([1u8, 1, 2])), of(&BinaryHeap::from([1u8, 2, 2])));
    assert_ne!(of(&BinaryHeap::from([1u8, 1])), of(&BinaryHeap::from([2u8, 2])));
    assert_ne!(of(&BinaryHeap::from([1u8, 1])), of(&BinaryHeap::<u8>::new()));
    // The hash depends on which value belongs to which key.
    assert_ne!(of(&BTreeMap::from([(1u8, 1u8), (2, 2)])), of(&BTreeMap::from([(1u8, 2u8), (2, 1)])));
    assert_ne!(of(&BTreeMap::from([(1u8, 2u8)])), of(&BTreeMap::from([(2u8, 1u8)])));
    // The hash depends on the variant, and on whether an option is empty.
    assert_ne!(of(&Side::Bid), of(&Side::Ask(0)));
    assert_ne!(of(&Ok::<u8, u8>(1)), of(&Err::<u8, u8>(1)));
    assert_ne!(of(&None::<()>), of(&Some(())));
    // The hash depends on both halves of a 128-bit integer, and on the sign of zero.
    assert_ne!(of(&1u128), of(&(1u128 << 64)));
    assert_ne!(of(&(1u128 << 100)), of(&0u128));
    assert_ne!(of(&0.0f64), of(&-0.0f64));
    // all NaNs have the same digest, whatever their sign and payload
    for bits in [0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0xffff_ffff_ffff_ffff] {
        assert_eq!(of(&f64::from_bits(bits)), of(&f64::NAN));
    }
    for bits in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff] {
        assert_eq!(of(&f32::from_bits(bits)), of(&f32::NAN));
    }
    // The hash depends on the positions of fields in a struct.
    assert_ne!(of(&Pair(1u8, 2)), of(&Pair(2u8, 1)));
    assert_ne!(of(&("ab".to_owned(), "c".to_owned())), of(&("a".to_owned(), "bc".to_owned())));
    // The hash of an opaque value depends on everything that the hash of any other value depends on, and also on the kind of
    // each part.
    assert_ne!(of(&Opaque(vec![vec![0u64], vec![]])), of(&Opaque(vec![vec![], vec![0u64]])));
    assert_ne!(of(&Opaque(0u8)), of(&Opaque(0u16)));
    assert_ne!(of(&Opaque(None::<u8>)), of(&Opaque(())));
    assert_ne!(of(&Opaque(Side::Bid)), of(&Opaque(Side::Ask(0))));
    assert_ne!(of(&Opaque((1u8, (2u8,)))), of(&Opaque(((1u8,), 2u8))));
    assert_ne!(of(&Opaque(vec![1u8, 2])), of(&Opaque(vec![2u8, 1])));
}

#[test]
fn a_flipped_bit_of_the_value_flips_half_of_the_digest_on_average() {
    let base = of(&(0u64, 0u64));
    let flipped: u32 = (0..64).map(|bit| (of(&(1u64 << bit, 0u64)) ^ base).count_ones()).sum();
    assert!((24 * 64..40 * 64).contains(&flipped), "{flipped}");
}

#[test]
fn recursive_values_have_digests() {
    let leaf = |value| Tree { value, children: vec![] };
    let tree = Tree { value: 1, children: vec![leaf(2), leaf(3)] };
    assert_ne!(of(&tree), of(&Tree { value: 1, children: vec![leaf(3), leaf(2)] }));
    let shrub = |value| Shrub { value, children: vec![] };
    assert_eq!(of(&tree), of(&Shrub { value: 1, children: vec![shrub(2), shrub(3)] }));

    let knot = |inner| Knot::More(Box::new(Pair(inner, Knot::End)));
    assert_ne!(of(&knot(knot(Knot::End))), of(&knot(Knot::End)));

    // A back reference in the inner chain refers to the inner chain, and one in the outer chain refers to the outer chain.
    let inner = |n: u8| Chain::Link(n, Box::new(Chain::Link(n, Box::new(Chain::End))));
    let outer = Chain::Link(inner(1), Box::new(Chain::Link(inner(2), Box::new(Chain::End))));
    assert_ne!(of(&outer), of(&Chain::Link(inner(1), Box::new(Chain::End))));
}

/// The stack of a thread is large enough to hash, encode, decode and compare a value of the maximum depth, even without
/// optimizations and with many fields in each struct.
#[test]
fn a_value_of_the_maximum_depth_fits_the_stack_of_a_thread() {
    #[derive(Default, Serialize, serde::Deserialize)]
    struct Wide {
        texts: (String, String, String, String, String, String),
        numbers: [u64; 16],
        lists: (Vec<u64>, Vec<String>, BTreeMap<u8, String>),
        optional: Option<(String, u64)>,
        more: (String, String, String, String),
        below: Option<Box<Wide>>,
    }

    let compare = || {
        let mut value = Opaque(Wide::default());
        for _ in 0..MAX_STATE_DEPTH {
            let below = Some(Box::new(std::mem::take(&mut value.0)));
            let deeper = Opaque(Wide { below, ..Wide::default() });
            if digest(&deeper).is_err() {
                break;
            }
            value = deeper;
        }
        let bytes = postcard::to_stdvec(&value).unwrap();
        let read: Wide = deserialize_within(&mut postcard::Deserializer::from_bytes(&bytes), MAX_STATE_DEPTH).unwrap();
        assert_eq!(of(&Opaque(read)), of(&value));
        assert!(Transcript::of(&value).is_ok());
    };
    let stack = std::env::var("STACK").map_or(2 << 20, |stack| stack.parse().unwrap());
    std::thread::Builder::new().stack_size(stack).spawn(compare).unwrap().join().unwrap();
}

/// An opaque type, which serializes like the value inside, but whose shape is only a name.
#[derive(Serialize)]
#[serde(transparent)]
struct Opaque<T>(T);

impl<T> Shape for Opaque<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Opaque("tests::Opaque"));
}

#[test]
fn text_written_by_collect_str_is_hashed_like_a_string() {
    struct Shown(String);
    impl Shape for Shown {
        const SHAPE: ShapeRef = String::SHAPE;
    }
    impl Serialize for Shown {
        fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
            serializer.collect_str(&format_args!("{}{}", &self.0[..self.0.len() / 2], &self.0[self.0.len() / 2..]))
        }
    }
    for length in [0, 1, 2, 16, 17, 200, 240, 241, 1000, 5000] {
        let text = "x".repeat(length);
        assert_eq!(of(&Shown(text.clone())), of(&text), "{length}");
    }
}

proptest! {
    #[test]
    fn digests_are_equal_exactly_for_equal_values(
        a in prop::collection::btree_map(0..3u8, prop::collection::vec(0..2u8, 0..3), 0..3),
        b in prop::collection::btree_map(0..3u8, prop::collection::vec(0..2u8, 0..3), 0..3),
    ) {
        prop_assert_eq!(of(&a) == of(&b), a == b);
        let hashed: HashMap<u8, Vec<u8>> = a.clone().into_iter().collect();
        prop_assert_eq!(of(&a), of(&hashed));
    }
}
