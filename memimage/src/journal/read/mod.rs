//! Reads the segments of a journal: an intact one up to its end, a damaged one past its damage.

// each uses those above it
pub(super) mod nonzero;
pub(super) mod segments;
pub(super) mod scan;
pub(super) mod headers;
pub(super) mod damage;
pub(super) mod salvaged;
pub(super) mod salvage_source;
pub(super) mod foreign;
pub(super) mod salvage_progress;
pub(super) mod salvage_segment;
pub(super) mod salvage;
