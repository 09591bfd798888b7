//! The differences between two values, for messages.

use std::fmt::Write as _;

use super::value_text::{self, one_line, shorten};
use crate::shape::ShapeTree;
use crate::value::Value;

/// The maximum number of differences in a message.
const MAX_DIFFERENCES: usize = 12;

/// The differences between two values of a shape, one indented line each: `  accounts[7]: 100 at first, 200 then`.
///
/// `names` are the names of the two values in the text. If the values do not decode by their shape, or differ only in bytes that
/// are not part of the values, a line says so.
pub(super) fn lines(shape: &ShapeTree, a: &[u8], b: &[u8], names: [&str; 2]) -> String {
    let differences = match (value_text::value(shape, a), value_text::value(shape, b)) {
        (Some(a), Some(b)) => {
            let mut comparison = ValueComparison { path: String::new(), lines: Vec::new(), names };
            comparison.compare(&a, &b);
            comparison.lines
        }
        _ => {
            vec![
                "unknown, because the value contains an opaque type, which the shape describes only by its name"
                    .to_owned(),
            ]
        }
    };
    let more = differences.len().saturating_sub(MAX_DIFFERENCES);
    let mut text: String = differences.iter().take(MAX_DIFFERENCES).map(|line| format!("\n  {line}")).collect();
    if more > 0 {
        write!(text, "\n  and {more} more").expect("writing to a string does not fail");
    }
    if differences.is_empty() {
        text.push_str("\n  only in bytes that are not part of the value");
    }
    text
}

struct ValueComparison<'a> {
    path: String,
    lines: Vec<String>,
    names: [&'a str; 2],
}

impl ValueComparison<'_> {
    fn compare(&mut self, a: &Value, b: &Value) {
        if a == b {
            return;
        }
        match (a, b) {
            (Value::Option(Some(a)), Value::Option(Some(b))) => self.inside("?", |at| at.compare(a, b)),
            (Value::Struct(a), Value::Struct(b)) => {
                for ((name, a), (_, b)) in a.iter().zip(b) {
                    let dot = if self.path.is_empty() { "" } else { "." };
                    self.inside(&format!("{dot}{name}"), |at| at.compare(a, b));
                }
            }
            (Value::Variant(a_name, a), Value::Variant(b_name, b)) if a_name == b_name => {
                self.inside(&format!("::{a_name}"), |at| at.compare(a, b));
            }
            (Value::List(a), Value::List(b)) => {
                for (index, (a, b)) in a.iter().zip(b).enumerate() {
                    self.inside(&format!("[{index}]"), |at| at.compare(a, b));
                }
                let both = a.len().min(b.len());
                self.extra(both, &a[both..], 0);
                self.extra(both, &b[both..], 1);
            }
            (Value::Map(a), Value::Map(b)) => self.entries(a, b),
            _ => {
                let [first, second] = self.names;
                self.push(&format!("{} {first}, {} {second}", one_line(a), one_line(b)));
            }
        }
    }

    fn extra(&mut self, from: usize, items: &[Value], side: usize) {
        for (index, item) in items.iter().enumerate() {
            let text = format!("{} {} only", one_line(item), self.names[side]);
            self.inside(&format!("[{}]", from + index), |at| at.push(&text));
        }
    }

    fn entries(&mut self, a: &[(Value, Value)], b: &[(Value, Value)]) {
        let before = self.lines.len();
        let one_sided = |at: &mut Self, key: &Value, value: &Value, side: usize| {
            let text = format!("{} {} only", one_line(value), at.names[side]);
            at.inside(&format!("[{}]", one_line(key)), |at| at.push(&text));
        };
        for (key, a) in a {
            match b.iter().find(|(other, _)| other == key) {
                Some((_, b)) => self.inside(&format!("[{}]", one_line(key)), |at| at.compare(a, b)),
                None => one_sided(self, key, a, 0),
            }
        }
        for (key, b) in b.iter().filter(|(key, _)| !a.iter().any(|(other, _)| other == key)) {
            one_sided(self, key, b, 1);
        }
        if self.lines.len() == before {
            self.push("the same entries in another order");
        }
    }

    fn push(&mut self, text: &str) {
        let path = if self.path.is_empty() { "the whole value" } else { &self.path };
        self.lines.push(shorten(format!("{path}: {text}")));
    }

    fn inside(&mut self, step: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        compare(self);
        self.path.truncate(length);
    }
}
