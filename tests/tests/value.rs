//! Payloads as maps, lists and scalars, for upcasters and for readers of foreign journals.

use std::collections::BTreeMap;

use memimage::{Shape, Value, ValueError, shape::ShapeTree};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct Money(i64);

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
enum Method {
    Cash,
    Card { last_four: [u8; 4], expires: (u8, u16) },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct LineV1 {
    article: String,
    qty: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct OrderV1 {
    customer: u32,
    lines: Vec<LineV1>,
    total: f64,
    method: Method,
    urgent: bool,
    notes: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct LineV2 {
    quantity: u32,
    article: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
enum Priority {
    Normal,
    High,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Shape)]
struct OrderV2 {
    customer: u64,
    total: Money,
    lines: Vec<LineV2>,
    priority: Priority,
    method: Option<Method>,
    notes: BTreeMap<String, String>,
}

fn order_1_to_2(mut order: Value) -> Result<Value, ValueError> {
    let total: f64 = order.take("total")?;
    let cents = (total * 100.0).round();
    if !(0.0..1e12).contains(&cents) {
        return Err(ValueError::custom(format_args!("{total} is no total")).within("total"));
    }
    order.insert("total", cents as i64)?;
    for line in order.get_mut("lines")?.as_list_mut()? {
        line.rename("qty", "quantity")?;
    }
    let is_urgent: bool = order.take("urgent")?;
    order.insert("priority", Value::unit_variant(if is_urgent { "High" } else { "Normal" }))?;
    let method: Value = order.take("method")?;
    order.insert("method", Some(method))?;
    Ok(order)
}

fn order_v1(total: f64) -> OrderV1 {
    OrderV1 {
        customer: 7,
        lines: vec![LineV1 { article: "lamp".to_owned(), qty: 2 }, LineV1 { article: "bulb".to_owned(), qty: 200 }],
        total,
        method: Method::Card { last_four: [1, 2, 3, 4], expires: (5, 2027) },
        urgent: true,
        notes: BTreeMap::from([("gift".to_owned(), "wrap it".to_owned())]),
    }
}

fn to_value<T: Shape + Serialize>(typed: &T) -> Value {
    Value::decode(&ShapeTree::of(T::SHAPE), &postcard::to_stdvec(typed).unwrap()).unwrap()
}

fn to_typed<T: Shape + DeserializeOwned>(value: &Value) -> Result<T, ValueError> {
    let bytes = value.encode(&ShapeTree::of(T::SHAPE))?;
    Ok(postcard::from_bytes(&bytes).unwrap())
}

/// The shape as read from the journal of another program.
fn from_journal<T: Shape>() -> ShapeTree {
    ShapeTree::decode(&ShapeTree::of(T::SHAPE).encode()).unwrap()
}

#[test]
fn an_upcaster_converts_one_shape_to_another() {
    let new: OrderV2 = to_typed(&order_1_to_2(to_value(&order_v1(19.99))).unwrap()).unwrap();
    let line = |article: &str, quantity| LineV2 { quantity, article: article.to_owned() };
    let expected = OrderV2 {
        customer: 7,
        total: Money(1999),
        lines: vec![line("lamp", 2), line("bulb", 200)],
        priority: Priority::High,
        method: Some(Method::Card { last_four: [1, 2, 3, 4], expires: (5, 2027) }),
        notes: BTreeMap::from([("gift".to_owned(), "wrap it".to_owned())]),
    };
    assert_eq!(new, expected);
}

#[test]
fn an_upcaster_that_fails_reports_the_path() {
    let error = order_1_to_2(to_value(&order_v1(-1.0))).unwrap_err();
    assert_eq!(error.to_string(), "total: -1 is no total");
    assert_eq!(error.path(), "total");
    let error = order_1_to_2(order_1_to_2(to_value(&order_v1(1.0))).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "total: expected a float, found the integer 100");
}

#[test]
fn a_value_of_the_wrong_shape_is_reported_with_its_path() {
    let error_after = |edit: &dyn Fn(&mut Value) -> Result<(), ValueError>| {
        let mut value = order_1_to_2(to_value(&order_v1(1.0))).unwrap();
        edit(&mut value).unwrap();
        to_typed::<OrderV2>(&value).unwrap_err().to_string()
    };
    assert_eq!(error_after(&|v| v.insert("total", 1.5).map(drop)), "total.0: expected i64, found the float 1.5");
    assert_eq!(
        error_after(&|v| v.get_mut("lines")?.as_list_mut()?[1].insert("quantity", -1).map(drop)),
        "lines[1].quantity: -1 is out of range for u32"
    );
    assert_eq!(
        error_after(&|v| v.get_mut("lines")?.as_list_mut()?[0].take::<Value>("article").map(drop)),
        "lines[0]: there is no field `article`; the fields are quantity"
    );
    assert_eq!(
        error_after(&|v| v.insert("urgent", true).map(drop)),
        "the shape has no field `urgent`; its fields are customer, total, lines, priority, method, notes"
    );
    let expires = |v: &mut Value| {
        let (_, card) = v.get_mut("method")?.as_option_mut()?.unwrap().as_variant_mut()?;
        card.insert("expires", [5, 70_000]).map(drop)
    };
    assert_eq!(error_after(&expires), "method?::Card.expires.1: 70000 is out of range for u16");
    let notes = |v: &mut Value| {
        v.get_mut("notes")?.as_map_mut()?.push((Value::from(1), Value::from("x")));
        Ok(())
    };
    assert_eq!(error_after(&notes), "notes[key 1]: expected string, found the integer 1");
}

/// Reads and edits of an upcaster, and the errors of wrong ones.
#[test]
fn values_are_read_by_name_and_type() {
    let mut order = to_value(&order_v1(2.5));
    assert_eq!(order.read::<u32>("customer").unwrap(), 7);
    assert_eq!(order.get("customer").unwrap().as_u64().unwrap(), 7);
    assert_eq!(order.get("total").unwrap().as_f64().unwrap(), 2.5);
    assert!(order.get("urgent").unwrap().as_bool().unwrap());
    let notes: BTreeMap<String, String> = order.read("notes").unwrap();
    assert_eq!(notes["gift"], "wrap it");
    let (name, card) = order.get("method").unwrap().as_variant().unwrap();
    assert_eq!((name, card.read::<Vec<u8>>("last_four").unwrap()), ("Card", vec![1, 2, 3, 4]));
    let lines = order.get("lines").unwrap().as_list().unwrap();
    assert_eq!(lines[1].get("article").unwrap().as_str().unwrap(), "bulb");

    assert_eq!(order.insert("customer", 8).unwrap(), Some(Value::from(7)));
    assert_eq!(order.insert("teller", None::<u8>).unwrap(), None);
    assert_eq!(order.read::<Option<u8>>("teller").unwrap(), None);

    let text = |error: ValueError| error.to_string();
    assert_eq!(
        text(order.get("amount").unwrap_err()),
        "there is no field `amount`; the fields are customer, lines, total, method, urgent, notes, teller"
    );
    assert_eq!(text(order.read::<u8>("notes").unwrap_err()), "notes: expected u8, found a map of 1");
    assert_eq!(text(order.rename("urgent", "total").unwrap_err()), "the field `total` already exists");
    assert_eq!(text(order.rename("amount", "x").unwrap_err()).split(';').next(), Some("there is no field `amount`"));
    assert_eq!(text(Value::from(300).to::<u8>().unwrap_err()), "300 is out of range for u8");
    assert_eq!(
        text(Value::from([Some(1), None]).to::<Vec<Option<bool>>>().unwrap_err()),
        "[0]?: expected a bool, found the integer 1"
    );
    assert_eq!(text(Value::Unit.get("a").unwrap_err()), "expected a struct with named fields, found a unit");
    assert_eq!(text(Value::from(vec![1]).as_map().unwrap_err()), "expected a map, found a list of 1");
}

#[test]
fn a_journal_is_read_as_json_without_the_programs_types() {
    let shape = from_journal::<OrderV1>();
    let bytes = postcard::to_stdvec(&order_v1(2.5)).unwrap();
    let json = Value::decode(&shape, &bytes).unwrap().to_json(&shape).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"customer":7,"lines":[{"article":"lamp","qty":2},{"article":"bulb","qty":200}],"total":2.5,"#,
            r#""method":{"Card":{"last_four":[1,2,3,4],"expires":[5,2027]}},"urgent":true,"notes":{"gift":"wrap it"}}"#
        )
    );
    assert_eq!(Value::from_json(&shape, &json).unwrap().encode(&shape).unwrap(), bytes);
    assert_eq!(serde_json::from_str::<OrderV1>(&json).unwrap(), order_v1(2.5));
}

#[test]
fn bytes_that_are_not_a_complete_value_are_refused() {
    let shape = from_journal::<OrderV1>();
    let bytes = postcard::to_stdvec(&order_v1(2.5)).unwrap();
    for end in 0..bytes.len() {
        assert!(Value::decode(&shape, &bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    let error = Value::decode(&shape, &[&bytes[..], &[0]].concat()).unwrap_err();
    assert_eq!(error.to_string(), "1 bytes follow the value");
}
