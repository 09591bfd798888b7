//! The processes of the service, as their supervisor sees them.

use std::io::{self, BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::server::parse;

/// A process of the service. It is killed when it is dropped.
#[derive(Debug)]
pub struct Member {
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    is_following: bool,
}

/// The answer to a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promotion {
    /// The process owns the image, and serves it on this port.
    Serving(u16),
    /// Another process owns the image.
    Locked,
}

impl Member {
    /// Starts `program` as the owner of the image. Returns the port on which it serves.
    ///
    /// # Errors
    ///
    /// Returns an error if the process does not start.
    pub fn own(program: &Path, image: &Path) -> io::Result<(Member, u16)> {
        let mut member = Member::start(program, "own", image)?;
        match member.promotion()? {
            Promotion::Serving(port) => Ok((member, port)),
            Promotion::Locked => Err(io::Error::other("the image has an owner already")),
        }
    }

    /// Starts `program` as a follower. It need not follow yet when this returns.
    ///
    /// # Errors
    ///
    /// Returns an error if the process does not start.
    pub fn follow(program: &Path, image: &Path) -> io::Result<Member> {
        Member::start(program, "follow", image)
    }

    fn start(program: &Path, role: &str, image: &Path) -> io::Result<Member> {
        let mut command = Command::new(program);
        command.arg(role).arg("--image").arg(image).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let requests = child.stdin.take().expect("its standard input is a pipe");
        let answers = BufReader::new(child.stdout.take().expect("its standard output is a pipe")).lines();
        Ok(Member { child, requests, answers, is_following: false })
    }

    /// Waits until a follower follows.
    ///
    /// # Errors
    ///
    /// Returns an error if the process ended.
    pub fn wait_until_following(&mut self) -> io::Result<()> {
        if self.is_following {
            return Ok(());
        }
        self.is_following = true;
        match self.answer()?.as_str() {
            "following" => Ok(()),
            other => Err(io::Error::other(format!("unexpected answer `{other}`"))),
        }
    }

    /// Asks a follower to take over, without waiting for its answer.
    ///
    /// # Errors
    ///
    /// Returns an error if the process ended.
    pub fn ask_to_promote(&mut self) -> io::Result<()> {
        self.requests.write_all(b"promote\n")
    }

    /// The answer to [`ask_to_promote`](Member::ask_to_promote).
    ///
    /// # Errors
    ///
    /// Returns an error if the process ended.
    pub fn promotion(&mut self) -> io::Result<Promotion> {
        let answer = self.answer()?;
        match answer.strip_prefix("serving ") {
            Some(port) => Ok(Promotion::Serving(parse(port)?)),
            None if answer == "locked" => Ok(Promotion::Locked),
            None => Err(io::Error::other(format!("unexpected answer `{answer}`"))),
        }
    }

    /// Kills the process with SIGKILL, and waits until the operating system has released its lock.
    ///
    /// # Errors
    ///
    /// Returns an error if the process cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    fn answer(&mut self) -> io::Result<String> {
        self.answers.next().unwrap_or_else(|| Err(io::Error::other("a process of the service ended")))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // it may have ended
        let _ = self.kill();
    }
}
