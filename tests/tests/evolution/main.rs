//! Evolution: journals that older programs wrote, replayed by newer ones.
//!
//! Each module holds one program's idea of a model; that they are the same model is said by its name.

#![recursion_limit = "512"]
#![allow(unreachable_pub, reason = "each module stands for a program with a model that all of it sees")]

mod initial_state;
mod upcast_chains;
mod other_crates;
mod groups;
mod many_versions;
mod one_to_many;
mod replay_only;
mod retired;
mod state_upcast;
mod values;

use std::path::Path;

use memimage::{Image, Model, Options, SnapshotPolicy};

/// Opens an image that replays everything each time.
pub fn open<M: Model>(path: &Path) -> Image<M> {
    options().open(path).unwrap_or_else(|error| panic!("{error}"))
}

/// Options under which no snapshot is made.
pub fn options<M: Model>() -> Options<M> {
    Image::options().snapshots(SnapshotPolicy::Manual).segment_bytes(1 << 20)
}
