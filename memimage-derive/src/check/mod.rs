//! The rules that hold for what was read. Each is here once, with its message.

mod command;
mod data;
mod determinism;

pub(crate) use self::command::block;
pub(crate) use self::data::{data, model};
