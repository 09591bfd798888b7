//! Writes payloads and states as readable text, by their shapes.

use crate::shape::ShapeTree;
use crate::shape::node::{Node, NodeFields};
use crate::value::Value;
use crate::value::text::{ValueParts, truncated};
pub(super) use crate::value::text::{hex, one_line};

/// The maximum length of a line in bytes. A longer value is written on several lines.
const WIDTH: usize = 110;

/// The maximum length of a text in a message, in characters.
const MAX_TEXT: usize = 1_500;

/// Decodes a value, and sorts its sets and maps.
///
/// Returns `None` if the value does not decode by its shape, for example because it contains a foreign type that the shape
/// describes only by name.
pub(super) fn value(shape: &ShapeTree, bytes: &[u8]) -> Option<Value> {
    let mut value = Value::decode(shape, bytes).ok()?;
    sort_unordered(&mut value, shape.root(), &mut Vec::new());
    Some(value)
}

/// A value in one line, for messages.
pub(super) fn line(shape: &ShapeTree, bytes: &[u8]) -> String {
    shorten(value(shape, bytes).map_or_else(|| format!("x\"{}\"", hex(bytes)), |value| one_line(&value)))
}

/// A value on as many lines as it needs.
pub(super) fn block(shape: &ShapeTree, bytes: &[u8]) -> String {
    value(shape, bytes).map_or_else(|| format!("x\"{}\"", hex(bytes)), |value| several_lines(&value, 0, 0))
}

/// Truncates a long text.
pub(super) fn shorten(text: String) -> String {
    truncated(text, MAX_TEXT)
}

/// Decodes the output of [`hex`].
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Sorts the sets, and those maps for whose entries the shape defines no order.
fn sort_unordered<'a>(value: &mut Value, node: &'a Node, enclosing: &mut Vec<&'a Node>) {
    match (node, value) {
        (Node::Option(node), Value::Option(Some(value))) => sort_unordered(value, node, enclosing),
        (Node::List(node) | Node::OrderedSet(node) | Node::Array(node, _), Value::List(items)) => {
            items.iter_mut().for_each(|item| sort_unordered(item, node, enclosing));
        }
        (Node::Set(node) | Node::Multiset(node), Value::List(items)) => {
            items.iter_mut().for_each(|item| sort_unordered(item, node, enclosing));
            items.sort_by_cached_key(order);
        }
        (Node::Map(entry) | Node::OrderedMap(entry), Value::Map(entries)) => {
            for (key, value) in entries.iter_mut() {
                sort_unordered(key, &entry.0, enclosing);
                sort_unordered(value, &entry.1, enclosing);
            }
            if matches!(node, Node::Map(_)) {
                entries.sort_by_cached_key(|(key, _)| order(key));
            }
        }
        (Node::Tuple(nodes), Value::List(items)) => sort_all(items, nodes, enclosing),
        (Node::Struct(fields), value) => {
            enclosing.push(node);
            sort_fields(value, fields, enclosing);
            enclosing.pop();
        }
        (Node::Enum(variants), Value::Variant(name, value)) => {
            let variant = variants.iter().find(|variant| *variant.name == **name);
            enclosing.push(node);
            variant.into_iter().for_each(|variant| sort_fields(value, &variant.fields, enclosing));
            enclosing.pop();
        }
        (Node::Back(steps), value) => {
            let Some(at) = enclosing.len().checked_sub(*steps as usize + 1) else { return };
            let inner = enclosing.split_off(at);
            sort_unordered(value, inner[0], enclosing);
            enclosing.extend(inner);
        }
        _ => {}
    }
}

/// The sort key of a map key or set item: the value itself if it is a number, otherwise its text.
fn order(value: &Value) -> (i128, String) {
    match value {
        Value::Unsigned(number) => (i128::try_from(*number).unwrap_or(i128::MAX), String::new()),
        Value::Signed(number) => (*number, String::new()),
        _ => (0, one_line(value)),
    }
}

fn sort_fields<'a>(value: &mut Value, fields: &'a NodeFields, enclosing: &mut Vec<&'a Node>) {
    match (fields, value) {
        (NodeFields::Newtype(node), value) => sort_unordered(value, node, enclosing),
        (NodeFields::Tuple(nodes), Value::List(items)) => sort_all(items, nodes, enclosing),
        (NodeFields::Named(fields), Value::Struct(values)) => {
            for (field, (_, value)) in fields.iter().zip(values) {
                sort_unordered(value, &field.shape, enclosing);
            }
        }
        _ => {}
    }
}

fn sort_all<'a>(items: &mut [Value], nodes: &'a [Node], enclosing: &mut Vec<&'a Node>) {
    items.iter_mut().zip(nodes).for_each(|(item, node)| sort_unordered(item, node, enclosing));
}

/// Formats a value on several lines, indented by `indent`. `before` bytes precede the value on its first line.
fn several_lines(value: &Value, indent: usize, before: usize) -> String {
    let line = one_line(value);
    if indent + before + line.len() <= WIDTH {
        return line;
    }
    match ValueParts::of(value) {
        Err(scalar) => scalar,
        Ok(ValueParts { open, parts, close }) => {
            let inner = indent + 2;
            let lines: String = parts
                .iter()
                .map(|(label, part)| format!("{:inner$}{label}{},\n", "", several_lines(part, inner, label.len() + 1)))
                .collect();
            format!("{open}\n{lines}{:indent$}{close}", "")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use expect_test::expect;
    use serde::Serialize;

    use super::*;
    use crate::shape::{Descriptor, Field, Shape, ShapeRef, Struct, Style, identity};

    /// A recursive type with a hash map at every level; its shape contains a back reference.
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
                derived: &[],
            });
            ShapeRef::new(&DESCRIPTOR)
        };
    }

    fn text<T: Shape + Serialize>(value: &T) -> String {
        block(&ShapeTree::of(T::SHAPE), &postcard::to_stdvec(value).unwrap())
    }

    #[test]
    fn sets_and_maps_are_sorted_at_every_level() {
        let names = || (0..12).map(|number| (number * 9, (number % 2 == 0).then_some('x'))).collect();
        let tree = |children| Tree { names: names(), children };
        let nested = tree(vec![tree(vec![tree(Vec::new())])]);
        let written = text(&nested);
        let sorted = "0: some('x'), 9: none, 18: some('x'), 27: none, 36: some('x'), 45: none";
        assert_eq!(written.replace(['\n', ' '], "").matches(&sorted.replace(' ', "")).count(), 3, "{written}");
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
    fn a_long_value_is_written_on_several_lines() {
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
    fn decoding_restores_hexadecimal_bytes() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!((unhex("0"), unhex("0g"), unhex("")), (None, None, Some(Vec::new())));
    }
}
