//! Tests that values are encoded as postcard encodes them. Other tests use untrusted bytes, untrusted shapes, or the wrong
//! shape.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::position::MAX_EMPTY;
use super::*;
use crate::shape::node::{Node, NodeField, NodeFields, NodeVariant};
use crate::shape::samples::{Chain, Id, Knot, Order, Pair, Side, Tree};
use crate::shape::{self, Primitive, Shape};

fn tree<T: Shape>() -> ShapeTree {
    ShapeTree::of(T::SHAPE)
}

/// Returns the value of `typed`, an instance of a program's type, and checks that the value encodes to the same bytes as the
/// instance.
fn of<T: Shape + Serialize + DeserializeOwned + PartialEq + Debug>(typed: T) -> Value {
    let shape = tree::<T>();
    let bytes = postcard::to_stdvec(&typed).unwrap();
    let value = Value::decode(&shape, &bytes).unwrap();
    assert_eq!(value.encode(&shape).unwrap(), bytes);
    for end in 0..bytes.len() {
        assert!(Value::decode(&shape, &bytes[..end]).is_err(), "{end} bytes of {value:?}");
    }
    value
}

fn named(fields: &[(&str, Node)]) -> Node {
    let field = |(name, shape): &(&str, Node)| NodeField { name: (*name).into(), shape: shape.clone() };
    Node::Struct(NodeFields::Named(fields.iter().map(field).collect()))
}

fn decode_error(node: &Node, bytes: &[u8]) -> String {
    Value::decode(&ShapeTree::of_node(node), bytes).unwrap_err().to_string()
}

fn encode_error<T: Shape>(value: impl Into<Value>) -> String {
    value.into().encode(&tree::<T>()).unwrap_err().to_string()
}

proptest! {
    #[test]
    fn decoding_restores_the_encoded_value((shape, value) in arbitrary::value()) {
        let bytes = value.encode(&shape).unwrap();
        prop_assert_eq!(Value::decode(&shape, &bytes).unwrap(), value);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(
        node in arbitrary::node(),
        bytes in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..64),
    ) {
        let shape = ShapeTree::of_node(&node);
        if let Ok(value) = Value::decode(&shape, &bytes) {
            prop_assert_eq!(Value::decode(&shape, &value.encode(&shape).unwrap()).unwrap(), value);
        }
    }

    #[test]
    fn decoding_never_panics(
        node in shape::arbitrary::node(),
        bytes in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..64),
    ) {
        if let Err(error) = Value::decode(&ShapeTree::of_node(&node), &bytes) {
            prop_assert!(error.to_string().len() < 20_000);
        }
    }

    #[test]
    fn changed_bytes_are_a_value_or_an_error((shape, value) in arbitrary::value(), at in any::<Index>(), bit in 0..8u8) {
        let mut bytes = value.encode(&shape).unwrap();
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        if let Ok(changed) = Value::decode(&shape, &bytes) {
            prop_assert_eq!(Value::decode(&shape, &changed.encode(&shape).unwrap()).unwrap(), changed);
        }
    }

    #[test]
    fn a_value_of_another_shape_is_an_error_or_fits((_, value) in arbitrary::value(), node in arbitrary::node()) {
        let shape = ShapeTree::of_node(&node);
        prop_assume!(!shape.to_string().contains("f64"));
        if let Ok(bytes) = value.encode(&shape) {
            prop_assert_eq!(Value::decode(&shape, &bytes).unwrap(), value);
        }
    }

    #[test]
    fn integers_are_encoded_like_postcard(bits in any::<u128>(), shift in 0..128u32) {
        let bits = bits >> shift;
        macro_rules! check {
            ($($type:ty)+) => {$(
                prop_assert_eq!(of(bits as $type), Value::from(bits as $type));
                prop_assert_eq!(of(!(bits as $type)), Value::from(!(bits as $type)));
            )+};
        }
        check!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);
    }

    #[test]
    fn long_numbers_are_rejected_like_postcard(
        more in prop::collection::vec(select(vec![0x80u8, 0xff]), 0..20),
        last in prop_oneof![0..8u8, any::<u8>()],
    ) {
        let bytes = [&more[..], &[last]].concat();
        macro_rules! check {
            ($($type:ty)+) => {$(
                let typed = postcard::take_from_bytes::<$type>(&bytes).ok().filter(|(_, rest)| rest.is_empty());
                let value = Value::decode(&tree::<$type>(), &bytes).ok();
                prop_assert_eq!(value, typed.map(|(number, _)| Value::from(number)));
            )+};
        }
        check!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);
    }
}

