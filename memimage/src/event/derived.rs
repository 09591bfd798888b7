//! Derived fields contain data that the stored fields of a model determine, such as indexes. The journal and the snapshots do
//! not contain the derived fields. A method of the model fills these fields in each loaded state, before events are replayed on
//! that state.

use std::any::Any;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use super::Model;
use crate::digest::{Digest, DigestError, digest};
use crate::panics::panic_message;
use crate::shape::{Shape, ShapeRef, ShapeTree, derived_field};

/// The derived fields of the model `M`, and the method that fills them.
pub struct Derived<M: 'static> {
    /// The name of the method.
    pub method: &'static str,
    /// The method that fills the derived fields.
    pub rebuild: fn(&mut M),
    /// The fields that may differ between a rebuilt state and the stored state: derived fields, and fields that contain derived
    /// fields.
    pub fields: &'static [DerivedField<M>],
}

/// A field that is derived, or that may contain derived fields.
pub struct DerivedField<M> {
    pub(crate) name: &'static str,
    /// Returns the field of a model; `None` if the model is an enum, and its current variant does not have the field.
    value: fn(&M) -> Option<&dyn Any>,
    comparison: Comparison,
}

impl<M> DerivedField<M> {
    /// A field, and the comparison of its values.
    pub const fn new(name: &'static str, value: fn(&M) -> Option<&dyn Any>, comparison: Comparison) -> DerivedField<M> {
        DerivedField { name, value, comparison }
    }

    /// The digest of the field; `None` if the field's type has no digest, or if the current variant of the model does not have
    /// the field.
    pub(crate) fn digest(&self, model: &M) -> Option<Result<Digest, DigestError>> {
        Some((self.comparison.stored?.digest)((self.value)(model)?))
    }

    /// Whether the field is equal in both models; `None` if values of the field's type cannot be compared.
    ///
    /// # Errors
    ///
    /// Returns an error if the `Serialize` of the field's type contradicts the type's `Shape`.
    pub(crate) fn is_same(&self, a: &M, b: &M) -> Result<Option<bool>, DigestError> {
        let (a, b) = match ((self.value)(a), (self.value)(b)) {
            (Some(a), Some(b)) => (a, b),
            (a, b) => return Ok(Some(a.is_none() && b.is_none())),
        };
        match (self.comparison.stored, self.comparison.equal) {
            (Some(stored), _) => Ok(Some((stored.digest)(a)? == (stored.digest)(b)?)),
            (None, Some(equal)) => Ok(Some(equal(a, b))),
            (None, None) => Ok(None),
        }
    }

    /// The shape and the encoding of the field; `None` if the field's type has no encoding, or if the value cannot be encoded.
    pub(crate) fn encoded(&self, model: &M) -> Option<(ShapeTree, Vec<u8>)> {
        let stored = self.comparison.stored?;
        Some((ShapeTree::of(stored.shape), (stored.encode)((self.value)(model)?)?))
    }

    /// The field as text; `None` if the field's type is not `Debug`.
    pub(crate) fn text(&self, model: &M) -> Option<String> {
        Some((self.comparison.text?)((self.value)(model)?))
    }
}

/// Compares two values of one type.
pub(crate) type EqualFn = fn(&dyn Any, &dyn Any) -> bool;

/// Formats a value of one type.
pub(crate) type TextFn = fn(&dyn Any) -> String;

/// The ways in which values of one type can be compared and shown.
#[derive(Clone, Copy)]
pub struct Comparison {
    /// `Some` if the type has no derived fields of its own, so that its shape describes the whole value.
    pub stored: Option<Stored>,
    /// `Some` if the type is `PartialEq`.
    pub equal: Option<EqualFn>,
    /// `Some` if the type is `Debug`.
    pub text: Option<TextFn>,
}

impl Comparison {
    /// Returns the comparison that a stored field needs: `self` if the field contains derived fields; otherwise an empty
    /// comparison, because the digest of the state already covers the field.
    pub const fn of_derived_parts(self, shape: ShapeRef) -> Comparison {
        match derived_field(shape) {
            Some(_) => self,
            None => Comparison { stored: None, equal: None, text: None },
        }
    }
}

/// The digest and the encoding of the values of one type.
#[derive(Clone, Copy)]
pub struct Stored {
    shape: ShapeRef,
    digest: fn(&dyn Any) -> Result<Digest, DigestError>,
    encode: fn(&dyn Any) -> Option<Vec<u8>>,
}

impl Stored {
    /// The digest and the encoding of `T`. `None` if `T` has derived fields, because neither the digest nor the encoding
    /// contains them.
    pub const fn of<T: Shape + Serialize + 'static>() -> Option<Stored> {
        match derived_field(T::SHAPE) {
            Some(_) => None,
            None => Some(Stored {
                shape: T::SHAPE,
                digest: |value| digest(typed::<T>(value)),
                encode: |value| postcard::to_stdvec(typed::<T>(value)).ok(),
            }),
        }
    }
}

/// Compares two values of the type `T`.
pub(crate) fn equal<T: PartialEq + 'static>(a: &dyn Any, b: &dyn Any) -> bool {
    typed::<T>(a) == typed::<T>(b)
}

/// A value of the type `T` as text.
pub(crate) fn text<T: Debug + 'static>(value: &dyn Any) -> String {
    format!("{:#?}", typed::<T>(value))
}

fn typed<T: 'static>(value: &dyn Any) -> &T {
    value.downcast_ref().expect("the derive pairs a field with the comparison of its type")
}

/// Fills the derived fields of a state that was loaded or created.
///
/// # Errors
///
/// Returns an error if the method of the model panics.
pub(crate) fn rebuild_derived<M: Model>(model: &mut M) -> Result<(), String> {
    let Some(Derived { method, rebuild, .. }) = M::DERIVED else { return Ok(()) };
    catch_unwind(AssertUnwindSafe(|| rebuild(model)))
        .map_err(|panic| format!("`{method}`, which rebuilds the derived fields, panicked: {}", panic_message(panic)))
}
