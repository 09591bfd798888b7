//! Tests that each changed shape is reported with the right message, and that an unchanged shape is not reported.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::shape::node::{Node, NodeFields};
use crate::shape::samples::{Chain, Knot, Order, Pair, Shrub, Side, Tree};
use crate::shape::{Enum, Primitive, Shape, ShapeTree, Struct, arbitrary, differences, generic_identity};

fn text(shape: ShapeRef) -> String {
    ShapeTree::of(shape).to_string()
}

fn message(locked: &str, shape: ShapeRef) -> String {
    let mut message = ConstText::new();
    let verdict = match compare(locked, shape, &mut message) {
        Drift::None => "none",
        Drift::Wider => "wider",
        Drift::Different | Drift::Unreadable => message.as_str(),
    };
    verdict.to_owned()
}

fn check<T: Shape>(locked: &str, expected: &Expect) {
    expected.assert_eq(&message(locked, T::SHAPE));
}

/// Creates a program's shape from a node.
fn program(node: &Node) -> ShapeRef {
    let mut next = 0;
    descriptor(node, &mut Vec::new(), &mut next)
}

fn descriptor(node: &Node, enclosing: &mut Vec<u64>, next: &mut u32) -> ShapeRef {
    let mut inner = |node: &Node| descriptor(node, enclosing, next);
    let descriptor = match node {
        Node::Primitive(primitive) => Descriptor::Primitive(*primitive),
        Node::Option(item) => Descriptor::Option(inner(item)),
        Node::List(item) => Descriptor::List(inner(item)),
        Node::Set(item) => Descriptor::Set(inner(item)),
        Node::OrderedSet(item) => Descriptor::OrderedSet(inner(item)),
        Node::Multiset(item) => Descriptor::Multiset(inner(item)),
        Node::Map(entry) => Descriptor::Map(inner(&entry.0), inner(&entry.1)),
        Node::OrderedMap(entry) => Descriptor::OrderedMap(inner(&entry.0), inner(&entry.1)),
        Node::Array(item, length) => Descriptor::Array(inner(item), *length as usize),
        Node::Tuple(items) => Descriptor::Tuple(leak(items.iter().map(inner).collect())),
        Node::Struct(parts) => {
            let identity = enter(enclosing, next);
            let (style, fields) = fields(parts, enclosing, next);
            enclosing.pop();
            Descriptor::Struct(Struct { identity, style, fields, derived: &[] })
        }
        Node::Enum(variants) => {
            let identity = enter(enclosing, next);
            let variant = |variant: &crate::shape::node::NodeVariant| {
                let (style, fields) = fields(&variant.fields, enclosing, next);
                Variant { name: variant.name.to_string().leak(), style, fields }
            };
            let variants = leak(variants.iter().map(variant).collect());
            enclosing.pop();
            Descriptor::Enum(Enum { identity, variants, derived: &[] })
        }
        Node::Opaque(name) => Descriptor::Opaque(name.clone().leak()),
        Node::Unordered(name) => Descriptor::Unordered(name.clone().leak()),
        Node::Back(steps) => Descriptor::Back(enclosing[enclosing.len() - 1 - *steps as usize]),
    };
    ShapeRef::new(Box::leak(Box::new(descriptor)))
}

fn enter(enclosing: &mut Vec<u64>, next: &mut u32) -> u64 {
    *next += 1;
    enclosing.push(generic_identity("test", *next, 0, 0));
    enclosing[enclosing.len() - 1]
}

fn fields(fields: &NodeFields, enclosing: &mut Vec<u64>, next: &mut u32) -> (Style, &'static [crate::shape::Field]) {
    let mut field = |name: &str, node: &Node| crate::shape::Field {
        name: name.to_owned().leak(),
        shape: descriptor(node, enclosing, next),
    };
    let items = match fields {
        NodeFields::Unit => Vec::new(),
        NodeFields::Newtype(item) => vec![field("0", item)],
        NodeFields::Tuple(items) => items.iter().enumerate().map(|(i, item)| field(&i.to_string(), item)).collect(),
        NodeFields::Named(fields) => fields.iter().map(|one| field(&one.name, &one.shape)).collect(),
    };
    (fields.style(), leak(items))
}

fn leak<T>(items: Vec<T>) -> &'static [T] {
    items.leak()
}

