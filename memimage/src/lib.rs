//! stub, being written
mod context;
mod error;
mod event;
mod expand;
mod seq;
mod shape;
mod submit;

pub use memimage_derive::{Model, Shape, command, commands};

pub use context::Context;
pub use error::{CommandError, Error};
pub use event::{Command, Commands, Event, Model};
pub use seq::{SegmentId, Seq};
pub use shape::Shape;
pub use submit::Submit;

/// What the macros' expansions name. Not for use by hand, and free to change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::event::{EventType, FromRefusal, row_of};
    pub use crate::expand::{Back, Fallible, Judgement, NotResult, Probe, assert_model, identity, judged};
    pub use crate::shape::{Descriptor, Enum, Field, Primitive, ShapeRef, Struct, Style, Variant};
    pub use serde;
    pub use std::convert::Infallible;
}
