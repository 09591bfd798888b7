//! Reading the segments of a journal: an orderly one up to its end, a damaged one past its damage.

// each uses those above it
pub(super) mod nonzero;
pub(super) mod segments;
pub(super) mod scan;
pub(super) mod headers;
pub(super) mod damage;
pub(super) mod salvage_progress;
pub(super) mod foreign;
pub(super) mod salvage;
