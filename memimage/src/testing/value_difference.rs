//! The differences between two values, for messages.

use std::fmt::Write as _;

use super::value_text::{self, one_line, shorten};
use crate::shape::ShapeTree;
use crate::value::Value;

/// The maximum number of differences in a message.
const MAX_DIFFERENCES: usize = 12;

/// Like [`lines_at`], for values that have no name.
pub(super) fn lines(shape: &ShapeTree, a: &[u8], b: &[u8], names: [&str; 2]) -> String {
    lines_at("", shape, a, b, names)
}

/// The differences between two values of a shape, one indented line each: `  accounts[7]: 100 at first, 200 then`. The paths
/// begin with `root`.
///
/// `names` holds the names that the text gives to the two values. If the values do not decode by their shape, or differ only in
/// bytes that are not part of the values, one line says so.
pub(super) fn lines_at(root: &str, shape: &ShapeTree, a: &[u8], b: &[u8], names: [&str; 2]) -> String {
    let differences = match (value_text::value(shape, a), value_text::value(shape, b)) {
        (Some(a), Some(b)) => {
            let mut comparison = ValueComparison { path: root.to_owned(), lines: Vec::new(), names };
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

/// The first difference between two values that were formatted as `{:#?}`, as an indented line. The two texts must differ.
pub(super) fn line_of_texts(root: &str, a: &str, b: &str, names: [&str; 2]) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.lines().collect(), b.lines().collect());
    let first = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let line = |lines: &[&str]| lines.get(first).map_or("nothing", |line| line.trim().trim_end_matches(',')).to_owned();
    let [before, after] = names;
    let text = shorten(format!("{root}{}: {} {before}, {} {after}", parts(&a[..first]), line(&a), line(&b)));
    format!("\n  {text}")
}

/// The path of the fields whose bracket is still open after these lines of `{:#?}` output.
fn parts(lines: &[&str]) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut open: Vec<&str> = Vec::new();
    for line in lines {
        while open.last().is_some_and(|last| indent(last) >= indent(line)) {
            open.pop();
        }
        open.push(line);
    }
    let names = open.iter().filter(|line| line.ends_with(['{', '[', '('])).filter_map(|line| line.split_once(": "));
    names.map(|(name, _)| format!(".{}", name.trim())).collect()
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
