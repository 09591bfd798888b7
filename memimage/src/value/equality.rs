//! Equality of values.

use super::Value;

/// See [`Value`]: numbers compare by value, floats by bits, and structs regardless of the order of their fields.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Unit, Value::Unit) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Unsigned(a), Value::Unsigned(b)) => a == b,
            (Value::Signed(a), Value::Signed(b)) => a == b,
            (Value::Unsigned(a), Value::Signed(b)) | (Value::Signed(b), Value::Unsigned(a)) => {
                u128::try_from(*b).is_ok_and(|b| b == *a)
            }
            (Value::F32(a), Value::F32(b)) => a.to_bits() == b.to_bits(),
            (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
            (Value::Char(a), Value::Char(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) | (Value::Opaque(a), Value::Opaque(b)) => a == b,
            (Value::Option(a), Value::Option(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            (Value::Struct(a), Value::Struct(b)) => {
                let is_in_b = |(i, field): (usize, &_)| b.get(i) == Some(field) || b.contains(field);
                a.len() == b.len() && a.iter().enumerate().all(is_in_b)
            }
            (Value::Variant(a, a_fields), Value::Variant(b, b_fields)) => a == b && a_fields == b_fields,
            _ => false,
        }
    }
}

impl Eq for Value {}
