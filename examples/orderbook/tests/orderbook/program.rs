//! Runs the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A directory for a test's image and feeds.
pub(crate) struct Program {
    directory: tempfile::TempDir,
}

/// The counts that `ingest` prints, but for the seconds.
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

    /// Puts a file beside the image.
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

    /// What a run with these words prints; it must succeed.
    #[track_caller]
    pub(crate) fn run(&self, verb: &str, words: &[&str]) -> String {
        let output = self.command(verb).args(words).output().unwrap();
        assert!(output.status.success(), "`{verb}` with {words:?} failed: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a run with these words says on stderr; it must fail, and print nothing.
    #[track_caller]
    pub(crate) fn fail(&self, verb: &str, words: &[&str]) -> String {
        let output = self.command(verb).args(words).output().unwrap();
        assert!(!output.status.success(), "`{verb}` with {words:?} succeeded");
        assert!(output.stdout.is_empty(), "printed {}", String::from_utf8_lossy(&output.stdout));
        stderr(&output)
    }

    #[track_caller]
    pub(crate) fn ingest(&self, feed: &Path, words: &[&str]) -> Counts {
        let mut all = vec![feed.to_str().unwrap()];
        all.extend(words);
        let json: Value = serde_json::from_str(&self.run("ingest", &all)).unwrap();
        let count = |name: &str| json[name].as_u64().unwrap();
        Counts { rows: count("rows"), applied: count("applied"), refused: count("refused"), seq: count("seq") }
    }

    /// All the program shows of the book.
    #[track_caller]
    pub(crate) fn book(&self) -> (String, String) {
        (self.run("best", &[]), self.run("depth", &["--levels", "1000000"]))
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
