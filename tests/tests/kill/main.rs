//! Processes that are killed at any moment, by SIGKILL, on a real disk: what they had told over a pipe is there, in every
//! durability mode, and whatever they were at is completed or was never begun.
//!
//! `MEMIMAGE_CASES` sets how often each of the tests kills, `MEMIMAGE_SEED` when.

mod acknowledgements;
mod rewrite;

use std::path::Path;
use std::process::{Child, Command, Stdio};

const DIR: &str = "MEMIMAGE_KILLED_IMAGE";
const MODE: &str = "MEMIMAGE_KILLED_MODE";

/// Starts one of these tests, `child` by name, as the process that is killed.
fn start(child: &str, dir: &Path, mode: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"])
        .envs([(DIR, dir.to_str().unwrap()), (MODE, mode)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
