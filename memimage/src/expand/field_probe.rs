//! Finds the traits of a field's type that serve to compare derived fields. The type need not implement any of these traits.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::Serialize;

use crate::event::{EqualFn, Stored, TextFn, equal, text};
use crate::shape::{Descriptor, Shape, ShapeRef};

/// The constants that the traits of the type `T` provide. If `T` implements a trait, the inherent constant takes precedence
/// over the constant of [`NoTraits`].
pub struct FieldProbe<T>(PhantomData<T>);

impl<T: Shape> FieldProbe<T> {
    /// The shape of the type.
    pub const SHAPE: ShapeRef = T::SHAPE;
}

impl<T: Shape + Serialize + 'static> FieldProbe<T> {
    /// Computes the digest and the encoding.
    pub const STORED: Option<Stored> = Stored::of::<T>();
}

impl<T: PartialEq + 'static> FieldProbe<T> {
    /// Compares two values.
    pub const EQUAL: Option<EqualFn> = Some(equal::<T>);
}

impl<T: Debug + 'static> FieldProbe<T> {
    /// Formats a value with `Debug`.
    pub const TEXT: Option<TextFn> = Some(text::<T>);
}

/// The constants for a type without the traits. Implemented for every [`FieldProbe`].
pub trait NoTraits {
    /// The type has no shape.
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Opaque(""));
    /// The type has no shape, or is not `Serialize`.
    const STORED: Option<Stored> = None;
    /// The type is not `PartialEq`.
    const EQUAL: Option<EqualFn> = None;
    /// The type is not `Debug`.
    const TEXT: Option<TextFn> = None;
}

impl<T> NoTraits for FieldProbe<T> {}
