//! Values as text, for messages.

use std::fmt::Write as _;

use super::Value;

/// A value in one line.
pub(crate) fn one_line(value: &Value) -> String {
    match ValueParts::of(value) {
        Err(scalar) => scalar,
        Ok(ValueParts { open, parts, close }) => {
            let parts: Vec<String> = parts.iter().map(|(label, part)| format!("{label}{}", one_line(part))).collect();
            format!("{open}{}{close}", parts.join(", "))
        }
    }
}

/// Truncates a text that is longer than `length` characters.
pub(crate) fn truncated(mut text: String, length: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(length) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

/// The parts of a value, and the brackets around them.
pub(crate) struct ValueParts<'a> {
    pub(crate) open: String,
    /// The parts, each with its label.
    pub(crate) parts: Vec<(String, &'a Value)>,
    pub(crate) close: &'static str,
}

impl ValueParts<'_> {
    /// Splits a value into its parts. If the value has no parts, returns its text as `Err`.
    pub(crate) fn of(value: &Value) -> Result<ValueParts<'_>, String> {
        Ok(match value {
            Value::Option(Some(value)) => {
                ValueParts { open: "some(".to_owned(), parts: vec![(String::new(), value)], close: ")" }
            }
            Value::List(items) => ValueParts { open: "[".to_owned(), parts: unlabelled(items), close: "]" },
            Value::Map(entries) => {
                let parts = entries.iter().map(|(key, value)| (format!("{}: ", one_line(key)), value)).collect();
                ValueParts { open: "{".to_owned(), parts, close: "}" }
            }
            Value::Struct(fields) => {
                let parts = fields.iter().map(|(name, value)| (format!("{name}: "), value)).collect();
                ValueParts { open: "{".to_owned(), parts, close: "}" }
            }
            Value::Variant(name, value) => match &**value {
                Value::Unit => return Err(name.to_string()),
                Value::Struct(_) => {
                    let ValueParts { parts, .. } = ValueParts::of(value)?;
                    ValueParts { open: format!("{name} {{"), parts, close: "}" }
                }
                Value::List(items) => ValueParts { open: format!("{name}("), parts: unlabelled(items), close: ")" },
                value => ValueParts { open: format!("{name}("), parts: vec![(String::new(), value)], close: ")" },
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
