//! Shapes as Rust types, to be pasted for a past version of an event.

use std::fmt::Write as _;

use crate::shape::Primitive;
use crate::shape::ShapeTree;
use crate::shape::node::{Node, NodeFields, NodeVariant};

/// The derives of each type.
const DERIVES: &str = "#[derive(Serialize, Deserialize, Shape)]\n";

/// The types of one shape.
#[derive(Default)]
struct Types {
    /// The finished types, the inner ones first.
    text: Vec<String>,
    /// The names of the structs and enums that enclose the current position, the innermost last.
    enclosing: Vec<String>,
}

/// A Rust type named `name` with this shape, and the types of its parts, which get names of their own. The types of a shape are not
/// recorded, only their structure; a type such as a newtype, a `BTreeMap` or a `HashMap` is the likeliest one with this structure.
pub(crate) fn rust_types(name: &str, shape: &ShapeTree) -> String {
    let mut types = Types::default();
    match shape.root() {
        Node::Struct(_) | Node::Enum(_) => {
            types.of(shape.root(), name);
        }
        node => {
            let of = types.of(node, &format!("{name}Value"));
            types.text.push(format!("type {name} = {of};\n"));
        }
    }
    types.text.reverse();
    types.text.join("\n")
}

impl Types {
    /// The type of a node. A struct or an enum gets the name `name`.
    fn of(&mut self, node: &Node, name: &str) -> String {
        match node {
            Node::Primitive(primitive) => primitive_type(*primitive),
            Node::Option(item) => format!("Option<{}>", self.of(item, name)),
            Node::List(item) | Node::Multiset(item) => format!("Vec<{}>", self.of(item, name)),
            Node::Set(item) => format!("BTreeSet<{}>", self.of(item, name)),
            Node::OrderedSet(item) => format!("IndexSet<{}>", self.of(item, name)),
            Node::Map(entry) => self.map("BTreeMap", entry, name),
            Node::OrderedMap(entry) => self.map("IndexMap", entry, name),
            Node::Array(item, number) => format!("[{}; {number}]", self.of(item, name)),
            Node::Tuple(items) => {
                let parts: Vec<String> =
                    items.iter().enumerate().map(|(i, item)| self.of(item, &format!("{name}{i}"))).collect();
                if parts.len() == 1 { format!("({},)", parts[0]) } else { format!("({})", parts.join(", ")) }
            }
            Node::Struct(fields) => self.named(name, |types| {
                let (style, body) = types.fields(fields, name, "pub ", "    ");
                match style {
                    FieldStyle::Named => format!("{DERIVES}pub struct {name} {body}\n"),
                    FieldStyle::Unnamed => format!("{DERIVES}pub struct {name}{body};\n"),
                }
            }),
            Node::Enum(variants) => self.named(name, |types| types.variants(variants, name)),
            Node::Opaque(of) | Node::Unordered(of) => format!("/* {} */ ()", of.replace("*/", "* /")),
            Node::Back(steps) => {
                let at = self.enclosing.len().checked_sub(1 + *steps as usize);
                format!("Box<{}>", at.map_or("Self", |at| &self.enclosing[at]))
            }
        }
    }

    fn map(&mut self, map: &str, entry: &(Node, Node), name: &str) -> String {
        let key = self.of(&entry.0, &format!("{name}Key"));
        format!("{map}<{key}, {}>", self.of(&entry.1, name))
    }

    /// Adds a type, and returns its name.
    fn named(&mut self, name: &str, text: impl FnOnce(&mut Types) -> String) -> String {
        self.enclosing.push(name.to_owned());
        let text = text(self);
        self.enclosing.pop();
        self.text.push(text);
        name.to_owned()
    }

    fn variants(&mut self, variants: &[NodeVariant], name: &str) -> String {
        let mut text = format!("{DERIVES}pub enum {name} {{\n");
        for NodeVariant { name: variant, fields } in variants {
            let (style, body) = self.fields(fields, &format!("{name}{variant}"), "", "        ");
            let space = if style == FieldStyle::Named { " " } else { "" };
            let (rename, variant) = identifier(variant, "    ", upper);
            let _ = writeln!(text, "{rename}    {variant}{space}{body},");
        }
        text + "}\n"
    }

