//! Integers and the ranges of their types.

use crate::shape::Primitive;
use crate::value::Value;
use crate::value::error::ValueError;

/// Whether `primitive` is an integer type. Returns an error if `primitive` is an integer type, but `value` is not an integer in
/// the range of this type.
pub(super) fn is_integer(primitive: Primitive, value: &Value) -> Result<bool, ValueError> {
    match primitive {
        Primitive::U8 => value.integer::<u8>("u8").map(drop),
        Primitive::U16 => value.integer::<u16>("u16").map(drop),
        Primitive::U32 => value.integer::<u32>("u32").map(drop),
        Primitive::U64 => value.integer::<u64>("u64").map(drop),
        Primitive::U128 => value.integer::<u128>("u128").map(drop),
        Primitive::I8 => value.integer::<i8>("i8").map(drop),
        Primitive::I16 => value.integer::<i16>("i16").map(drop),
        Primitive::I32 => value.integer::<i32>("i32").map(drop),
        Primitive::I64 => value.integer::<i64>("i64").map(drop),
        Primitive::I128 => value.integer::<i128>("i128").map(drop),
        _ => return Ok(false),
    }?;
    Ok(true)
}

/// Returns the number in the form in which decoding returns it, or an error if the number is out of range.
pub(super) fn checked(primitive: Primitive, number: Value) -> Result<Value, ValueError> {
    is_integer(primitive, &number)?;
    match (primitive, number) {
        (Primitive::U8 | Primitive::U16 | Primitive::U32 | Primitive::U64 | Primitive::U128, Value::Signed(number)) => {
            Ok(Value::Unsigned(number.unsigned_abs()))
        }
        (_, number) => Ok(number),
    }
}
