//! What is done to images that nobody runs: [`check`] reads all of one and tells what is damaged, [`repair`] mends it as one
//! chooses, [`rewrite`] records its journal anew, each event at its newest version, and [`void`] says of an event that cannot be replayed any more that it does nothing.

// each uses those above it
mod protection;
mod keys;
mod reading;
mod rewrite;
mod repair_action;
mod decision;
mod examine;
mod check;
mod repair;
mod void;

#[cfg(feature = "sim")]
pub use check::check_with;
pub use check::{Check, CheckReport, Finding, RepairOption, Severity, check};
pub use decision::Decision;
#[cfg(feature = "testing")]
pub(crate) use protection::refuse_protected;
pub use repair::{FileChange, Repair, RepairReport, repair};
pub use repair_action::{RepairAction, SeqRange};
pub use rewrite::{Rewrite, RewriteProgress, RewriteReport, RewriteStep, rewrite};
pub use void::{Void, VoidReport, void};
