//! Names of git's objects: hashes of their contents.

use std::fmt;

use memimage::Shape;
use serde::{Deserialize, Serialize, Serializer};

/// The hash of an object, by the algorithm of its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Shape)]
pub(crate) enum ObjectId {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl ObjectId {
    /// Reads the bytes of a hash, whose number tells the algorithm.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<ObjectId> {
        let sha1 = bytes.try_into().map(ObjectId::Sha1);
        sha1.or_else(|_| bytes.try_into().map(ObjectId::Sha256)).ok()
    }

    /// Reads a complete hash in hexadecimal digits.
    pub(crate) fn from_hex(digits: &[u8]) -> Option<ObjectId> {
        let (pairs, []) = digits.as_chunks() else { return None };
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect();
        ObjectId::from_bytes(&bytes?)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            ObjectId::Sha1(bytes) => bytes,
            ObjectId::Sha256(bytes) => bytes,
        }
    }

    /// Whether the hash begins with these hexadecimal digits.
    pub(crate) fn begins_with(&self, digits: &[u8]) -> bool {
        let own = self.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.len() <= 2 * self.as_bytes().len()
            && digits.iter().zip(own).all(|(digit, own)| nibble(*digit) == Some(own))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// In hexadecimal digits; `{:.10}` gives the first ten.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        f.pad(&digits)
    }
}

/// Like the derived one; for people, in hexadecimal digits.
impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            id if serializer.is_human_readable() => serializer.collect_str(id),
            ObjectId::Sha1(bytes) => serializer.serialize_newtype_variant("ObjectId", 0, "Sha1", bytes),
            ObjectId::Sha256(bytes) => serializer.serialize_newtype_variant("ObjectId", 1, "Sha256", bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_as_it_was_read() {
        for digits in ["0123456789abcdef0123456789abcdef01234567", &"9f".repeat(32)] {
            let id = ObjectId::from_hex(digits.as_bytes()).unwrap();
            assert_eq!(id.to_string(), digits);
            assert_eq!(ObjectId::from_hex(digits.to_uppercase().as_bytes()), Some(id));
            assert_eq!(ObjectId::from_bytes(id.as_bytes()), Some(id));
            assert_eq!(format!("{id:.5}"), digits[..5]);
        }
    }

    #[test]
    fn other_texts_are_not_hashes() {
        for text in ["", "0", "01", &"0".repeat(39), &"0".repeat(41), &"g".repeat(40), &"0".repeat(63)] {
            assert_eq!(ObjectId::from_hex(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_hash_begins_with_an_even_or_odd_number_of_its_digits() {
        let id = ObjectId::from_hex(&b"ab".repeat(20)).unwrap();
        for digits in ["", "a", "ab", "aBa", &"ab".repeat(20)] {
            assert!(id.begins_with(digits.as_bytes()), "{digits}");
        }
        for digits in ["b", "abb", "abg", &"ab".repeat(21)] {
            assert!(!id.begins_with(digits.as_bytes()), "{digits}");
        }
    }
}
