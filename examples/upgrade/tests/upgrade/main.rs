//! Each stage on what the others wrote: on the journals that are committed, and on one image through all of its life.

mod bytes;
mod crossing;
mod files;
mod life;
mod locked;
mod walk;
