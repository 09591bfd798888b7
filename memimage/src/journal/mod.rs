//! The journal: the record of every command, in segments of frames.

mod ahead;
mod batch;
mod commit;
mod durable;
mod frame;
mod layout;
mod maker;
mod reader;
mod record;
mod repair;
mod scan;
mod segment;
mod source;
mod table;
mod tail;
mod ticket;
mod writer;

pub(crate) use layout::{Layout, rename, sync_dir, unfinished};
