//! Reads and changes the parts of a value.

use std::sync::Arc;

use super::error::{ValueError, ValueErrorKind, names, shorten};
use super::{FromValue, Value};

type Field = (Arc<str>, Value);

/// Structs: fields by name.
impl Value {
    /// Creates a struct with these fields.
    pub fn of_fields<N: Into<Arc<str>>>(fields: impl IntoIterator<Item = (N, Value)>) -> Value {
        Value::Struct(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Returns a field by its name.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no field with this name, or if this value is not a struct.
    pub fn get(&self, name: &str) -> Result<&Value, ValueError> {
        let fields = self.as_struct()?;
        match fields.iter().find(|(field, _)| **field == *name) {
            Some((_, value)) => Ok(value),
            None => Err(no_field(name, fields)),
        }
    }

    /// Returns a field by its name, for changes in place.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`get`](Value::get).
    pub fn get_mut(&mut self, name: &str) -> Result<&mut Value, ValueError> {
        let fields = self.as_struct_mut()?;
        match position(fields, name) {
            Some(at) => Ok(&mut fields[at].1),
            None => Err(no_field(name, fields)),
        }
    }

    /// Returns a copy of a field as a Rust type: `value.read::<u64>("amount")`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`get`](Value::get), and an error if the field has another type.
    pub fn read<T: FromValue>(&self, name: &str) -> Result<T, ValueError> {
        self.get(name)?.to().map_err(|error| error.within(name))
    }

    /// Removes a field and returns it as a Rust type or as a [`Value`]: `let amount: u64 = value.take("amount")?`.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`read`](Value::read). Removes the field even if the field's value does not convert to `T`.
    pub fn take<T: FromValue>(&mut self, name: &str) -> Result<T, ValueError> {
        let fields = self.as_struct_mut()?;
        match position(fields, name) {
            Some(at) => T::from_value(fields.remove(at).1).map_err(|error| error.within(name)),
            None => Err(no_field(name, fields)),
        }
    }

    /// Sets a field and returns its previous value. Appends the field if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if this value is not a struct.
    pub fn insert(&mut self, name: &str, value: impl Into<Value>) -> Result<Option<Value>, ValueError> {
        let fields = self.as_struct_mut()?;
        match position(fields, name) {
            Some(at) => Ok(Some(std::mem::replace(&mut fields[at].1, value.into()))),
            None => {
                fields.push((name.into(), value.into()));
                Ok(None)
            }
        }
    }

    /// Renames a field.
    ///
    /// # Errors
    ///
    /// Returns an error if no field has the old name, if another field has the new name, or if this value is not a struct.
    pub fn rename(&mut self, old: &str, new: &str) -> Result<(), ValueError> {
        let fields = self.as_struct_mut()?;
        let Some(at) = position(fields, old) else { return Err(no_field(old, fields)) };
        if position(fields, new).is_some_and(|other| other != at) {
            return Err(ValueError::new(ValueErrorKind::FieldExists { name: new.to_owned() }));
        }
        fields[at].0 = new.into();
        Ok(())
    }

    fn as_struct(&self) -> Result<&[Field], ValueError> {
        match self {
            Value::Struct(fields) => Ok(fields),
            _ => Err(ValueError::unexpected("a struct with named fields", self)),
        }
    }

    fn as_struct_mut(&mut self) -> Result<&mut Vec<Field>, ValueError> {
        match self {
            Value::Struct(fields) => Ok(fields),
            _ => Err(ValueError::unexpected("a struct with named fields", self)),
        }
    }
}

fn position(fields: &[Field], name: &str) -> Option<usize> {
    fields.iter().position(|(field, _)| **field == *name)
}

fn no_field(name: &str, fields: &[Field]) -> ValueError {
    ValueError::no_field(name, fields.iter().map(|(name, _)| &**name))
}

/// Values other than structs.
impl Value {
    /// Creates a variant without fields.
    pub fn unit_variant(name: &str) -> Value {
        Value::Variant(name.into(), Box::new(Value::Unit))
    }

    /// Creates a variant with fields: [`Value::of_fields`] for named fields, a `List` for several unnamed fields, or the value
    /// of a single unnamed field.
    pub fn variant(name: &str, fields: impl Into<Value>) -> Value {
        Value::Variant(name.into(), Box::new(fields.into()))
    }

    /// Returns a copy of the value as a Rust type: `value.to::<u64>()`.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type, or is a number out of range.
    pub fn to<T: FromValue>(&self) -> Result<T, ValueError> {
        T::from_value(self.clone())
    }

    /// The value as a bool.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_bool(&self) -> Result<bool, ValueError> {
        match self {
            Value::Bool(value) => Ok(*value),
            _ => Err(ValueError::unexpected("a bool", self)),
        }
    }

    /// The number as a u64. Use [`to`](Value::to) for the other integer types.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is not an integer or is out of range.
    pub fn as_u64(&self) -> Result<u64, ValueError> {
        self.integer("u64")
    }

    /// The number as an i64. Use [`to`](Value::to) for the other integer types.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is not an integer or is out of range.
    pub fn as_i64(&self) -> Result<i64, ValueError> {
        self.integer("i64")
    }

    /// The 32- or 64-bit float as an f64.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_f64(&self) -> Result<f64, ValueError> {
        match self {
            Value::F64(value) => Ok(*value),
            Value::F32(value) => Ok(f64::from(*value)),
            _ => Err(ValueError::unexpected("a float", self)),
        }
    }

