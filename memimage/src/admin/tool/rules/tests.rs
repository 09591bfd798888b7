//! Tests of the rules: on declarations and payloads, without files.

use super::*;
use crate::admin::tool::rules::type_grammar::shape;
use crate::admin::tool::syntax::parse_whole;
use crate::journal::{ShapeRow, ShapeTable};
use crate::shape::ShapeTree;
use crate::shape::arbitrary;
use crate::value::Value;
use proptest::prelude::*;

/// A rule in the syntax of a file.
fn rule(line: &str) -> Rule {
    parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}")).unwrap_or_else(|| panic!("{line}: no rule"))
}

fn tree(text: &str) -> ShapeTree {
    let node = parse_whole(text, shape, |_| "the end of the type").unwrap_or_else(|error| panic!("{text}: {error}"));
    ShapeTree::from_node(&node).unwrap()
}

/// A table with these events: the name, the version, the shape.
fn table(rows: &[(&str, u32, &str)]) -> ShapeTable {
    let row = |(name, version, shape): &(&str, u32, &str)| ShapeRow {
        name: (*name).to_owned(),
        version: *version,
        shape: tree(shape),
    };
    ShapeTable { rows: rows.iter().map(row).collect() }
}

fn plan(lines: &[&str], table: &ShapeTable) -> Result<RewritePlan, String> {
    RewritePlan::new(&lines.iter().map(|line| rule(line)).collect::<Vec<_>>(), table)
}

/// The declaration and the JSON of an event `e` version 1, after these rules.
fn rewritten(shape: &str, json: &str, lines: &[&str]) -> (String, String) {
    let table = table(&[("e", 1, shape)]);
    let row = plan(lines, &table).unwrap_or_else(|error| panic!("{lines:?}: {error}")).rows.remove(0);
    let old = &table.rows[0].shape;
    let payload = Value::from_json(old, json).unwrap().encode(old).unwrap();
    let payload = row.payload(&payload).unwrap().unwrap_or(payload);
    let ShapeRow { name, version, shape } = row.row.clone().unwrap();
    let json = Value::decode(&shape, &payload).unwrap().to_json(&shape).unwrap();
    (format!("{name}@{version} {shape}"), json)
}

#[track_caller]
fn assert_rewritten(shape: &str, json: &str, lines: &[&str], declaration: &str, new: &str) {
    assert_eq!(rewritten(shape, json, lines), (declaration.to_owned(), new.to_owned()), "{lines:?}");
}

const DEPOSIT: &str = "{account: u32, cents: u64, memo: option<string>}";
const DEPOSITED: &str = r#"{"account":7,"cents":100,"memo":"rent"}"#;

