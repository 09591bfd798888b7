//! Tests of types whose `Serialize` contradicts their `Shape`.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer};

use super::*;

/// A value that has the shape of `S` and serializes as `T`.
struct Mismatched<S, T>(T, std::marker::PhantomData<S>);

fn mismatched<S, T>(value: T) -> Mismatched<S, T> {
    Mismatched(value, std::marker::PhantomData)
}

impl<S: Shape, T> Shape for Mismatched<S, T> {
    const SHAPE: ShapeRef = S::SHAPE;
}

impl<S, T: Serialize> Serialize for Mismatched<S, T> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.0.serialize(serializer)
    }
}

fn check(value: &(impl Shape + Serialize), expected: &Expect) {
    expected.assert_eq(&digest(value).unwrap_err().to_string());
}

#[test]
fn a_serialize_that_contradicts_its_shape_is_an_error_with_a_path() {
    check(&mismatched::<u32, _>(1u64), &expect!["its shape has u32, but its Serialize wrote u64"]);
    check(&mismatched::<String, _>(c"bytes"), &expect!["its shape has string, but its Serialize wrote bytes"]);
    check(&mismatched::<(), _>(1u64), &expect!["its shape has (), but its Serialize wrote u64"]);
    check(&mismatched::<Option<u8>, _>(1u8), &expect!["its shape has an option, but its Serialize wrote u8"]);
    check(&mismatched::<u8, _>(Some(1u8)), &expect!["its shape has u8, but its Serialize wrote an option"]);
    check(
        &mismatched::<Vec<u8>, _>([1u8, 2]),
        &expect!["its shape has a list, but its Serialize wrote a tuple or array of 2"],
    );
    check(
        &mismatched::<[u8; 2], _>(vec![1u8, 2]),
        &expect!["its shape has an array of 2, but its Serialize wrote a sequence"],
    );
    check(
        &mismatched::<[u8; 2], _>([1u8, 2, 3]),
        &expect!["its shape has an array of 2, but its Serialize wrote a tuple or array of 3"],
    );
    check(
        &mismatched::<(u8, u8), _>((1u8, 2u8, 3u8)),
        &expect!["its shape has a tuple of 2, but its Serialize wrote a tuple or array of 3"],
    );
    check(
        &mismatched::<Vec<u8>, _>(BTreeMap::<u8, u8>::new()),
        &expect!["its shape has a list, but its Serialize wrote a map"],
    );
    check(
        &mismatched::<BTreeMap<u8, u8>, _>(Vec::<u8>::new()),
        &expect!["its shape has a map, but its Serialize wrote a sequence"],
    );
    check(
        &mismatched::<Id, _>(1u32),
        &expect!["its shape has a struct with one unnamed field, but its Serialize wrote u32"],
    );
    check(
        &mismatched::<Id, _>(Pair(1u32, 2)),
        &expect![
            "its shape has a struct with one unnamed field, but its Serialize wrote a struct Pair with 2 unnamed fields"
        ],
    );
    check(
        &mismatched::<Pair<u32>, _>(Id(1)),
        &expect![
            "its shape has a struct with 2 unnamed fields, but its Serialize wrote a struct Id with one unnamed field"
        ],
    );
    check(
        &mismatched::<Tree, _>(Id(1)),
        &expect![
            "its shape has a struct with named fields, but its Serialize wrote a struct Id with one unnamed field"
        ],
    );
    check(
        &mismatched::<u8, _>(std::marker::PhantomData::<u8>),
        &expect!["its shape has u8, but its Serialize wrote a struct PhantomData without fields"],
    );
    check(
        &mismatched::<Side, _>(Ok::<u32, u32>(1)),
        &expect![
            "its shape has a variant Bid without fields, but its Serialize wrote variant 0, Ok with one unnamed field"
        ],
    );
    check(
        &mismatched::<Result<u32, u32>, _>(Side::Both(1, 2)),
        &expect![
            "its shape has an enum with fewer variants, but its Serialize wrote variant 2, Both with unnamed fields"
        ],
    );
    // The variant's index and style match the shape, but its name does not.
    check(
        &mismatched::<std::ops::Bound<u32>, _>(Err::<u32, u32>(1)),
        &expect![
            "its shape has a variant Included with one unnamed field, but its Serialize wrote variant 1, Err with one unnamed field"
        ],
    );
    check(
        &mismatched::<Id, _>(Side::Bid),
        &expect!["its shape has a struct with one unnamed field, but its Serialize wrote variant Bid of an enum"],
    );
}

#[test]
fn the_error_has_the_path_to_the_mismatch() {
    type Bad = Mismatched<u32, u64>;
    let bad = || mismatched::<u32, u64>(1);
    check(
        &vec![vec![], vec![mismatched::<u32, Result<u32, u64>>(Ok(1))]],
        &expect!["[1][0]: its shape has u32, but its Serialize wrote variant Ok of an enum"],
    );
    check(
        &BTreeMap::from([("name".to_owned(), (1u8, Some(Pair(bad(), bad()))))]),
        &expect!["[value].1?.0: its shape has u32, but its Serialize wrote u64"],
    );
    check(
        &Vec::<Result<u8, Bad>>::from([Ok(1), Err(bad())]),
        &expect!["[1]::Err.0: its shape has u32, but its Serialize wrote u64"],
    );
    check(&(0u8..1, bad()..bad()), &expect!["1.start: its shape has u32, but its Serialize wrote u64"]);
    let both: Mismatched<Chain<u32>, Chain<u64>> = mismatched(Chain::Link(1, Box::new(Chain::End)));
    check(&both, &expect!["::Link.0: its shape has u32, but its Serialize wrote u64"]);
    let error = digest(&[bad()]).unwrap_err();
    assert!(error.is_mismatch());
    assert_eq!(error.path(), "0");
}

