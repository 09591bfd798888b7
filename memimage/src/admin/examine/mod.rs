//! One reading of a whole image, which a check reports and a repair acts on. Needs no model, and changes nothing.

// each uses those above it
pub(crate) mod content;
pub(crate) mod snapshot;
pub(crate) mod examination;
pub(crate) mod files;
