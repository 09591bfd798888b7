//! Tests that JSON is as documented and reads back as the same value, and that invalid JSON is rejected.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde::{Deserialize as _, Serialize};

use crate::shape::node::{Node, NodeField, NodeFields};
use crate::shape::samples::{Chain, Id, Order, Side, Tree};
use crate::shape::{Primitive, Shape, ShapeTree};
use crate::value::{Value, arbitrary};

fn tree<T: Shape>() -> ShapeTree {
    ShapeTree::of(T::SHAPE)
}

/// Returns the JSON of a program's value, and checks that the JSON reads back as the same value.
fn of<T: Shape + Serialize>(typed: T) -> String {
    let shape = tree::<T>();
    let value = Value::decode(&shape, &postcard::to_stdvec(&typed).unwrap()).unwrap();
    let json = value.to_json(&shape).unwrap();
    assert_eq!(Value::from_json(&shape, &json).unwrap(), value, "{json}");
    json
}

fn error<T: Shape>(json: &str) -> String {
    Value::from_json(&tree::<T>(), json).unwrap_err().to_string()
}

/// Parts that sometimes form valid JSON when they are concatenated.
const PARTS: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "0.5",
    "1e40",
    "\"\"",
    "\"a0\"",
    "\"NaN:1\"",
    "\"9\"",
    "{\"some\":",
    "{\"a0\":",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "[]",
    ",",
    ":",
];

proptest! {
    #[test]
    fn json_reads_back_as_the_same_value((shape, value) in arbitrary::value()) {
        let json = value.to_json(&shape).unwrap();
        let read = Value::from_json(&shape, &json).unwrap();
        prop_assert_eq!(&read, &value, "{}", json);
        prop_assert_eq!(read.encode(&shape).unwrap(), value.encode(&shape).unwrap());
        // The JSON still gives the same value after another JSON library has read it and written it again.
        let mut reader = serde_json::Deserializer::from_str(&json);
        // The JSON may be nested deeper than serde_json's limit, for example if the keys of maps are lists.
        reader.disable_recursion_limit();
        let passed_on = serde_json::Value::deserialize(&mut reader).unwrap().to_string();
        let mut read = Value::from_json(&shape, &passed_on).unwrap();
        sort_maps(&mut read);
        let mut value = value;
        sort_maps(&mut value);
        prop_assert_eq!(read, value);
    }

    #[test]
    fn floats_are_written_without_loss(bits in any::<u64>()) {
        for (shape, value) in [
            (tree::<f64>(), Value::F64(f64::from_bits(bits))),
            (tree::<f32>(), Value::F32(f32::from_bits(bits as u32))),
        ] {
            let json = value.to_json(&shape).unwrap();
            prop_assert_eq!(Value::from_json(&shape, &json).unwrap(), value, "{}", json);
        }
    }

    #[test]
    fn any_json_is_a_value_or_an_error(node in arbitrary::node(), parts in prop::collection::vec(select(PARTS), 0..12)) {
        let (shape, json) = (ShapeTree::of_node(&node), parts.concat());
        if let Ok(value) = Value::from_json(&shape, &json) {
            prop_assert_eq!(Value::decode(&shape, &value.encode(&shape).unwrap()).unwrap(), value);
        }
    }

    #[test]
    fn json_of_another_shape_is_an_error_or_a_value((other, value) in arbitrary::value(), node in arbitrary::node()) {
        let (shape, json) = (ShapeTree::of_node(&node), value.to_json(&other).unwrap());
        if let Ok(value) = Value::from_json(&shape, &json) {
            prop_assert_eq!(Value::from_json(&shape, &value.to_json(&shape).unwrap()).unwrap(), value);
        }
    }
}

/// Sorts map entries, because `serde_json::Value` sorts members by name, and the order of a map's entries is not significant.
fn sort_maps(value: &mut Value) {
    match value {
        Value::Option(Some(value)) | Value::Variant(_, value) => sort_maps(value),
        Value::List(items) => items.iter_mut().for_each(sort_maps),
        Value::Struct(fields) => fields.iter_mut().for_each(|(_, value)| sort_maps(value)),
        Value::Map(entries) => {
            for (key, value) in entries.iter_mut() {
                sort_maps(key);
                sort_maps(value);
            }
            entries.sort_by_cached_key(|(key, _)| format!("{key:?}"));
        }
        _ => {}
    }
}

