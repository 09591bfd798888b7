//! The rules for the parsed input. This folder defines each rule once, together with its message.

mod types;
mod nondeterministic;
mod determinism;
mod group;
mod history;
mod check_method;
mod names;
mod retired;
mod command;
mod block;
mod module;
mod data;
mod lock;
mod upcaster;
mod projection;

pub(crate) use self::block::block;
pub(crate) use self::data::{data, model};
pub(crate) use self::lock::lock;
pub(crate) use self::module::module;
pub(crate) use self::projection::projection;
pub(crate) use self::types::{is_answer, is_owned};
pub(crate) use self::upcaster::upcaster;
