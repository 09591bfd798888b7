//! Reads a whole image once, for a check or a repair. Needs no model, and changes nothing.

// each module uses only the modules above it
mod messages;
mod content;
mod snapshot;
mod examination;
mod give_up;
mod repair_options;
mod files;

pub(crate) use content::RecordedGap;
pub(crate) use examination::Examination;
pub(crate) use files::{FileCondition, FileObservation, refused_for_writing, survey};
pub(crate) use give_up::GiveUpPlan;
pub(crate) use messages::unidentified;
pub(crate) use repair_options::KeptEvents;
pub(crate) use snapshot::ExaminedSnapshot;
