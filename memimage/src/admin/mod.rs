//! Operations on the files of an image. [`check`] and [`backup`](backup()) work even while the image is open; the other
//! operations lock the image.
//!
//! [`check`] reports damage. [`repair`] repairs damage by the action that the owner chooses. [`rewrite`] creates a new image
//! with the same history, each event at its newest version. [`backup`](backup()) copies an image, in use or not. [`void`] records the decision that an event does nothing on replay.
//! With the feature `admin`, `export` writes an image as lines of JSON, and `import` makes an image from such lines.

// each module uses only the modules above it
mod protection;
mod keys;
mod wording;
mod seq_range;
mod rewrite;
mod repair_action;
mod outcome_change;
mod decision;
mod examine;
mod check;
mod repair;
mod void;
mod backup;
mod restore;
#[cfg(feature = "admin")]
mod quarantine;
#[cfg(feature = "admin")]
mod export;
#[cfg(feature = "admin")]
mod import;
#[cfg(feature = "admin")]
mod tool;

#[cfg(feature = "admin")]
pub use crate::history::{EventLog, LoggedEvent};
pub use backup::{Backup, BackupReport, backup};
#[cfg(feature = "sim")]
pub use check::check_with;
pub use check::{Check, CheckReport, Finding, Severity, check};
pub use decision::{Decision, RecordedGap};
#[cfg(feature = "admin")]
pub use export::{Export, ExportProgress, ExportReport, export};
#[cfg(feature = "admin")]
pub use import::{Import, ImportProgress, ImportReport, import};
pub use outcome_change::OutcomeChange;
#[cfg(feature = "testing")]
pub(crate) use protection::refuse_protected;
pub use repair::{FileChange, Repair, RepairDryRun, RepairReport, repair};
pub use repair_action::{RepairAction, RepairOption};
pub use restore::{Restore, RestoreReport, StagedImage};
pub use rewrite::{Rewrite, RewriteProgress, RewriteReport, RewriteStep, rewrite};
pub use seq_range::SeqRange;
#[cfg(feature = "admin")]
pub use tool::{
    Count, EventCondition, EventCounter, EventFigures, EventShape, EventStats, ImageInfo, ImageKeys, ImageReader,
    ParentInfo, StateFile, SubscriptionPosition, Tool, format_time, parse_moment, run, run_tool, with_verbs,
};
pub use void::{Void, VoidDryRun, VoidReport, void};
