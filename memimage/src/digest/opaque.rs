//! The words that state the kind of each value inside an opaque value. The hash absorbs the word for a value's kind before the
//! value's own words, because an opaque value has no known shape. The words for the kinds never change, because digests are
//! stored on disk.
//!
//! | serialized value | words |
//! | --- | --- |
//! | unit, bool, numbers, char, string, bytes | the code of its shape in a journal, then the words of the shape |
//! | none | `20` |
//! | some | `21`, the value |
//! | sequence | `22`, the number of items, the items |
//! | tuple | `23`, the number of parts, the parts |
//! | map | `24`, the number of entries, each key and its value |
//! | struct | `25`, the number of fields, the fields |
//! | newtype struct | `26`, the value |
//! | sequence of a type declared `unordered`, not inside a sequence or map | `22`, the number of items, the sum of the items' hashes |
//! | map of a type declared `unordered` | `24`, the number of entries, the sum of the entries' hashes |
//! | variant | `27`, the variant's index, the number of fields if they are several or named, the fields |

use crate::shape::Primitive;

pub(super) const NONE: u64 = 0x20;
pub(super) const SOME: u64 = 0x21;
pub(super) const SEQUENCE: u64 = 0x22;
pub(super) const TUPLE: u64 = 0x23;
pub(super) const MAP: u64 = 0x24;
pub(super) const STRUCT: u64 = 0x25;
pub(super) const NEWTYPE: u64 = 0x26;
pub(super) const VARIANT: u64 = 0x27;

/// The word that the hash absorbs before a primitive: the byte that encodes the primitive in a shape.
#[inline]
pub(super) fn primitive(primitive: Primitive) -> u64 {
    u64::from(primitive.code())
}
