//! Finds out whether a field's type implements the traits that the library uses to compare derived fields and to format them. A
//! type may implement none of these traits.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::Serialize;

use crate::event::{EqualFn, Stored, TextFn, equal, text};
use crate::shape::{Descriptor, Shape, ShapeRef};

/// Holds one constant for each trait that the type `T` may implement. If `T` implements a trait, the inherent constant takes
/// precedence over the constant of [`NoTraits`].
pub struct FieldProbe<T>(PhantomData<T>);

impl<T: Shape> FieldProbe<T> {
    /// The shape of the type.
    pub const SHAPE: ShapeRef = T::SHAPE;
}

impl<T: Shape + Serialize + 'static> FieldProbe<T> {
    /// The functions that compute the digest and the encoding of a value.
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

/// Provides the constants for a type that lacks the traits. Every [`FieldProbe`] implements this trait.
pub trait NoTraits {
    /// Used for a type that has no shape.
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Opaque(""));
    /// Used for a type that has no shape, or is not `Serialize`.
    const STORED: Option<Stored> = None;
    /// Used for a type that is not `PartialEq`.
    const EQUAL: Option<EqualFn> = None;
    /// Used for a type that is not `Debug`.
    const TEXT: Option<TextFn> = None;
}

impl<T> NoTraits for FieldProbe<T> {}