    /// The value as a string.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_str(&self) -> Result<&str, ValueError> {
        match self {
            Value::String(text) => Ok(text),
            _ => Err(ValueError::unexpected("a string", self)),
        }
    }

    /// The value as bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type. A `Vec<u8>` is a list.
    pub fn as_bytes(&self) -> Result<&[u8], ValueError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(ValueError::unexpected("bytes", self)),
        }
    }

    /// The value as an option.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_option(&self) -> Result<Option<&Value>, ValueError> {
        match self {
            Value::Option(value) => Ok(value.as_deref()),
            _ => Err(ValueError::unexpected("an option", self)),
        }
    }

    /// The value as an option, for changes in place.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_option_mut(&mut self) -> Result<Option<&mut Value>, ValueError> {
        match self {
            Value::Option(value) => Ok(value.as_deref_mut()),
            _ => Err(ValueError::unexpected("an option", self)),
        }
    }

    /// The items of a list.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_list(&self) -> Result<&[Value], ValueError> {
        match self {
            Value::List(items) => Ok(items),
            _ => Err(ValueError::unexpected("a list", self)),
        }
    }

    /// The items of a list, for changes in place.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_list_mut(&mut self) -> Result<&mut Vec<Value>, ValueError> {
        match self {
            Value::List(items) => Ok(items),
            _ => Err(ValueError::unexpected("a list", self)),
        }
    }

    /// The keys and values of a map.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type; a struct is not a map.
    pub fn as_map(&self) -> Result<&[(Value, Value)], ValueError> {
        match self {
            Value::Map(entries) => Ok(entries),
            _ => Err(ValueError::unexpected("a map", self)),
        }
    }

    /// The keys and values of a map, for changes in place.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type; a struct is not a map.
    pub fn as_map_mut(&mut self) -> Result<&mut Vec<(Value, Value)>, ValueError> {
        match self {
            Value::Map(entries) => Ok(entries),
            _ => Err(ValueError::unexpected("a map", self)),
        }
    }

    /// The name and the fields of a variant.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_variant(&self) -> Result<(&str, &Value), ValueError> {
        match self {
            Value::Variant(name, fields) => Ok((name, fields)),
            _ => Err(ValueError::unexpected("a variant of an enum", self)),
        }
    }

    /// The name of a variant, and its fields for changes in place.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type.
    pub fn as_variant_mut(&mut self) -> Result<(&str, &mut Value), ValueError> {
        match self {
            Value::Variant(name, fields) => Ok((name, fields)),
            _ => Err(ValueError::unexpected("a variant of an enum", self)),
        }
    }

    /// Converts the number to the integer type `T`, whose name is `name`.
    pub(super) fn integer<T: TryFrom<u128> + TryFrom<i128>>(&self, name: &str) -> Result<T, ValueError> {
        let number = match self {
            Value::Unsigned(number) => T::try_from(*number).map_err(|_| number.to_string()),
            Value::Signed(number) => T::try_from(*number).map_err(|_| number.to_string()),
            _ => return Err(ValueError::unexpected(name, self)),
        };
        number.map_err(|number| ValueError::new(ValueErrorKind::OutOfRange { number, expected: name.to_owned() }))
    }

    /// A short description for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Value::Unit => "a unit".to_owned(),
            Value::Bool(value) => format!("the bool {value}"),
            Value::Unsigned(number) => format!("the integer {number}"),
            Value::Signed(number) => format!("the integer {number}"),
            Value::F32(number) => format!("the float {number}"),
            Value::F64(number) => format!("the float {number}"),
            Value::Char(value) => format!("the character {value:?}"),
            Value::String(text) => format!("the string {:?}", shorten(text.chars().take(160).collect())),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Value::Option(None) => "an empty option".to_owned(),
            Value::Option(Some(_)) => "an option with a value".to_owned(),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(entries) => format!("a map of {}", entries.len()),
            Value::Struct(fields) => format!("a struct {{{}}}", names(fields.iter().map(|(name, _)| &**name))),
            Value::Variant(name, _) => format!("the variant `{name}`"),
            Value::Opaque(bytes) => format!("{} bytes of an opaque type", bytes.len()),
        }
    }
}
