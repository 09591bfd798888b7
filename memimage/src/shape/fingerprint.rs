//! A 64-bit fingerprint of a shape, computed at compile time.

use std::fmt;

use super::enclosing::{DANGLING_BACK, Enclosing, recursion_steps, steps_out};
use super::encoding::{self, MAX_DEPTH, MAX_NAME, MAX_NODES};
use super::flat::is_flat;
use super::{Descriptor, ShapeRef, Style, fnv};

/// A 64-bit fingerprint of a shape: equal for types with the same structure and the same field and variant names. Type names do
/// not matter.
///
/// A fingerprint is FNV-1a over the shape's encoding in a journal, finished with MurmurHash3's finalizer, so any program can
/// compute it from a journal. A fingerprint detects mistakes, but does not stop an attacker who searches for two shapes with
/// the same fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Creates a fingerprint from a number that [`to_u64`](Fingerprint::to_u64) returned.
    pub const fn from_u64(number: u64) -> Fingerprint {
        Fingerprint(number)
    }

    /// The fingerprint as a number.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The fingerprint of the shape that is encoded as `bytes`. This function does not check that the bytes encode a shape.
    pub(crate) fn of_encoded(bytes: &[u8]) -> Fingerprint {
        Fingerprint(fnv::finish(fnv::bytes(fnv::START, bytes)))
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
/// Panics if the shape is nested more than 64 levels deep, has more than 65,536 parts, or has a name longer than 1,024 bytes.
/// When a constant calls the function, a panic is a compile error.
pub const fn fingerprint(shape: ShapeRef) -> Fingerprint {
    Fingerprint(fnv::finish(ShapeHasher::of(shape).hash))
}

/// Whether the depth of a type's values may be unlimited: the type contains itself, or contains an opaque type that may contain
/// itself.
///
/// # Panics
///
/// Panics in the same cases as [`fingerprint`].
pub(crate) const fn may_be_deep(shape: ShapeRef) -> bool {
    ShapeHasher::of(shape).may_be_deep
}

/// The name of a derived field in this type or in a type inside it. `None` if there is no such field.
///
/// # Panics
///
/// Panics in the same cases as [`fingerprint`].
pub const fn derived_field(shape: ShapeRef) -> Option<&'static str> {
    ShapeHasher::of(shape).derived
}

/// Hashes the bytes that [`encoding::write`] would write, with one nested call per level of the shape, because the compiler
/// limits the call depth in constants.
struct ShapeHasher {
    hash: u64,
    nodes: u32,
    may_be_deep: bool,
    /// The first derived field. Derived fields are not hashed.
    derived: Option<&'static str>,
}

