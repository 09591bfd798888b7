//! Derived fields: indexes that are in no journal and no snapshot, and that a method of the model rebuilds.

#![allow(unreachable_pub, reason = "each module stands for a program with a public model")]

mod directory;
mod faulty;
mod lost_state;
mod model_changes;
mod nested;
mod scenario;
mod starts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Error, Image, Model, Options, SnapshotPolicy};

const IMAGE: &str = "/people";

fn options<M: Model>() -> Options<M> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn try_open<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    options().open_with(Arc::new(disk.clone()), IMAGE)
}

fn open<M: Model>(disk: &SimDisk) -> Image<M> {
    try_open(disk).unwrap_or_else(|error| panic!("{error}"))
}

/// The message of the panic that `test` ends with.
#[track_caller]
fn failure(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test should have failed");
    *panic.downcast::<String>().expect("the message of a panic")
}
