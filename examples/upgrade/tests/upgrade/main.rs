//! Each stage on what the others wrote: on the journals that are committed, and on one image through all of its life.

#![expect(clippy::disallowed_methods, reason = "a test reads the files of an image")]

mod bytes;
mod crossing;
mod files;
mod life;
mod locked;
mod walk;
