//! What the macros read, in their own terms: a type with its fields, a block of commands, and an upcaster.

mod block;
mod command;
mod data;
mod history;
mod bound;
mod upcaster;

pub(crate) use self::block::{Block, Method, makes};
pub(crate) use self::bound::Bound;
pub(crate) use self::command::{Argument, Command, Input, Output, is_context, names_context};
pub(crate) use self::data::{Data, Field, Fields, Kind, Style};
pub(crate) use self::history::{Past, Way};
pub(crate) use self::upcaster::{Gives, Upcaster};
