//! Real servers for the tests, on loopback. `install.sh`, beside this file, installs them.

#![allow(dead_code)] // each test program uses a part of this module

#[cfg(feature = "nats")]
pub(crate) mod nats;
pub(crate) mod proxy;
pub(crate) mod weed;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// The path of an installed server. None, with the reason printed, if it is not installed; the test is to be skipped then.
///
/// # Panics
///
/// Panics if it is not installed, and the environment variable `MEMIMAGE_SERVERS` is `required`.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let servers = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("servers");
    let path = servers.join("bin").join(name);
    if path.exists() {
        return Some(path);
    }
    let reason =
        format!("`{}` does not exist; help: run memimage-replication/tests/servers/install.sh", path.display());
    assert!(std::env::var_os("MEMIMAGE_SERVERS").is_none_or(|value| value != "required"), "{reason}");
    println!("skipped: {reason}");
    None
}

/// Ports on loopback that nothing listens on. Another process may take them before the server does.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    // all are open at once, so that no port is returned twice
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A process that ends with this value, and with the test's process, however that ends.
pub(crate) struct Server {
    /// A shell that kills the server when its standard input ends.
    guard: Child,
    input: Option<ChildStdin>,
    pid: u32,
}

/// Starts the process in the command's first argument, tells its id, and kills it when the standard input ends.
const GUARD: &str = r#"log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!; read -r line; kill -KILL $!; wait $!"#;

impl Server {
    /// Starts a program. Its output goes to the end of the file `log`.
    pub(crate) fn start(program: &Path, arguments: &[String], log: &Path) -> Server {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(log)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(log).unwrap())
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        Server { input: guard.stdin.take(), guard, pid: pid.trim().parse().unwrap() }
    }

    /// The id of the server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal to the server: `TERM`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid.to_string()).status().unwrap();
        assert!(status.success(), "the process {} cannot be signalled", self.pid);
    }

    /// Kills the server (`kill -9`), and waits until it has ended.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Asks the server to end (`kill -TERM`), and kills it if it has not ended after the time limit.
    pub(crate) fn stop(mut self, limit: Duration) {
        self.signal("TERM");
        let start = Instant::now();
        while start.elapsed() < limit && self.is_alive() {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.end();
    }

    fn is_alive(&self) -> bool {
        // an ended child of the shell is a zombie until the shell waits for it
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    fn end(&mut self) {
        self.input = None;
        self.guard.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits until a server accepts connections at a port of loopback.
///
/// # Panics
///
/// Panics with the end of the server's log after 60 s.
pub(crate) fn wait_for_port(port: u16, log: &Path) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let start = Instant::now();
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        if start.elapsed() > Duration::from_secs(60) {
            panic!("nothing listens at {address}; the end of the server's log:\n{}", last_lines(log));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The last 30 lines of a file.
pub(crate) fn last_lines(path: &Path) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
