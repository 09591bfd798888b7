//! Runs the program.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A directory for a test's image and repositories.
pub(crate) struct Program {
    directory: tempfile::TempDir,
}

/// The counts that `import` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) commits: u64,
    pub(crate) imported: u64,
    pub(crate) references: u64,
    pub(crate) seq: u64,
}

impl Program {
    pub(crate) fn new() -> Program {
        Program { directory: tempfile::tempdir().unwrap() }
    }

    /// A path next to the image.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.path("repository.image")
    }

    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitlog"));
        command.arg(verb).arg("--image").arg(self.image()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that must succeed, and returns its output.
    #[track_caller]
    pub(crate) fn run(&self, verb: &str, args: &[&[u8]]) -> Vec<u8> {
        let output = self.command(verb).args(args.iter().map(|arg| OsStr::from_bytes(arg))).output().unwrap();
        assert!(output.status.success(), "`{verb}` failed: {}", errors(&output));
        output.stdout
    }

    /// Runs a command that must fail without output, and returns its errors.
    #[track_caller]
    pub(crate) fn fail(&self, verb: &str, args: &[&[u8]]) -> String {
        let output = self.command(verb).args(args.iter().map(|arg| OsStr::from_bytes(arg))).output().unwrap();
        assert!(!output.status.success(), "`{verb}` succeeded");
        assert!(output.stdout.is_empty(), "printed {}", output.stdout.escape_ascii());
        errors(&output)
    }

    #[track_caller]
    pub(crate) fn import(&self, repository: &Path) -> Counts {
        let json: Value = serde_json::from_slice(&self.run("import", &[repository.as_os_str().as_bytes()])).unwrap();
        let count = |name: &str| json[name].as_u64().unwrap();
        Counts {
            commits: count("commits"),
            imported: count("imported"),
            references: count("references"),
            seq: count("seq"),
        }
    }

    /// The names of the commits that `log` lists, newest first: their first ten digits.
    #[track_caller]
    pub(crate) fn log(&self) -> Vec<String> {
        first_words(&self.run("log", &[]))
    }

    /// The names of the commits that `blame` lists.
    #[track_caller]
    pub(crate) fn blame(&self, path: &[u8]) -> Vec<String> {
        first_words(&self.run("blame", &[b"--", path]))
    }
}

fn first_words(text: &[u8]) -> Vec<String> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| String::from_utf8_lossy(line).split(' ').next().unwrap().to_owned()).collect()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
