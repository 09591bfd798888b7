//! Tests of the paths and messages of differences.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::shape::Primitive::{self, Bool, String as Text, U8, U32, U64};
use crate::shape::arbitrary;

fn one(primitive: Primitive) -> Node {
    Node::Primitive(primitive)
}

fn named(fields: &[(&str, Node)]) -> NodeFields {
    let field = |(name, shape): &(&str, Node)| NodeField { name: (*name).into(), shape: shape.clone() };
    NodeFields::Named(fields.iter().map(field).collect())
}

fn structure(fields: &[(&str, Node)]) -> Node {
    Node::Struct(named(fields))
}

fn newtype(item: Node) -> NodeFields {
    NodeFields::Newtype(Box::new(item))
}

fn enumeration(variants: &[(&str, NodeFields)]) -> Node {
    let variant = |(name, fields): &(&str, NodeFields)| NodeVariant { name: (*name).into(), fields: fields.clone() };
    Node::Enum(variants.iter().map(variant).collect())
}

fn side(names: &[&str]) -> Node {
    enumeration(&names.iter().map(|name| (*name, NodeFields::Unit)).collect::<Vec<_>>())
}

fn found(journal: &Node, program: &Node) -> Vec<Difference> {
    differences("payload", &ShapeTree::of_node(journal), &ShapeTree::of_node(program))
}

