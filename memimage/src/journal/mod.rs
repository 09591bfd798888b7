//! The journal: the record of every command, in segments of frames.

mod ahead;
mod batch;
mod commit;
mod create;
mod durability;
mod durable;
#[cfg(all(test, shuttle))]
mod explored;
mod frame;
mod genesis;
mod layout;
mod live;
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

pub use durability::Durability;

pub(crate) use ahead::{Ahead, Ready};
pub(crate) use batch::{NoRoom, Open, Place, Plan};
pub(crate) use commit::Caps;
pub(crate) use create::create;
pub(crate) use durable::{BLOCK, DurableBlock};
pub(crate) use frame::{Frame, FrameKind, Salts};
pub(crate) use genesis::{DigestMark, Genesis};
pub(crate) use layout::{Layout, Survey, rename, sync_dir, unfinished};
pub(crate) use live::Journal;
pub(crate) use maker::Maker;
pub(crate) use record::{EventId, Record, read as records};
pub(crate) use repair::{quarantine, write_again};
pub(crate) use scan::{End, Scan};
pub(crate) use segment::{Identity, MAX_SEGMENT, MIN_SEGMENT, SEGMENT_HEADER};
pub(crate) use source::Source;
pub(crate) use table::Dispatch;
pub(crate) use ticket::Ticket;
pub(crate) use writer::{End as WriterEnd, Writer};
