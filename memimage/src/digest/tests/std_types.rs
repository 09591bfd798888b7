//! Tests that the shapes of types of std and of other crates match the types' `Serialize`: computing a digest checks this.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::num::{NonZero, Saturating, Wrapping};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use super::*;

/// Checks that each value serializes as its shape declares, has its own digest, and survives encoding and decoding.
fn check<T: Shape + Serialize + DeserializeOwned>(values: impl IntoIterator<Item = T>) {
    let mut digests = Vec::new();
    for value in values {
        let digest = digest(&value).unwrap_or_else(|error| panic!("{}: {error}", std::any::type_name::<T>()));
        let bytes = postcard::to_stdvec(&value).unwrap();
        let (back, rest) = postcard::take_from_bytes::<T>(&bytes).unwrap();
        assert!(rest.is_empty(), "{}", std::any::type_name::<T>());
        assert_eq!(of(&back), digest.to_u64(), "{}", std::any::type_name::<T>());
        assert!(!digests.contains(&digest), "{}", std::any::type_name::<T>());
        digests.push(digest);
    }
}

macro_rules! integers {
    ($($type:ident)+) => {$(
        check([$type::MIN, $type::MAX, 1, 2]);
        check([NonZero::<$type>::MAX, NonZero::new(1 as $type).unwrap()]);
        check([Wrapping($type::MAX), Wrapping(0)]);
        check([Saturating($type::MAX), Saturating(0)]);
    )+};
}

#[test]
fn primitives_serialize_as_their_shapes() {
    integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
    check([()]);
    check([false, true]);
    check([0.0f32, -0.0, f32::NAN, f32::MIN]);
    check([0.0f64, -0.0, f64::NAN, f64::MIN]);
    check(['a', 'ß', char::MAX]);
    check(["", "a", "b"].map(String::from));
    check(["", "a"].map(Box::<str>::from));
    check([c"", c"a"].map(CString::from));
    check(["", "a/b"].map(PathBuf::from));
    check(["", "a/b"].map(|path| Box::<Path>::from(Path::new(path))));
}

