//! The rules that hold for what was read. Each is here once, with its message.

mod block;
mod command;
mod data;
mod determinism;
mod group;
mod history;
mod judge;
mod lock;
mod module;
mod names;
mod nondeterministic;
mod types;
mod upcaster;

pub(crate) use self::block::block;
pub(crate) use self::data::{data, model};
pub(crate) use self::lock::lock;
pub(crate) use self::module::module;
pub(crate) use self::types::{is_answer, is_owned};
pub(crate) use self::upcaster::upcaster;
