//! The journal: the record of every command, in segments of frames.
//!
//! From bytes to a running journal, each using only those before it:
//!
//! 1. bytes, without I/O: `zeros`, `whitening`, `chosen` (bytes for a checksum), `cover` (checksum, cipher and chain of a
//!    frame), `frame`, `segment` (the header of one), `record` (one event in a frame), `search` (for frames), `tail` (what the
//!    first place that cannot be read means), `table` (the shapes of the events), `dispatch` (how each is replayed), `genesis`,
//!    `prune`, `void` (events that are not to be replayed), `line` (which states are of this journal), `durable`, `reader`
//! 2. files, for reading: `layout` (which there are), `used` (the bytes of one), `source`, `scan` (all frames, up to the
//!    end), `headers` and `fault` (what is wrong with one), `trail` (past damage)
//! 3. files, for writing: `repair` (of that end), `maker` (of segments)
//! 4. group commit: `ticket`, `batch`, `durability`, `commit`
//! 5. the running journal: `create` (a new one), `ahead` (its next segment), `writer`, `live`, `resume` (one that was there)
//!
//! `tests/tests/architecture.rs` keeps this order.

mod zeros;
mod whitening;
mod chosen;
mod cover;
mod frame;
mod segment;
mod record;
mod search;
mod tail;
mod table;
mod dispatch;
mod genesis;
mod prune;
mod void;
mod line;
mod durable;
mod reader;
mod layout;
mod used;
mod source;
mod scan;
mod headers;
mod fault;
mod trail;
mod repair;
mod maker;
mod ticket;
mod batch;
mod durability;
mod commit;
#[cfg(all(test, shuttle))]
mod explored;
mod create;
mod ahead;
mod writer;
mod live;
mod resume;

pub use durability::Durability;

pub(crate) use batch::{NoRoom, Open, Place, SEAL_ROOM};
pub(crate) use commit::{Caps, is_writing};
pub(crate) use create::{create, make_continued, make_without_start};
pub(crate) use dispatch::{DROPPED, Dispatch, Meaning, Way};
pub(crate) use durable::DurableBlock;
pub(crate) use fault::{Fault, Flaw, Misfit};
pub(crate) use frame::{Frame, FrameKind};
pub(crate) use genesis::{DigestMark, Genesis};
pub(crate) use headers::{Fit, Headers};
pub(crate) use layout::{BASE, Layout, SNAPSHOT, Survey, TORN, UNFINISHED, rename, sync_dir, unfinished};
pub(crate) use line::Line;
pub(crate) use live::Journal;
pub(crate) use maker::{MakeError, Maker};
pub(crate) use prune::PruneMark;
#[cfg(feature = "chain")]
pub(crate) use reader::Chain;
pub(crate) use reader::end_of;
pub(crate) use record::{EventId, Record, read as records};
pub(crate) use repair::{clear, clear_again, free_name, quarantine, set_aside, write_again};
pub(crate) use resume::{Onward, go_on, next_epoch};
pub(crate) use scan::{End, Scan};
pub(crate) use segment::{Identity, MAX_SEGMENT, MIN_SEGMENT, SEGMENT_HEADER, fitting_len, is_segment};
pub(crate) use source::Source;
pub(crate) use table::{Beginnings, Table};
pub(crate) use ticket::Ticket;
pub(crate) use trail::{Casing, Run, Stretch, Trail, Trailed, Visit};
pub(crate) use void::{VoidMark, Voids};
pub(crate) use whitening::Salts;
