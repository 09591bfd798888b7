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
pub use check::{Check, Checked, Finding, Mend, Severity, check};
pub use choice::{Choice, Loss};
pub use decision::Decision;
#[cfg(feature = "testing")]
pub(crate) use protection::refuse_protected;
pub use repair::{Change, Repair, Repaired, repair};
pub use report::{Progress, Rewritten, Step};
pub use rewrite::{Rewrite, rewrite};
pub use void::{Void, Voided, void};
