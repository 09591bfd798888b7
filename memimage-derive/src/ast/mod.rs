//! What the macros read, in their own terms: a type with its fields, and a block of commands.

mod block;
mod command;
mod data;

pub(crate) use self::block::{Block, Method, makes};
pub(crate) use self::command::{Command, Input, Output, is_context, names_context};
pub(crate) use self::data::{Data, Field, Fields, Kind, Style};
