//! Repositories that git makes and reads.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A bare repository.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
}

impl Source {
    /// Makes an empty repository.
    pub(crate) fn new(path: PathBuf, object_format: &str) -> Source {
        let source = Source { path };
        let args = ["init", "--quiet", "--bare", "--initial-branch=main", "--object-format", object_format];
        assert!(git().args(args).arg(&source.path).status().unwrap().success());
        source
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = git();
        command.arg("-C").arg(&self.path);
        command
    }

    /// Runs git, which must succeed, with this input, and returns its output.
    #[track_caller]
    pub(crate) fn feed(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = self.command();
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?} failed");
        output.stdout
    }

    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> Vec<u8> {
        self.feed(args, b"")
    }

    /// Runs git, and returns its output without the last newline.
    #[track_caller]
    pub(crate) fn word(&self, args: &[&str]) -> String {
        String::from_utf8(self.git(args)).unwrap().trim_end().to_owned()
    }

    /// All commits, with their parents, children first.
    pub(crate) fn commits(&self) -> Vec<Vec<String>> {
        let lines = self.word(&["rev-list", "--all", "--date-order", "--parents"]);
        lines.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    }

    /// The entry of a path, or nothing.
    pub(crate) fn entry(&self, commit: &str, path: &[u8]) -> Vec<u8> {
        let output =
            self.command().args(["ls-tree", "-z", "--", commit]).arg(OsStr::from_bytes(path)).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }
}

/// Git without the user's settings.
fn git() -> Command {
    without_settings(Command::new("git"))
}

/// A shell whose git is without the user's settings.
pub(crate) fn shell(line: &str) -> Command {
    let mut command = without_settings(Command::new("sh"));
    command.args(["-c", line]);
    command
}

fn without_settings(mut command: Command) -> Command {
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for person in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{person}_NAME"), "Ada").env(format!("GIT_{person}_EMAIL"), "ada@example.com");
        command.env(format!("GIT_{person}_DATE"), "1700000000 +0100");
    }
    command
}

/// Clones only the last commit.
pub(crate) fn shallow_clone(of: &Path, to: &Path) {
    clone(of, "--depth=1", to);
}

/// Clones without the contents of files, which git fetches when it needs them.
pub(crate) fn partial_clone(of: &Path, to: &Path) {
    clone(of, "--filter=blob:none", to);
}

fn clone(of: &Path, option: &str, to: &Path) {
    let url = format!("file://{}", of.display());
    assert!(git().args(["clone", "--quiet", "--bare", option, &url]).arg(to).status().unwrap().success());
}

/// A stream for `git fast-import`.
#[derive(Default)]
pub(crate) struct Stream {
    bytes: Vec<u8>,
    commits: u32,
}

impl Stream {
    /// Begins a commit. Its mark is its number: 1, 2, 3 …
    pub(crate) fn commit(&mut self, branch: &str, parents: &[u32], changes: &[Change<'_>]) -> u32 {
        self.commits += 1;
        let number = self.commits;
        if parents.is_empty() {
            self.line(format!("reset {branch}"));
        }
        self.line(format!("commit {branch}\nmark :{number}"));
        let seconds = 1_700_000_000 + u64::from(number) * 60;
        self.line(format!("author Ada <ada@example.com> {seconds} +0100"));
        self.line(format!("committer Bob <bob@example.com> {seconds} -0330"));
        self.data(format!("Commit {number}\n\nOn {branch}.\n").as_bytes());
        for (parent, word) in parents.iter().zip(["from"].into_iter().chain(std::iter::repeat("merge"))) {
            self.line(format!("{word} :{parent}"));
        }
        for change in changes {
            self.change(change);
        }
        number
    }

    pub(crate) fn line(&mut self, line: impl AsRef<[u8]>) {
        self.bytes.extend(line.as_ref());
        self.bytes.push(b'\n');
    }

    pub(crate) fn data(&mut self, data: &[u8]) {
        self.line(format!("data {}", data.len()));
        self.line(data);
    }

    pub(crate) fn change(&mut self, change: &Change<'_>) {
        match change {
            Change::Put(mode, path, content) => {
                self.line(format!("M {mode} inline {}", octal(path)));
                self.data(content);
            }
            Change::Submodule(path, id) => self.line(format!("M 160000 {id} {}", octal(path))),
            Change::Delete(path) => self.line(format!("D {}", octal(path))),
            Change::Rename(from, to) => self.line(format!("R {} {}", octal(from), octal(to))),
            Change::DeleteAll => self.line("deleteall"),
        }
    }

    pub(crate) fn feed(&self, source: &Source) {
        source.feed(&["fast-import", "--quiet", "--force"], &self.bytes);
    }
}

/// A change of a commit.
pub(crate) enum Change<'a> {
    Put(&'static str, &'a [u8], &'a [u8]),
    Submodule(&'a [u8], &'a str),
    Delete(&'a [u8]),
    Rename(&'a [u8], &'a [u8]),
    DeleteAll,
}

/// A path as `git fast-import` reads it, whatever its bytes.
fn octal(path: &[u8]) -> String {
    let bytes: String = path.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("\"{bytes}\"")
}
