//! What is done to images that nobody runs: [`rewrite`] records an image's journal anew, each event at its newest version.

// each uses those above it
mod report;
mod site;
mod reading;
mod scribe;
mod rewrite;

pub use report::{Progress, Rewritten, Step};
pub use rewrite::{Rewrite, rewrite};
