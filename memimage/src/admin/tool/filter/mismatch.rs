//! Comparisons that no event can fulfil, because its values have another type.

use std::fmt;

use super::condition::{Comparison, Condition, Literal, Operand, Path};
use super::subject::{Subject, unwrapped};
use crate::value::Value;

/// A comparison of a path with a literal of another type than the value at the path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mismatch {
    path: Path,
    comparison: Comparison,
    literal: Literal,
    /// The type of the value.
    found: &'static str,
}

/// The comparisons of a condition for which no event had a value of a fitting type so far.
#[derive(Debug)]
pub(crate) struct Mismatches {
    open: Vec<Comparisons>,
}

/// A comparison of a path with a literal, and the type of a value that did not fit.
#[derive(Debug)]
struct Comparisons {
    path: Path,
    comparison: Comparison,
    literal: Literal,
    found: Option<&'static str>,
}

impl Mismatches {
    pub(crate) fn of(condition: &Condition) -> Mismatches {
        let mut open = Vec::new();
        add(condition, &mut open);
        Mismatches { open }
    }

    /// Looks at the values of an event.
    pub(crate) fn look_at(&mut self, event: &Subject<'_>) {
        self.open.retain_mut(|open| {
            let Some(value) = event.at(&open.path) else { return true };
            let value = unwrapped(&value);
            if matches!(value, Value::Option(None)) {
                return true;
            }
            let is_comparable = is_comparable(value, open.comparison, &open.literal);
            open.found = Some(type_of(value));
            !is_comparable
        });
    }

    /// The comparisons for which events had values, but none of a fitting type.
    pub(crate) fn found(self) -> impl Iterator<Item = Mismatch> {
        self.open.into_iter().filter_map(|Comparisons { path, comparison, literal, found }| {
            found.map(|found| Mismatch { path, comparison, literal, found })
        })
    }
}

fn add(condition: &Condition, open: &mut Vec<Comparisons>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().for_each(|condition| add(condition, open));
        }
        Condition::Not(condition) => add(condition, open),
        Condition::Holds(path) => open.push(Comparisons {
            path: path.clone(),
            comparison: Comparison::Equal,
            literal: Literal::Bool(true),
            found: None,
        }),
        Condition::Compare(Operand::Path(path), comparison, Operand::Literal(literal)) => {
            open.push(Comparisons {
                path: path.clone(),
                comparison: *comparison,
                literal: literal.clone(),
                found: None,
            });
        }
        Condition::Compare(Operand::Literal(literal), comparison, Operand::Path(path))
            if *comparison != Comparison::Contains =>
        {
            open.push(Comparisons {
                path: path.clone(),
                comparison: *comparison,
                literal: literal.clone(),
                found: None,
            });
        }
        Condition::Compare(..) | Condition::Time(..) => {}
    }
}

/// Whether the comparison of a value with a literal can be true for some value of this type.
fn is_comparable(value: &Value, comparison: Comparison, literal: &Literal) -> bool {
    if comparison == Comparison::Contains {
        return match value {
            Value::List(items) => items.iter().any(|item| is_comparable(unwrapped(item), Comparison::Equal, literal)),
            Value::String(_) | Value::Char(_) | Value::Variant(..) => matches!(literal, Literal::Text(_)),
            _ => false,
        };
    }
    match literal {
        Literal::None => true,
        Literal::Bool(_) => matches!(value, Value::Bool(_)),
        Literal::Integer(_) | Literal::Float(_) => {
            matches!(value, Value::Unsigned(_) | Value::Signed(_) | Value::F32(_) | Value::F64(_))
        }
        Literal::Text(_) => matches!(value, Value::String(_) | Value::Char(_) | Value::Variant(..)),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "a truth value",
        Value::Unsigned(_) | Value::Signed(_) | Value::F32(_) | Value::F64(_) => "a number",
        Value::String(_) | Value::Char(_) => "a text",
        Value::Variant(..) => "a variant, which is compared as a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Struct(_) => "a record of fields",
        _ => "a value of another type",
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { path, comparison, literal, found } = self;
        write!(f, "`{path}` is {found}, and ")?;
        if *comparison == Comparison::Contains {
            return f.write_str("`contains` looks for a text in a text, or for a value of the same type in a list");
        }
        match literal {
            Literal::Text(text)
                if text.parse::<f64>().is_ok() || ["true", "false", "none"].contains(&text.as_str()) =>
            {
                write!(f, "{text:?} is a text; write {text} without quotes")
            }
            Literal::Text(text) => write!(f, "{text:?} is a text"),
            Literal::Integer(number) => write!(f, "{number} is a number; a text has quotes: \"{number}\""),
            Literal::Float(number) => write!(f, "{number} is a number; a text has quotes: \"{number}\""),
            Literal::Bool(value) => write!(f, "{value} is a truth value"),
            Literal::None => f.write_str("none is no value"),
        }
    }
}
