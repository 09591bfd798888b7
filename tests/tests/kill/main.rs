//! Processes on a real disk that are killed by SIGKILL at any moment. All events that a process acknowledged over a pipe are
//! recovered, in each durability mode, and the operation that was interrupted is either complete or had no effect.
//!
//! `MEMIMAGE_CASES` sets the number of kills of each test, `MEMIMAGE_SEED` the seed of their times.

mod acknowledgements;
mod rewrite;

use std::path::Path;
use std::process::{Child, Command, Stdio};

const DIR: &str = "MEMIMAGE_KILLED_IMAGE";
const MODE: &str = "MEMIMAGE_KILLED_MODE";

/// Starts the test `child` of this binary as the process that is killed.
fn start(child: &str, dir: &Path, mode: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"])
        .envs([(DIR, dir.to_str().unwrap()), (MODE, mode)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
