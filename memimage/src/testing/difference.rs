//! Where two values part, for messages.

use std::fmt::Write as _;

use super::text::{flat, shorten};
use crate::shape::ShapeTree;
use crate::value::Value;

/// The most differences that a message shows.
const MOST: usize = 12;

/// The places where two values of a shape part, a line each, indented: `  accounts[7]: 100 in the first, 200 in the second`.
///
/// `words` say what the two are. The values may be unreadable by their shape, or be equal but for bytes that mean nothing;
/// the line says so then.
pub(super) fn lines(shape: &ShapeTree, a: &[u8], b: &[u8], words: [&str; 2]) -> String {
    let found = match (super::text::value(shape, a), super::text::value(shape, b)) {
        (Some(a), Some(b)) => {
            let mut found = Found { path: String::new(), lines: Vec::new(), words };
            found.compare(&a, &b);
            found.lines
        }
        _ => {
            vec!["where cannot be told: a type that the shape gives by its name only is in the midst of it".to_owned()]
        }
    };
    let more = found.len().saturating_sub(MOST);
    let mut text: String = found.iter().take(MOST).map(|line| format!("\n  {line}")).collect();
    if more > 0 {
        write!(text, "\n  and {more} more").expect("writing to a string does not fail");
    }
    if found.is_empty() {
        text.push_str("\n  in nothing that can be read");
    }
    text
}

struct Found<'a> {
    path: String,
    lines: Vec<String>,
    words: [&'a str; 2],
}

impl Found<'_> {
    fn compare(&mut self, a: &Value, b: &Value) {
        if a == b {
            return;
        }
        match (a, b) {
            (Value::Option(Some(a)), Value::Option(Some(b))) => self.inside("?", |found| found.compare(a, b)),
            (Value::Struct(a), Value::Struct(b)) => {
                for ((name, a), (_, b)) in a.iter().zip(b) {
                    let dot = if self.path.is_empty() { "" } else { "." };
                    self.inside(&format!("{dot}{name}"), |found| found.compare(a, b));
                }
            }
            (Value::Variant(a_name, a), Value::Variant(b_name, b)) if a_name == b_name => {
                self.inside(&format!("::{a_name}"), |found| found.compare(a, b));
            }
            (Value::List(a), Value::List(b)) => {
                for (index, (a, b)) in a.iter().zip(b).enumerate() {
                    self.inside(&format!("[{index}]"), |found| found.compare(a, b));
                }
                let both = a.len().min(b.len());
                self.extra(both, &a[both..], 0);
                self.extra(both, &b[both..], 1);
            }
            (Value::Map(a), Value::Map(b)) => self.entries(a, b),
            _ => {
                let [first, second] = self.words;
                self.push(&format!("{} {first}, {} {second}", flat(a), flat(b)));
            }
        }
    }

    fn extra(&mut self, from: usize, items: &[Value], which: usize) {
        for (index, item) in items.iter().enumerate() {
            let what = format!("{} {} only", flat(item), self.words[which]);
            self.inside(&format!("[{}]", from + index), |found| found.push(&what));
        }
    }

    fn entries(&mut self, a: &[(Value, Value)], b: &[(Value, Value)]) {
        let before = self.lines.len();
        let one_sided = |found: &mut Self, key: &Value, value: &Value, which: usize| {
            let what = format!("{} {} only", flat(value), found.words[which]);
            found.inside(&format!("[{}]", flat(key)), |found| found.push(&what));
        };
        for (key, a) in a {
            match b.iter().find(|(other, _)| other == key) {
                Some((_, b)) => self.inside(&format!("[{}]", flat(key)), |found| found.compare(a, b)),
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

    fn push(&mut self, what: &str) {
        let path = if self.path.is_empty() { "the whole" } else { &self.path };
        self.lines.push(shorten(format!("{path}: {what}")));
    }

    fn inside(&mut self, step: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        compare(self);
        self.path.truncate(length);
    }
}
