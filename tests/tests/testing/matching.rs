//! Shapes that Serialize or Deserialize do not match.

use std::collections::{BTreeMap, HashMap, HashSet};

use memimage::Shape;
use memimage::testing::shape_matches;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failure;

/// Written as text, and shaped as a number.
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

/// Written in full, read back halved.
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

/// Written in full, read in part.
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
fn what_is_derived_matches() {
    #[derive(Serialize, Deserialize, Shape)]
    enum Side {
        Bid,
        Ask { price: u64, tags: HashSet<String> },
    }
    let tags = || (0..20).map(|tag| tag.to_string()).collect();
    shape_matches(&HashMap::from([(1, vec![Side::Bid, Side::Ask { price: 7, tags: tags() }]), (2, Vec::new())]));
    shape_matches(&f64::NAN);
}

#[test]
fn serialize_that_does_not_match_is_named_with_its_path() {
    let said = failure(|| shape_matches(&BTreeMap::from([(7, (1u8, AsText(100)))])));
    assert!(said.contains("[value].1.0: its shape has u64, but its Serialize wrote string"), "{said}");
    assert!(said.contains("AsText"), "{said}");
}

#[test]
fn deserialize_that_makes_another_value_is_named_with_its_path() {
    let said = failure(|| shape_matches(&BTreeMap::from([(7, [Halved { whole: 3, other: 1 }])])));
    assert!(said.contains("[7][0].whole: 3 written, 1 read back"), "{said}");
    assert!(!said.contains("other:"), "{said}");
}

#[test]
fn deserialize_that_leaves_something_over_is_told() {
    let said = failure(|| shape_matches(&Cut { first: 1, second: 2 }));
    assert!(said.contains("its Deserialize does not read what its Serialize wrote: 1 bytes are left over"), "{said}");
    assert!(said.contains("the value was written as {first: 1, second: 2}"), "{said}");
}

#[test]
fn what_has_no_order_is_no_difference() {
    #[derive(Serialize, Deserialize, Shape)]
    struct Both {
        tags: HashSet<String>,
        names: HashMap<u32, HashSet<u32>>,
        halved: Halved,
    }
    let tags = (0..40).map(|tag| tag.to_string()).collect();
    let names = (0..40).map(|name| (name, (0..20).collect())).collect();
    let said = failure(|| shape_matches(&Both { tags, names, halved: Halved { whole: 3, other: 1 } }));
    assert!(said.ends_with("its Serialize wrote:\n  halved.whole: 3 written, 1 read back"), "{said}");
}