#[test]
fn each_type_decodes_to_the_documented_value() {
    assert_eq!(of(()), Value::Unit);
    assert_eq!(of(true), Value::from(true));
    assert_eq!(of(-1.5f32), Value::F32(-1.5));
    assert_eq!(of(f64::INFINITY), Value::F64(f64::INFINITY));
    for char in ['a', 'ß', '€', '🦀'] {
        assert_eq!(of(char), Value::Char(char));
    }
    assert_eq!(of("größe".to_owned()), Value::from("größe"));
    assert_eq!(of(c"abc".to_owned()), Value::Bytes(b"abc".to_vec()));
    assert_eq!(of(Some(Some(1u8))), Value::from(Some(Some(1))));
    assert_eq!(of(Some(None::<u8>)), Value::from(Some(None::<u8>)));
    assert_eq!(of(vec![1u8, 200]), Value::from([1, 200]));
    assert_eq!(of([7i16; 3]), Value::from([7, 7, 7]));
    assert_eq!(of(BTreeSet::from(['b', 'a'])), Value::from(['a', 'b']));
    assert_eq!(of((1u8, "a".to_owned())), Value::List(vec![Value::from(1), Value::from("a")]));
    let map = BTreeMap::from([((1u8, true), Some('x'))]);
    let key = Value::List(vec![Value::from(1), Value::from(true)]);
    assert_eq!(of(map), Value::Map(vec![(key, Value::from(Some('x')))]));
    assert_eq!(of(vec![(); 1000]), Value::from(vec![(); 1000]));

    assert_eq!(of(Id(7)), Value::from(7));
    assert_eq!(of(Side::Bid), Value::unit_variant("Bid"));
    assert_eq!(of(Side::Ask(5)), Value::variant("Ask", 5));
    assert_eq!(of(Side::Both(1, 2)), Value::variant("Both", [1, 2]));
    let limit = Value::variant("Limit", Value::of_fields([("price", Value::from(9))]));
    assert_eq!(of(Side::Limit { price: 9 }), limit);
    let order = Order { id: Id(1), side: Side::Limit { price: 9 }, memo: None };
    let fields = [("id", Value::from(1)), ("side", limit), ("memo", Value::from(None::<()>))];
    assert_eq!(of(order), Value::of_fields(fields));

    let leaf = |value| Tree { value, children: vec![] };
    let tree = of(Tree { value: 1, children: vec![leaf(2), leaf(3)] });
    assert_eq!(tree.get("children").unwrap().as_list().unwrap()[1].read::<u32>("value").unwrap(), 3);
    let knot = of(Knot::More(Box::new(Pair(Knot::End, Knot::End))));
    assert_eq!(knot, Value::variant("More", vec![Value::unit_variant("End"), Value::unit_variant("End")]));
    let chain = of(Chain::Link(1u8, Box::new(Chain::Link(2, Box::new(Chain::End)))));
    assert_eq!(chain.as_variant().unwrap().1.as_list().unwrap()[1].as_variant().unwrap().0, "Link");

    of(std::time::Duration::from_millis(1_500));
    of("127.0.0.1:80".parse::<std::net::SocketAddrV4>().unwrap());
    of(Err::<u8, _>("no".to_owned()));
}

#[test]
fn floats_keep_their_bits() {
    for bits in [0, 1 << 63, 0x7ff0_0000_0000_0001, 0x7ff8_0000_0000_0000, 0xfff8_dead_beef_0001, 1] {
        let bytes = f64::from_bits(bits).to_le_bytes();
        let value = Value::decode(&tree::<f64>(), &bytes).unwrap();
        assert_eq!(value, value.clone());
        assert_eq!(value.encode(&tree::<f64>()).unwrap(), bytes);
    }
    let signalling = 0x7f80_0001u32.to_le_bytes();
    assert_eq!(Value::decode(&tree::<f32>(), &signalling).unwrap().encode(&tree::<f32>()).unwrap(), signalling);
}