#[test]
fn fields_are_renamed_dropped_added_and_redacted() {
    let of = |lines: &[&str], declaration: &str, json: &str| {
        assert_rewritten(DEPOSIT, DEPOSITED, lines, declaration, json);
    };
    of(
        &["rename-field e.cents=amount"],
        "e@1 {account: u32, amount: u64, memo: option<string>}",
        r#"{"account":7,"amount":100,"memo":"rent"}"#,
    );
    of(&["drop-field e.cents"], "e@1 {account: u32, memo: option<string>}", r#"{"account":7,"memo":"rent"}"#);
    of(
        &["set-default e.fee:i16=-3"],
        "e@1 {account: u32, cents: u64, memo: option<string>, fee: i16}",
        r#"{"account":7,"cents":100,"memo":"rent","fee":-3}"#,
    );
    let unchanged = format!("e@1 {DEPOSIT}");
    of(&["redact e.memo", "redact e.account"], &unchanged, r#"{"account":0,"cents":100,"memo":null}"#);
    of(&["redact e.memo=\"gone\""], &unchanged, r#"{"account":7,"cents":100,"memo":"gone"}"#);
    of(
        &["redact e.cents=1", "rename-field e.cents=amount", "rename-event e=deposit@4"],
        "deposit@4 {account: u32, amount: u64, memo: option<string>}",
        r#"{"account":7,"amount":1,"memo":"rent"}"#,
    );
    // two fields change places: no rule sees the result of the other
    assert_rewritten(
        "{a: u8, b: u8}",
        r#"{"a":1,"b":2}"#,
        &["rename-field e.a=b", "rename-field e.b=a"],
        "e@1 {b: u8, a: u8}",
        r#"{"b":1,"a":2}"#,
    );
}

#[test]
fn the_arguments_of_a_command_without_arguments_are_a_unit() {
    assert_rewritten("{a: u8}", r#"{"a":1}"#, &["drop-field e.a"], "e@1 struct", "null");
    assert_rewritten("struct", "null", &["set-default e.a:u8=1"], "e@1 {a: u8}", r#"{"a":1}"#);
    // the type of a text and of a truth value is known
    assert_rewritten("struct", "null", &["set-default e.a=\"x\""], "e@1 {a: string}", r#"{"a":"x"}"#);
    assert_rewritten("struct", "null", &["set-default e.a=true"], "e@1 {a: bool}", r#"{"a":true}"#);
}

#[test]
fn paths_lead_into_records_lists_options_maps_and_variants() {
    assert_rewritten(
        "{lines: list<{item: string, count: u32}>}",
        r#"{"lines":[{"item":"nail","count":1},{"item":"nut","count":2}]}"#,
        &["redact e.lines.item", "rename-field e.lines.count=number", "set-default e.lines.unit=\"kg\""],
        "e@1 {lines: list<{item: string, number: u32, unit: string}>}",
        r#"{"lines":[{"item":"","number":1,"unit":"kg"},{"item":"","number":2,"unit":"kg"}]}"#,
    );
    assert_rewritten(
        "{owner: option<{name: {first: string, last: string}, born: u16}>}",
        r#"{"owner":{"name":{"first":"Ada","last":"L"},"born":1815}}"#,
        &["drop-field e.owner.name.last", "redact e.owner.born"],
        "e@1 {owner: option<{name: {first: string}, born: u16}>}",
        r#"{"owner":{"name":{"first":"Ada"},"born":0}}"#,
    );
    assert_rewritten(
        "{owner: option<{name: string}>, rates: map<string, {rate: f64}>}",
        r#"{"owner":null,"rates":{"EUR":{"rate":1.5}}}"#,
        &["redact e.owner.name", "redact e.rates.rate=2.0"],
        "e@1 {owner: option<{name: string}>, rates: map<string, {rate: f64}>}",
        r#"{"owner":null,"rates":{"EUR":{"rate":2.0}}}"#,
    );
    let sides = "{side: enum {Bid, Limit{price: u64, note: string}, Pair(u8, struct(u16))}}";
    for (json, new) in [
        (r#"{"side":"Bid"}"#, r#"{"side":"Bid"}"#),
        (r#"{"side":{"Limit":{"price":5,"note":"x"}}}"#, r#"{"side":{"Limit":{"note":"x"}}}"#),
        (r#"{"side":{"Pair":[1,2]}}"#, r#"{"side":{"Pair":[1,0]}}"#),
    ] {
        assert_rewritten(
            sides,
            json,
            &["drop-field e.side.Limit.price", "redact e.side.Pair.1"],
            "e@1 {side: enum {Bid, Limit{note: string}, Pair(u8, struct(u16))}}",
            new,
        );
    }
    assert_rewritten(
        r#"{"sort code": string}"#,
        r#"{"sort code":"12"}"#,
        &[r#"rename-field e."sort code"=code"#],
        "e@1 {code: string}",
        r#"{"code":"12"}"#,
    );
}

#[test]
fn a_default_is_for_the_events_that_lack_the_field_and_may_have_the_type_of_another_version() {
    let table = table(&[("deposit", 1, "{cents: u64}"), ("deposit", 2, "{cents: u64, memo: option<string>}")]);
    let made = plan(&["set-default deposit.memo=null", "rename-event deposit@1=deposit@2"], &table).unwrap();
    assert_eq!(made.matches, [vec![0], vec![0]]);
    assert_eq!(made.rows[0].row, Some(table.rows[1].clone()));
    assert_eq!(made.rows[1].payload(&[1, 0]).unwrap(), None, "the second version does not change");
    // a field that gets the name does not lack
    let renamed = plan(&["rename-field deposit@1.cents=sum", "set-default deposit.sum:u64=0"], &table).unwrap();
    assert_eq!(renamed.matches, [vec![0], vec![1]]);
}

#[test]
fn dropped_events() {
    let table = table(&[("a", 1, "{x: u8}"), ("a", 2, "{x: u8}"), ("memimage.dropped", 1, "()")]);
    let made = plan(&["drop-event a@1"], &table).unwrap();
    let is_kept: Vec<bool> = made.rows.iter().map(|row| row.row.is_some()).collect();
    assert_eq!((is_kept, made.matches), (vec![false, true, false], vec![vec![0]]));
}

#[test]
fn rules_that_cannot_be_followed() {
    let table = table(&[
        ("deposit", 1, DEPOSIT),
        ("move", 1, "{a: set<{x: u8}>, tree: struct(option<back(0)>), kind: enum {A, B}, pair: (u8, u8)}"),
        ("memimage.dropped", 1, "()"),
    ]);
    for (lines, message) in [
        (&["drop-event transfer"][..], "the journal declares no event `transfer`; it declares deposit@1, move@1"),
        (&["drop-event deposit@2"], "declares no event `deposit@2`"),
        (&["drop-field deposit.cent"], "no event has the field `cent`: deposit@1 is {account: u32, cents"),
        (&["drop-field deposit.cents.x"], "no event has the field `cents.x`"),
        (&["set-default deposit.cents:u64=0"], "no event lacks the field `cents`"),
        (&["set-default deposit.fee=0"], "help: give it, as in `--set-default deposit.fee:u64=0`"),
        (&["set-default deposit.fee=zero"], "the value is no JSON"),
        (&["set-default deposit.fee:u8=256"], "the value is no u8: 256 is out of range for u8"),
        (
            &["redact deposit.cents=\"x\""],
            "`--redact deposit.cents=\"x\"`: the value is no u64: expected an integer, found \"x\"",
        ),
        (&["redact move.kind"], "has no empty value; help: give a value, as in `--redact move.kind=JSON`"),
        (&["redact move.a.x"], "lies in a set"),
        (&["redact move.pair.2"], "no event has the field `pair.2`"),
        (&["drop-field move.pair.1"], "a field without a name can be redacted, but neither renamed nor dropped"),
        (&["drop-field move.kind.A"], "it names a variant"),
        (&["rename-field deposit.cents=account"], "the record would have two fields `account`"),
        (&["rename-event deposit=move"], "two kinds of events would be move@1, with different shapes"),
        (&["rename-event deposit=memimage.x"], "expected the end of the rule"),
        (&["rename-event deposit='memimage.x'"], "belong to the library"),
        (&["drop-event 'memimage.dropped'"], "`memimage.dropped` is an event of the library"),
    ] {
        let rules: Result<Vec<Rule>, String> =
            lines.iter().map(|line| parse_line(line).map(|rule| rule.unwrap())).collect();
        let error = rules.and_then(|rules| RewritePlan::new(&rules, &table)).unwrap_err();
        assert!(error.contains(message), "{lines:?}: {error}");
    }
}

#[test]
fn a_type_that_contains_itself_is_refused_only_if_the_rule_leads_into_it() {
    let table = table(&[("e", 1, "{tree: {label: string, left: option<back(0)>}, note: string}")]);
    let error = plan(&["redact e.tree.label"], &table).unwrap_err();
    assert!(error.contains("a type that contains itself"), "{error}");
    plan(&["redact e.note"], &table).unwrap();
    plan(&["drop-field e.tree"], &table).unwrap();
}

#[test]
fn rules_that_contradict_one_another() {
    let table = table(&[("e", 1, "{a: {b: u8, c: u8}, d: u8}"), ("f", 1, "{a: u8}")]);
    for lines in [
        ["drop-event e", "rename-event e=g"],
        ["drop-event e", "drop-field e.d"],
        ["drop-event e", "drop-event e@1"],
        ["rename-event e=g", "rename-event e=h"],
        ["rename-field e.d=x", "rename-field e.d=y"],
        ["rename-field e.d=x", "drop-field e.d"],
        ["drop-field e.d", "redact e.d"],
        ["redact e.d", "redact e.d=1"],
        ["drop-field e.a", "redact e.a.b"],
        ["redact e.a.b", "redact e.a"],
    ] {
        let error = plan(&lines, &table).unwrap_err();
        assert!(error.contains("contradict each other for the event e@1"), "{lines:?}: {error}");
    }
    for lines in [
        ["drop-event e", "drop-field f.a"],
        ["rename-event e=g", "drop-field e.d"],
        ["rename-field e.a=x", "rename-field e.a.b=y"],
        ["redact e.a.b", "redact e.a.c"],
        ["redact e.d", "rename-field e.d=x"],
    ] {
        plan(&lines, &table).unwrap_or_else(|error| panic!("{lines:?}: {error}"));
    }
}

#[test]
fn lines_that_are_no_rules() {
    for line in ["", "   ", "# drop-event a"] {
        assert_eq!(parse_line(line), Ok(None));
    }
    for (line, message) in [
        ("delete a", "`delete` is no rule; the rules are rename-event, drop-event"),
        ("drop-event", "expected the name of an event"),
        ("drop-event a.b", "expected `@` and a version, or the end of the rule"),
        ("drop-event a@0", "expected a version from 1 on"),
        ("drop-field a", "expected `.` and the name of a field"),
        ("drop-field a.", "expected the name of a field"),
        ("rename-field a.b", "expected `.` and a field, or `=` and the new name"),
        ("rename-field a.b=", "expected the new name of the field"),
        ("rename-event a", "expected `=` and the new name"),
        ("set-default a.b", "expected `=` and a JSON value"),
        ("set-default a.b:int=1", "expected a type such as u64"),
    ] {
        let error = parse_line(line).unwrap_err();
        assert!(error.contains(message), "{line}: {error}");
    }
    let error = parse_line("rename-field deposit.cents/amount").unwrap_err();
    assert!(error.ends_with("\n  deposit.cents/amount\n               ^"), "{error}");
}

proptest! {
    #[test]
    fn a_type_is_read_as_it_is_printed(node in arbitrary::node()) {
        let Ok(printed) = ShapeTree::from_node(&node) else { return Ok(()) };
        let text = printed.to_string();
        // an empty tuple reads like a unit, and an opaque type cannot be given
        prop_assume!(!["opaque<", "unordered<", "()", "enum {}"].iter().any(|part| text.contains(part)));
        prop_assume!(!text.contains('"'));
        prop_assert_eq!(tree(&text), printed);
    }
}