/// Replaces the node at index `at`, counted in preorder.
fn replace(node: &mut Node, at: &mut usize, by: &Node) {
    if *at == 0 {
        *node = by.clone();
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    match node {
        Node::Primitive(_) | Node::Opaque(_) | Node::Unordered(_) | Node::Back(_) => {}
        Node::Option(item)
        | Node::List(item)
        | Node::Set(item)
        | Node::OrderedSet(item)
        | Node::Multiset(item)
        | Node::Array(item, _) => replace(item, at, by),
        Node::Map(entry) | Node::OrderedMap(entry) => {
            replace(&mut entry.0, at, by);
            replace(&mut entry.1, at, by);
        }
        Node::Tuple(items) => items.iter_mut().for_each(|item| replace(item, at, by)),
        Node::Struct(fields) => replace_in_fields(fields, at, by),
        Node::Enum(variants) => variants.iter_mut().for_each(|variant| replace_in_fields(&mut variant.fields, at, by)),
    }
}

fn replace_in_fields(fields: &mut NodeFields, at: &mut usize, by: &Node) {
    match fields {
        NodeFields::Unit => {}
        NodeFields::Newtype(item) => replace(item, at, by),
        NodeFields::Tuple(items) => items.iter_mut().for_each(|item| replace(item, at, by)),
        NodeFields::Named(fields) => fields.iter_mut().for_each(|field| replace(&mut field.shape, at, by)),
    }
}

/// Whether `differences`, the comparison at run time, finds no difference.
fn is_compatible(locked: &Node, here: &Node) -> bool {
    differences("payload", &ShapeTree::of_node(locked), &ShapeTree::of_node(here)).is_empty()
}

/// Whether no tuple is empty. An empty tuple, which only a journal can contain, has the text of a unit.
fn without_empty_tuples(node: &Node) -> bool {
    !format!("{node:?}").contains("Tuple([])")
}

proptest! {
    #[test]
    fn a_shape_has_not_drifted_from_its_own_text(node in arbitrary::node()) {
        prop_assert_eq!(message(&node.to_string(), program(&node)), "none");
    }

    #[test]
    fn a_message_shows_a_shape_as_display_does(node in arbitrary::node()) {
        let expected = node.to_string();
        prop_assume!(expected.len() <= 160);
        prop_assert_eq!(message("nothing", program(&node)), format!("payload: nothing in the lock, {expected} in this program"));
    }

    #[test]
    fn the_compiler_and_the_comparison_at_run_time_agree(
        node in arbitrary::node(),
        by in arbitrary::node(),
        at in 0..12usize,
    ) {
        let mut changed = node.clone();
        replace(&mut changed, &mut { at }, &by);
        prop_assume!(without_empty_tuples(&node) && without_empty_tuples(&changed));
        let verdict = message(&node.to_string(), program(&changed));
        prop_assert_eq!(verdict == "none", node == changed, "{} | {} | {}", node, changed, verdict);
        prop_assert_eq!(["none", "wider"].contains(&&*verdict), is_compatible(&node, &changed), "{} | {}", node, changed);
    }

    #[test]
    fn any_other_text_is_reported(node in arbitrary::node(), at in any::<prop::sample::Index>(), by in "[a-z,;:<>(){}\"\\\\ ]?") {
        let mut text = node.to_string();
        let at = text.char_indices().map(|(at, _)| at).nth(at.index(text.chars().count())).unwrap();
        let end = at + text[at..].chars().next().unwrap().len_utf8();
        text.replace_range(at..end, &by);
        prop_assert_eq!(message(&text, program(&node)) == "none", text == node.to_string());
    }
}

#[test]
fn the_sample_types_have_not_drifted_from_their_text() {
    type Everything = (
        (u8, bool, f64, char, String, std::ffi::CString, ()),
        (u8,),
        [i128; 3],
        Vec<std::collections::BTreeSet<u16>>,
        std::collections::BTreeMap<String, Option<u64>>,
        std::marker::PhantomData<u8>,
        std::ops::Range<i8>,
    );
    for shape in [
        Everything::SHAPE,
        Order::SHAPE,
        Tree::SHAPE,
        Knot::SHAPE,
        Pair::<Pair<Tree>>::SHAPE,
        Chain::<Chain<u8>>::SHAPE,
    ] {
        assert_eq!(message(&text(shape), shape), "none", "{}", text(shape));
    }
    assert_eq!(message(&text(Tree::SHAPE), Shrub::SHAPE), "none");
}

#[test]
fn a_message_has_the_path_and_both_shapes() {
    check::<Order>(
        "{id: struct(u64), side: enum {Bid, Ask(u32), Both(u32, u64), Limit{price: u64}}, memo: option<string>}",
        &expect!["payload.id.0: u64 in the lock, u32 in this program"],
    );
    check::<Order>(
        "{id: struct(u32), side: enum {Bid, Ask(u32), Both(u32, u32), Limit{price: u64}}, memo: option<string>}",
        &expect!["payload.side::Both.1: u32 in the lock, u64 in this program"],
    );
    check::<Order>(
        "{id: struct(u32), side: enum {Bid, Ask(u32), Both(u32, u64), Limit{price: u64}}, memo: option<bytes>}",
        &expect!["payload.memo?: bytes in the lock, string in this program"],
    );
    check::<Vec<[std::collections::BTreeMap<u8, (bool,)>; 2]>>(
        "list<[map<u8, (char,)>; 2]>",
        &expect!["payload[][][value].0: char in the lock, bool in this program"],
    );
    check::<[u8; 4]>("[u8; 3]", &expect!["payload: [u8; 3] in the lock, [u8; 4] in this program"]);
    check::<Tree>(
        "{value: u32, children: list<back(1)>}",
        &expect!["payload.children[]: back(1) in the lock, back(0) in this program"],
    );
    check::<(u8, u16)>("(u8, u16, u32)", &expect!["payload.2: u32 in the lock, not in this program"]);
    check::<(u8, u16)>("(u8,)", &expect!["payload.1: not in the lock, u16 in this program"]);
    check::<Pair<u8>>("struct(u8)", &expect!["payload: struct(u8) in the lock, struct(u8, u8) in this program"]);
    check::<u8>("u16", &expect!["payload: u16 in the lock, u8 in this program"]);
    check::<u8>("u8x", &expect!["payload: u8x in the lock, u8 in this program"]);
    check::<Side>(
        "opaque<\"a::A\">",
        &expect![[
            r#"payload: opaque<"a::A"> in the lock, enum {Bid, Ask(u32), Both(u32, u64), Limit{price: u64}} in this program"#
        ]],
    );
}

fn named(fields: &[(&str, Primitive)]) -> NodeFields {
    let field = |(name, primitive): &(&str, Primitive)| crate::shape::node::NodeField {
        name: (*name).into(),
        shape: Node::Primitive(*primitive),
    };
    NodeFields::Named(fields.iter().map(field).collect())
}

#[test]
fn a_message_names_the_field() {
    use Primitive::{Bool, U32, U64};
    let locked = "{account: u32, cents: u64, memo: bool}";
    let check = |fields: &[(&str, Primitive)], expected: Expect| {
        expected.assert_eq(&message(locked, program(&Node::Struct(named(fields)))));
    };
    check(
        &[("account", U32), ("amount", U64), ("memo", Bool)],
        expect!["payload.cents: renamed to amount in this program"],
    );
    check(&[("account", U32), ("memo", Bool)], expect!["payload.cents: u64 in the lock, not in this program"]);
    check(&[("account", U32), ("cents", U64)], expect!["payload.memo: bool in the lock, not in this program"]);
    check(&[], expect!["payload.account: u32 in the lock, not in this program"]);
    check(
        &[("account", U32), ("new", U32), ("cents", U64), ("memo", Bool)],
        expect!["payload.new: not in the lock, u32 in this program"],
    );
    check(
        &[("account", U32), ("cents", U64), ("memo", Bool), ("sort code", U32)],
        expect![[r#"payload."sort code": not in the lock, u32 in this program"#]],
    );
    check(
        &[("cents", U64), ("account", U32), ("memo", Bool)],
        expect!["payload.cents: after account in the lock, before it in this program"],
    );
    check(
        &[("id", U64), ("cents", U64), ("memo", Bool)],
        expect!["payload.account: u32 in the lock, not in this program"],
    );
}

#[test]
fn only_a_variant_at_the_end_is_compatible() {
    let variant = |name: &str, fields: NodeFields| crate::shape::node::NodeVariant { name: name.into(), fields };
    let check = |locked: &str, names: &[&str], expected: Expect| {
        let variants = names.iter().map(|name| variant(name, NodeFields::Unit)).collect();
        let inside = Node::List(Box::new(Node::Enum(variants)));
        expected.assert_eq(&message(locked, program(&inside)));
    };
    let locked = "list<enum {Bid, Ask}>";
    check(locked, &["Bid", "Ask"], expect!["none"]);
    check(locked, &["Bid", "Ask", "Limit", "Stop"], expect!["wider"]);
    check(locked, &["Bid"], expect!["payload[]::Ask: variant 1 in the lock, not in this program"]);
    check(
        locked,
        &["Bid", "Limit", "Ask"],
        expect!["payload[]::Limit: not in the lock, variant 1 in this program (a new variant must come last)"],
    );
    check(locked, &["Ask", "Bid"], expect!["payload[]::Bid: variant 0 in the lock, variant 1 in this program"]);
    check(locked, &["Bid", "Offer"], expect!["payload[]::Ask: renamed to Offer in this program"]);
    check(
        "list<enum {Bid, Ask(u8)}>",
        &["Bid", "Ask"],
        expect!["payload[]::Ask: (u8) in the lock, no fields in this program"],
    );
    check(
        "list<enum {Bid, Ask(u8)}>",
        &["Bid", "Offer"],
        expect!["payload[]::Ask: variant 1 in the lock, not in this program"],
    );
    check("list<enum {}>", &["Bid"], expect!["wider"]);

    let limit = Node::Enum(vec![variant("Limit", named(&[("price", Primitive::U8)]))]);
    let message = message("enum {Limit}", program(&limit));
    expect!["payload::Limit: no fields in the lock, {price: u8} in this program"].assert_eq(&message);
}

#[test]
fn text_that_is_not_a_shape_is_reported_as_unreadable() {
    check::<Order>("{id: struct(u32), side", &expect!["the shape in the lock cannot be read from ``"]);
    check::<Order>(
        "{id: struct(u32, side: u8}",
        &expect!["payload.id: struct(u32, side: u8} in the lock, struct(u32) in this program"],
    );
    check::<u8>("u8 u8", &expect!["the shape in the lock cannot be read from ` u8`"]);
    check::<u8>("", &expect!["the shape in the lock cannot be read from ``"]);
    check::<(u8, u8)>("(u8 u8)", &expect!["the shape in the lock cannot be read from ` u8)`"]);
    check::<Vec<u8>>("list<u8", &expect!["the shape in the lock cannot be read from ``"]);
}

#[test]
fn long_shapes_are_truncated_between_characters() {
    let long = format!("opaque<\"{}\">", "ß".repeat(100));
    let message = message(&long, u8::SHAPE);
    assert!(message.ends_with("… in the lock, u8 in this program"), "{message}");
    let name: &'static str = "ü".repeat(1500).leak();
    let field = Node::Struct(named(&[(name, Primitive::U8)]));
    let mut text = ConstText::new();
    assert!(matches!(compare("{}", program(&field), &mut text), Drift::Different));
    assert!(text.as_str().ends_with("ü…"), "{}", text.as_str());
}

type Nested4<T> = Option<Option<Option<Option<T>>>>;
type Nested16<T> = Nested4<Nested4<Nested4<Nested4<T>>>>;
type Nested60<T> = Nested16<Nested16<Nested16<Nested4<Nested4<Nested4<T>>>>>>;

#[test]
fn the_compiler_supports_the_maximum_depth() {
    const OPEN: &str = "option<option<option<option<option<option<option<option<option<option<";
    const CLOSE: &str = ">>>>>>>>>>";
    const LOCKED: &str = {
        const PARTS: [&[u8]; 3] = [OPEN.as_bytes(), b"u32", CLOSE.as_bytes()];
        const BYTES: [u8; (OPEN.len() + CLOSE.len()) * 6 + 3] = {
            let mut bytes = [0; (OPEN.len() + CLOSE.len()) * 6 + 3];
            let (mut at, mut part) = (0, 0);
            while part < 13 {
                let text = PARTS[if part < 6 {
                    0
                } else if part == 6 {
                    1
                } else {
                    2
                }];
                let mut i = 0;
                while i < text.len() {
                    bytes[at] = text[i];
                    at += 1;
                    i += 1;
                }
                part += 1;
            }
            bytes
        };
        match str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!(),
        }
    };
    const _: () = assert!(drifted("", "", LOCKED, Nested60::<u32>::SHAPE, "").is_none());
    const OTHER: ConstText =
        drifted("deposit v1", "memimage.lock:7", LOCKED, Nested60::<u64>::SHAPE, "; help: undo it").unwrap();
    let path = "?".repeat(60);
    assert_eq!(
        OTHER.as_str(),
        format!("deposit v1: payload{path}: u32 in the lock, u64 in this program; help: undo it")
    );
}
