//! The processes of the service, as their supervisor sees them.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::member::Member;

/// Where the log is, and the environment that its client needs.
#[derive(Clone, Debug, Default)]
pub struct LogPlace {
    /// The URL.
    pub url: String,
    /// Variables, such as credentials.
    pub environment: Vec<(String, String)>,
}

/// A process of the service. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The process ends with this pipe, however its supervisor ends.
    input: ChildStdin,
    reports: Receiver<Report>,
}

/// What a process reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Events that the log does not have were set aside.
    Aside(Aside),
    /// It is a standby.
    Standby,
    /// It is the owner, and serves on this port.
    Serving(u16),
    /// It was the owner, and another member took over.
    Fenced(String),
    /// It has ended.
    Ended,
}

/// Events that were set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// The first event.
    pub first: u64,
    /// The last event.
    pub last: u64,
    /// The directory in which they are.
    pub path: PathBuf,
}

impl Process {
    /// Starts `program` as a member.
    ///
    /// # Errors
    ///
    /// Returns an error if the process cannot be started.
    pub fn start(program: &Path, member: &Member, place: &LogPlace) -> io::Result<Process> {
        let mut command = Command::new(program);
        command.args(["member", "--name", &member.name, "--log", &member.log]);
        command.args(["--mode", &member.mode.to_string(), "--lease-ms", &member.lease.as_millis().to_string()]);
        command.arg("--directory").arg(&member.directory).args(member.is_owner.then_some("--owner"));
        command.envs(place.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().expect("its standard input is a pipe");
        let output = child.stdout.take().expect("its standard output is a pipe");
        let (sender, reports) = channel();
        thread::spawn(move || pass_on(output, &sender));
        Ok(Process { child, input, reports })
    }

    /// What the process has reported since the last call.
    pub fn reports(&self) -> Vec<Report> {
        self.reports.try_iter().collect()
    }

    /// Kills the process with SIGKILL, and waits until the operating system has released its locks.
    ///
    /// # Errors
    ///
    /// Returns an error if the process cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks a standby to take over at once.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn ask_to_promote(&mut self) -> io::Result<()> {
        self.input.write_all(b"promote\n")
    }

    /// Sends a signal to the process: `STOP`, `CONT`.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("the process {} cannot be signalled", self.child.id()))),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended
        let _ = self.kill();
    }
}

fn pass_on(output: ChildStdout, reports: &Sender<Report>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let Some(report) = parse(&line) else {
            eprintln!("failover: a member says: {line}");
            continue;
        };
        // a supervisor that has ended does not listen
        let _ = reports.send(report);
    }
    let _ = reports.send(Report::Ended);
}

fn parse(line: &str) -> Option<Report> {
    let (word, rest) = line.split_once(' ')?;
    match word {
        "aside" => {
            let mut parts = rest.splitn(3, ' ');
            let (first, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some(Report::Aside(Aside { first, last, path: parts.next()?.into() }))
        }
        "standby" => Some(Report::Standby),
        "serving" => Some(Report::Serving(rest.parse().ok()?)),
        "fenced" => Some(Report::Fenced(rest.to_owned())),
        _ => None,
    }
}
