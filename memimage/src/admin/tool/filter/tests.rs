//! What conditions mean, and how mistakes in them are shown.

use super::{Condition, Mismatches, Subject};
use crate::context::{Metadata, Timestamp};
use crate::value::Value;

fn payload() -> Value {
    let line = |item: &str, count: i128| {
        Value::of_fields([("item", Value::from(item.to_owned())), ("count", Value::Signed(count))])
    };
    Value::of_fields([
        ("account", Value::Unsigned(7)),
        ("price", Value::F64(2.5)),
        ("note", Value::Option(Some(Box::new(Value::String("rent, May".to_owned()))))),
        ("memo", Value::Option(None)),
        ("kind", Value::variant("Limit", Value::of_fields([("cents", Value::Unsigned(u128::MAX))]))),
        ("lines", Value::List(vec![line("nail", -3), line("screw", 4)])),
        (
            "stock",
            Value::Map(vec![
                (Value::String("a b".to_owned()), Value::Unsigned(1)),
                (Value::Unsigned(9), Value::Unsigned(2)),
            ]),
        ),
    ])
}

fn with_subject<T>(call: impl FnOnce(&Subject<'_>) -> T) -> T {
    let (payload, metadata) = (payload(), Metadata::actor("teller 3").entry("trace", "x1"));
    let subject = Subject {
        seq: 12,
        time: Timestamp::from_micros(1_700_000_000_000_000),
        name: "deposit",
        version: 2,
        is_rejected: false,
        is_void: false,
        metadata: &metadata,
        payload: Some(&payload),
    };
    call(&subject)
}

fn is_met(condition: &str) -> bool {
    let condition: Condition = condition.parse().unwrap_or_else(|error| panic!("{condition}: {error}"));
    with_subject(|subject| condition.is_met_by(subject))
}

#[test]
fn conditions_that_are_met() {
    for condition in [
        "payload.account == 7",
        "payload.account==7&&seq>=12",
        " payload.account != 8 ",
        "payload.price < 2.6 && payload.price > 2",
        "payload.note contains 'May'",
        "payload.note == \"rent, May\"",
        "payload.memo == none",
        "payload.absent == none && payload.absent != 3",
        "payload.kind == 'Limit'",
        "payload.kind.cents > 170141183460469231731687303715884105727",
        "payload.kind.Limit.cents > 1",
        "payload.lines[0].count == -3",
        "payload.lines[1].item == 'screw'",
        "payload.stock['a b'] == 1 && payload.stock[9] == 2",
        "actor == 'teller 3' && metadata.trace == 'x1'",
        "!rejected && !void",
        "!(name == 'withdraw' || version == 1)",
        "name == 'withdraw' || name == 'deposit' && version == 2",
        "time > '2023-01-01'",
        "time > '2023-11-14T22:13:19.75Z' && time < '2023-11-14T22:13:20.5Z'",
        "time == '2023-11-14T23:13:20+01:00'",
        "time < '1h ago' && '1h ago' > time",
        "time contains '2023-11-14T22'",
        "time == time",
        "3 < payload.account",
        "payload.account == payload.account",
    ] {
        assert!(is_met(condition), "{condition}");
    }
}

#[test]
fn conditions_that_are_not_met() {
    for condition in [
        "payload.account == 8",
        "payload.account < 7",
        "payload.absent > 3",
        "payload.memo > 0",
        "payload.note == 7",
        "payload.lines[2].count == 1",
        "payload.lines[-1].count == 4",
        "rejected",
        "payload.account",
        "payload.kind == 'Market'",
        "seq.deeper == 12",
        "metadata.other == 'x1'",
    ] {
        assert!(!is_met(condition), "{condition}");
    }
}

#[test]
fn an_error_points_at_the_place() {
    let error = |condition: &str| condition.parse::<Condition>().unwrap_err().to_string();
    let place = |condition: &str| {
        let error = error(condition);
        let column = error.lines().last().unwrap().find('^').unwrap() - 2;
        (column, error.lines().next().unwrap().to_owned())
    };
    let operand = "expected a number, a text in quotes, or a path that begins with seq, time, name, version, rejected, void, actor, \
                   metadata or payload";
    let time = "expected a time in quotes, such as '2026-11-30T12:00:00Z', '2026-11-30 12:00' or '1h ago'";
    let end = "expected a comparison such as `==`, or `&&`, `||`, or the end of the condition";
    for (condition, column, expected) in [
        ("payload.account ==", 18, operand),
        ("payload.account = 7", 16, "expected `==`, which compares"),
        ("rejected & void", 9, "expected `&&`"),
        ("rejected or void", 9, "expected `||`"),
        ("seq == 1 && || void", 12, operand),
        ("seq == 1 || && void", 12, operand),
        ("(void || ) && void", 9, operand),
        ("acount == 7", 0, operand),
        ("name == 'rent", 13, "expected the closing quote"),
        ("payload. == 3", 8, "expected the name of a field"),
        ("payload[x] == 3", 8, "expected a position, or a key in quotes"),
        ("payload[3 == 3", 10, "expected `]`"),
        ("7", 1, "expected a comparison such as `==`"),
        ("", 0, operand),
        ("rejected rejected", 9, end),
        ("time > 'tomorrow'", 7, time),
        ("time > 1796033288", 7, time),
        ("time == '2023'", 8, time),
        ("7 < time", 8, time),
    ] {
        assert_eq!(place(condition), (column, expected.to_owned()), "{condition}");
    }
    assert_eq!(place("(name == 'é' && rejected"), (24, "expected `)`".to_owned()));
    assert!(error(&format!("{}rejected", "!".repeat(100_000))).starts_with("expected fewer parentheses"));
}

#[test]
fn a_comparison_that_no_value_can_fulfil_is_found() {
    let mismatches = |condition: &str| {
        let condition: Condition = condition.parse().unwrap();
        with_subject(|subject| {
            let mut mismatches = Mismatches::of(&condition);
            mismatches.look_at(subject);
            mismatches.found().map(|mismatch| mismatch.to_string()).collect::<Vec<_>>().join("; ")
        })
    };
    for (condition, found) in [
        ("payload.account == '7'", "`payload.account` is a number, and \"7\" is a text; write 7 without quotes"),
        ("3 < name", "`name` is a text, and 3 is a number; a text has quotes: \"3\""),
        (
            "rejected == 'true' && seq > 1",
            "`rejected` is a truth value, and \"true\" is a text; write true without quotes",
        ),
        ("payload.account", "`payload.account` is a number, and true is a truth value"),
        (
            "!(seq contains 3)",
            "`seq` is a number, and `contains` looks for a text in a text, or for a value of the same type in a list",
        ),
        ("payload.account == 8 || payload.absent == 'x' || payload.memo == 3 || name == none", ""),
        ("payload.kind == 'Market' && name contains 'x' && !void", ""),
    ] {
        assert_eq!(mismatches(condition), found, "{condition}");
    }
}