/// Tests the maximum depth of recursive values that are decoded.
#[test]
fn values_nested_too_deep_are_rejected() {
    let chain = |depth| {
        let mut chain = Chain::End;
        for _ in 0..depth {
            chain = Chain::Link(0u8, Box::new(chain));
        }
        postcard::to_stdvec(&chain).unwrap()
    };
    let shape = tree::<Chain<u8>>();
    let deepest = Value::decode(&shape, &chain(127)).unwrap();
    assert_eq!(deepest.encode(&shape).unwrap(), chain(127));
    let too_deep = Value::decode(&shape, &chain(128)).unwrap_err().to_string();
    assert!(too_deep.ends_with("the value is nested more than 128 levels deep"), "{too_deep}");
    assert!(Value::decode(&shape, &[1, 0].repeat(1_000_000)).unwrap_err().to_string().ends_with("deep"));

    assert!(
        too_deep.starts_with(&format!("{}….1{}::Link: the value is", "::Link.1".repeat(5), "::Link.1".repeat(4))),
        "{too_deep}"
    );

    let deeper = Value::variant("Link", vec![Value::from(0), deepest]);
    assert!(deeper.encode(&shape).unwrap_err().to_string().ends_with("deep"));
}

#[test]
fn untrusted_shapes_do_not_exceed_the_limits() {
    let deep = "the value is nested more than 128 levels deep";
    let newtype = |node| Node::Struct(NodeFields::Newtype(Box::new(node)));
    let (unit, back) = (Node::Primitive(Primitive::Unit), Node::Back(0));
    for endless in [named(&[("a", back.clone())]), named(&[("a", back.clone()), ("b", back.clone())]), newtype(back)] {
        let error = decode_error(&endless, &[]);
        assert!(error.ends_with(deep), "{error}");
        let shape = ShapeTree::of_node(&endless);
        assert!(Value::Unit.encode(&shape).is_err());
    }

    let huge = |node: &Node| Node::Array(Box::new(node.clone()), u64::MAX);
    let many = format!("the value has more than {MAX_EMPTY} parts that take up no bytes");
    let error = decode_error(&huge(&huge(&huge(&unit))), &[]);
    assert!(error.starts_with("[0][0][65533]: ") && error.ends_with(&many), "{error}");
    // a length of 2^60 units
    let list = Node::List(Box::new(unit.clone()));
    let error = decode_error(&list, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]);
    assert!(error.ends_with(&many), "{error}");
    let wide = named(&[("a", huge(&unit)), ("b", unit)]);
    assert!(decode_error(&Node::List(Box::new(wide)), &[2]).starts_with("[0].a[65549]: the value has more than"));
    assert_eq!(decode_error(&Node::Enum(vec![]), &[0]), "variant index 0 is out of range: the shape has 0 variants");
    assert_eq!(decode_error(&huge(&Node::Primitive(Primitive::U8)), &[1]), "[1]: the bytes end within the value");
}

#[test]
fn invalid_bytes_are_reported_with_their_path() {
    let shape = named(&[
        ("a", Node::Option(Box::new(Node::Primitive(Primitive::Bool)))),
        ("s", Node::Primitive(Primitive::String)),
    ]);
    assert_eq!(decode_error(&shape, &[1, 2]), "a?: byte 0x02 is neither 0 nor 1");
    assert_eq!(decode_error(&shape, &[2]), "a: byte 0x02 is neither 0 nor 1");
    assert_eq!(decode_error(&shape, &[0, 1, 0xff]), "s: the bytes are not valid UTF-8");
    assert_eq!(decode_error(&shape, &[0, 2, b'x']), "s: the bytes end within the value");
    assert_eq!(decode_error(&shape, &[0, 0, 9, 9]), "2 bytes follow the value");
    assert_eq!(
        decode_error(&Node::Primitive(Primitive::Char), &[2, b'a', b'b']),
        "the bytes are not exactly one character"
    );
    assert_eq!(decode_error(&Node::Primitive(Primitive::U16), &[0xff, 0xff, 0x04]), "a number has more than 16 bits");
    let variants = [("A", NodeFields::Unit), ("B", NodeFields::Newtype(Box::new(Node::Primitive(Primitive::Bool))))];
    let variants = variants.map(|(name, fields)| NodeVariant { name: name.into(), fields });
    let map = Node::Map(Box::new((Node::Primitive(Primitive::U8), Node::Enum(variants.to_vec()))));
    assert_eq!(decode_error(&map, &[1, 5, 1, 3]), "[value 0]::B.0: byte 0x03 is neither 0 nor 1");
    assert_eq!(decode_error(&map, &[1]), "[key 0]: the bytes end within the value");
}

