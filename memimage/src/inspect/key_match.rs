//! Finds the key of a map's entry by its text, without writing the texts of the other keys.

use std::fmt::{self, Display, Write as _};

use serde::ser::{Impossible, Serialize, Serializer};

use super::key_text::write_key;
use super::visitor::Stop;

/// The key with a given text.
pub(super) struct WantedKey<'t> {
    text: &'t str,
    /// The number that is written as this text, if there is one: each integer has one text.
    unsigned: Option<u128>,
    signed: Option<i128>,
}

impl<'t> WantedKey<'t> {
    pub(super) fn new(text: &'t str) -> WantedKey<'t> {
        let unsigned = text.parse().ok().filter(|number: &u128| number.to_string() == text);
        let signed = text.parse().ok().filter(|number: &i128| number.to_string() == text);
        WantedKey { text, unsigned, signed }
    }

    /// Whether `key` has the text, as [`write_key`] writes it. If so, `text` holds it afterwards.
    pub(super) fn is<T: Serialize + ?Sized>(&self, key: &T, text: &mut String) -> Result<bool, Stop> {
        match key.serialize(KeyMatch(self)) {
            Ok(true) => {
                text.push_str(self.text);
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(Undecided) => {
                write_key(text, key)?;
                Ok(text == self.text)
            }
        }
    }
}

/// Compares a key without parts with the wanted one.
struct KeyMatch<'k>(&'k WantedKey<'k>);

/// The key must be written to compare it: it has parts, or is of a rare kind.
#[derive(Debug)]
struct Undecided;

impl Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key is not compared before it is written")
    }
}

impl std::error::Error for Undecided {}

impl serde::ser::Error for Undecided {
    fn custom<T: Display>(_: T) -> Undecided {
        Undecided
    }
}

/// The rest of a text that is compared piece by piece.
struct Rest<'t>(&'t str);

impl fmt::Write for Rest<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(piece).ok_or(fmt::Error)?;
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident($type:ty) => $field:ident;)+) => {$(
        fn $method(self, number: $type) -> Result<bool, Undecided> {
            Ok(self.0.$field == Some(number.into()))
        }
    )+};
}

macro_rules! undecided {
    ($($method:ident($($argument:ty),*) -> $result:ty;)+) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$result, Undecided> {
            Err(Undecided)
        }
    )+};
}

type NoParts = Impossible<bool, Undecided>;

impl Serializer for KeyMatch<'_> {
    type Ok = bool;
    type Error = Undecided;
    type SerializeSeq = NoParts;
    type SerializeTuple = NoParts;
    type SerializeTupleStruct = NoParts;
    type SerializeTupleVariant = NoParts;
    type SerializeMap = NoParts;
    type SerializeStruct = NoParts;
    type SerializeStructVariant = NoParts;

    numbers! {
        serialize_i8(i8) => signed;
        serialize_i16(i16) => signed;
        serialize_i32(i32) => signed;
        serialize_i64(i64) => signed;
        serialize_i128(i128) => signed;
        serialize_u8(u8) => unsigned;
        serialize_u16(u16) => unsigned;
        serialize_u32(u32) => unsigned;
        serialize_u64(u64) => unsigned;
        serialize_u128(u128) => unsigned;
    }

    undecided! {
        serialize_f32(f32) -> bool;
        serialize_f64(f64) -> bool;
        serialize_bool(bool) -> bool;
        serialize_bytes(&[u8]) -> bool;
        serialize_none() -> bool;
        serialize_unit() -> bool;
        serialize_unit_struct(&'static str) -> bool;
        serialize_seq(Option<usize>) -> NoParts;
        serialize_tuple(usize) -> NoParts;
        serialize_tuple_struct(&'static str, usize) -> NoParts;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> NoParts;
        serialize_map(Option<usize>) -> NoParts;
        serialize_struct(&'static str, usize) -> NoParts;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> NoParts;
    }

    fn serialize_char(self, key: char) -> Result<bool, Undecided> {
        Ok(self.0.text.strip_prefix(key) == Some(""))
    }

    fn serialize_str(self, key: &str) -> Result<bool, Undecided> {
        Ok(key == self.0.text)
    }

    fn collect_str<T: Display + ?Sized>(self, key: &T) -> Result<bool, Undecided> {
        let mut rest = Rest(self.0.text);
        Ok(write!(rest, "{key}").is_ok() && rest.0.is_empty())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<bool, Undecided> {
        Ok(variant == self.0.text)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<bool, Undecided> {
        Err(Undecided)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<bool, Undecided> {
        key.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, key: &T) -> Result<bool, Undecided> {
        key.serialize(self)
    }
}
