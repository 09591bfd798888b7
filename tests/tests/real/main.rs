//! Real disks and processes in trouble: a full, read-only or removed directory, a limit on file lengths or memory. The
//! operating system causes the faults that the simulated disk injects in other tests.
//!
//! Each test runs a child test in a process that common tools have restricted. If a tool is missing or not permitted, the test
//! prints the reason and skips this case.

mod file_size_limit;
mod lock_file;
mod working_directory;
mod descriptors;
mod full_disk;
mod memory;
mod mount_points;
mod read_only;
mod removed_directory;

use std::path::Path;
use std::process::{Command, Output};

const DIR: &str = "MEMIMAGE_REAL_DIRECTORY";

/// The directory for a child; `None` if one of these tests did not start it.
fn dir() -> Option<std::path::PathBuf> {
    std::env::var_os(DIR).map(Into::into)
}

/// A shell that runs `script`, in which `$DIR` is the directory, and then the child test with this name.
fn child(name: &str, dir: &Path, script: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!(r#"{script} || exit 77; exec "$0" --exact "$1" --ignored --nocapture --test-threads=1"#)])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .envs([("DIR", dir.as_os_str()), (DIR, dir.as_os_str())]);
    command
}

/// The same command in its own namespaces, so that its mounts are not visible outside and end with it.
fn unshared(namespaces: &[&str], command: &Command) -> Command {
    let mut unshared = Command::new("unshare");
    unshared.args(namespaces).arg(command.get_program()).args(command.get_args());
    unshared.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshared
}

/// Runs a child. Returns `None` and prints the reason if its restrictions could not be set up.
#[track_caller]
fn run(what: &str, command: &mut Command) -> Option<Output> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: {what}: {error}");
            return None;
        }
    };
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let started = stdout.contains("running 1 test");
    if !started {
        println!("skipped: {what}: {}", stderr.trim());
        return None;
    }
    assert!(output.status.success() && stdout.contains("1 passed"), "{what}: {:?}\n{stdout}\n{stderr}", output.status);
    print!("{stdout}");
    Some(output)
}

/// Whether this process runs as root, which ignores permissions.
fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}
