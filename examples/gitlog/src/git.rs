//! Reads a repository by running git.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use crate::bytes::Bytes;
use crate::object_id::ObjectId;

/// Variables that would make git read another repository than the one that it is told.
const REDIRECTIONS: [&str; 8] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Why a repository cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    #[error("cannot run git: {0}; help: install git, and see that PATH leads to it")]
    NoGit(io::Error),
    #[error("cannot read a repository: `{}`; {message}; help: pass the directory of a git repository", path.display())]
    NoRepository { path: PathBuf, message: String },
    #[error(
        "the repository is a shallow clone: `{}`; the parents of its oldest commits are missing; help: run `git fetch --unshallow` in it",
        path.display()
    )]
    Shallow { path: PathBuf },
    #[error("`git {command}` failed: {message}; help: `git fsck` examines the repository")]
    Failed { command: String, message: String },
    #[error("`git {command}` printed an unexpected line: `{line}`")]
    Unexpected { command: &'static str, line: String },
    #[error("object {id} is missing in the repository, or is no {kind}; help: `git fsck` examines the repository")]
    NoObject { id: ObjectId, kind: &'static str },
    #[error(
        "`git cat-file` ended at the {kind} {id}: {source}; help: git's own message, if any, is above; a partial clone needs its \
         remote; `git fsck` examines the repository"
    )]
    Ended { id: ObjectId, kind: &'static str, source: io::Error },
}

/// A repository, which git reads.
pub(crate) struct Git {
    path: PathBuf,
}

/// A commit with its parents.
pub(crate) struct Listed {
    pub(crate) id: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
}

impl Git {
    /// Refuses a directory that is no repository, and a repository that lacks a part of its history.
    pub(crate) fn open(path: &Path) -> Result<Git, GitError> {
        let git = Git { path: path.to_owned() };
        let output = git.output(&["rev-parse", "--is-shallow-repository"])?;
        if !output.status.success() {
            return Err(GitError::NoRepository { path: git.path, message: message(&output) });
        }
        if output.stdout.trim_ascii() == b"true" {
            return Err(GitError::Shallow { path: git.path });
        }
        Ok(git)
    }

    /// All commits that a reference or `HEAD` leads to, parents first.
    pub(crate) fn commits(&self) -> Result<Vec<Listed>, GitError> {
        let lines = self.run(&["rev-list", "--all", "--date-order", "--reverse", "--parents"])?;
        let listed = |line: &[u8]| {
            let mut ids = line.split(|byte| *byte == b' ').map(ObjectId::from_hex);
            Some(Listed { id: ids.next()??, parents: ids.collect::<Option<_>>()? })
        };
        lines_of(&lines).map(|line| listed(line).ok_or_else(|| unexpected("rev-list", line))).collect()
    }

    /// `HEAD`, branches, tags and all other references, by their full names. A reference to a tag gives what is tagged, which
    /// need not be a commit.
    pub(crate) fn references(&self) -> Result<BTreeMap<Bytes, ObjectId>, GitError> {
        let output = self.output(&["show-ref", "--head", "--dereference"])?;
        // it has this code, and prints nothing, if there are no references
        if !output.status.success() && output.status.code() != Some(1) {
            return Err(failed(&["show-ref"], &output));
        }
        let mut references = BTreeMap::new();
        for line in lines_of(&output.stdout) {
            let (digits, name) = line
                .iter()
                .position(|byte| *byte == b' ')
                .map(|space| (&line[..space], &line[space + 1..]))
                .ok_or_else(|| unexpected("show-ref", line))?;
            let id = ObjectId::from_hex(digits).ok_or_else(|| unexpected("show-ref", line))?;
            // the line of a tag's target follows that of the tag
            references.insert(name.strip_suffix(b"^{}").unwrap_or(name).into(), id);
        }
        Ok(references)
    }

    /// Starts a process that reads objects.
    pub(crate) fn objects(&self) -> Result<Objects, GitError> {
        let mut command = self.command(&["cat-file", "--batch"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(GitError::NoGit)?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        Ok(Objects { child, requests, answers })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args([OsStr::new("-C"), self.path.as_os_str()]).args(args).stdin(Stdio::null());
        REDIRECTIONS.iter().fold(&mut command, |command, name| command.env_remove(name));
        command
    }

    fn output(&self, args: &[&str]) -> Result<Output, GitError> {
        self.command(args).output().map_err(GitError::NoGit)
    }

    fn run(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        let output = self.output(args)?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed(args, &output)) }
    }
}

fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn failed(args: &[&str], output: &Output) -> GitError {
    GitError::Failed { command: args.join(" "), message: message(output) }
}

/// What git printed to its errors, or how it ended.
fn message(output: &Output) -> String {
    let message = String::from_utf8_lossy(output.stderr.trim_ascii());
    if message.is_empty() { output.status.to_string() } else { message.into_owned() }
}

fn unexpected(command: &'static str, line: &[u8]) -> GitError {
    GitError::Unexpected { command, line: String::from_utf8_lossy(line).into_owned() }
}

/// A process that reads objects: `git cat-file --batch`.
pub(crate) struct Objects {
    child: Child,
    /// Present until the process is ended.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Objects {
    /// Reads an object. `kind` is git's word for its type.
    pub(crate) fn read(&mut self, id: ObjectId, kind: &'static str) -> Result<Vec<u8>, GitError> {
        let ended = |source| GitError::Ended { id, kind, source };
        let line = self.ask(id).map_err(ended)?;
        // `ID TYPE LENGTH`, or `ID missing`
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        let &[_, found, len] = &words[..] else { return Err(GitError::NoObject { id, kind }) };
        let len = len.parse().map_err(|_| unexpected("cat-file", line.as_bytes()))?;
        let object = self.receive(len).map_err(ended)?;
        if found == kind { Ok(object) } else { Err(GitError::NoObject { id, kind }) }
    }

    /// Returns the first line of the answer.
    fn ask(&mut self, id: ObjectId) -> io::Result<String> {
        writeln!(self.requests.as_mut().expect("present until the process is ended"), "{id}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.ends_with('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads an object of this length, and the newline after it.
    fn receive(&mut self, len: u64) -> io::Result<Vec<u8>> {
        let mut object = Vec::new();
        (&mut self.answers).take(len).read_to_end(&mut object)?;
        // fails if the object was incomplete
        self.answers.read_exact(&mut [0])?;
        Ok(object)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.requests = None; // the process ends when its input does
        // its answers are complete, so its exit code tells nothing
        let _ = self.child.wait();
    }
}
