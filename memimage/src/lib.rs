//! stub, being written
mod context;
mod digest;
mod error;
mod event;
mod seq;
mod shape;
mod submit;

pub use memimage_derive::{Model, Shape, commands};

pub use context::Context;
pub use digest::{Digest, DigestError, digest};
pub use error::{CommandError, Error};
pub use event::{Command, Commands, Event, Model};
pub use seq::{SegmentId, Seq};
pub use shape::{DecodeShapeError, Difference, Fingerprint, Shape, ShapeTree, differences};
pub use submit::Submit;

/// What the macros' expansions name. Not for use by hand, and free to change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::event::{EventType, FromRefusal, row_of};
    pub use crate::shape::{
        Back, Descriptor, Enum, Field, Primitive, ShapeRef, Struct, Style, Variant, fingerprint, generic_identity,
        identity,
    };
    pub use serde;
    pub use std::convert::Infallible;
}
