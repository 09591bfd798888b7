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
mod segment;
mod tail;
mod ticket;
mod writer;
