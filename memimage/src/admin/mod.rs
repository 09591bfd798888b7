//! What is done to images that nobody runs: [`check`] reads all of one and tells what is damaged, [`repair`] mends it as one
//! chooses, [`rewrite`] records its journal anew, each event at its newest version, and [`void`] says of an event that cannot be replayed any more that it does nothing.

// each uses those above it
mod report;
mod protection;
mod keys;
mod staging;
mod reading;
mod rewriter;
mod rewrite;
mod choice;
mod decision;
mod check;
mod repair;
mod void;

#[cfg(feature = "sim")]
pub use check::check_with;
pub use check::{Check, CheckReport, Finding, RepairOption, Severity, check};
pub use choice::{RepairAction, SeqRange};
pub use decision::Decision;
#[cfg(feature = "testing")]
pub(crate) use protection::refuse_protected;
pub use repair::{FileChange, Repair, RepairReport, repair};
pub use report::{RewriteProgress, RewriteReport, RewriteStep};
pub use rewrite::{Rewrite, rewrite};
pub use void::{Void, VoidReport, void};
