//! `memimage::testing`, with which users test their models: correct tests pass, and wrong ones fail with a helpful message.

#![allow(unreachable_pub, reason = "each module stands for a program with a public model")]

mod determinism;

mod golden;
mod images;
mod matching;
mod model;
mod scenario;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of the panic that `test` ends with.
#[track_caller]
pub fn failure(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test should have failed");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().expect("the message of a panic")).to_owned(),
    }
}
