//! Names that no command may have: on an image an inherent method wins over the command, without a word.

/// The inherent methods of `Image`. A test compares this list with the runtime's impl block.
pub(crate) const INHERENT: &[&str] = &[
    "open",
    "in_memory",
    "options",
    "submit",
    "try_submit",
    "submit_async",
    "query",
    "read",
    "with",
    "seq",
    "written_seq",
    "durable_seq",
    "sync",
    "stats",
    "admin",
    "close",
];

/// How the names of events begin that the library records itself.
pub(crate) const OWN_EVENTS: &str = "memimage.";

/// Names kept for inherent methods to come, and methods of traits that an image implements.
pub(crate) const KEPT: &[&str] = &["view", "as_of", "history", "follow", "clone", "execute"];
