//! Shapes read back from bytes, and bytes that are none.

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
fn each_fault_is_told() {
    check(&[], &expect!["after 0 bytes of the shape: it ends unfinished"]);
    check(&[0x21], &expect!["after 1 bytes of the shape: it ends unfinished"]);
    check(&[0x04, 0x04], &expect!["after 1 bytes of the shape: it is complete, but more bytes follow"]);
    check(&[0x11], &expect!["after 1 bytes of the shape: byte 0x11 begins no shape that this version knows"]);
    check(&[0xff], &expect!["after 1 bytes of the shape: byte 0xff begins no shape that this version knows"]);
    check(&[0x27, 0x04], &expect!["after 2 bytes of the shape: byte 0x04 is no way to write fields"]);
    check(
        &[0x25, 0x80, 0x00, 0x04],
        &expect!["after 3 bytes of the shape: a number is not in its shortest form or has more than 64 bits"],
    );
    check(
        &[0x25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x04],
        &expect!["after 11 bytes of the shape: a number is not in its shortest form or has more than 64 bits"],
    );
    check(
        &[0x25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x04],
        &expect!["[u32; 18446744073709551615]"],
    );
    check(&[0x29, 0x02, 0xc3, 0x28], &expect!["after 2 bytes of the shape: a name is no UTF-8"]);
    check(&[0x29, 0x81, 0x08], &expect!["after 3 bytes of the shape: a name is longer than 1024 bytes"]);
    check(&[0x29, 0x05, b'a'], &expect!["after 2 bytes of the shape: it ends unfinished"]);
    check(
        &[0x2a, 0x00],
        &expect!["after 2 bytes of the shape: it steps out of more structs and enums than there are around it"],
    );
    check(&[0x27, 0x01, 0x2a, 0x00], &expect!["struct(back(0))"]);
    check(
        &[0x27, 0x01, 0x2a, 0x01],
        &expect!["after 4 bytes of the shape: it steps out of more structs and enums than there are around it"],
    );
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| [vec![OPTION; depth - 1], vec![0x04]].concat();
    assert!(ShapeTree::decode(&nested(64)).is_ok());
    check(&nested(65), &expect!["after 64 bytes of the shape: it is nested more than 64 deep"]);
    check(&nested(1_000_000), &expect!["after 64 bytes of the shape: it is nested more than 64 deep"]);
}

#[test]
fn size_is_bounded_and_a_number_allocates_nothing() {
    let tuple = |items: usize| [vec![TUPLE, 0xff, 0xff, 0x03], vec![0x00; items]].concat();
    assert!(ShapeTree::decode(&tuple(65_535)).is_ok());
    check(
        &[&[TUPLE, 0x80, 0x80, 0x04][..], &[0; 65_536]].concat(),
        &expect!["after 65539 bytes of the shape: it has more than 65536 parts"],
    );
    check(
        &[TUPLE, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &expect!["after 11 bytes of the shape: it ends unfinished"],
    );
    let variants = [&[ENUM, 0x80, 0x80, 0x04][..], &[0; 2 * 65_536]].concat();
    check(&variants, &expect!["after 131074 bytes of the shape: it has more than 65536 parts"]);
}

#[test]
fn no_prefix_of_a_shape_is_one() {
    let bytes = ShapeTree::of(<crate::shape::samples::Order as crate::shape::Shape>::SHAPE).encode();
    assert!(ShapeTree::decode(&bytes).is_ok());
    for end in 0..bytes.len() {
        assert!(ShapeTree::decode(&bytes[..end]).is_err(), "{end} bytes");
    }
}
