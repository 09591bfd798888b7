//! The syntax of shapes, as `memimage shapes` prints them: `option<string>`, `list<{item: string, count: u32}>`.

use std::sync::Arc;

use winnow::ascii::{dec_uint, multispace0};
use winnow::combinator::{alt, cut_err, delimited, fail, opt, preceded, separated, separated_pair, terminated};
use winnow::error::{ContextError, ErrMode};
use winnow::prelude::*;
use winnow::token::take_while;

use crate::admin::tool::syntax::{Input, expected, spaced, text};
use crate::shape::PRIMITIVES;
use crate::shape::node::{Node, NodeField, NodeFields, NodeVariant};

/// How deeply a type may be nested.
const MAX_DEPTH: u32 = 32;

/// A name of a field, a variant or an event: letters, digits and `_`, or a text in quotes.
pub(super) fn name(input: &mut Input<'_>) -> ModalResult<String> {
    let plain = take_while(1.., |next: char| next.is_alphanumeric() || next == '_');
    alt((text, plain.map(str::to_owned))).parse_next(input)
}

/// A shape.
pub(super) fn shape(input: &mut Input<'_>) -> ModalResult<Node> {
    nested(0).context(expected("a type such as u64, string, option<string> or list<u32>")).parse_next(input)
}

fn nested<'a>(depth: u32) -> impl Parser<Input<'a>, Node, ErrMode<ContextError>> {
    move |input: &mut Input<'a>| {
        if depth > MAX_DEPTH {
            return fail.context(expected("a type that is nested less deeply")).parse_next(input);
        }
        let inner = || spaced(nested(depth + 1));
        let one = |input: &mut Input<'a>| delimited(spaced('<'), inner(), spaced('>')).parse_next(input);
        let two = |input: &mut Input<'a>| {
            delimited(spaced('<'), separated_pair(inner(), spaced(','), inner()), spaced('>')).parse_next(input)
        };
        multispace0.parse_next(input)?;
        if input.starts_with('(') {
            let items = terminated(separated(0.., inner(), spaced(',')), opt(spaced(',')));
            let items: Vec<Node> = delimited('(', items, spaced(')')).parse_next(input)?;
            return Ok(match items.is_empty() {
                true => Node::Primitive(PRIMITIVES[0]),
                false => Node::Tuple(items),
            });
        }
        if input.starts_with('{') {
            return fields(depth).map(|fields| Node::Struct(NodeFields::Named(fields))).parse_next(input);
        }
        if opt('[').parse_next(input)?.is_some() {
            let length = preceded(spaced(';'), spaced(dec_uint::<_, u64, _>));
            let array = cut_err((inner(), length, spaced(']')));
            return array.map(|(item, length, _)| Node::Array(Box::new(item), length)).parse_next(input);
        }
        let word = take_while(1.., |next: char| next.is_ascii_alphanumeric() || next == '_').parse_next(input)?;
        if let Some(primitive) = PRIMITIVES.iter().find(|primitive| primitive.to_string() == word) {
            return Ok(Node::Primitive(*primitive));
        }
        match word {
            "option" => one.map(|item| Node::Option(Box::new(item))).parse_next(input),
            "list" => one.map(|item| Node::List(Box::new(item))).parse_next(input),
            "set" => one.map(|item| Node::Set(Box::new(item))).parse_next(input),
            "ordered_set" => one.map(|item| Node::OrderedSet(Box::new(item))).parse_next(input),
            "multiset" => one.map(|item| Node::Multiset(Box::new(item))).parse_next(input),
            "map" => two.map(|entry| Node::Map(Box::new(entry))).parse_next(input),
            "ordered_map" => two.map(|entry| Node::OrderedMap(Box::new(entry))).parse_next(input),
            "back" => delimited('(', dec_uint, ')').map(Node::Back).parse_next(input),
            "struct" => variant_fields(depth).map(Node::Struct).parse_next(input),
            "enum" => {
                let variant = (spaced(name), variant_fields(depth))
                    .map(|(name, fields)| NodeVariant { name: Arc::from(name), fields });
                let variants = delimited(spaced('{'), separated(1.., variant, spaced(',')), spaced('}'));
                cut_err(variants).map(Node::Enum).parse_next(input)
            }
            _ => fail.parse_next(input),
        }
    }
}

fn fields<'a>(depth: u32) -> impl Parser<Input<'a>, Vec<NodeField>, ErrMode<ContextError>> {
    move |input: &mut Input<'a>| {
        let field = separated_pair(spaced(name), spaced(':'), spaced(nested(depth + 1)))
            .map(|(name, shape)| NodeField { name: Arc::from(name), shape });
        delimited(spaced('{'), separated(0.., field, spaced(',')), spaced('}')).parse_next(input)
    }
}

/// The fields of a variant, or of a struct whose fields have no names.
fn variant_fields<'a>(depth: u32) -> impl Parser<Input<'a>, NodeFields, ErrMode<ContextError>> {
    move |input: &mut Input<'a>| {
        if input.starts_with('{') {
            return fields(depth).map(NodeFields::Named).parse_next(input);
        }
        if opt('(').parse_next(input)?.is_none() {
            return Ok(NodeFields::Unit);
        }
        let mut items: Vec<Node> = separated(0.., spaced(nested(depth + 1)), spaced(',')).parse_next(input)?;
        let comma = opt(spaced(',')).parse_next(input)?;
        spaced(')').parse_next(input)?;
        Ok(match (items.len(), comma) {
            (1, None) => NodeFields::Newtype(Box::new(items.remove(0))),
            _ => NodeFields::Tuple(items),
        })
    }
}
