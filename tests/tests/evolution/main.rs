//! Evolution of a model: newer programs replay journals of older ones.
//!
//! Each inner module stands for one program. Models with the same name are versions of one model.

#![recursion_limit = "512"]
#![allow(unreachable_pub, reason = "each module stands for a program with a public model")]

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

/// Opens an image that replays its whole journal.
pub fn open<M: Model>(path: &Path) -> Image<M> {
    options().open(path).unwrap_or_else(|error| panic!("{error}"))
}

/// Options without automatic snapshots.
pub fn options<M: Model>() -> Options<M> {
    Image::options().snapshots(SnapshotPolicy::Manual).segment_bytes(1 << 20)
}
