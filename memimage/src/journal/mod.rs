//! The journal: the record of every command, in segments of frames.
//!
//! From bytes to a running journal, each part using only those before it: [`format`] (bytes, no I/O), [`layout`] (the files of
//! an image), [`read`] and [`write`]. `tests/tests/architecture.rs` keeps this order.

mod format;
mod layout;
mod read;
mod write;

pub use write::durability::Durability;

pub(crate) use format::frame::{Frame, FrameKind};
#[cfg(feature = "chain")]
pub(crate) use format::frames::Chain;
pub(crate) use format::frames::end_of;
pub(crate) use format::genesis::{DigestMark, Genesis};
pub(crate) use format::prune::PruneMark;
pub(crate) use format::record::{EventId, Record, read as records};
pub(crate) use format::segment::{Identity, MAX_SEGMENT, MIN_SEGMENT, SEGMENT_HEADER, fitting_len, is_segment};
pub(crate) use format::shape_table::{Beginnings, Row, Table};
pub(crate) use format::timeline::Line;
pub(crate) use format::void::{VoidMark, Voids};
pub(crate) use format::watermark::DurableBlock;
pub(crate) use format::whitening::Salts;
pub(crate) use layout::{BASE, Layout, SNAPSHOT, Survey, TORN, UNFINISHED, rename, sync_dir, unfinished};
pub(crate) use read::damage::{Fault, Flaw, Misfit};
pub(crate) use read::headers::{Fit, Headers};
pub(crate) use read::salvage::{Casing, Run, Stretch, Trail, Trailed, Visit};
pub(crate) use read::scan::{End, Scan};
pub(crate) use read::segments::Source;
pub(crate) use write::batch::{NoRoom, Open, Place, SEAL_ROOM};
pub(crate) use write::commit::{Caps, is_writing};
pub(crate) use write::create::{create, make_continued, make_without_start};
pub(crate) use write::resume::{Onward, go_on, next_epoch};
pub(crate) use write::running::Journal;
pub(crate) use write::segment_builder::{MakeError, Maker};
pub(crate) use write::tail_repair::{clear, clear_again, free_name, quarantine, set_aside, write_again};
pub(crate) use write::ticket::Ticket;
