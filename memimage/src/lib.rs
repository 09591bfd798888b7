//! stub, being written
mod context;
// Public with the feature `sim` only: the seam for testing one's own models, and for nothing else yet.
#[cfg(feature = "sim")]
pub mod disk;
#[cfg(not(feature = "sim"))]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod disk;
mod error;
mod event;
mod expand;
mod journal;
mod seq;
mod shape;
mod snapshot;
mod submit;
mod sync;

pub use memimage_derive::{Model, Shape, command, commands};

pub use context::Context;
pub use error::{CommandError, Error};
pub use event::{Command, Commands, Event, Model};
pub use seq::{SegmentId, Seq};
pub use shape::{DecodeShapeError, Difference, Fingerprint, Shape, ShapeTree, differences};
pub use submit::Submit;

/// What the macros' expansions name. Not for use by hand, and free to change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::event::{EventType, FromRefusal, row_of};
    pub use crate::expand::{Back, Fallible, Judgement, NotResult, Probe, identity, judged};
    pub use crate::shape::{Descriptor, Enum, Field, Primitive, ShapeRef, Struct, Style, Variant, fingerprint, generic_identity};
    pub use serde;
    pub use std::convert::Infallible;
}
