//! Payloads and states in readable text, by their shapes alone.

use crate::shape::ShapeTree;
use crate::shape::node::{Node, NodeFields};
use crate::value::Value;

/// The longest line, in bytes; a value that is longer is broken into its parts.
const WIDTH: usize = 110;

/// The longest text in a message.
const MOST: usize = 1_500;

/// A value of a shape, with what has no order put into one.
///
/// `None` if only the program can read it: a foreign type that the shape gives by name, in the midst of it.
pub(super) fn value(shape: &ShapeTree, bytes: &[u8]) -> Option<Value> {
    let mut value = Value::decode(shape, bytes).ok()?;
    settle(&mut value, shape.root(), &mut Vec::new());
    Some(value)
}

/// A value in one line, for messages.
pub(super) fn line(shape: &ShapeTree, bytes: &[u8]) -> String {
    shorten(value(shape, bytes).map_or_else(|| format!("x\"{}\"", hex(bytes)), |value| flat(&value)))
}

/// A value in as many lines as it takes.
pub(super) fn block(shape: &ShapeTree, bytes: &[u8]) -> String {
    value(shape, bytes).map_or_else(|| format!("x\"{}\"", hex(bytes)), |value| broken(&value, 0, 0))
}

/// Cuts a text that nobody would read to its end.
pub(super) fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what [`hex`] wrote.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Sorts what has no order: sets and maps.
fn settle<'a>(value: &mut Value, node: &'a Node, around: &mut Vec<&'a Node>) {
    match (node, value) {
        (Node::Option(node), Value::Option(Some(value))) => settle(value, node, around),
        (Node::List(node) | Node::Array(node, _), Value::List(items)) => {
            items.iter_mut().for_each(|item| settle(item, node, around));
        }
        (Node::Set(node), Value::List(items)) => {
            items.iter_mut().for_each(|item| settle(item, node, around));
            items.sort_by_cached_key(order);
        }
        (Node::Map(entry) | Node::OrderedMap(entry), Value::Map(entries)) => {
            for (key, value) in entries.iter_mut() {
                settle(key, &entry.0, around);
                settle(value, &entry.1, around);
            }
            if matches!(node, Node::Map(_)) {
                entries.sort_by_cached_key(|(key, _)| order(key));
            }
        }
        (Node::Tuple(nodes), Value::List(items)) => settle_all(items, nodes, around),
        (Node::Struct(fields), value) => {
            around.push(node);
            settle_fields(value, fields, around);
            around.pop();
        }
        (Node::Enum(variants), Value::Variant(name, value)) => {
            let variant = variants.iter().find(|variant| *variant.name == **name);
            around.push(node);
            variant.into_iter().for_each(|variant| settle_fields(value, &variant.fields, around));
            around.pop();
        }
        (Node::Back(steps), value) => {
            let Some(at) = around.len().checked_sub(*steps as usize + 1) else { return };
            let inner = around.split_off(at);
            settle(value, inner[0], around);
            around.extend(inner);
        }
        _ => {}
    }
}

/// What keys and items are sorted by: numbers as such, all else as text.
fn order(value: &Value) -> (i128, String) {
    match value {
        Value::Unsigned(number) => (i128::try_from(*number).unwrap_or(i128::MAX), String::new()),
        Value::Signed(number) => (*number, String::new()),
        _ => (0, flat(value)),
    }
}

fn settle_fields<'a>(value: &mut Value, fields: &'a NodeFields, around: &mut Vec<&'a Node>) {
    match (fields, value) {
        (NodeFields::Newtype(node), value) => settle(value, node, around),
        (NodeFields::Tuple(nodes), Value::List(items)) => settle_all(items, nodes, around),
        (NodeFields::Named(fields), Value::Struct(values)) => {
            for (field, (_, value)) in fields.iter().zip(values) {
                settle(value, &field.shape, around);
            }
        }
        _ => {}
    }
}

fn settle_all<'a>(items: &mut [Value], nodes: &'a [Node], around: &mut Vec<&'a Node>) {
    items.iter_mut().zip(nodes).for_each(|(item, node)| settle(item, node, around));
}

/// A value in one line.
pub(super) fn flat(value: &Value) -> String {
    match Parts::of(value) {
        Err(scalar) => scalar,
        Ok(Parts { open, parts, close }) => {
            let parts: Vec<String> = parts.iter().map(|(label, part)| format!("{label}{}", flat(part))).collect();
            format!("{open}{}{close}", parts.join(", "))
        }
    }
}

/// A value in lines; it begins `indent` deep, after `before` bytes that are on its line already.
fn broken(value: &Value, indent: usize, before: usize) -> String {
    let line = flat(value);
    if indent + before + line.len() <= WIDTH {
        return line;
    }
    match Parts::of(value) {
        Err(scalar) => scalar,
        Ok(Parts { open, parts, close }) => {
            let inner = indent + 2;
            let lines: String = parts
                .iter()
                .map(|(label, part)| format!("{:inner$}{label}{},\n", "", broken(part, inner, label.len() + 1)))
                .collect();
            format!("{open}\n{lines}{:indent$}{close}", "")
        }
    }
}

/// A value taken apart.
struct Parts<'a> {
    open: String,
    /// What stands before each part, and the part.
    parts: Vec<(String, &'a Value)>,
    close: &'static str,
}