#[test]
fn json_is_as_documented() {
    assert_eq!(of(()), "null");
    assert_eq!(of((true, 7u8, -7i64, "a\"b".to_owned(), 'ß')), r#"[true,7,-7,"a\"b","ß"]"#);
    assert_eq!(
        of([(1u64 << 53) - 1, 1 << 53, u64::MAX]),
        r#"[9007199254740991,"9007199254740992","18446744073709551615"]"#
    );
    assert_eq!(
        of([1 - (1i64 << 53), -1 << 53, i64::MIN]),
        r#"[-9007199254740991,"-9007199254740992","-9223372036854775808"]"#
    );
    assert_eq!(of(u128::MAX), "\"340282366920938463463374607431768211455\"");
    assert_eq!(of(i128::MIN), "\"-170141183460469231731687303715884105728\"");
    assert_eq!(of((0.1f32, 0.1f64, 1.0f64, -0.0f64, 1e300)), "[0.1,0.1,1.0,-0.0,1e+300]");
    assert_eq!(of((f32::INFINITY, f64::NEG_INFINITY, f32::NAN, f64::NAN)), r#"["inf","-inf","NaN","NaN"]"#);
    assert_eq!(of((f32::from_bits(0x7f80_0001), -f64::NAN)), r#"["NaN:7f800001","NaN:fff8000000000000"]"#);
    assert_eq!(of(c"\xffa".to_owned()), "\"ff61\"");

    assert_eq!(of([Some(1u8), None]), "[1,null]");
    assert_eq!(of([Some(Some(1u8)), Some(None), None]), r#"[{"some":1},{"some":null},null]"#);
    assert_eq!(of([Some(()), None]), r#"[{"some":null},null]"#);

    assert_eq!(of(BTreeMap::from([("b".to_owned(), 1u8), ("a".to_owned(), 2)])), r#"{"a":2,"b":1}"#);
    assert_eq!(of(BTreeMap::from([(-7i32, 1u8)])), r#"{"-7":1}"#);
    assert_eq!(of(BTreeMap::from([(u128::MAX, 1u8)])), r#"{"340282366920938463463374607431768211455":1}"#);
    assert_eq!(of(BTreeMap::from([(true, 1u8), (false, 2)])), r#"{"false":2,"true":1}"#);
    assert_eq!(of(BTreeMap::from([("true".to_owned(), 1u8)])), r#"{"true":1}"#);
    assert_eq!(of(BTreeMap::from([('"', 1u8)])), r#"{"\"":1}"#);
    assert_eq!(of(BTreeMap::from([((1u8, 2u8), 3u8)])), "[[[1,2],3]]");
    assert_eq!(of(BTreeMap::from([(Some(1u8), 3u8)])), "[[1,3]]");

    assert_eq!(of(vec![Side::Bid, Side::Ask(5), Side::Both(1, 2)]), r#"["Bid",{"Ask":5},{"Both":[1,2]}]"#);
    let order = Order { id: Id(7), side: Side::Limit { price: 9 }, memo: Some("x".to_owned()) };
    assert_eq!(of(order), r#"{"id":7,"side":{"Limit":{"price":9}},"memo":"x"}"#);
    let leaf = Tree { value: 2, children: vec![] };
    assert_eq!(of(Tree { value: 1, children: vec![leaf] }), r#"{"value":1,"children":[{"value":2,"children":[]}]}"#);
}

#[test]
fn values_without_a_json_type_read_back() {
    let (text, number) = (Node::Primitive(Primitive::String), Node::Primitive(Primitive::U8));
    let ordered = ShapeTree::of_node(&Node::OrderedMap(Box::new((text, number))));
    let value = Value::decode(&ordered, &[2, 1, b'z', 1, 1, b'a', 2]).unwrap();
    assert_eq!(value.to_json(&ordered).unwrap(), r#"[["z",1],["a",2]]"#);
    assert_eq!(Value::from_json(&ordered, r#"[["z",1],["a",2]]"#).unwrap(), value);

    let iban = ShapeTree::of_node(&Node::Opaque("bank::Iban".to_owned()));
    let value = Value::decode(&iban, &[1, 0xff]).unwrap();
    assert_eq!(value.to_json(&iban).unwrap(), "\"01ff\"");
    assert_eq!(Value::from_json(&iban, "\"01ff\"").unwrap(), value);

    let uuid = ShapeTree::of_node(&Node::Opaque("uuid::Uuid".to_owned()));
    let text = "\"67e55044-10b1-426f-9247-bb680e5fe0c8\"";
    assert_eq!(Value::from_json(&uuid, text).unwrap().to_json(&uuid).unwrap(), text);

    let twice = Value::decode(&tree::<BTreeMap<bool, ()>>(), &[2, 1, 1]).unwrap();
    let error = twice.to_json(&tree::<BTreeMap<bool, ()>>()).unwrap_err();
    assert_eq!(error.to_string(), "the key \"true\" occurs twice");
}

/// Regression test for a failure that proptest found: writing a map failed if the shape of its keys contains only itself. No
/// such key exists, so the map is always empty.
#[test]
fn an_empty_map_is_written_even_if_its_keys_have_no_values() {
    let endless = Node::Struct(NodeFields::Newtype(Box::new(Node::Back(0))));
    let shape = ShapeTree::of_node(&Node::Map(Box::new((endless, Node::Primitive(Primitive::Unit)))));
    let json = Value::Map(Vec::new()).to_json(&shape).unwrap();
    assert_eq!(Value::from_json(&shape, &json).unwrap(), Value::Map(Vec::new()));
}

/// No program has a struct with two fields of one name, but a forged journal may have one, and an upcaster may create one by
/// renaming a field. When `to_json` wrote the struct as an object with two members of one name, the reader lost one of the
/// values or refused the JSON.
#[test]
fn a_struct_with_two_fields_of_one_name_is_not_written() {
    let named = |name: &str| NodeField { name: name.into(), shape: Node::Primitive(Primitive::U8) };
    let shape = ShapeTree::of_node(&Node::Struct(NodeFields::Named(vec![named("a"), named("a")])));
    let value = Value::decode(&shape, &[1, 2]).unwrap();
    assert_eq!(value.to_json(&shape).unwrap_err().to_string(), "the key \"a\" occurs twice");
}

#[test]
fn invalid_json_is_reported_with_its_path() {
    let order = |json: &str| error::<Order>(json);
    assert_eq!(order("[1"), "invalid JSON: EOF while parsing a list at line 1 column 2");
    assert_eq!(order("{} 1"), "invalid JSON: trailing characters at line 1 column 4");
    assert_eq!(order("1"), "expected a struct {id, side, memo}, found the integer 1");
    assert_eq!(order(r#"{"id":1}"#), "there is no field `side`; the fields are id");
    assert_eq!(order(r#"{"id":1,"id":1}"#), "the key \"id\" occurs twice");
    let more = r#"{"id":1,"side":"Bid","memo":null,"more":1}"#;
    assert_eq!(order(more), "the shape has no field `more`; its fields are id, side, memo");
    assert_eq!(order(r#"{"id":"x"}"#), "id.0: expected an integer, found \"x\"");
    assert_eq!(order(r#"{"id":-1}"#), "id.0: -1 is out of range for u32");
    assert_eq!(order(r#"{"id":4294967296}"#), "id.0: 4294967296 is out of range for u32");
    let large = r#"{"id":1e10}"#;
    assert_eq!(order(large), "id.0: expected u32 (a large one as a string), found the number 10000000000.0");
    assert_eq!(
        order(r#"{"id":1,"side":"Sell"}"#),
        "side: the shape has no variant `Sell`; its variants are Bid, Ask, Both, Limit"
    );
    let alone = r#"{"id":1,"side":"Both"}"#;
    assert_eq!(order(alone), "side::Both: expected an object with the variant and a list of 2, found only its name");
    assert_eq!(order(r#"{"id":1,"side":{"Both":[1]}}"#), "side::Both: expected 2 items, found 1");
    assert_eq!(
        order(r#"{"id":1,"side":{"Bid":null}}"#),
        "side::Bid: expected only the name of the variant, which has no fields, found null"
    );
    assert_eq!(error::<BTreeMap<u8, u8>>(r#"{"1":2,"1":3}"#), "the key \"1\" occurs twice");
    assert_eq!(error::<BTreeMap<u8, u8>>(r#"{"1":2,"x":3}"#), "[key 1]: expected an integer, found \"x\"");
    assert_eq!(error::<BTreeMap<u8, u8>>("[[1,2]]"), "expected map<u8, u8>, found an array of 1");
    assert_eq!(error::<BTreeMap<(), u8>>("[[1]]"), "[0]: expected an array of a key and a value, found an array of 1");
    assert_eq!(
        error::<Option<Option<u8>>>("1"),
        "expected null or an object with the member `some`, found the integer 1"
    );
    assert_eq!(error::<f32>("1e39"), "1000000000000000000000000000000000000000 is out of range for f32");
    assert_eq!(error::<f64>("9007199254740993"), "9007199254740993 cannot be represented exactly as f64");
    assert_eq!(error::<char>("\"ab\""), "expected one character, found \"ab\"");
    assert_eq!(error::<std::ffi::CString>("\"abc\""), "expected hexadecimal bytes, found \"abc\"");
}

#[test]
fn members_may_come_in_any_order_and_integers_as_strings() {
    let json = r#"{"memo": null, "side": {"Ask": "5"}, "id": "7"}"#;
    let value = Value::from_json(&tree::<Order>(), json).unwrap();
    let typed = postcard::to_stdvec(&Order { id: Id(7), side: Side::Ask(5), memo: None }).unwrap();
    assert_eq!(value.encode(&tree::<Order>()).unwrap(), typed);
}

/// The numbers have the form in which serde_json passes numbers if its feature `arbitrary_precision` is enabled.
#[test]
fn numbers_of_arbitrary_precision_are_read() {
    let number = |number: &str| format!("{{\"$serde_json::private::Number\":\"{number}\"}}");
    assert_eq!(Value::from_json(&tree::<i128>(), &number(&i128::MIN.to_string())).unwrap(), Value::from(i128::MIN));
    assert_eq!(Value::from_json(&tree::<f64>(), &number("1.5e3")).unwrap(), Value::from(1500.0));
    assert!(error::<f64>(&number("1e999")).starts_with("invalid JSON: number out of range"));
}

#[test]
fn json_nested_too_deep_is_rejected() {
    let shape = tree::<Chain<u8>>();
    let deepest = Value::decode(&shape, &[[1, 0].repeat(127), vec![0]].concat()).unwrap();
    let json = deepest.to_json(&shape).unwrap();
    assert_eq!(Value::from_json(&shape, &json).unwrap(), deepest);
    let deeper = Value::variant("Link", vec![Value::from(0), deepest]);
    assert!(deeper.to_json(&shape).unwrap_err().to_string().ends_with("the value is nested more than 128 levels deep"));
    let json = format!(r#"{{"Link":[0,{json}]}}"#);
    assert!(
        Value::from_json(&shape, &json)
            .unwrap_err()
            .to_string()
            .ends_with("the value is nested more than 128 levels deep")
    );

    let endless = ShapeTree::of_node(&Node::Struct(NodeFields::Newtype(Box::new(Node::Back(0)))));
    assert!(Value::from_json(&endless, "1").unwrap_err().to_string().ends_with("deep"));
    assert!(Value::from(1).to_json(&endless).unwrap_err().to_string().ends_with("deep"));
    let optional = Node::Option(Box::new(Node::Struct(NodeFields::Newtype(Box::new(Node::Back(0))))));
    assert!(Value::from_json(&ShapeTree::of_node(&optional), "1").unwrap_err().to_string().ends_with("deep"));
    for deep in ["[".repeat(1_000_000), "{\"a\":".repeat(1_000_000)] {
        let error = Value::from_json(&shape, &deep).unwrap_err().to_string();
        assert!(error.starts_with("invalid JSON: it is nested more than 256 levels deep"), "{error}");
    }
}
