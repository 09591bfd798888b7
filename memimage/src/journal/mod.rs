//! The journal: the append-only log of all events, in segments of frames.
//!
//! The modules are, in this order, [`format`] (bytes, no I/O), [`subscription_paths`], [`layout`] (the files of an image), [`enclosing`] (the image around
//! a path), [`read`] and [`write`]. Each
//! module uses only the modules before it. `tests/tests/architecture.rs` enforces this order.

mod format;
mod subscription_paths;
mod layout;
mod enclosing;
mod read;
mod write;

pub use write::durability::Durability;

pub(crate) use enclosing::{INSIDE_IMAGE, enclosing_image};
pub(crate) use format::acknowledgement::{ACKNOWLEDGEMENT_LEN, Acknowledgement, Slot};
pub(crate) use format::frame::{Frame, FrameFault, FrameKind, HEADER as FRAME_HEADER};
pub(crate) use format::frames::{FrameChain, FrameReader, FrameStep, end_of_frames, frame_summary};
pub(crate) use format::gap::{Gap, GapMark};
pub(crate) use format::genesis::{DigestMark, Genesis};
pub(crate) use format::protection::FrameProtection;
pub(crate) use format::prune::PruneMark;
pub(crate) use format::record::{EventId, Record, read as records};
#[cfg(feature = "admin")]
pub(crate) use format::segment::parse_file_name as segment_of_file;
pub(crate) use format::segment::{
    HeaderFault, Identity, MAX_SEGMENT, MIN_SEGMENT, SEGMENT_HEADER, SegmentHeader, fitting_len, is_segment,
};
pub(crate) use format::shape_table::{EncodedRows, ShapeRow, ShapeRows, ShapeTable, ShapeTableError};
pub(crate) use format::time_correction::TimeCorrection;
pub(crate) use format::timeline::{Timeline, life_conflict};
pub(crate) use format::void::{VoidMark, Voids};
pub(crate) use format::watermark::Watermark;
pub(crate) use format::whitening::Salts;
pub(crate) use layout::{BASE, IN_MEMORY, Layout, SNAPSHOT, Survey, TORN};
pub(crate) use read::continuity::{Continuity, other_image, other_timeline, removed_image, shorter_journal};
pub(crate) use read::damage::{Damage, DamageKind, RecordDamage};
pub(crate) use read::headers::{Headers, ProvenKeys};
pub(crate) use read::position::TailPosition;
pub(crate) use read::record_cursor::{JournalItem, RecordCursor, StoredRecord};
pub(crate) use read::reverse_cursor::ReverseCursor;
pub(crate) use read::salvage::salvage;
pub(crate) use read::salvage_source::SalvageSource;
pub(crate) use read::salvaged::{FrameRun, FrameVisitor, Framing, Salvaged, SalvagedSegment};
pub(crate) use read::scan::{JournalEnd, Scan};
pub(crate) use read::segments::Segments;
pub(crate) use read::tail::JournalTail;
pub(crate) use subscription_paths::{SubscriptionPaths, is_subscription_name};
pub(crate) use write::batch::{LastEvents, NoRoom, OpenBatch};
pub(crate) use write::commit::{BatchLimits, GateOptions, LagLimit, ReplicatedJournal};
pub(crate) use write::create::{JournalStart, create, create_continuation, rewrite_without_start};
pub(crate) use write::durability_watch::DurabilityWatch;
pub(crate) use write::rebuild::{RebuiltPart, SegmentRebuild, key_ids_of};
pub(crate) use write::resume::{ResumePoint, next_life, resume};
pub(crate) use write::running::Journal;
pub(crate) use write::segment_builder::{SegmentBuildError, SegmentBuilder};
pub(crate) use write::space_reservation::{FramePosition, SEAL_ROOM};
pub(crate) use write::tail_repair::{
    clear, clear_again, free_name, quarantine_file, quarantine_torn_write, rewrite_unproven,
};
pub(crate) use write::ticket::Ticket;
pub(crate) use write::waking::{is_writing, is_writing_for};
