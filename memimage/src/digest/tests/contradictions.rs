//! Types whose `Serialize` and `Shape` do not agree.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer};

use super::*;

/// Claims the shape of `S` and serializes as `T`.
struct Lie<S, T>(T, std::marker::PhantomData<S>);

fn lie<S, T>(value: T) -> Lie<S, T> {
    Lie(value, std::marker::PhantomData)
}

impl<S: Shape, T> Shape for Lie<S, T> {
    const SHAPE: ShapeRef = S::SHAPE;
}

impl<S, T: Serialize> Serialize for Lie<S, T> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.0.serialize(serializer)
    }
}

fn check(value: &(impl Shape + Serialize), expected: &Expect) {
    expected.assert_eq(&digest(value).unwrap_err().to_string());
}

#[test]
fn a_serialize_that_contradicts_its_shape_is_an_error_with_a_path() {
    check(&lie::<u32, _>(1u64), &expect!["its shape has u32, its Serialize wrote u64"]);
    check(&lie::<String, _>(c"bytes"), &expect!["its shape has string, its Serialize wrote bytes"]);
    check(&lie::<(), _>(1u64), &expect!["its shape has (), its Serialize wrote u64"]);
    check(&lie::<Option<u8>, _>(1u8), &expect!["its shape has an option, its Serialize wrote u8"]);
    check(&lie::<u8, _>(Some(1u8)), &expect!["its shape has u8, its Serialize wrote an option"]);
    check(&lie::<Vec<u8>, _>([1u8, 2]), &expect!["its shape has a list, its Serialize wrote a tuple or array of 2"]);
    check(&lie::<[u8; 2], _>(vec![1u8, 2]), &expect!["its shape has an array of 2, its Serialize wrote a sequence"]);
    check(
        &lie::<[u8; 2], _>([1u8, 2, 3]),
        &expect!["its shape has an array of 2, its Serialize wrote a tuple or array of 3"],
    );
    check(
        &lie::<(u8, u8), _>((1u8, 2u8, 3u8)),
        &expect!["its shape has a tuple of 2, its Serialize wrote a tuple or array of 3"],
    );
    check(&lie::<Vec<u8>, _>(BTreeMap::<u8, u8>::new()), &expect!["its shape has a list, its Serialize wrote a map"]);
    check(
        &lie::<BTreeMap<u8, u8>, _>(Vec::<u8>::new()),
        &expect!["its shape has a map, its Serialize wrote a sequence"],
    );
    check(&lie::<Id, _>(1u32), &expect!["its shape has a struct around one value, its Serialize wrote u32"]);
    check(
        &lie::<Id, _>(Pair(1u32, 2)),
        &expect!["its shape has a struct around one value, its Serialize wrote a struct Pair of 2 values"],
    );
    check(
        &lie::<Pair<u32>, _>(Id(1)),
        &expect!["its shape has a struct of 2 values, its Serialize wrote a struct Id around one value"],
    );
    check(
        &lie::<Tree, _>(Id(1)),
        &expect!["its shape has a struct of named fields, its Serialize wrote a struct Id around one value"],
    );
    check(
        &lie::<u8, _>(std::marker::PhantomData::<u8>),
        &expect!["its shape has u8, its Serialize wrote a struct PhantomData without fields"],
    );
    check(
        &lie::<Side, _>(Ok::<u32, u32>(1)),
        &expect!["its shape has a variant Bid without fields, its Serialize wrote variant 0, Ok around one value"],
    );
    check(
        &lie::<Result<u32, u32>, _>(Side::Both(1, 2)),
        &expect![
            "its shape has an enum of fewer variants, its Serialize wrote variant 2, Both of values without names"
        ],
    );
    // At the same index and of the same style, but of another name.
    check(
        &lie::<std::ops::Bound<u32>, _>(Err::<u32, u32>(1)),
        &expect![
            "its shape has a variant Included around one value, its Serialize wrote variant 1, Err around one value"
        ],
    );
    check(
        &lie::<Id, _>(Side::Bid),
        &expect!["its shape has a struct around one value, its Serialize wrote variant Bid of an enum"],
    );
}

