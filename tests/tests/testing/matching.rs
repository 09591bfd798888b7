//! Types whose Serialize or Deserialize does not match their shape.

use std::collections::{BTreeMap, HashMap, HashSet};

use memimage::Shape;
use memimage::testing::shape_matches;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failure;

/// Serialized as text, but its shape is a number.
#[derive(Shape)]
struct AsText(u64);

impl Serialize for AsText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("AsText", &self.0.to_string())
    }
}

impl<'de> Deserialize<'de> for AsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AsText, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(AsText).map_err(serde::de::Error::custom)
    }
}

/// Deserialized as another value than the serialized one.
#[derive(Serialize, Shape)]
struct Halved {
    whole: u64,
    other: u8,
}

impl<'de> Deserialize<'de> for Halved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Halved, D::Error> {
        let (whole, other) = <(u64, u8)>::deserialize(deserializer)?;
        Ok(Halved { whole: whole / 2, other })
    }
}

/// Deserialize does not read all fields.
#[derive(Serialize, Shape)]
struct Cut {
    first: u64,
    second: u64,
}

impl<'de> Deserialize<'de> for Cut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cut, D::Error> {
        Ok(Cut { first: u64::deserialize(deserializer)?, second: 0 })
    }
}

#[test]
fn derived_implementations_match() {
    #[derive(Serialize, Deserialize, Shape)]
    enum Side {
        Bid,
        Request { price: u64, tags: HashSet<String> },
    }
    let tags = || (0..20).map(|tag| tag.to_string()).collect();
    shape_matches(&HashMap::from([(1, vec![Side::Bid, Side::Request { price: 7, tags: tags() }]), (2, Vec::new())]));
    shape_matches(&f64::NAN);
}

#[test]
fn a_serialize_that_does_not_match_is_reported_with_its_path() {
    let message = failure(|| shape_matches(&BTreeMap::from([(7, (1u8, AsText(100)))])));
    assert!(message.contains("[value].1.0: its shape has u64, but its Serialize wrote string"), "{message}");
    assert!(message.contains("AsText"), "{message}");
}

#[test]
fn a_deserialize_that_returns_another_value_is_reported_with_its_path() {
    let message = failure(|| shape_matches(&BTreeMap::from([(7, [Halved { whole: 3, other: 1 }])])));
    assert!(message.contains("[7][0].whole: 3 written, 1 read back"), "{message}");
    assert!(!message.contains("other:"), "{message}");
}

#[test]
fn a_deserialize_that_leaves_bytes_unread_is_reported() {
    let message = failure(|| shape_matches(&Cut { first: 1, second: 2 }));
    assert!(
        message
            .contains("its Deserialize cannot read the bytes that its Serialize wrote: its payload has 1 more bytes after the last field"),
        "{message}"
    );
    assert!(message.contains("the value was written as {first: 1, second: 2}"), "{message}");
}

#[test]
fn the_order_of_unordered_collections_is_no_difference() {
    #[derive(Serialize, Deserialize, Shape)]
    struct Both {
        tags: HashSet<String>,
        names: HashMap<u32, HashSet<u32>>,
        halved: Halved,
    }
    let tags = (0..40).map(|tag| tag.to_string()).collect();
    let names = (0..40).map(|name| (name, (0..20).collect())).collect();
    let message = failure(|| shape_matches(&Both { tags, names, halved: Halved { whole: 3, other: 1 } }));
    assert!(message.ends_with("its Serialize wrote:\n  halved.whole: 3 written, 1 read back"), "{message}");
}
