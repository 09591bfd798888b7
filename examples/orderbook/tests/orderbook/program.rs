//! Runs the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A directory for a test's image and feeds.
pub(crate) struct Program {
    directory: tempfile::TempDir,
}

/// The counts that `ingest` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) applied: u64,
    pub(crate) refused: u64,
    pub(crate) seq: u64,
}

impl Program {
    pub(crate) fn new() -> Program {
        Program { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.directory.path().join("book.image")
    }

    /// Writes a file next to the image.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orderbook"));
        command.arg(verb).arg("--image").arg(self.image()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that must succeed, and returns its output.
    #[track_caller]
    pub(crate) fn run(&self, verb: &str, args: &[&str]) -> String {
        let output = self.command(verb).args(args).output().unwrap();
        assert!(output.status.success(), "`{verb}` with {args:?} failed: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail without output, and returns its errors.
    #[track_caller]
    pub(crate) fn fail(&self, verb: &str, args: &[&str]) -> String {
        let output = self.command(verb).args(args).output().unwrap();
        assert!(!output.status.success(), "`{verb}` with {args:?} succeeded");
        assert!(output.stdout.is_empty(), "printed {}", String::from_utf8_lossy(&output.stdout));
        stderr(&output)
    }

    #[track_caller]
    pub(crate) fn ingest(&self, feed: &Path, args: &[&str]) -> Counts {
        let mut all = vec![feed.to_str().unwrap()];
        all.extend(args);
        let json: Value = serde_json::from_str(&self.run("ingest", &all)).unwrap();
        let count = |name: &str| json[name].as_u64().unwrap();
        Counts { rows: count("rows"), applied: count("applied"), refused: count("refused"), seq: count("seq") }
    }

    /// The complete output about the book.
    #[track_caller]
    pub(crate) fn book(&self) -> (String, String) {
        (self.run("best", &[]), self.run("depth", &["--levels", "1000000"]))
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