    fn fields(&mut self, fields: &NodeFields, name: &str, visibility: &str, indent: &str) -> (FieldStyle, String) {
        let mut unnamed = |nodes: &[&Node]| {
            let part = |(i, node): (usize, &&Node)| {
                let of = self
                    .of(node, &format!("{name}{}", if nodes.len() == 1 { "Inner".to_owned() } else { i.to_string() }));
                format!("{visibility}{of}")
            };
            let parts: Vec<String> = nodes.iter().enumerate().map(part).collect();
            (FieldStyle::Unnamed, format!("({})", parts.join(", ")))
        };
        match fields {
            NodeFields::Unit => (FieldStyle::Unnamed, String::new()),
            NodeFields::Newtype(inner) => unnamed(&[inner]),
            NodeFields::Tuple(items) => unnamed(&items.iter().collect::<Vec<_>>()),
            NodeFields::Named(fields) => {
                let mut text = "{\n".to_owned();
                for field in fields {
                    let of = self.of(&field.shape, &format!("{name}{}", upper(&field.name)));
                    let (rename, field) = identifier(&field.name, indent, str::to_owned);
                    let _ = writeln!(text, "{rename}{indent}{visibility}{field}: {of},");
                }
                (FieldStyle::Named, text + &indent[4..] + "}")
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldStyle {
    Named,
    Unnamed,
}

/// The identifier for a recorded name, and the attribute for serde if the two differ.
fn identifier(name: &str, indent: &str, form: impl Fn(&str) -> String) -> (String, String) {
    let plain: String = name.chars().map(|next| if next.is_alphanumeric() { next } else { '_' }).collect();
    let plain = if plain.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        plain
    } else {
        format!("_{plain}")
    };
    let identifier = if plain == name { plain } else { form(&plain) };
    let raw = match syn_keyword(&identifier) {
        true => format!("r#{identifier}"),
        false => identifier.clone(),
    };
    match identifier == name {
        true => (String::new(), raw),
        false => (format!("{indent}#[serde(rename = {name:?})]\n"), raw),
    }
}

/// Whether a word is a keyword that can be a raw identifier.
fn syn_keyword(word: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
        "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
        "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    KEYWORDS.contains(&word)
}

/// A name in the form of a type's name: `unit_price` becomes `UnitPrice`.
pub(crate) fn upper(name: &str) -> String {
    let words = name.split(|next: char| !next.is_alphanumeric());
    words
        .flat_map(|word| {
            let mut chars = word.chars();
            chars.next().into_iter().flat_map(char::to_uppercase).chain(chars)
        })
        .collect()
}

/// The type of a primitive: mostly its name.
fn primitive_type(primitive: Primitive) -> String {
    match primitive {
        Primitive::String => "String".to_owned(),
        Primitive::Bytes => "serde_bytes::ByteBuf".to_owned(),
        primitive => primitive.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;
    use crate::shape::samples::Order;

    #[test]
    fn a_struct_with_nested_types() {
        expect_test::expect![[r#"
            #[derive(Serialize, Deserialize, Shape)]
            pub struct OrderV1 {
                pub id: OrderV1Id,
                pub side: OrderV1Side,
                pub memo: Option<String>,
            }

            #[derive(Serialize, Deserialize, Shape)]
            pub enum OrderV1Side {
                Bid,
                Ask(u32),
                Both(u32, u64),
                Limit {
                    price: u64,
                },
            }

            #[derive(Serialize, Deserialize, Shape)]
            pub struct OrderV1Id(pub u32);
        "#]]
        .assert_eq(&rust_types("OrderV1", &ShapeTree::of(Order::SHAPE)));
    }

    #[test]
    fn names_that_are_no_identifiers() {
        assert_eq!(identifier("type", "", str::to_owned), (String::new(), "r#type".to_owned()));
        assert_eq!(identifier("a-b", "", str::to_owned), ("#[serde(rename = \"a-b\")]\n".to_owned(), "a_b".to_owned()));
        assert_eq!(upper("unit_price-x"), "UnitPriceX");
    }
}
