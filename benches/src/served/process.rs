//! Servers in processes of their own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// The time in which a server must start, and the time in which it must stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server's process. It is stopped when the value is dropped, and the kernel stops it if this process dies before.
pub(super) struct ServerProcess {
    child: Child,
}

impl ServerProcess {
    /// Starts a server by a command of [`launcher`], and waits until `connect` succeeds.
    pub(super) fn start<T>(mut command: Command, connect: impl Fn() -> Result<T>) -> Result<(ServerProcess, T)> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{command:?} cannot be started"))?;
        let mut process = ServerProcess { child };
        let started = Instant::now();
        loop {
            match connect() {
                Ok(connection) => return Ok((process, connection)),
                Err(error) if started.elapsed() > PATIENCE => {
                    return Err(error.context(format!("{command:?} accepts no connection")));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
            if let Some(status) = process.child.try_wait()? {
                bail!("{command:?} ended at once: {status}");
            }
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // PostgreSQL and Redis end in order, without waiting for their clients
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs a program through `setpriv` of util-linux: the kernel stops the program when this process ends, in
/// whatever way. A `user` is needed for programs that refuse to run as root.
pub(super) fn launcher(program: &Path, user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    command.arg("--").arg(program);
    command
}

/// Finds a program in the directories of the PATH and in `further` directories.
pub(super) fn find(program: &str, further: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(further);
    directories.map(|directory| directory.join(program)).find(|candidate| candidate.is_file())
}

/// A free port on the loopback interface.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Runs a command to its end.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?} cannot be started"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The total length of the files in a directory.
pub(super) fn directory_bytes(directory: &Path) -> Result<u64> {
    let entries = std::fs::read_dir(directory)?;
    entries.map(|entry| Ok(entry?.metadata()?.len())).sum()
}
