//! The program: its output, its errors, and the continuation of an image.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A directory for a test's image.
pub(crate) struct Program {
    directory: TempDir,
}

impl Program {
    pub(crate) fn new() -> Program {
        Program { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.directory.path().join("exchange")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exchange"));
        command.arg("run").arg("--image").arg(self.image()).args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that must succeed, and returns its output.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?} failed: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail with this exit code, and returns its errors.
    #[track_caller]
    fn fail(&self, code: i32, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "printed {}", String::from_utf8_lossy(&output.stdout));
        stderr(&output)
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The text after a label of the report.
#[track_caller]
fn field<'a>(report: &'a str, label: &str) -> &'a str {
    let line = report.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("there is no `{label}` in {report}")).trim_start()
}

#[test]
fn a_run_reports_speed_and_volume_and_what_was_verified() {
    let program = Program::new();
    let report = program.run(&["--orders", "5000", "--batch", "1000", "--seed", "1"]);
    assert!(field(&report, "image ").contains("new: events 1 to "), "{report}");
    assert!(field(&report, "orders ").starts_with("5000: "), "{report}");
    for measured in ["matched volume", "bare engine", "in the image"] {
        let number = field(&report, measured).split(' ').next().unwrap();
        assert!(number.parse::<u64>().unwrap() > 0, "{report}");
    }
    assert!(field(&report, "in the image").ends_with(" of the bare engine"), "{report}");
    let acknowledged = field(&report, "acknowledged");
    assert!(["p50 ", ", p99 ", ", p99.9 ", "(81 samples)"].iter().all(|part| acknowledged.contains(part)), "{report}");
    assert_eq!(report.lines().filter(|line| line.starts_with("verified ")).count(), 4, "{report}");
}

#[test]
fn the_seed_determines_the_state() {
    let digest = |seed: &str, batch: &str| {
        let report = Program::new().run(&["--orders", "2000", "--batch", batch, "--seed", seed]);
        let (_, digest) = report.split_once("digest ").unwrap();
        digest[..16].to_owned()
    };
    assert_eq!(digest("1", "2000"), digest("1", "300"));
    assert_ne!(digest("1", "2000"), digest("2", "2000"));
}

#[test]
fn a_second_run_continues_the_image() {
    let program = Program::new();
    let first = program.run(&["--orders", "300", "--batch", "100"]);
    let (_, last) = field(&first, "image ").rsplit_once(" to ").unwrap();
    let second = program.run(&["--orders", "300", "--batch", "100"]);
    let next = last.parse::<u64>().unwrap() + 1;
    assert!(field(&second, "image ").contains(&format!("continued: events {next} to ")), "{second}");
}

#[test]
fn a_batch_may_be_one_order() {
    let report = Program::new().run(&["--orders", "30", "--batch", "1"]);
    assert!(field(&report, "acknowledged").ends_with("(30 samples)"), "{report}");
}

#[test]
fn a_run_too_short_to_time_a_request_says_so() {
    let report = Program::new().run(&["--orders", "60"]);
    assert!(field(&report, "acknowledged").starts_with("not measured"), "{report}");
}

#[test]
fn progress_goes_to_standard_error() {
    let program = Program::new();
    let output = program.command(&["--orders", "250", "--batch", "100", "--progress"]).output().unwrap();
    let progress = stderr(&output);
    assert_eq!(progress.lines().count(), 3, "{progress}");
    assert!(progress.lines().nth(2).unwrap().starts_with("250 of 250 orders are acknowledged"), "{progress}");
}

#[test]
fn a_directory_that_is_no_image_is_an_error() {
    let program = Program::new();
    std::fs::write(program.image(), "not a directory").unwrap();
    assert!(program.fail(1, &["--orders", "10"]).starts_with("exchange: "));
}

#[test]
fn a_run_needs_orders_and_batches() {
    let program = Program::new();
    program.fail(2, &[]);
    program.fail(2, &["--orders", "0"]);
    program.fail(2, &["--orders", "10", "--batch", "0"]);
    assert!(!program.image().exists());
}
