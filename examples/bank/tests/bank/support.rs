//! The binary, and its output.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::Expect;
use serde_json::Value as Json;
use tempfile::TempDir;

pub(crate) fn bank(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    for variable in ["MEMIMAGE_ENCRYPTION_KEYS", "MEMIMAGE_CHAIN_KEYS", "CLICOLOR_FORCE", "FORCE_COLOR"] {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

/// A directory in which the bank has run twice.
pub(crate) fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        assert!(bank(directory.path(), &[]).status.success());
    }
    directory
}

/// The text, with `TIME` in place of each recorded time.
pub(crate) fn without_times(text: &str) -> String {
    const FORM: &str = "0000-00-00T00:00:00.000000Z";
    let fits = |found: &str| found.chars().zip(FORM.chars()).all(|(a, b)| a == b || (b == '0' && a.is_ascii_digit()));
    let (mut stable, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        let len = match rest.get(..FORM.len()) {
            Some(found) if fits(found) => {
                stable.push_str("TIME");
                FORM.len()
            }
            _ => {
                stable.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[len..];
    }
    stable
}

/// The output of `bank admin` with its exit code, without times.
pub(crate) fn admin(directory: &TempDir, arguments: &[&str]) -> String {
    let output = bank(directory.path(), &[&["admin"], arguments].concat());
    let mut shown = String::from_utf8(output.stdout).unwrap();
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        writeln!(shown, "{}", format!("stderr: {line}").trim_end()).unwrap();
    }
    if output.status.code() != Some(0) {
        writeln!(shown, "exit code: {:?}", output.status.code()).unwrap();
    }
    without_times(&shown.replace(directory.path().to_str().unwrap(), "DIR"))
}

/// Compares the command and its output.
#[track_caller]
pub(crate) fn shows(directory: &TempDir, arguments: &[&str], expected: &Expect) {
    let output = admin(directory, arguments);
    expected.assert_eq(&format!("$ bank admin {}\n{output}", arguments.join(" ")));
}

/// The JSON that `bank admin` prints.
#[track_caller]
pub(crate) fn json(directory: &TempDir, arguments: &[&str]) -> Json {
    serde_json::from_str(&admin(directory, &[arguments, &["--json"]].concat())).unwrap()
}
