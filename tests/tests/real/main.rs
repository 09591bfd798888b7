//! Real disks and processes in trouble: a disk that is full, read-only or gone, a limit on files, a second process. What
//! the simulated disk is told to do in other tests, the operating system does here.
//!
//! Each test runs one of its file's children, in a process whose surroundings were made bad by the usual tools. Where a
//! tool is missing or may not be used, it says so and why, and goes on to the next way of doing it.

mod file_size_limit;
mod lock_file;
mod working_directory;
mod descriptors;
mod full_disk;
mod memory;
mod read_only;
mod removed_directory;

use std::path::Path;
use std::process::{Command, Output};

const DIR: &str = "MEMIMAGE_REAL_DIRECTORY";

/// The directory that a child is to work in; `None` if it was not started by one of these tests.
fn dir() -> Option<std::path::PathBuf> {
    std::env::var_os(DIR).map(Into::into)
}

/// A shell that prepares its surroundings by `script` and then becomes the child of this name; `$DIR` is the directory.
fn child(name: &str, dir: &Path, script: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!(r#"{script} || exit 77; exec "$0" --exact "$1" --ignored --nocapture --test-threads=1"#)])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .envs([("DIR", dir.as_os_str()), (DIR, dir.as_os_str())]);
    command
}

/// The same command in namespaces of its own, where mounts are seen by nobody else and end with it.
fn unshared(namespaces: &[&str], command: &Command) -> Command {
    let mut unshared = Command::new("unshare");
    unshared.args(namespaces).arg(command.get_program()).args(command.get_args());
    unshared.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshared
}

/// Runs a child to its end. `None`, and the reason printed, if its surroundings could not be made.
#[track_caller]
fn run(what: &str, command: &mut Command) -> Option<Output> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("not tried: {what}: {error}");
            return None;
        }
    };
    let [said, complained] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let begun = said.contains("running 1 test");
    if !begun {
        println!("not tried: {what}: {}", complained.trim());
        return None;
    }
    assert!(output.status.success() && said.contains("1 passed"), "{what}: {:?}\n{said}\n{complained}", output.status);
    print!("{said}");
    Some(output)
}

/// Whether this process may do what modes forbid.
fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}
