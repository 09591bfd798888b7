//! A proptest strategy that generates any value of any shape.

use proptest::prelude::*;

use super::Value;
use super::position::ShapePosition;
use crate::shape::arbitrary;
use crate::shape::node::{Node, NodeFields};
use crate::shape::{Primitive, ShapeTree};

/// A shape that a program could have: all names of fields and variants are distinct, and opaque types are known to this crate.
pub(super) fn node() -> impl Strategy<Value = Node> {
    arbitrary::node().prop_map(|mut node| {
        make_plausible(&mut node);
        node
    })
}

/// A shape and a value of it. Omits shapes that have no values, or only values that are too deep or too large.
pub(super) fn value() -> impl Strategy<Value = (ShapeTree, Value)> {
    let choices = prop::collection::vec(any::<u8>(), 0..200);
    (node(), choices).prop_filter_map("no value", |(node, choices)| {
        let value = Choices(choices.into_iter()).value(ShapePosition::root(&node))?;
        Some((ShapeTree::of_node(&node), value))
    })
}

fn make_plausible(node: &mut Node) {
    match node {
        Node::Opaque(name) | Node::Unordered(name) => {
            *name = match name.as_str() {
                "a" => "uuid::Uuid",
                "b" => "chrono::TimeDelta",
                _ => "jiff::Span",
            }
            .to_owned();
        }
        Node::Primitive(_) | Node::Back(_) => {}
        Node::Option(item)
        | Node::List(item)
        | Node::Set(item)
        | Node::OrderedSet(item)
        | Node::Multiset(item)
        | Node::Array(item, _) => make_plausible(item),
        Node::Map(entry) | Node::OrderedMap(entry) => {
            make_plausible(&mut entry.0);
            make_plausible(&mut entry.1);
        }
        Node::Tuple(items) => items.iter_mut().for_each(make_plausible),
        Node::Struct(fields) => make_fields_plausible(fields),
        Node::Enum(variants) => {
            for (i, variant) in variants.iter_mut().enumerate() {
                variant.name = format!("{}{i}", variant.name).into();
                make_fields_plausible(&mut variant.fields);
            }
        }
    }
}

fn make_fields_plausible(fields: &mut NodeFields) {
    match fields {
        NodeFields::Unit => {}
        NodeFields::Newtype(item) => make_plausible(item),
        NodeFields::Tuple(items) => items.iter_mut().for_each(make_plausible),
        NodeFields::Named(fields) => {
            for (i, field) in fields.iter_mut().enumerate() {
                field.name = format!("{}{i}", field.name).into();
                make_plausible(&mut field.shape);
            }
        }
    }
}