#[test]
fn the_path_leads_to_the_place() {
    type Bad = Lie<u32, u64>;
    let bad = || lie::<u32, u64>(1);
    check(
        &vec![vec![], vec![lie::<u32, Result<u32, u64>>(Ok(1))]],
        &expect!["[1][0]: its shape has u32, its Serialize wrote variant Ok of an enum"],
    );
    check(
        &BTreeMap::from([("name".to_owned(), (1u8, Some(Pair(bad(), bad()))))]),
        &expect!["[value].1?.0: its shape has u32, its Serialize wrote u64"],
    );
    check(
        &Vec::<Result<u8, Bad>>::from([Ok(1), Err(bad())]),
        &expect!["[1]::Err.0: its shape has u32, its Serialize wrote u64"],
    );
    check(&(0u8..1, bad()..bad()), &expect!["1.start: its shape has u32, its Serialize wrote u64"]);
    let both: Lie<Chain<u32>, Chain<u64>> = lie(Chain::Link(1, Box::new(Chain::End)));
    check(&both, &expect!["::Link.0: its shape has u32, its Serialize wrote u64"]);
    let error = digest(&[bad()]).unwrap_err();
    assert!(error.is_mismatch());
    assert_eq!(error.path(), "0");
}

/// Serializes by a function.
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
            Call::ListOf(promised, items) => {
                let mut list = serializer.serialize_seq(promised)?;
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
            Call::Tuple(promised, items) => {
                let mut tuple = serializer.serialize_tuple(promised)?;
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
fn calls_that_contradict_one_another() {
    type Fields = std::ops::Range<u64>;
    check(
        &by::<Vec<u8>>(Call::ListOf(None, 0)),
        &expect!["its shape has a list, its Serialize wrote a sequence of unknown length"],
    );
    check(&by::<Vec<u8>>(Call::ListOf(Some(2), 1)), &expect!["its Serialize wrote 1 items after it announced 2"]);
    check(&by::<Vec<u8>>(Call::ListOf(Some(2), 3)), &expect!["its Serialize wrote 3 items after it announced 2"]);
    check(&by::<Opaque<()>>(Call::ListOf(Some(2), 3)), &expect!["its Serialize wrote 3 items after it announced 2"]);
    check(
        &by::<Opaque<()>>(Call::ListOf(None, 3)),
        &expect!["its shape has opaque tests::Opaque, its Serialize wrote a sequence of unknown length"],
    );
    check(&by::<BTreeMap<u8, u8>>(Call::MapOf(1, 0)), &expect!["its Serialize wrote a key without a value"]);
    check(&by::<BTreeMap<u8, u8>>(Call::MapOf(0, 1)), &expect!["its Serialize wrote a value without a key"]);
    check(&by::<BTreeMap<u8, u8>>(Call::MapOf(2, 1)), &expect!["its Serialize wrote a key after a key"]);
    check(&by::<(u8, u8)>(Call::Tuple(2, 1)), &expect!["its shape has 2 values, its Serialize wrote fewer"]);
    check(&by::<(u8, u8)>(Call::Tuple(2, 3)), &expect!["its shape has 2 values, its Serialize wrote more"]);
    check(&by::<Opaque<()>>(Call::Tuple(2, 1)), &expect!["its shape has 2 values, its Serialize wrote fewer"]);
    check(
        &by::<Fields>(Call::Fields(&["start"])),
        &expect!["its shape has field end, its Serialize wrote no more fields"],
    );
    check(
        &by::<Fields>(Call::Fields(&["end", "start"])),
        &expect!["its shape has field start, its Serialize wrote field end"],
    );
    check(
        &by::<Fields>(Call::Fields(&["start", "end", "more"])),
        &expect!["its shape has no more fields, its Serialize wrote field more"],
    );
    // Sets and maps are counted as they come.
    assert_eq!(of(&by::<BTreeSet<u8>>(Call::SetOf(1))), of(&BTreeSet::from([1u8])));
    assert_eq!(of(&by::<Fields>(Call::Fields(&["start", "end"]))), of(&(1u64..1)));
}

#[test]
fn a_value_that_does_not_serialize_says_so() {
    let cell = std::cell::RefCell::new(1u8);
    let _borrowed = cell.borrow_mut();
    let error = digest(&vec![&cell].into_iter().map(lie::<u8, _>).collect::<Vec<_>>()).unwrap_err();
    assert!(!error.is_mismatch());
    expect!["[0]: it does not serialize: already mutably borrowed"].assert_eq(&error.to_string());
}
