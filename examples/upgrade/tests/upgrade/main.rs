//! Each stage on the journals of the others: on the committed journals, and on one image through all stages.

#![expect(clippy::disallowed_methods, reason = "a test reads the files of an image")]

mod bytes;
mod crossing;
mod files;
mod life;
mod locked;
mod walk;