/// The random numbers that select a value. When no numbers are left, each decision selects the smallest value.
struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    fn next(&mut self) -> u8 {
        self.0.next().unwrap_or(0)
    }

    /// An integer with a random number of significant bits.
    fn bits(&mut self) -> u128 {
        let mut bits = [0; 16];
        let number = usize::from(self.next()) % 17;
        bits[..number].fill_with(|| self.next());
        let shorter = u128::from_le_bytes(bits);
        if self.next().is_multiple_of(4) { !shorter } else { shorter }
    }

    /// Generates a value; `None` if the shape has no values, or only values that are too deep or too large.
    fn value(&mut self, position: ShapePosition<'_>) -> Option<Value> {
        Some(match position.node {
            Node::Primitive(primitive) => self.primitive(*primitive),
            Node::Option(item) => {
                let is_some = !self.next().is_multiple_of(3);
                let value = if is_some { self.value(position.part(item).ok()?) } else { None };
                Value::Option(value.map(Box::new))
            }
            Node::List(item) | Node::Set(item) | Node::OrderedSet(item) | Node::Multiset(item) => {
                let number = self.next() % 4;
                let position = position.part(item).ok()?;
                Value::List((0..number).map_while(|_| self.value(position)).collect())
            }
            Node::Array(_, number) if *number > 300 => return None,
            Node::Array(item, number) => {
                let position = position.part(item).ok()?;
                Value::List((0..*number).map(|_| self.value(position)).collect::<Option<_>>()?)
            }
            Node::Map(entry) | Node::OrderedMap(entry) => {
                let number = self.next() % 4;
                let (key, value) = (position.part(&entry.0).ok()?, position.part(&entry.1).ok()?);
                let mut entries: Vec<(Value, Value)> = Vec::new();
                for _ in 0..number {
                    let (Some(key), Some(value)) = (self.value(key), self.value(value)) else { break };
                    if !entries.iter().any(|(other, _)| *other == key) {
                        entries.push((key, value));
                    }
                }
                Value::Map(entries)
            }
            Node::Tuple(items) => {
                let items = items.iter().map(|item| self.value(position.part(item).ok()?));
                Value::List(items.collect::<Option<_>>()?)
            }
            Node::Struct(fields) => self.fields(position, fields)?,
            Node::Enum(variants) => {
                let number = usize::from(self.next()).checked_rem(variants.len())?;
                let fields = self.fields(position, &variants[number].fields)?;
                Value::Variant(variants[number].name.clone(), Box::new(fields))
            }
            Node::Opaque(name) | Node::Unordered(name) => match name.as_str() {
                "uuid::Uuid" => Value::Bytes(self.bits().to_le_bytes().to_vec()),
                "chrono::TimeDelta" => {
                    Value::List(vec![self.primitive(Primitive::I64), self.primitive(Primitive::I32)])
                }
                _ => self.primitive(Primitive::String),
            },
            Node::Back(steps) => self.value(position.back(*steps))?,
        })
    }

    fn fields(&mut self, position: ShapePosition<'_>, fields: &NodeFields) -> Option<Value> {
        let enclosing = position.as_enclosing();
        Some(match fields {
            NodeFields::Unit => Value::Unit,
            NodeFields::Newtype(item) => self.value(position.field(item, &enclosing).ok()?)?,
            NodeFields::Tuple(items) => {
                let items = items.iter().map(|item| self.value(position.field(item, &enclosing).ok()?));
                Value::List(items.collect::<Option<_>>()?)
            }
            NodeFields::Named(fields) => {
                let field = |field: &crate::shape::node::NodeField| {
                    Some((field.name.clone(), self.value(position.field(&field.shape, &enclosing).ok()?)?))
                };
                Value::Struct(fields.iter().map(field).collect::<Option<_>>()?)
            }
        })
    }

    fn primitive(&mut self, primitive: Primitive) -> Value {
        match primitive {
            Primitive::Unit => Value::Unit,
            Primitive::Bool => Value::Bool(!self.next().is_multiple_of(2)),
            Primitive::U8 => Value::from(self.bits() as u8),
            Primitive::U16 => Value::from(self.bits() as u16),
            Primitive::U32 => Value::from(self.bits() as u32),
            Primitive::U64 => Value::from(self.bits() as u64),
            Primitive::U128 => Value::from(self.bits()),
            Primitive::I8 => Value::from(self.bits() as i8),
            Primitive::I16 => Value::from(self.bits() as i16),
            Primitive::I32 => Value::from(self.bits() as i32),
            Primitive::I64 => Value::from(self.bits() as i64),
            Primitive::I128 => Value::from(self.bits() as i128),
            Primitive::F32 => Value::F32(f32::from_bits(self.bits() as u32)),
            Primitive::F64 => Value::F64(f64::from_bits(self.bits() as u64)),
            Primitive::Char => Value::Char(char::from_u32(self.bits() as u32 % 0x11_0000).unwrap_or('ß')),
            Primitive::String => {
                let number = self.next() % 5;
                Value::String((0..number).map(|_| char::from(self.next())).collect())
            }
            Primitive::Bytes => {
                let number = self.next() % 5;
                Value::Bytes((0..number).map(|_| self.next()).collect())
            }
        }
    }
}
