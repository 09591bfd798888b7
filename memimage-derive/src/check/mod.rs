//! The rules that hold for what was read. Each is here once, with its message.

mod types;
mod determinism;
mod group;
mod history;
mod judge;
mod names;
mod retired;
mod command;
mod block;
mod data;
mod lock;
mod upcaster;

pub(crate) use self::block::block;
pub(crate) use self::data::{data, model};
pub(crate) use self::lock::lock;
pub(crate) use self::types::{is_answer, is_owned};
pub(crate) use self::upcaster::upcaster;
