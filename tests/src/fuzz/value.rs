//! Interprets the input as a shape and a value of that shape.

use memimage::{
    Value,
    shape::{ShapeTree, differences},
};

use crate::Ledger;

/// The maximum length of the debug text of a value.
const MAX_TEXT: usize = 1 << 26;

/// Decodes a shape and a value of it, and converts both to all other forms and back.
///
/// # Panics
///
/// If a conversion panics or does not restore the original.
pub fn value(input: &[u8]) {
    let Some((len, bytes)) = input.split_first_chunk::<2>() else { return };
    let (shape, payload) = bytes.split_at(bytes.len().min(usize::from(u16::from_le_bytes(*len))));
    let Ok(tree) = ShapeTree::decode(shape) else { return };
    assert_eq!(tree.encode(), shape, "the encoding of a shape is unique");
    let shape = tree;
    assert_eq!(
        ShapeTree::decode(&shape.encode()).expect("the shape was decoded before").fingerprint(),
        shape.fingerprint()
    );
    assert!(differences("it", &shape, &shape).is_empty());
    assert!(!shape.to_string().is_empty());
    let ledger = ShapeTree::of(<Ledger as memimage::Shape>::SHAPE);
    assert_eq!(differences("it", &shape, &ledger).is_empty(), shape == ledger);

    let Ok(value) = Value::decode(&shape, payload) else { return };
    let encoded = value.encode(&shape).expect("the value was decoded with this shape");
    let again = Value::decode(&shape, &encoded).expect("the value was encoded with this shape");
    assert_eq!(again, value);
    assert_eq!(
        again.encode(&shape).expect("the value was decoded with this shape"),
        encoded,
        "the encoding of a value is unique"
    );
    assert!(format!("{value:?}").len() < MAX_TEXT);
    let Ok(json) = value.to_json(&shape) else { return };
    let read = Value::from_json(&shape, &json).expect("the value was encoded with this shape");
    assert_eq!(
        read.encode(&shape).expect("the value was decoded with this shape"),
        encoded,
        "JSON changed the value: {json}"
    );
}

/// Shapes of each kind with a value.
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