impl ShapeHasher {
    const fn of(shape: ShapeRef) -> ShapeHasher {
        let mut hasher = ShapeHasher { hash: fnv::START, nodes: 0, may_be_deep: false, derived: None };
        hasher.shape(shape, 0, None);
        hasher
    }

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
            Descriptor::OrderedSet(item) => {
                self.byte(encoding::ORDERED_SET);
                self.shape(item, depth, enclosing);
            }
            Descriptor::Multiset(item) => {
                self.byte(encoding::MULTISET);
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
            Descriptor::Struct(structure) => match recursion_steps(structure.identity, enclosing) {
                Some(steps) => self.back(steps),
                None => {
                    let inside = Enclosing { identity: structure.identity, outer: enclosing };
                    self.derived(structure.derived);
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
            Descriptor::Enum(enumeration) => match recursion_steps(enumeration.identity, enclosing) {
                Some(steps) => self.back(steps),
                None => {
                    let inside = Enclosing { identity: enumeration.identity, outer: enclosing };
                    self.derived(enumeration.derived);
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
                self.may_be_deep |= !is_flat(name);
            }
            Descriptor::Unordered(name) => {
                self.byte(encoding::UNORDERED);
                self.name(name);
                self.may_be_deep = true;
            }
            Descriptor::Back(identity) => match steps_out(identity, enclosing) {
                Some(steps) => self.back(steps),
                None => panic!("{}", DANGLING_BACK),
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

    const fn derived(&mut self, names: &'static [&'static str]) {
        if let (None, [first, ..]) = (self.derived, names) {
            self.derived = Some(first);
        }
    }

    const fn back(&mut self, steps: u32) {
        self.may_be_deep = true;
        self.byte(encoding::BACK);
        self.number(steps as u64);
    }

    const fn name(&mut self, name: &str) {
        assert!(name.len() <= MAX_NAME, "a name in a shape is longer than 1024 bytes");
        self.number(name.len() as u64);
        self.hash = fnv::bytes(self.hash, name.as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::samples::{Chain, Id, Knot, Order, Pair, Shrub, Side, Tree};
    use crate::shape::{Field, Shape, ShapeTree, Struct, generic_identity};

    /// Checks that the compile-time fingerprint equals the fingerprint of the encoded shape, and that decoding restores the
    /// shape.
    macro_rules! of {
        ($type:ty) => {{
            const FINGERPRINT: Fingerprint = fingerprint(<$type>::SHAPE);
            let tree = ShapeTree::of(<$type>::SHAPE);
            assert_eq!(FINGERPRINT, Fingerprint::of_encoded(&tree.encode()));
            assert_eq!(FINGERPRINT, tree.fingerprint());
            assert_eq!(tree, ShapeTree::decode(&tree.encode()).unwrap());
            FINGERPRINT
        }};
    }

    /// Fingerprints are stored in journals, so these fingerprints must never change.
    #[test]
    fn fingerprints_are_frozen() {
        let fingerprints = [
            ("u32", of!(u32)),
            ("Vec<u8>", of!(Vec<u8>)),
            ("Id", of!(Id)),
            ("Side", of!(Side)),
            ("Order", of!(Order)),
            ("Tree", of!(Tree)),
            ("Chain<u8>", of!(Chain<u8>)),
        ];
        let text: String = fingerprints.iter().map(|(name, fingerprint)| format!("{name} {fingerprint}\n")).collect();
        expect_test::expect![[r#"
            u32 a77b22d6ed673fcc
            Vec<u8> 8c17a6ca7108dd01
            Id 70f39f14a1b63208
            Side a3ebe13366fdb337
            Order 8c8612d93d8d8f06
            Tree a110e12375b67739
            Chain<u8> a512b6fc13de3f3d
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn structure_changes_the_fingerprint_and_type_names_do_not() {
        assert_eq!(of!(Tree), of!(Shrub));
        assert_eq!(of!(std::collections::HashMap<u8, u16>), of!(std::collections::BTreeMap<u8, u16>));
        assert_eq!(of!(Box<str>), of!(String));
        let different = [
            of!(u32),
            of!(i32),
            of!((u32,)),
            of!([u32; 1]),
            of!([u32; 2]),
            of!((u32, u32)),
            of!(Id),
            of!(Option<u32>),
            of!(Vec<u32>),
            of!(std::collections::BTreeSet<u32>),
            of!(Pair<u32>),
            of!(Tree),
            of!(Vec<Tree>),
        ];
        let distinct: std::collections::HashSet<_> = different.into_iter().collect();
        assert_eq!(distinct.len(), different.len());
    }

    /// A type with the shape of `Id` and with derived fields.
    struct IndexedId;

    impl Shape for IndexedId {
        const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Struct(Struct {
            identity: generic_identity("IndexedId", 0, 0, 0),
            style: Style::Newtype,
            fields: &[Field { name: "0", shape: u32::SHAPE }],
            derived: &["index", "total"],
        }));
    }

    #[test]
    fn derived_fields_are_found_anywhere_inside_and_do_not_change_the_fingerprint() {
        assert_eq!(of!(IndexedId), of!(Id));
        assert_eq!(derived_field(<Vec<Tree>>::SHAPE), None);
        for shape in [
            IndexedId::SHAPE,
            <Option<IndexedId>>::SHAPE,
            <std::collections::HashMap<IndexedId, u8>>::SHAPE,
            <(u8, [Vec<IndexedId>; 2])>::SHAPE,
            Chain::<Pair<IndexedId>>::SHAPE,
        ] {
            assert_eq!(derived_field(shape), Some("index"));
        }
    }

    #[test]
    fn a_generic_type_inside_itself_is_not_recursive() {
        assert_eq!(ShapeTree::of(Pair::<Pair<u8>>::SHAPE).to_string(), "struct(struct(u8, u8), struct(u8, u8))");
        assert_ne!(of!(Pair<Pair<u8>>), of!(Pair<Pair<u16>>));
        assert_ne!(of!(Pair<Pair<u8>>), of!(Pair<Pair<Pair<u8>>>));
    }

    #[test]
    fn a_back_reference_counts_the_structs_and_enums_to_step_out_of() {
        assert_eq!(ShapeTree::of(Tree::SHAPE).to_string(), "{value: u32, children: list<back(0)>}");
        assert_eq!(ShapeTree::of(Knot::SHAPE).to_string(), "enum {End, More(struct(back(1), back(1)))}");
        assert_eq!(ShapeTree::of(Chain::<u8>::SHAPE).to_string(), "enum {End, Link(u8, back(0))}");
        // The back reference inside the inner chain refers to the inner chain, not to the outer one.
        assert_eq!(
            ShapeTree::of(Chain::<Chain<u8>>::SHAPE).to_string(),
            "enum {End, Link(enum {End, Link(u8, back(0))}, back(0))}"
        );
        assert_eq!(ShapeTree::of(Chain::<Tree>::SHAPE).to_string(), {
            "enum {End, Link({value: u32, children: list<back(0)>}, back(0))}"
        });
        of!(Knot);
        of!(Chain<Chain<Tree>>);
    }

    type Nested4<T> = Option<Option<Option<Option<T>>>>;
    type Nested16<T> = Nested4<Nested4<Nested4<Nested4<T>>>>;

    #[test]
    fn the_compiler_supports_the_maximum_depth() {
        type Nested63 = Nested16<Nested16<Nested16<Nested4<Nested4<Nested4<Option<Option<Option<u8>>>>>>>>>;
        of!(Nested63);
    }

    #[test]
    #[should_panic(expected = "nested too deep")]
    fn a_deeper_shape_panics() {
        fingerprint(Nested16::<Nested16<Nested16<Nested16<u8>>>>::SHAPE);
    }

    #[test]
    #[should_panic(expected = "too large")]
    fn a_larger_shape_panics() {
        type Sixteen<T> = (T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T);
        fingerprint(Sixteen::<Sixteen<Sixteen<Sixteen<u8>>>>::SHAPE);
    }

    #[test]
    #[should_panic(expected = "does not enclose it")]
    fn a_dangling_back_reference_panics() {
        fingerprint(ShapeRef::new(&Descriptor::Back(1)));
    }

    #[test]
    #[should_panic(expected = "a newtype has one field")]
    fn a_style_that_contradicts_its_fields_panics() {
        static DESCRIPTOR: Descriptor = Descriptor::Struct(Struct {
            identity: generic_identity("", 0, 0, 0),
            style: Style::Newtype,
            fields: &[],
            derived: &[],
        });
        fingerprint(ShapeRef::new(&DESCRIPTOR));
    }

    #[test]
    fn names_of_unnamed_fields_do_not_change_the_fingerprint() {
        static DESCRIPTOR: Descriptor = Descriptor::Struct(Struct {
            identity: generic_identity("", 0, 0, 0),
            style: Style::Newtype,
            fields: &[Field { name: "zero", shape: u32::SHAPE }],
            derived: &[],
        });
        assert_eq!(fingerprint(ShapeRef::new(&DESCRIPTOR)), of!(Id));
    }
}