/// A value that has the shape of `S` and whose `Serialize` makes the given calls.
struct By<S, F>(F, std::marker::PhantomData<S>);

#[derive(Clone, Copy)]
enum Call {
    ListOf(Option<usize>, usize),
    SetOf(usize),
    MapOf(usize, usize),
    Tuple(usize, usize),
    Fields(&'static [&'static str]),
}

impl<S: Shape> Shape for By<S, Call> {
    const SHAPE: ShapeRef = S::SHAPE;
}

impl<S> Serialize for By<S, Call> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        match self.0 {
            Call::ListOf(announced, items) => {
                let mut list = serializer.serialize_seq(announced)?;
                (0..items).try_for_each(|_| list.serialize_element(&1u8))?;
                list.end()
            }
            Call::SetOf(items) => {
                let mut list = serializer.serialize_seq(None)?;
                (0..items).try_for_each(|_| list.serialize_element(&1u8))?;
                list.end()
            }
            Call::MapOf(keys, values) => {
                let mut map = serializer.serialize_map(Some(1))?;
                (0..keys).try_for_each(|_| map.serialize_key(&1u8))?;
                (0..values).try_for_each(|_| map.serialize_value(&1u8))?;
                map.end()
            }
            Call::Tuple(announced, items) => {
                let mut tuple = serializer.serialize_tuple(announced)?;
                (0..items).try_for_each(|_| tuple.serialize_element(&1u8))?;
                tuple.end()
            }
            Call::Fields(names) => {
                let mut fields = serializer.serialize_struct("By", names.len())?;
                names.iter().try_for_each(|name| fields.serialize_field(name, &1u64))?;
                fields.end()
            }
        }
    }
}

fn by<S>(call: Call) -> By<S, Call> {
    By(call, std::marker::PhantomData)
}

#[test]
fn calls_of_serialize_that_contradict_one_another_are_errors() {
    type Fields = std::ops::Range<u64>;
    check(
        &by::<Vec<u8>>(Call::ListOf(None, 0)),
        &expect!["its shape has a list, but its Serialize wrote a sequence of unknown length"],
    );
    check(&by::<Vec<u8>>(Call::ListOf(Some(2), 1)), &expect!["its Serialize wrote 1 items after it announced 2"]);
    check(&by::<Vec<u8>>(Call::ListOf(Some(2), 3)), &expect!["its Serialize wrote 3 items after it announced 2"]);
    check(&by::<Opaque<()>>(Call::ListOf(Some(2), 3)), &expect!["its Serialize wrote 3 items after it announced 2"]);
    check(
        &by::<Opaque<()>>(Call::ListOf(None, 3)),
        &expect!["its shape has opaque tests::Opaque, but its Serialize wrote a sequence of unknown length"],
    );
    check(&by::<BTreeMap<u8, u8>>(Call::MapOf(1, 0)), &expect!["its Serialize wrote a key without a value"]);
    check(&by::<BTreeMap<u8, u8>>(Call::MapOf(0, 1)), &expect!["its Serialize wrote a value without a key"]);
    check(&by::<BTreeMap<u8, u8>>(Call::MapOf(2, 1)), &expect!["its Serialize wrote a key after a key"]);
    check(&by::<(u8, u8)>(Call::Tuple(2, 1)), &expect!["its shape has 2 values, but its Serialize wrote fewer"]);
    check(&by::<(u8, u8)>(Call::Tuple(2, 3)), &expect!["its shape has 2 values, but its Serialize wrote more"]);
    check(&by::<Opaque<()>>(Call::Tuple(2, 1)), &expect!["its shape has 2 values, but its Serialize wrote fewer"]);
    check(
        &by::<Fields>(Call::Fields(&["start"])),
        &expect!["its shape has field end, but its Serialize wrote no more fields"],
    );
    check(
        &by::<Fields>(Call::Fields(&["end", "start"])),
        &expect!["its shape has field start, but its Serialize wrote field end"],
    );
    check(
        &by::<Fields>(Call::Fields(&["start", "end", "more"])),
        &expect!["its shape has no more fields, but its Serialize wrote field more"],
    );
    // A set or map may be serialized without an announced length.
    assert_eq!(of(&by::<BTreeSet<u8>>(Call::SetOf(1))), of(&BTreeSet::from([1u8])));
    assert_eq!(of(&by::<Fields>(Call::Fields(&["start", "end"]))), of(&(1u64..1)));
}

#[test]
fn an_error_of_serialize_is_not_a_mismatch() {
    let cell = std::cell::RefCell::new(1u8);
    let _borrowed = cell.borrow_mut();
    let error = digest(&vec![&cell].into_iter().map(mismatched::<u8, _>).collect::<Vec<_>>()).unwrap_err();
    assert!(!error.is_mismatch());
    expect!["[0]: its Serialize failed: already mutably borrowed"].assert_eq(&error.to_string());
}