#[test]
fn opaque_types_are_decoded_at_the_end_only() {
    let opaque = Node::Opaque("bank::Iban".to_owned());
    let last = ShapeTree::of_node(&named(&[("a", Node::Primitive(Primitive::U8)), ("b", opaque.clone())]));
    let value = Value::decode(&last, &[1, 2, 3]).unwrap();
    assert_eq!(value.get("b").unwrap(), &Value::Opaque(vec![2, 3]));
    assert_eq!(value.encode(&last).unwrap(), [1, 2, 3]);
    let first = named(&[("b", opaque.clone()), ("a", Node::Primitive(Primitive::Unit))]);
    assert_eq!(
        decode_error(&first, &[1]),
        "b: the type `bank::Iban` is opaque and more bytes follow it: only the program knows where its value ends"
    );
    let map = Node::Map(Box::new((opaque.clone(), Node::Primitive(Primitive::Unit))));
    assert!(decode_error(&map, &[1, 1]).starts_with("[key 0]: the type `bank::Iban`"));
    let list = Node::List(Box::new(opaque));
    assert!(decode_error(&list, &[2, 1, 1]).starts_with("[0]: the type `bank::Iban`"));
    assert_eq!(Value::decode(&ShapeTree::of_node(&list), &[1, 1]).unwrap(), Value::List(vec![Value::Opaque(vec![1])]));
}

#[test]
fn values_of_another_shape_are_rejected() {
    let order = || of(Order { id: Id(1), side: Side::Ask(2), memo: Some("x".to_owned()) });
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut order = order();
        edit(&mut order);
        encode_error::<Order>(order)
    };
    assert_eq!(edited(&|v| drop(v.take::<Value>("side"))), "there is no field `side`; the fields are id, memo");
    assert_eq!(
        edited(&|v| drop(v.insert("extra", 1))),
        "the shape has no field `extra`; its fields are id, side, memo"
    );
    assert_eq!(edited(&|v| drop(v.insert("id", "7"))), "id.0: expected u32, found the string \"7\"");
    assert_eq!(edited(&|v| drop(v.insert("id", -1))), "id.0: -1 is out of range for u32");
    assert_eq!(edited(&|v| drop(v.insert("id", 1u64 << 32))), "id.0: 4294967296 is out of range for u32");
    assert_eq!(edited(&|v| drop(v.insert("memo", "x"))), "memo: expected option<string>, found the string \"x\"");
    assert_eq!(edited(&|v| drop(v.insert("memo", Some(1)))), "memo?: expected string, found the integer 1");
    assert_eq!(
        edited(&|v| drop(v.insert("side", Value::unit_variant("Sell")))),
        "side: the shape has no variant `Sell`; its variants are Bid, Ask, Both, Limit"
    );
    assert_eq!(
        edited(&|v| drop(v.insert("side", Value::variant("Both", 1)))),
        "side::Both: expected a list of 2, found the integer 1"
    );
    assert_eq!(
        edited(&|v| drop(v.insert("side", Value::variant("Bid", 1)))),
        "side::Bid: expected a unit, found the integer 1"
    );
    assert_eq!(
        edited(&|v| drop(v.insert("side", Value::variant("Both", [1])))),
        "side::Both: expected 2 items, found 1"
    );
    let twice =
        Value::of_fields([("value", Value::from(1)), ("children", Value::List(vec![])), ("value", Value::from(1))]);
    assert_eq!(encode_error::<Tree>(twice), "the field `value` already exists");
    assert_eq!(encode_error::<Tree>(1), "expected a struct {value, children}, found the integer 1");
    assert_eq!(encode_error::<[u8; 2]>([1, 2, 3]), "expected 2 items, found 3");
    assert_eq!(encode_error::<(u8, u8)>(vec![1]), "expected 2 items, found 1");
    assert_eq!(encode_error::<Vec<u8>>([1, 256]), "[1]: 256 is out of range for u8");
    assert_eq!(
        encode_error::<BTreeMap<u8, bool>>(BTreeMap::from([(1, 1)])),
        "[value 0]: expected bool, found the integer 1"
    );
    assert_eq!(encode_error::<f32>(0.1f64), "0.1 cannot be represented exactly as f32");
    assert_eq!(encode_error::<f64>(1), "expected f64, found the integer 1");
    assert_eq!(encode_error::<()>(Value::List(vec![])), "expected (), found a list of 0");
    assert_eq!(Value::from(0.5f64).encode(&tree::<f32>()).unwrap(), 0.5f32.to_le_bytes());
    assert_eq!(Value::from(0.1f32).encode(&tree::<f64>()).unwrap(), f64::from(0.1f32).to_le_bytes());
}

