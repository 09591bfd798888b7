//! Sample types for the tests, with the shapes that the derive would generate.

use serde::{Deserialize, Serialize};

use super::*;

/// Implements `Shape` for a type without parameters, with one static, which may refer to itself.
macro_rules! without_parameters {
    ($type:ident, $descriptor:expr) => {
        impl Shape for $type {
            const SHAPE: ShapeRef = {
                static DESCRIPTOR: Descriptor = $descriptor;
                ShapeRef::new(&DESCRIPTOR)
            };
        }
    };
}

/// Creates a list of fields from their names and types.
macro_rules! fields {
    ($($name:literal: $type:ty),* $(,)?) => {
        &[$($crate::shape::Field { name: $name, shape: <$type as $crate::shape::Shape>::SHAPE }),*]
    };
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Id(pub(crate) u32);

without_parameters!(
    Id,
    Descriptor::Struct(Struct {
        identity: identity("Id", 0, 0, 0),
        style: Style::Newtype,
        fields: fields!("0": u32),
        derived: &[]
    })
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Side {
    Bid,
    Ask(u32),
    Both(u32, u64),
    Limit { price: u64 },
}

without_parameters!(
    Side,
    Descriptor::Enum(Enum {
        identity: identity("Side", 0, 0, 0),
        variants: &[
            Variant { name: "Bid", style: Style::Unit, fields: &[] },
            Variant { name: "Ask", style: Style::Newtype, fields: fields!("0": u32) },
            Variant { name: "Both", style: Style::Tuple, fields: fields!("0": u32, "1": u64) },
            Variant { name: "Limit", style: Style::Named, fields: fields!("price": u64) },
        ],
        derived: &[],
    })
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: Id,
    pub(crate) side: Side,
    pub(crate) memo: Option<String>,
}

without_parameters!(
    Order,
    Descriptor::Struct(Struct {
        identity: identity("Order", 0, 0, 0),
        style: Style::Named,
        fields: fields!("id": Id, "side": Side, "memo": Option<String>),
        derived: &[],
    })
);

/// A recursive type without parameters: its descriptor refers to itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) value: u32,
    pub(crate) children: Vec<Tree>,
}

without_parameters!(
    Tree,
    Descriptor::Struct(Struct {
        identity: identity("Tree", 0, 0, 0),
        style: Style::Named,
        fields: fields!("value": u32, "children": Vec<Tree>),
        derived: &[],
    })
);

/// The same structure as [`Tree`] under another name.
#[derive(Serialize)]
pub(crate) struct Shrub {
    pub(crate) value: u32,
    pub(crate) children: Vec<Shrub>,
}

without_parameters!(
    Shrub,
    Descriptor::Struct(Struct {
        identity: identity("Shrub", 0, 0, 0),
        style: Style::Named,
        fields: fields!("value": u32, "children": Vec<Shrub>),
        derived: &[],
    })
);

/// A type with a parameter. There is one descriptor for each type argument, and all these descriptors have the same identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair<T>(pub(crate) T, pub(crate) T);

impl<T: Shape> Shape for Pair<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Struct(Struct {
        identity: generic_identity("Pair", 0, 0, 0),
        style: Style::Tuple,
        fields: fields!("0": T, "1": T),
        derived: &[],
    }));
}

/// A type that is recursive through a type with a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Knot {
    End,
    More(Box<Pair<Knot>>),
}

without_parameters!(
    Knot,
    Descriptor::Enum(Enum {
        identity: identity("Knot", 0, 0, 0),
        variants: &[
            Variant { name: "End", style: Style::Unit, fields: &[] },
            Variant { name: "More", style: Style::Newtype, fields: fields!("0": Box<Pair<Knot>>) },
        ],
        derived: &[],
    })
);

/// A recursive type with a parameter, with the shape that `#[shape(recursive)]` generates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Chain<T> {
    End,
    Link(T, Box<Chain<T>>),
}

impl<T: Shape> Shape for Chain<T> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Enum(Enum {
        identity: generic_identity("Chain", 0, 0, 0),
        variants: &[
            Variant { name: "End", style: Style::Unit, fields: &[] },
            Variant {
                name: "Link",
                style: Style::Tuple,
                fields: fields!("0": T, "1": Box<Back<{ generic_identity("Chain", 0, 0, 0) }>>),
            },
        ],
        derived: &[],
    }));
}