#[test]
fn wrappers_serialize_as_their_shapes() {
    check([Box::new(1u8), Box::new(2)]);
    check([Box::<[u8]>::from([]), Box::from([1, 2])]);
    check([Cow::Borrowed("a"), Cow::Owned(String::new())].map(|cow: Cow<'static, str>| cow));
    check([Cow::<'static, [u8]>::Borrowed(&[1]), Cow::Owned(vec![])]);
    check([Cell::new(1u8), Cell::new(2)]);
    check([RefCell::new(1u8), RefCell::new(2)]);
    check([Mutex::new(1u8), Mutex::new(2)]);
    check([RwLock::new(1u8), RwLock::new(2)]);
    check([Reverse(1u8), Reverse(2)]);
    check([AtomicBool::new(true), AtomicBool::new(false)]);
    check([AtomicU8::new(1), AtomicU8::new(2)]);
    check([AtomicU16::new(1), AtomicU16::new(2)]);
    check([AtomicU32::new(1), AtomicU32::new(2)]);
    check([AtomicU64::new(1), AtomicU64::new(2)]);
    check([AtomicUsize::new(1), AtomicUsize::new(2)]);
    check([AtomicI8::new(1), AtomicI8::new(2)]);
    check([AtomicI16::new(1), AtomicI16::new(2)]);
    check([AtomicI32::new(1), AtomicI32::new(2)]);
    check([AtomicI64::new(1), AtomicI64::new(2)]);
    check([AtomicIsize::new(1), AtomicIsize::new(2)]);
}

#[test]
fn collections_serialize_as_their_shapes() {
    fn any_of<C: FromIterator<u8> + Shape + Serialize + DeserializeOwned>() {
        check([&[][..], &[1], &[2], &[1, 2]].map(|items| items.iter().copied().collect::<C>()));
    }
    fn map_of<C: FromIterator<(u8, String)> + Shape + Serialize + DeserializeOwned>() {
        let entries = |keys: &[u8]| keys.iter().map(|&key| (key, key.to_string())).collect::<C>();
        check([entries(&[]), entries(&[1]), entries(&[1, 2])]);
    }
    any_of::<Vec<u8>>();
    any_of::<VecDeque<u8>>();
    any_of::<LinkedList<u8>>();
    any_of::<BTreeSet<u8>>();
    any_of::<HashSet<u8>>();
    any_of::<HashSet<u8, OtherHasher>>();
    any_of::<BinaryHeap<u8>>();
    map_of::<BTreeMap<u8, String>>();
    map_of::<HashMap<u8, String>>();
    map_of::<HashMap<u8, String, OtherHasher>>();
    check([None, Some(None), Some(Some(1u8))]);
    check([[0u8; 0]]);
    check([[1u8], [2]]);
    check([[1u16; 32], [2; 32]]);
    check([[[1u8, 2], [3, 4]], [[1, 2], [4, 3]]]);
}

#[test]
fn tuples_serialize_as_their_shapes() {
    check([(1u8,), (2,)]);
    check([(1u8, 2u16), (2, 1)]);
    check([(1u8, 'b', "c".to_owned(), 4u64, 5i8, 6.0f32, (), true)]);
    let nine = (1u8, 2u8, 3u8, 4u8, 5u8, 6u8, 7u8, 8u8, 9u8);
    check([nine]);
    check([(1u8, 2u8, 3u8, 4u8, 5u8, 6u8, 7u8, 8u8, 9u8, 10u8, 11u8, 12u8, 13u8, 14u8, 15u8, 16u16)]);
}

#[test]
fn structs_and_enums_serialize_as_their_shapes() {
    check([Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1)]);
    check([SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_nanos(1_000_000_001)]);
    check([1u8..2, 1..3]);
    check([1u8.., 2..]);
    check([..1u8, ..2]);
    check([Bound::Unbounded, Bound::Included(1u8), Bound::Excluded(1)]);
    check([Ok(1u8), Err(1u8)]);
    check([Ok(1u8), Err("no".to_owned())]);
    check([PhantomData::<fn() -> Vec<u8>>]);
    check([OsString::from("a"), OsString::from("b")]);
}

#[test]
fn network_addresses_serialize_as_their_shapes() {
    check([Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST]);
    check([Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED]);
    check([IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()]);
    let four = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
    check([four]);
}

#[test]
fn the_sample_types_serialize_as_their_shapes() {
    check([order(), Order { memo: None, ..order() }]);
    check([Side::Bid, Side::Ask(1), Side::Both(1, 1), Side::Limit { price: 1 }]);
    check([Pair(Pair(1u8, 2), Pair(3, 4)), Pair(Pair(1, 2), Pair(4, 3))]);
    check([Knot::End, Knot::More(Box::new(Pair(Knot::End, Knot::End)))]);
    check([Chain::End, Chain::Link(Chain::Link(1u8, Box::new(Chain::End)), Box::new(Chain::End))]);
}

#[cfg(feature = "uuid")]
#[test]
fn uuid_types_serialize_as_their_shapes() {
    let uuid = uuid::Uuid::from_u128(7);
    check([uuid, uuid::Uuid::nil()]);
    check([uuid::NonNilUuid::new(uuid).unwrap()]);
}

#[cfg(feature = "chrono")]
#[test]
fn chrono_types_serialize_as_their_shapes() {
    use chrono::{DateTime, Month, NaiveDate, NaiveTime, TimeDelta, Weekday};

    let time = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    check([time, DateTime::UNIX_EPOCH]);
    check([time.naive_utc(), DateTime::UNIX_EPOCH.naive_utc()]);
    check([NaiveDate::MIN, NaiveDate::MAX]);
    check([NaiveTime::MIN, time.time()]);
    check([TimeDelta::zero(), TimeDelta::milliseconds(-1)]);
    check([Weekday::Mon, Weekday::Sun]);
    check([Month::January, Month::December]);
}

#[cfg(feature = "jiff")]
#[test]
fn jiff_types_serialize_as_their_shapes() {
    use jiff::civil::{Date, DateTime, ISOWeekDate, Time};
    use jiff::{SignedDuration, Timestamp};

    let time = Timestamp::new(1_700_000_000, 123_456_789).unwrap();
    check([time, Timestamp::UNIX_EPOCH, Timestamp::MIN]);
    check([SignedDuration::ZERO, SignedDuration::from_millis(-1)]);
    check([Date::MIN, Date::MAX]);
    check([Time::MIN, Time::MAX]);
    check([DateTime::MIN, DateTime::MAX]);
    check([ISOWeekDate::MIN, ISOWeekDate::MAX]);
}

#[cfg(feature = "rust_decimal")]
#[test]
fn decimals_serialize_as_their_shapes() {
    use rust_decimal::Decimal;

    check([Decimal::ZERO, Decimal::new(125, 2), Decimal::new(1250, 3), Decimal::MAX]);
}

#[cfg(feature = "indexmap")]
#[test]
fn index_maps_and_sets_serialize_as_their_shapes() {
    use indexmap::{IndexMap, IndexSet};

    let map = |keys: [u8; 2]| keys.map(|key| (key, key)).into_iter().collect::<IndexMap<_, _>>();
    check([map([1, 2]), map([2, 1])]);
    let set = |items: [u8; 2]| items.into_iter().collect::<IndexSet<_, OtherHasher>>();
    check([set([1, 2]), set([2, 1])]);
}

/// Decodes bytes as a value of one type, and returns the value's digest; `None` if the type refuses the bytes.
type Read = fn(&[u8]) -> Option<u64>;

/// A type with its fingerprint, some encoded values with their digests, and its decoder.
struct SampledType {
    name: &'static str,
    fingerprint: crate::shape::Fingerprint,
    values: Vec<(Vec<u8>, u64)>,
    read: Read,
}

fn sampled<T: Shape + Serialize + DeserializeOwned>(values: impl IntoIterator<Item = T>) -> SampledType {
    SampledType {
        name: std::any::type_name::<T>(),
        fingerprint: crate::shape::fingerprint(T::SHAPE),
        values: values.into_iter().map(|value| (postcard::to_stdvec(&value).unwrap(), of(&value))).collect(),
        read: |bytes| postcard::from_bytes::<T>(bytes).ok().map(|value| of(&value)),
    }
}

/// If an argument or a field changes its type but not its shape, old events and snapshots stay readable. From the bytes of any
/// type of the same shape, a type must therefore decode an equal value, or refuse the bytes.
#[test]
fn types_of_one_shape_read_each_others_values_unchanged() {
    fn any_of<C: FromIterator<u8> + Shape + Serialize + DeserializeOwned>() -> SampledType {
        sampled(
            [&[][..], &[1], &[3, 1, 2], &[1, 2, 3], &[2, 2, 1], &[1, 1]]
                .map(|items| items.iter().copied().collect::<C>()),
        )
    }
    fn map_of<C: FromIterator<(u8, u8)> + Shape + Serialize + DeserializeOwned>() -> SampledType {
        sampled([&[][..], &[(1, 2)], &[(3, 1), (1, 4)]].map(|entries| entries.iter().copied().collect::<C>()))
    }
    let types = [
        any_of::<Vec<u8>>(),
        any_of::<VecDeque<u8>>(),
        any_of::<LinkedList<u8>>(),
        any_of::<Box<[u8]>>(),
        any_of::<BTreeSet<u8>>(),
        any_of::<HashSet<u8>>(),
        any_of::<HashSet<u8, OtherHasher>>(),
        any_of::<BinaryHeap<u8>>(),
        #[cfg(feature = "indexmap")]
        any_of::<indexmap::IndexSet<u8>>(),
        map_of::<BTreeMap<u8, u8>>(),
        map_of::<HashMap<u8, u8>>(),
        map_of::<HashMap<u8, u8, OtherHasher>>(),
        map_of::<Vec<(u8, u8)>>(),
        #[cfg(feature = "indexmap")]
        map_of::<indexmap::IndexMap<u8, u8>>(),
        sampled([0u8, 1, 255]),
        sampled([NonZero::<u8>::MIN, NonZero::<u8>::MAX]),
        sampled([Wrapping(0u8), Wrapping(255)]),
        sampled([Saturating(0u8), Saturating(255)]),
        sampled([Reverse(0u8), Reverse(255)]),
        sampled([AtomicU8::new(0), AtomicU8::new(255)]),
        sampled([-1i8, 1]),
        sampled([0u32, u32::MAX, u32::from('a')]),
        sampled([0u64, u64::MAX]),
        sampled([0usize, usize::MAX]),
        sampled(['a', char::MAX]),
        sampled([false, true]),
        sampled(["", "a", "a/b"].map(String::from)),
        sampled(["", "a/b"].map(PathBuf::from)),
        sampled([c"", c"a"].map(CString::from)),
        sampled(["a", ""].map(OsString::from)),
        sampled([0..2u8, 2..2, 3..9]),
        sampled([Bound::Unbounded, Bound::Included(1u8), Bound::Excluded(1)]),
        sampled([Some(1u8), None]),
        sampled([Ok(1u8), Err(1u8)]),
        sampled([(1u8, 2u8)]),
        sampled([[1u8, 2]]),
        sampled([Duration::ZERO, Duration::from_nanos(1_500_000_000)]),
        sampled([SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_nanos(1_500_000_000)]),
        sampled([Ipv4Addr::LOCALHOST]),
        sampled([[127u8, 0, 0, 1]]),
        sampled([Ipv6Addr::LOCALHOST]),
        sampled([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]),
        sampled([SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80)]),
    ];
    let mut pairs = 0;
    for writer in &types {
        for reader in types.iter().filter(|reader| reader.fingerprint == writer.fingerprint) {
            pairs += 1;
            for (bytes, digest) in &writer.values {
                let read = (reader.read)(bytes);
                assert!(read.is_none_or(|read| read == *digest), "{} reads {bytes:?} of {}", reader.name, writer.name);
            }
        }
    }
    assert!(pairs > 2 * types.len(), "only {pairs} pairs have one shape");
}
