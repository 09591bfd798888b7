//! The verbs of the command `memimage`, and those that need the model, which look into an image and maintain it.
//!
//! A verb prints text for people or, with `--json`, JSON in the form that `docs/CLI.md` defines. Verbs that only read take no lock and work
//! beside a running owner.

// each module uses only the modules above it
mod failure;
mod moment;
mod syntax;
mod filter;
mod rules;
mod keys;
mod pager;
mod repairs;
mod invocation;
mod terminal;
mod confirmation;
mod suggestion;
mod json;
mod dry_run;
mod event_text;
mod shape_text;
mod target;
mod history_copy;
mod report;
mod reader;
mod unmatched;
mod verbs;
mod model;
mod arguments;
mod command_line;
mod program;
#[cfg(feature = "sim")]
mod program_on_disk;

pub use invocation::with_verbs;
pub use program::{Tool, run, run_tool};
pub use reader::{EventCondition, ImageKeys, ImageReader, format_time, parse_moment};
pub use report::{
    Count, EventCounter, EventFigures, EventShape, EventStats, ImageInfo, ParentInfo, StateFile, SubscriptionPosition,
};
