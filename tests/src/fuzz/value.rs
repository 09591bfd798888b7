//! Any bytes as a shape, and as a value of that shape.

use memimage::{
    Value,
    shape::{ShapeTree, differences},
};

use crate::Ledger;

/// The most that a text may be longer than the value's bytes: each byte is a few characters, with its field's name.
const MOST_TEXT: usize = 1 << 26;

/// Reads a shape and a value of it, and takes both through all that they can be made into and back.
///
/// # Panics
///
/// If anything panics, or does not come back as it was.
pub fn value(input: &[u8]) {
    let Some((len, bytes)) = input.split_first_chunk::<2>() else { return };
    let (shape, payload) = bytes.split_at(bytes.len().min(usize::from(u16::from_le_bytes(*len))));
    let Ok(tree) = ShapeTree::decode(shape) else { return };
    assert_eq!(tree.encode(), shape, "there is one way to write a shape");
    let shape = tree;
    assert_eq!(ShapeTree::decode(&shape.encode()).expect("it was read before").fingerprint(), shape.fingerprint());
    assert!(differences("it", &shape, &shape).is_empty());
    assert!(!shape.to_string().is_empty());
    let ledger = ShapeTree::of(<Ledger as memimage::Shape>::SHAPE);
    assert_eq!(differences("it", &shape, &ledger).is_empty(), shape == ledger);

    let Ok(value) = Value::decode(&shape, payload) else { return };
    let encoded = value.encode(&shape).expect("it was read by this shape");
    let again = Value::decode(&shape, &encoded).expect("it was written by this shape");
    assert_eq!(again, value);
    assert_eq!(again.encode(&shape).expect("it was read by this shape"), encoded, "there is one way to write a value");
    assert!(format!("{value:?}").len() < MOST_TEXT);
    let Ok(json) = value.to_json(&shape) else { return };
    let read = Value::from_json(&shape, &json).expect("it was written by this shape");
    assert_eq!(read.encode(&shape).expect("it was read by this shape"), encoded, "as it was before JSON: {json}");
}

/// Shapes of every kind with a value of each.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let cases: [(&[u8], &[u8]); 9] = [
        (&[0x21, 0x03], &[3, 1, 2, 0x80, 1]),
        (&[0x26, 3, 0x0f, 0x20, 0x05, 0x0e], b"\x05hello\x01\xff\x01\x01x"),
        (&[0x27, 3, 2, 1, b'a', 0x0c, 1, b'b', 0x10], b"\0\0\x80\x3f\x03abc"),
        (&[0x28, 2, 1, b'x', 0, 1, b'y', 1, 0x20, 0x2a, 0], &[1, 1, 1, 1, 0]),
        (&[0x24, 0x0f, 0x22, 0x0b], b"\x01\x01k\x02\x01\x04"),
        (&[0x23, 0x08, 0x06], &[1, 3, 0xff, 0xff, 3]),
        (&[0x25, 4, 0x02], &[1, 2, 3, 4]),
        (&[0x21, 0x00], &[200, 1]),
        (&[0x20, 0x29, 10, b'u', b'u', b'i', b'd', b':', b':', b'U', b'u', b'i', b'd'], &[1, 16, 1, 2, 3]),
    ];
    let mut seeds: Vec<_> = cases.iter().map(|(shape, bytes)| joined(shape, bytes)).collect();
    let ledger = ShapeTree::of(<Ledger as memimage::Shape>::SHAPE).encode();
    seeds.push(joined(&ledger, &[1, 7, 3, 0, 9, 5, 1]));
    seeds
}

fn joined(shape: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&(shape.len() as u16).to_le_bytes()[..], shape, bytes].concat()
}
