//! Reads the segments of a journal: intact ones up to the end of the journal, damaged ones past their damage.

// each module uses only the modules above it
pub(super) mod nonzero;
pub(super) mod segments;
mod read_ahead;
pub(super) mod position;
pub(super) mod scan;
mod bodies;
mod last_frame;
mod frame_window;
mod frame_search;
mod synced_search;
pub(super) mod tail;
mod synced;
mod next_digests;
pub(super) mod continuity;
pub(super) mod record_cursor;
pub(super) mod reverse_cursor;
mod time_search;
pub(super) mod headers;
pub(super) mod damage;
pub(super) mod salvaged;
pub(super) mod salvage_source;
pub(super) mod foreign;
pub(super) mod salvage_progress;
pub(super) mod salvage_segment;
pub(super) mod salvage;