#[test]
fn fields_are_encoded_in_the_order_of_the_shape() {
    let value = Value::of_fields([
        ("memo", Value::from(None::<()>)),
        ("side", Value::unit_variant("Bid")),
        ("id", Value::from(7u64)),
    ]);
    let typed = postcard::to_stdvec(&Order { id: Id(7), side: Side::Bid, memo: None }).unwrap();
    assert_eq!(value.encode(&tree::<Order>()).unwrap(), typed);
    assert_eq!(value, Value::decode(&tree::<Order>(), &typed).unwrap());
}

/// Tests the encodings of foreign types against the types themselves.
#[cfg(all(feature = "chrono", feature = "jiff", feature = "rust_decimal", feature = "uuid"))]
#[test]
fn foreign_types_of_known_encoding_are_decoded() {
    use chrono::Datelike as _;

    fn text<T: Shape + Serialize + DeserializeOwned + PartialEq + Debug>(typed: T, text: &str) {
        assert_eq!(of((typed, 7u8)), Value::List(vec![Value::from(text), Value::from(7)]));
    }

    let now = chrono::DateTime::from_timestamp(1_700_000_000, 5_000_000).unwrap();
    text(now, "2023-11-14T22:13:20.005Z");
    text(now.date_naive(), "2023-11-14");
    text(now.time(), "22:13:20.005");
    text(now.naive_utc(), "2023-11-14T22:13:20.005");
    text(now.weekday(), "Tue");
    text(chrono::Month::May, "May");

    let now = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    text(now, "2023-11-14T22:13:20Z");
    let now = now.to_zoned(jiff::tz::TimeZone::UTC);
    text(now.date(), "2023-11-14");
    text(now.time(), "22:13:20");
    text(now.datetime(), "2023-11-14T22:13:20");
    text(now.date().iso_week_date(), "2023-W46-2");
    text(jiff::SignedDuration::from_secs(90), "PT1M30S");
    text(rust_decimal::Decimal::new(-12_345, 2), "-123.45");

    let uuid = uuid::Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
    assert_eq!(of((uuid, 7u8)), Value::List(vec![Value::Bytes(uuid.as_bytes().to_vec()), Value::from(7)]));
    assert_eq!(of(uuid::NonNilUuid::new(uuid)), Value::Option(Some(Box::new(Value::Bytes(uuid.as_bytes().to_vec())))));
    assert_eq!(
        decode_error(&Node::Opaque("uuid::Uuid".to_owned()), &[1, 5]),
        "expected a UUID of 16 bytes, found 1 bytes"
    );
    assert_eq!(encode_error::<uuid::Uuid>("67e5"), "expected opaque<\"uuid::Uuid\">, found the string \"67e5\"");

    let delta = chrono::TimeDelta::new(-5, 7).unwrap();
    assert_eq!(of((delta, 7u8)), Value::List(vec![Value::from([-5, 7]), Value::from(7)]));
    assert_eq!(encode_error::<chrono::TimeDelta>([0, 1i64 << 32]), "1: 4294967296 is out of range for i32");
}

/// Regression test: an upcaster gave two variants the same name. Encoding then wrote a value of the second variant as the first
/// variant, which has another meaning, and returned no error if both variants had the same fields.
#[test]
fn the_second_of_two_variants_of_one_name_is_rejected() {
    let variant = || NodeVariant { name: "x".into(), fields: NodeFields::Unit };
    let shape = ShapeTree::of_node(&Node::Enum(vec![variant(), variant()]));
    let first = Value::decode(&shape, &[0]).unwrap();
    assert_eq!(first.encode(&shape).unwrap(), [0]);
    let error = Value::decode(&shape, &[1]).unwrap_err();
    assert_eq!(error.to_string(), "the enum has two variants `x`, which a value cannot distinguish");
}
