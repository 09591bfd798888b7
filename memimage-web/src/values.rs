//! Recorded values as text and as HTML, of bounded size.

use std::fmt::{self, Write};

use maud::{Markup, html};
use memimage::Value;

/// The maximum number of parts of a value that a page shows.
const PARTS: usize = 2_000;
/// The maximum number of characters of one text that a page shows.
const TEXT: usize = 4_000;
/// Values that are nested deeper than this begin closed.
const OPEN_DEPTH: usize = 3;

/// The beginning of a value in one line, of at most `length` characters.
pub(crate) fn one_line(value: &Value, length: usize) -> String {
    let mut out = Bounded { text: String::new(), left: length };
    match write_value(&mut out, value) {
        Ok(()) => out.text,
        Err(fmt::Error) => out.text + "…",
    }
}

/// A text that refuses further characters when it is full.
struct Bounded {
    text: String,
    left: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for next in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(next);
        }
        Ok(())
    }
}

fn write_value(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Unit => out.write_str("()"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Unsigned(value) => write!(out, "{value}"),
        Value::Signed(value) => write!(out, "{value}"),
        Value::F32(value) => write!(out, "{value:?}"),
        Value::F64(value) => write!(out, "{value:?}"),
        Value::Char(value) => write!(out, "{value:?}"),
        Value::String(value) => write!(out, "{value:?}"),
        Value::Bytes(bytes) | Value::Opaque(bytes) => {
            out.write_str("x\"")?;
            bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
            out.write_char('"')
        }
        Value::Option(None) => out.write_str("none"),
        Value::Option(Some(value)) => write_value(out, value),
        Value::List(items) => write_parts(out, ["[", "]"], items, write_value),
        Value::Map(entries) => write_parts(out, ["{", "}"], entries, |out, (key, value)| {
            write_value(out, key)?;
            out.write_str(": ")?;
            write_value(out, value)
        }),
        Value::Struct(fields) => write_parts(out, ["{", "}"], fields, |out, (name, value)| {
            write!(out, "{name}: ")?;
            write_value(out, value)
        }),
        Value::Variant(name, value) => {
            out.write_str(name)?;
            match &**value {
                Value::Unit => Ok(()),
                value => {
                    out.write_char(' ')?;
                    write_value(out, value)
                }
            }
        }
    }
}

fn write_parts<W: Write, T>(
    out: &mut W,
    [open, close]: [&str; 2],
    parts: &[T],
    mut write: impl FnMut(&mut W, &T) -> fmt::Result,
) -> fmt::Result {
    out.write_str(open)?;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write(out, part)?;
    }
    out.write_str(close)
}

/// Whether a text, a name of a variant or a number in the value contains `text`, whose letters must be small.
pub(crate) fn contains(value: &Value, text: &str) -> bool {
    let has = |part: &str| part.to_lowercase().contains(text);
    match value {
        Value::String(value) => has(value),
        Value::Option(Some(value)) => contains(value, text),
        Value::List(items) => items.iter().any(|item| contains(item, text)),
        Value::Map(entries) => entries.iter().any(|(key, value)| contains(key, text) || contains(value, text)),
        Value::Struct(fields) => fields.iter().any(|(_, value)| contains(value, text)),
        Value::Variant(name, value) => has(name) || contains(value, text),
        Value::Unit | Value::Option(None) => false,
        Value::Char(value) => has(&value.to_string()),
        scalar => has(&one_line(scalar, usize::MAX)),
    }
}

/// A value as a tree.
pub(crate) fn tree(value: &Value) -> Markup {
    let mut left = PARTS;
    html! { ul.tree { (branch(None, value, 0, &mut left)) } }
}

fn branch(key: Option<&str>, value: &Value, depth: usize, left: &mut usize) -> Markup {
    *left = left.saturating_sub(1);
    let key = html! { @if let Some(key) = key { span.key { (key) } ": " } };
    let parts = parts(value);
    if parts.is_empty() {
        return html! { li { (key) (scalar(value)) } };
    }
    let mut branches = Vec::new();
    for (number, (key, part)) in parts.iter().enumerate() {
        if *left == 0 {
            branches.push(html! { li.hint { (parts.len() - number) " more" } });
            break;
        }
        branches.push(branch(Some(key), part, depth + 1, left));
    }
    html! {
        li {
            details open[depth < OPEN_DEPTH] {
                summary { (key) span.hint { (summary(value, parts.len())) } }
                ul { @for branch in branches { (branch) } }
            }
        }
    }
}

fn scalar(value: &Value) -> Markup {
    let class = match value {
        Value::String(_) | Value::Char(_) => "text",
        Value::Bool(_) | Value::Option(None) | Value::Unit | Value::Variant(..) => "word",
        _ => "number",
    };
    html! { span class=(class) { (one_line(value, TEXT)) } }
}

fn summary(value: &Value, parts: usize) -> String {
    let name = match value {
        Value::Variant(name, _) => format!("{name} "),
        _ => String::new(),
    };
    let noun = match value {
        Value::List(_) => "item",
        Value::Map(_) => "entry",
        _ => "field",
    };
    match (parts, noun) {
        (1, noun) => format!("{name}1 {noun}"),
        (parts, "entry") => format!("{name}{parts} entries"),
        (parts, noun) => format!("{name}{parts} {noun}s"),
    }
}

/// The parts of a value, each with its label; empty for a scalar.
fn parts(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Option(Some(value)) => parts(value),
        Value::List(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (one_line(key, 200), value)).collect(),
        Value::Struct(fields) => fields.iter().map(|(name, value)| (name.to_string(), value)).collect(),
        Value::Variant(_, value) => match &**value {
            Value::Unit => Vec::new(),
            Value::Struct(_) | Value::List(_) | Value::Map(_) => parts(value),
            value => vec![("0".to_owned(), value)],
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut() {
        let value = Value::List((0..1_000_000_u64).map(Value::from).collect());
        assert_eq!(one_line(&value, 10), "[0, 1, 2, …");
        let html = tree(&value).into_string();
        assert!(html.len() < 200_000, "{} bytes", html.len());
        assert!(html.contains("998001 more"), "{}", &html[html.len() - 100..]);
    }

    #[test]
    fn hostile_texts_are_escaped() {
        let script = "<script>alert(1)</script>";
        let value = Value::of_fields([(script, Value::from(script))]);
        let html = tree(&value).into_string();
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn a_part_that_contains_a_text_is_found() {
        let value = Value::of_fields([("memo", Value::from("Rent of May")), ("cents", Value::from(12_345))]);
        assert!(contains(&value, "rent"));
        assert!(contains(&value, "234"));
        assert!(!contains(&value, "memo"));
    }
}
