//! Tests of decoding valid and invalid shapes.

use expect_test::{Expect, expect};

use super::*;
use crate::shape::ShapeTree;

fn check(bytes: &[u8], expected: &Expect) {
    expected.assert_eq(&match ShapeTree::decode(bytes) {
        Ok(tree) => tree.to_string(),
        Err(error) => error.to_string(),
    });
}

#[test]
fn each_kind_of_invalid_shape_has_its_message() {
    check(&[], &expect!["invalid shape at byte 0: the bytes end within the shape"]);
    check(&[0x21], &expect!["invalid shape at byte 1: the bytes end within the shape"]);
    check(&[0x04, 0x04], &expect!["invalid shape at byte 1: more bytes follow the complete shape"]);
    check(&[0x11], &expect!["invalid shape at byte 1: byte 0x11 is not the code of a shape that this version knows"]);
    check(&[0xff], &expect!["invalid shape at byte 1: byte 0xff is not the code of a shape that this version knows"]);
    check(&[0x27, 0x04], &expect!["invalid shape at byte 2: byte 0x04 is not the code of a field style"]);
    check(
        &[0x25, 0x80, 0x00, 0x04],
        &expect!["invalid shape at byte 3: a number is not in its shortest form or has more than 64 bits"],
    );
    check(
        &[0x25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x04],
        &expect!["invalid shape at byte 11: a number is not in its shortest form or has more than 64 bits"],
    );
    check(
        &[0x25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x04],
        &expect!["[u32; 18446744073709551615]"],
    );
    check(&[0x29, 0x02, 0xc3, 0x28], &expect!["invalid shape at byte 2: a name is not valid UTF-8"]);
    check(&[0x29, 0x81, 0x08], &expect!["invalid shape at byte 3: a name is longer than 1024 bytes"]);
    check(&[0x29, 0x05, b'a'], &expect!["invalid shape at byte 2: the bytes end within the shape"]);
    check(
        &[0x2a, 0x00],
        &expect!["invalid shape at byte 2: a back reference steps out of more structs and enums than enclose it"],
    );
    check(&[0x27, 0x01, 0x2a, 0x00], &expect!["struct(back(0))"]);
    check(
        &[0x27, 0x01, 0x2a, 0x01],
        &expect!["invalid shape at byte 4: a back reference steps out of more structs and enums than enclose it"],
    );
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| [vec![OPTION; depth - 1], vec![0x04]].concat();
    assert!(ShapeTree::decode(&nested(64)).is_ok());
    check(&nested(65), &expect!["invalid shape at byte 64: the shape is nested more than 64 levels deep"]);
    check(&nested(1_000_000), &expect!["invalid shape at byte 64: the shape is nested more than 64 levels deep"]);
}

#[test]
fn size_is_bounded_and_a_claimed_length_allocates_nothing() {
    let tuple = |items: usize| [vec![TUPLE, 0xff, 0xff, 0x03], vec![0x00; items]].concat();
    assert!(ShapeTree::decode(&tuple(65_535)).is_ok());
    check(
        &[&[TUPLE, 0x80, 0x80, 0x04][..], &[0; 65_536]].concat(),
        &expect!["invalid shape at byte 65539: the shape has more than 65536 parts"],
    );
    check(
        &[TUPLE, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &expect!["invalid shape at byte 11: the bytes end within the shape"],
    );
    let variants = [&[ENUM, 0x80, 0x80, 0x04][..], &[0; 2 * 65_536]].concat();
    check(&variants, &expect!["invalid shape at byte 131074: the shape has more than 65536 parts"]);
}

#[test]
fn a_truncated_shape_does_not_decode() {
    let bytes = ShapeTree::of(<crate::shape::samples::Order as crate::shape::Shape>::SHAPE).encode();
    assert!(ShapeTree::decode(&bytes).is_ok());
    for end in 0..bytes.len() {
        assert!(ShapeTree::decode(&bytes[..end]).is_err(), "{end} bytes");
    }
}
