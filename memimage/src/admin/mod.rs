//! What is done to images that nobody runs: [`rewrite`] records an image's journal anew, each event at its newest version;
//! [`void`] says of an event that cannot be replayed any more that it does nothing.

// each uses those above it
mod report;
mod site;
mod reading;
mod scribe;
mod rewrite;
mod void;

pub use report::{Progress, Rewritten, Step};
pub use rewrite::{Rewrite, rewrite};
pub use void::{Void, Voided, void};