fn check(journal: &Node, program: &Node, expected: &Expect) {
    let lines: Vec<_> = found(journal, program).iter().map(Difference::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_difference_of_primitives_is_found_at_any_depth() {
    let account = |shape| structure(&[("account", Node::Struct(newtype(one(shape)))), ("memo", one(Text))]);
    check(&account(U32), &account(U64), &expect!["payload.account.0: u32 in the journal, u64 in this program"]);
    check(&account(U32), &account(U32), &expect![]);

    let deep = |shape: Primitive| {
        let entry = Box::new((one(shape), Node::Option(Box::new(one(shape)))));
        Node::Tuple(vec![
            Node::List(Box::new(Node::Map(entry.clone()))),
            Node::OrderedMap(entry),
            Node::Array(Box::new(Node::Set(Box::new(one(shape)))), 4),
            enumeration(&[("Limit", named(&[("price", one(shape))]))]),
        ])
    };
    check(
        &deep(U8),
        &deep(Bool),
        &expect![[r#"
        payload.0[][key]: u8 in the journal, bool in this program
        payload.0[][value]?: u8 in the journal, bool in this program
        payload.1[key]: u8 in the journal, bool in this program
        payload.1[value]?: u8 in the journal, bool in this program
        payload.2[][]: u8 in the journal, bool in this program
        payload.3::Limit.price: u8 in the journal, bool in this program"#]],
    );
}

#[test]
fn shapes_of_different_kinds_differ() {
    let item = || Box::new(one(U8));
    let entry = || Box::new((one(U8), one(U8)));
    check(
        &Node::List(item()),
        &Node::Set(item()),
        &expect!["payload: list<u8> in the journal, set<u8> in this program"],
    );
    check(
        &Node::Map(entry()),
        &Node::OrderedMap(entry()),
        &expect!["payload: map<u8, u8> in the journal, ordered_map<u8, u8> in this program"],
    );
    check(
        &Node::Array(item(), 3),
        &Node::Array(item(), 4),
        &expect!["payload: [u8; 3] in the journal, [u8; 4] in this program"],
    );
    check(
        &Node::Opaque("a::A".to_owned()),
        &Node::Opaque("b::B".to_owned()),
        &expect!["payload: opaque<\"a::A\"> in the journal, opaque<\"b::B\"> in this program"],
    );
    check(&Node::Opaque("u8".to_owned()), &one(U8), &expect!["payload: opaque<u8> in the journal, u8 in this program"]);
    check(
        &Node::Struct(NodeFields::Unit),
        &structure(&[]),
        &expect!["payload: struct in the journal, {} in this program"],
    );
    check(
        &Node::Struct(newtype(one(U8))),
        &Node::Struct(NodeFields::Tuple(vec![one(U8)])),
        &expect!["payload: struct(u8) in the journal, struct(u8,) in this program"],
    );
    check(
        &Node::Struct(newtype(one(U8))),
        &one(U8),
        &expect!["payload: struct(u8) in the journal, u8 in this program"],
    );
    check(
        &Node::Tuple(vec![one(U8)]),
        &Node::Tuple(vec![one(U8), one(Text)]),
        &expect!["payload.1: not in the journal, string in this program"],
    );
    check(
        &Node::Tuple(vec![one(U8), one(Text)]),
        &Node::Tuple(vec![one(U8)]),
        &expect!["payload.1: string in the journal, not in this program"],
    );
    let tree = |children| structure(&[("children", Node::List(Box::new(children)))]);
    check(
        &tree(Node::Back(0)),
        &tree(tree(Node::Back(1))),
        &expect!["payload.children[]: back(0) in the journal, {children: list<back(1)>} in this program"],
    );
}

#[test]
fn added_removed_renamed_and_reordered_fields_are_distinguished() {
    let before = structure(&[("account", one(U32)), ("amount", one(U64)), ("memo", one(Text))]);
    check(
        &before,
        &structure(&[("account", one(U32)), ("amount", one(U64))]),
        &expect!["payload.memo: string in the journal, not in this program"],
    );
    check(
        &structure(&[("account", one(U32))]),
        &before,
        &expect![[r#"
        payload.amount: not in the journal, u64 in this program
        payload.memo: not in the journal, string in this program"#]],
    );
    let renamed = structure(&[("account", one(U32)), ("cents", one(U64)), ("memo", one(Text))]);
    check(&before, &renamed, &expect!["payload.amount: renamed to cents in this program"]);
    let reordered = structure(&[("amount", one(U64)), ("account", one(U32)), ("memo", one(Text))]);
    check(
        &before,
        &reordered,
        &expect![
            "payload: fields in the order (account, amount, memo) in the journal, (amount, account, memo) in this program"
        ],
    );
    let all_at_once = structure(&[("memo", one(Text)), ("id", one(U32)), ("amount", one(U8)), ("at", one(U64))]);
    check(
        &before,
        &all_at_once,
        &expect![[r#"
        payload: fields in the order (amount, memo) in the journal, (memo, amount) in this program
        payload.account: u32 in the journal, not in this program
        payload.amount: u64 in the journal, u8 in this program
        payload.id: not in the journal, u32 in this program
        payload.at: not in the journal, u64 in this program"#]],
    );
    // A field counts as renamed only if its shape is the same. A rename is found even if the field before the renamed field was
    // removed.
    let retyped = structure(&[("account", one(U32)), ("cents", one(U32)), ("memo", one(Text))]);
    check(
        &before,
        &retyped,
        &expect![[r#"
        payload.amount: u64 in the journal, not in this program
        payload.cents: not in the journal, u32 in this program"#]],
    );
    check(
        &before,
        &structure(&[("cents", one(U64)), ("memo", one(Text))]),
        &expect![[r#"
        payload.account: u32 in the journal, not in this program
        payload.amount: renamed to cents in this program"#]],
    );
}

#[test]
fn an_appended_variant_is_compatible_in_one_direction() {
    check(&side(&["Bid", "Ask"]), &side(&["Bid", "Ask", "Both"]), &expect![]);
    check(
        &side(&["Bid", "Ask", "Both"]),
        &side(&["Bid", "Ask"]),
        &expect!["payload::Both: only in the journal: a newer program added this variant"],
    );
    assert!(found(&side(&["Bid", "Ask"]), &side(&["Bid"])).iter().all(Difference::is_newer_journal));
    assert!(!found(&side(&["Bid", "Ask"]), &side(&["Ask"])).iter().any(Difference::is_newer_journal));
    // An enum inside other shapes is compared in the same way.
    let inside = |names| structure(&[("orders", Node::List(Box::new(side(names))))]);
    check(&inside(&["Bid"]), &inside(&["Bid", "Ask"]), &expect![]);
    check(
        &inside(&["Bid", "Ask"]),
        &inside(&["Bid"]),
        &expect!["payload.orders[]::Ask: only in the journal: a newer program added this variant"],
    );
}

#[test]
fn added_removed_renamed_and_moved_variants_are_distinguished() {
    let before = side(&["Bid", "Ask", "Both"]);
    check(
        &before,
        &side(&["Bid", "Stop", "Ask", "Both"]),
        &expect![[r#"
            payload::Ask: variant 1 in the journal, variant 2 in this program
            payload::Both: variant 2 in the journal, variant 3 in this program
            payload::Stop: not in the journal, variant 1 in this program; a new variant must come last"#]],
    );
    check(
        &before,
        &side(&["Bid", "Both"]),
        &expect![[r#"
        payload::Ask: variant 1 in the journal, not in this program
        payload::Both: variant 2 in the journal, variant 1 in this program"#]],
    );
    check(&before, &side(&["Buy", "Ask", "Both"]), &expect!["payload::Bid: renamed to Buy in this program"]);
    check(
        &before,
        &side(&["Ask", "Bid", "Both"]),
        &expect![[r#"
        payload::Bid: variant 0 in the journal, variant 1 in this program
        payload::Ask: variant 1 in the journal, variant 0 in this program"#]],
    );
    let limit = |fields| enumeration(&[("Limit", fields)]);
    check(
        &limit(newtype(one(U8))),
        &limit(newtype(one(U32))),
        &expect!["payload::Limit.0: u8 in the journal, u32 in this program"],
    );
    check(
        &limit(newtype(one(U8))),
        &limit(named(&[("price", one(U8))])),
        &expect!["payload::Limit: (u8) in the journal, {price: u8} in this program"],
    );
    check(
        &limit(NodeFields::Unit),
        &limit(newtype(one(U8))),
        &expect!["payload::Limit: no fields in the journal, (u8) in this program"],
    );
    check(
        &limit(newtype(one(U8))),
        &enumeration(&[("Stop", newtype(one(U32)))]),
        &expect![[r#"
            payload::Limit: variant 0 in the journal, not in this program
            payload::Stop: not in the journal, variant 0 in this program; a new variant must come last"#]],
    );
}

#[test]
fn names_that_occur_twice_in_a_journal_are_paired_in_order() {
    let twice = structure(&[("a", one(U8)), ("a", one(U8))]);
    check(&twice, &structure(&[("a", one(U8))]), &expect!["payload.a: u8 in the journal, not in this program"]);
    check(&structure(&[("a", one(U8))]), &twice, &expect!["payload.a: not in the journal, u8 in this program"]);
    check(&twice, &twice, &expect![""]);
    check(
        &side(&["A", "A"]),
        &side(&["A"]),
        &expect!["payload::A: only in the journal: a newer program added this variant"],
    );
}

#[test]
fn a_long_shape_is_truncated_in_the_message() {
    let long = structure(&vec![("a_name_of_some_length", one(Text)); 20]);
    check(
        &long,
        &one(U8),
        &expect![
            "payload: {a_name_of_some_length: string, a_name_of_some_length: string, a_name_of_some_length: string, a_name_of_some_length: string, a_name_of_some_length: string, a_na… in the journal, u8 in this program"
        ],
    );
}

proptest! {
    #[test]
    fn only_equal_shapes_are_compatible_in_both_directions(journal in arbitrary::node(), program in arbitrary::node()) {
        let forward = found(&journal, &program);
        let backward = found(&program, &journal);
        // Appended variants are compatible only if the program, and not the journal, has them.
        prop_assert_eq!(forward.is_empty() && backward.is_empty(), journal == program);
        prop_assert!(found(&journal, &journal).is_empty());
    }
}
