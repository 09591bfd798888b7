//! A shape in 64 bits, computed by the compiler.

use std::fmt;

use super::encoding::{self, MAX_DEPTH, MAX_NAME, MAX_NODES};
use super::node::{Enclosing, returns, steps_out};
use super::{Descriptor, ShapeRef, Style, fnv};

/// A shape in 64 bits: equal for types of the same structure and names, whatever the types are called.
///
/// It is FNV-1a over the shape as a journal writes it, finished with MurmurHash3's last step, so it can be computed from
/// a journal by anyone. It protects against mistakes, not against someone who looks for two shapes that share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint that was written as this number.
    pub const fn from_u64(number: u64) -> Fingerprint {
        Fingerprint(number)
    }

    /// The number to write.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The fingerprint of the shape that is encoded as `bytes`; whether they are a shape is not looked at.
    pub(crate) fn of_encoded(bytes: &[u8]) -> Fingerprint {
        Fingerprint(fnv::finish(bytes.iter().fold(fnv::START, |hash, &byte| fnv::byte(hash, byte))))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The fingerprint of a type's shape.
///
/// # Panics
///
/// If the shape is nested more than 64 deep, has more than 65,536 parts or a name of more than 1,024 bytes; in a constant
/// that is a compile error.
pub const fn fingerprint(shape: ShapeRef) -> Fingerprint {
    let mut walk = Walk { hash: fnv::START, nodes: 0 };
    walk.shape(shape, 0, None);
    Fingerprint(fnv::finish(walk.hash))
}

pub(super) const LOST_BACK: &str = "a shape goes back to a type that is not around it";

/// Hashes what [`encoding::write`] would write. One call a level, since the compiler limits how deep a constant may call.
struct Walk {
    hash: u64,
    nodes: u32,
}

impl Walk {
    const fn shape(&mut self, shape: ShapeRef, depth: u32, enclosing: Option<&Enclosing<'_>>) {
        assert!(depth < MAX_DEPTH, "a type's shape is nested too deep: more than 64 levels");
        self.count();
        let depth = depth + 1;
        match *shape.get() {
            Descriptor::Primitive(primitive) => self.byte(primitive.code()),
            Descriptor::Option(item) => {
                self.byte(encoding::OPTION);
                self.shape(item, depth, enclosing);
            }
            Descriptor::List(item) => {
                self.byte(encoding::LIST);
                self.shape(item, depth, enclosing);
            }
            Descriptor::Set(item) => {
                self.byte(encoding::SET);
                self.shape(item, depth, enclosing);
            }
            Descriptor::Map(key, value) => {
                self.byte(encoding::MAP);
                self.shape(key, depth, enclosing);
                self.shape(value, depth, enclosing);
            }
            Descriptor::OrderedMap(key, value) => {
                self.byte(encoding::ORDERED_MAP);
                self.shape(key, depth, enclosing);
                self.shape(value, depth, enclosing);
            }
            Descriptor::Array(item, length) => {
                self.byte(encoding::ARRAY);
                self.number(length as u64);
                self.shape(item, depth, enclosing);
            }
            Descriptor::Tuple(items) => {
                self.byte(encoding::TUPLE);
                self.number(items.len() as u64);
                let mut i = 0;
                while i < items.len() {
                    self.shape(items[i], depth, enclosing);
                    i += 1;
                }
            }
            Descriptor::Struct(structure) => match returns(structure.identity, enclosing) {
                Some(steps) => self.back(steps),
                None => {
                    let inside = Enclosing { identity: structure.identity, outer: enclosing };
                    self.byte(encoding::STRUCT);
                    self.fields(structure.style, structure.fields.len());
                    let mut i = 0;
                    while i < structure.fields.len() {
                        self.field_name(structure.style, structure.fields[i].name);
                        self.shape(structure.fields[i].shape, depth, Some(&inside));
                        i += 1;
                    }
                }
            },
            Descriptor::Enum(enumeration) => match returns(enumeration.identity, enclosing) {
                Some(steps) => self.back(steps),
                None => {
                    let inside = Enclosing { identity: enumeration.identity, outer: enclosing };
                    self.byte(encoding::ENUM);
                    self.number(enumeration.variants.len() as u64);
                    let mut v = 0;
                    while v < enumeration.variants.len() {
                        let variant = &enumeration.variants[v];
                        self.count();
                        self.name(variant.name);
                        self.fields(variant.style, variant.fields.len());
                        let mut i = 0;
                        while i < variant.fields.len() {
                            self.field_name(variant.style, variant.fields[i].name);
                            self.shape(variant.fields[i].shape, depth, Some(&inside));
                            i += 1;
                        }
                        v += 1;
                    }
                }
            },
            Descriptor::Opaque(name) => {
                self.byte(encoding::OPAQUE);
                self.name(name);
            }
            Descriptor::Back(identity) => match steps_out(identity, enclosing) {
                Some(steps) => self.back(steps),
                None => panic!("{}", LOST_BACK),
            },
        }
    }

    const fn fields(&mut self, style: Style, length: usize) {
        self.byte(encoding::style(style));
        match style {
            Style::Unit => assert!(length == 0, "a unit struct or variant has no fields"),
            Style::Newtype => assert!(length == 1, "a newtype has one field"),
            Style::Tuple | Style::Named => self.number(length as u64),
        }
    }

    const fn field_name(&mut self, style: Style, name: &str) {
        if let Style::Named = style {
            self.name(name);
        }
    }

    const fn back(&mut self, steps: u32) {
        self.byte(encoding::BACK);
        self.number(steps as u64);
    }

    const fn name(&mut self, name: &str) {
        assert!(name.len() <= MAX_NAME, "a name in a shape is longer than 1024 bytes");
        self.number(name.len() as u64);
        let bytes = name.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    const fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    const fn byte(&mut self, byte: u8) {
        self.hash = fnv::byte(self.hash, byte);
    }

    const fn count(&mut self) {
        self.nodes += 1;
        assert!(self.nodes <= MAX_NODES, "a type's shape is too large: more than 65536 parts");
    }
}
