//! Tests of personal data without an image.

use std::sync::Arc;

use super::scope::{SubjectKeys, encode_with};
use super::*;
use crate::digest;
use crate::shape::{Shape, ShapeTree, fingerprint};

/// Keys that are created on demand.
struct Keys;

impl SubjectKeys for Keys {
    fn key(&self, _: &Subject) -> Option<Arc<SubjectKey>> {
        Some(adopt([9; 16], Some(Secret::new([3; 32]))))
    }
}

struct NoKeys;

impl SubjectKeys for NoKeys {
    fn key(&self, _: &Subject) -> Option<Arc<SubjectKey>> {
        None
    }
}

#[test]
fn the_shape_contains_the_content() {
    let shape = ShapeTree::of(Personal::<u32>::SHAPE);
    assert_eq!(shape.to_string(), "{subject: string, key: [u8; 16], sealed: bytes, content: [u32; 0]}");
    assert_ne!(fingerprint(Personal::<u32>::SHAPE), fingerprint(Personal::<u64>::SHAPE));
}

#[test]
fn the_digest_covers_the_subject_and_not_the_value() {
    let of = |subject: &str, value: u32| digest(&Personal::new(subject, value)).unwrap();
    assert_eq!(of("ann", 1), of("ann", 2));
    assert_ne!(of("ann", 1), of("bob", 1));
    assert_eq!(of("ann", 1), digest(&("ann".to_owned(),)).unwrap(), "as FORMAT.md defines it");
}

#[test]
fn a_value_without_a_key_serializes_only_where_an_image_encodes_it() {
    let data = Personal::new("ann", 7_u32);
    postcard::to_stdvec(&data).unwrap_err();
    assert!(take_failure().unwrap().contains("no argument of a command"));
    assert_eq!(take_failure(), None);
    let (encoded, missing) = encode_with(Arc::new(NoKeys), || postcard::to_stdvec(&(&data, &data)));
    assert!(encoded.is_ok());
    assert_eq!(missing, [Subject::from("ann")], "once");
}

#[test]
fn debug_shows_the_subject_only() {
    assert_eq!(format!("{:?}", Personal::new(7, "a secret")), "Personal(\"7\", not shown)");
}

#[test]
fn an_unknown_key_is_described() {
    let unknown = ("ann", [0xAB_u8; 16], vec![1_u8; 50], ());
    let bytes = [postcard::to_stdvec(&unknown.0).unwrap(), unknown.1.to_vec(), vec![50], unknown.2].concat();
    postcard::from_bytes::<Personal<u32>>(&bytes).unwrap_err();
    let what = take_failure().unwrap();
    assert!(what.contains("abababab") && what.contains("is unknown") && what.contains("help:"), "{what}");
}

#[test]
fn a_value_round_trips_and_an_erasure_reaches_every_copy() {
    let key = Keys.key(&"ann".into()).unwrap();
    let (bytes, missing) = encode_with(Arc::new(Keys), || postcard::to_stdvec(&Personal::new("ann", 7_u32)).unwrap());
    assert!(missing.is_empty());
    let decoded: Personal<u32> = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(decoded.get(), Some(&7));
    assert_eq!(postcard::to_stdvec(&decoded).unwrap(), bytes, "a known key needs no scope");
    let mapped = decoded.clone().map(u64::from);
    assert_eq!(mapped.get(), Some(&7));
    key.erase();
    assert!(decoded.is_erased() && mapped.is_erased() && mapped.map(|value| value + 1).is_erased());
    let erased: Personal<u32> = postcard::from_bytes(&bytes).unwrap();
    assert_eq!((erased.get(), erased.subject().as_str()), (None, "ann"));
    assert_eq!(digest(&erased).unwrap(), digest(&decoded).unwrap());
    let bytes = postcard::to_stdvec(&decoded).unwrap();
    assert!(bytes.len() < 30, "no sealed bytes");
    assert!(postcard::from_bytes::<Personal<u32>>(&bytes).unwrap().is_erased());
}
