//! Finds the traits of a field's type that serve to compare derived fields. The type needs none of them.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::Serialize;

use crate::event::{EqualFn, Stored, TextFn, equal, text};
use crate::shape::{Descriptor, Shape, ShapeRef};

/// The traits of the type `T`. If `T` implements a trait, the inherent constant takes precedence over the constant of
/// [`NoTraits`].
pub struct FieldProbe<T>(PhantomData<T>);

impl<T: Shape> FieldProbe<T> {
    /// The shape.
    pub const SHAPE: ShapeRef = T::SHAPE;
}

impl<T: Shape + Serialize + 'static> FieldProbe<T> {
    /// The digest and the encoding.
    pub const STORED: Option<Stored> = Stored::of::<T>();
}

impl<T: PartialEq + 'static> FieldProbe<T> {
    /// The comparison.
    pub const EQUAL: Option<EqualFn> = Some(equal::<T>);
}

impl<T: Debug + 'static> FieldProbe<T> {
    /// The text.
    pub const TEXT: Option<TextFn> = Some(text::<T>);
}

/// Implemented for every type.
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
