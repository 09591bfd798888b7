//! Whether an event fulfils a condition.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::condition::{Comparison, Condition, Literal, Operand, Path};
use super::subject::{Subject, unwrapped};
use crate::value::Value;

impl Condition {
    /// Whether an event fulfils this condition. A comparison with a path that the event does not have is false, except `!=`, and `==
    /// none`.
    pub(crate) fn is_met_by(&self, event: &Subject<'_>) -> bool {
        match self {
            Condition::All(conditions) => conditions.iter().all(|condition| condition.is_met_by(event)),
            Condition::Any(conditions) => conditions.iter().any(|condition| condition.is_met_by(event)),
            Condition::Not(condition) => !condition.is_met_by(event),
            Condition::Holds(path) => {
                event.at(path).is_some_and(|value| matches!(unwrapped(&value), Value::Bool(true)))
            }
            Condition::Compare(left, comparison, right) => {
                let (left, right) = (operand(left, event), operand(right, event));
                holds(left.as_deref(), *comparison, right.as_deref())
            }
            Condition::Time(comparison, time) => comparison.accepts(Some(event.time.cmp(time))),
        }
    }

    /// The paths of this condition.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        match self {
            Condition::All(conditions) | Condition::Any(conditions) => {
                conditions.iter().flat_map(Condition::paths).collect()
            }
            Condition::Not(condition) => condition.paths(),
            Condition::Holds(path) => vec![path],
            Condition::Time(..) => vec![],
            Condition::Compare(left, _, right) => [left, right]
                .into_iter()
                .filter_map(|operand| match operand {
                    Operand::Path(path) => Some(path),
                    Operand::Literal(_) => None,
                })
                .collect(),
        }
    }
}

impl Subject<'_> {
    /// Whether the event has a value at a path.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.at(path).is_some()
    }
}

/// The value of an operand; `None` for what is absent, and for an option without a value.
fn operand<'a>(operand: &'a Operand, event: &'a Subject<'_>) -> Option<Cow<'a, Value>> {
    let value = match operand {
        Operand::Path(path) => event.at(path)?,
        Operand::Literal(literal) => Cow::Owned(match literal {
            Literal::None => return None,
            Literal::Bool(value) => Value::Bool(*value),
            Literal::Integer(value) => Value::Signed(*value),
            Literal::Float(value) => Value::F64(*value),
            Literal::Text(value) => Value::String(value.clone()),
        }),
    };
    match unwrapped(&value) {
        Value::Option(None) => None,
        _ => Some(value),
    }
}

fn holds(left: Option<&Value>, comparison: Comparison, right: Option<&Value>) -> bool {
    let (left, right) = match (left, right) {
        (Some(left), Some(right)) => (unwrapped(left), unwrapped(right)),
        (left, right) => {
            let is_equal = left.is_none() && right.is_none();
            return match comparison {
                Comparison::Equal => is_equal,
                Comparison::NotEqual => !is_equal,
                _ => false,
            };
        }
    };
    match comparison {
        Comparison::Contains => contains(left, right),
        _ => comparison.accepts(compare(left, right)),
    }
}

/// The order of two scalars; `None` if they cannot be compared.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (float(left), float(right)) {
        return left.partial_cmp(&right);
    }
    if let (Value::Bool(left), Value::Bool(right)) = (left, right) {
        return Some(left.cmp(right));
    }
    if let (Some(left), Some(right)) = (text(left), text(right)) {
        return Some(left.cmp(&right));
    }
    (left == right).then_some(Ordering::Equal)
}

/// An integer: negative or not, and its absolute value, so that the whole range of u128 and i128 has its order.
fn integer(value: &Value) -> Option<(bool, i128, u128)> {
    match value {
        Value::Unsigned(value) => Some((true, 0, *value)),
        Value::Signed(value) if *value >= 0 => Some((true, 0, value.unsigned_abs())),
        Value::Signed(value) => Some((false, *value, 0)),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::F32(value) => Some((*value).into()),
        Value::F64(value) => Some(*value),
        Value::Unsigned(value) => Some(*value as f64),
        Value::Signed(value) => Some(*value as f64),
        _ => None,
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Char(char) => Some(Cow::Owned(char.to_string())),
        Value::Variant(name, _) => Some(Cow::Borrowed(name)),
        _ => None,
    }
}

fn contains(left: &Value, right: &Value) -> bool {
    match left {
        Value::List(items) => items.iter().any(|item| compare(unwrapped(item), right) == Some(Ordering::Equal)),
        _ => text(left).zip(text(right)).is_some_and(|(left, right)| left.contains(&*right)),
    }
}