impl Parts<'_> {
    /// `Err` is the text of a value without parts.
    fn of(value: &Value) -> Result<Parts<'_>, String> {
        Ok(match value {
            Value::Option(Some(value)) => {
                Parts { open: "some(".to_owned(), parts: vec![(String::new(), value)], close: ")" }
            }
            Value::List(items) => Parts { open: "[".to_owned(), parts: unlabelled(items), close: "]" },
            Value::Map(entries) => {
                let parts = entries.iter().map(|(key, value)| (format!("{}: ", flat(key)), value)).collect();
                Parts { open: "{".to_owned(), parts, close: "}" }
            }
            Value::Struct(fields) => {
                let parts = fields.iter().map(|(name, value)| (format!("{name}: "), value)).collect();
                Parts { open: "{".to_owned(), parts, close: "}" }
            }
            Value::Variant(name, value) => match &**value {
                Value::Unit => return Err(name.to_string()),
                Value::Struct(_) => {
                    let Parts { parts, .. } = Parts::of(value)?;
                    Parts { open: format!("{name} {{"), parts, close: "}" }
                }
                Value::List(items) => Parts { open: format!("{name}("), parts: unlabelled(items), close: ")" },
                value => Parts { open: format!("{name}("), parts: vec![(String::new(), value)], close: ")" },
            },
            Value::Unit => return Err("()".to_owned()),
            Value::Bool(value) => return Err(value.to_string()),
            Value::Unsigned(value) => return Err(value.to_string()),
            Value::Signed(value) => return Err(value.to_string()),
            Value::F32(value) => return Err(format!("{value:?}")),
            Value::F64(value) => return Err(format!("{value:?}")),
            Value::Char(value) => return Err(format!("{value:?}")),
            Value::String(value) => return Err(format!("{value:?}")),
            Value::Bytes(bytes) | Value::Opaque(bytes) => return Err(format!("x\"{}\"", hex(bytes))),
            Value::Option(None) => return Err("none".to_owned()),
        })
    }
}

fn unlabelled(items: &[Value]) -> Vec<(String, &Value)> {
    items.iter().map(|item| (String::new(), item)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use expect_test::expect;
    use serde::Serialize;

    use super::*;
    use crate::shape::{Descriptor, Field, Shape, ShapeRef, Struct, Style, identity};

    /// A tree in which hash maps stand at every level, behind a step back.
    #[derive(Serialize)]
    struct Tree {
        names: HashMap<u32, Option<char>>,
        children: Vec<Tree>,
    }

    impl Shape for Tree {
        const SHAPE: ShapeRef = {
            static DESCRIPTOR: Descriptor = Descriptor::Struct(Struct {
                identity: identity("Tree", 0, 0, 0),
                style: Style::Named,
                fields: &[
                    Field { name: "names", shape: <HashMap<u32, Option<char>>>::SHAPE },
                    Field { name: "children", shape: <Vec<Tree>>::SHAPE },
                ],
            });
            ShapeRef::new(&DESCRIPTOR)
        };
    }

    fn text<T: Shape + Serialize>(value: &T) -> String {
        block(&ShapeTree::of(T::SHAPE), &postcard::to_stdvec(value).unwrap())
    }

    #[test]
    fn what_has_no_order_is_sorted_at_every_level() {
        let names = || (0..12).map(|number| (number * 9, (number % 2 == 0).then_some('x'))).collect();
        let tree = |children| Tree { names: names(), children };
        let nested = tree(vec![tree(vec![tree(Vec::new())])]);
        let said = text(&nested);
        let sorted = "0: some('x'), 9: none, 18: some('x'), 27: none, 36: some('x'), 45: none";
        assert_eq!(said.replace(['\n', ' '], "").matches(&sorted.replace(' ', "")).count(), 3, "{said}");
    }

    #[test]
    fn each_kind_of_value_has_its_text() {
        let value = (
            BTreeMap::from([(1u8, "a\"\n".to_owned())]),
            [Some(Ok::<(u8, i8), String>((1, -1))), Some(Err("no".to_owned())), None],
            (1.5f32, f64::NAN, 'c', true, ()),
            std::ops::Bound::<u32>::Unbounded,
        );
        expect![[r#"
            [{1: "a\"\n"}, [some(Ok(1, -1)), some(Err("no")), none], [1.5, NaN, 'c', true, ()], Unbounded]"#]]
        .assert_eq(&text(&value));
    }

    #[test]
    fn what_is_long_is_broken_into_its_parts() {
        let value: BTreeMap<u32, (String, Vec<u64>)> =
            (0..2).map(|key| (key, ("x".repeat(80), vec![u64::MAX; 2 + 3 * key as usize]))).collect();
        expect![[r#"
            {
              0: [
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                [18446744073709551615, 18446744073709551615],
              ],
              1: [
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                [
                  18446744073709551615,
                  18446744073709551615,
                  18446744073709551615,
                  18446744073709551615,
                  18446744073709551615,
                ],
              ],
            }"#]]
        .assert_eq(&text(&value));
    }

    #[test]
    fn hexadecimal_digits_are_read_as_they_are_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!((unhex("0"), unhex("0g"), unhex("")), (None, None, Some(Vec::new())));
    }
}
