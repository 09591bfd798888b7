//! The parsed input of the macros: a type with its fields, a block of commands, an upcaster, and a projection.

mod context;
mod bound;
mod method;
mod impl_block;
mod command;
mod history;
mod block;
mod data;
mod model_field;
mod upcaster;
mod projection;

pub(crate) use self::block::{Block, makes};
pub(crate) use self::bound::Bound;
pub(crate) use self::command::{Argument, Command, Input, Output};
pub(crate) use self::context::{names_context, referred};
pub(crate) use self::data::{Data, DataKind, Field, Fields, Style};
pub(crate) use self::history::{EventHistory, PastForm, PastVersion};
pub(crate) use self::method::Method;
pub(crate) use self::model_field::ModelField;
pub(crate) use self::projection::{Handler, Projection, borrowed};
pub(crate) use self::upcaster::{Upcaster, UpcasterOutput};

use self::command::last_segment;
