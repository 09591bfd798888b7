//! A copy of a package from `tests/compile/lock`, and cargo at work on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The profile of the workspace, but for the library, which is only checked or runs little: so that the dependencies are
/// compiled once for both.
pub(super) const PROFILE: &str = "\
[profile.dev]
debug = \"line-tables-only\"

[profile.dev.package.crc32c]
opt-level = 2

[profile.dev.package.postcard]
opt-level = 2

[profile.dev.package.xxhash-rust]
opt-level = 2
";

/// Where the workspace's own dependencies are compiled already.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the temporary directory is in cargo's").to_owned()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("in the workspace").to_owned()
}

/// Held by a test from its beginning: cargo compiles for one at a time anyway, and the programs of all copies have one name.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Package {
    root: PathBuf,
}

impl Package {
    /// A new copy. It is made in the same place each time, so that cargo does not fill its directory with the copies of
    /// earlier runs; so each needs a name of its own, which is in its version too: cargo would take
    /// one copy for another.
    pub(crate) fn copy(source: &str, test: &str) -> Package {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lock").join(test);
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        copy(&workspace().join("tests/compile/lock").join(source), &root);
        let package = Package { root };
        let memimage = workspace().join("memimage");
        package.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"shop\"\nversion = \"0.1.0-{test}\"\nedition = \"2024\"\n\n\
                 [workspace]\n\n\
                 [dependencies]\nmemimage.path = {memimage:?}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
                 {PROFILE}"
            ),
        );
        fs::copy(workspace().join("Cargo.lock"), package.path("Cargo.lock")).unwrap();
        package
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    pub(crate) fn directory(&self, path: &str) {
        fs::create_dir_all(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    /// Replaces what occurs once; gives back the file as it was.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> String {
        let text = self.read(file);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}:\n{text}");
        self.write(file, &text.replace(from, to));
        text
    }

    pub(crate) fn cargo(&self, arguments: &[&str], blessing: bool) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        // What cargo set for this test is not meant for the one it runs.
        for (name, _) in std::env::vars_os() {
            let ours = name.to_str().is_some_and(|name| name.starts_with("CARGO_") || name.starts_with("MEMIMAGE_"));
            if ours && name != "CARGO_HOME" {
                cargo.env_remove(name);
            }
        }
        if blessing {
            cargo.env("MEMIMAGE_BLESS", "1");
        }
        cargo.args(arguments).arg("--offline").current_dir(&self.root).env("CARGO_TARGET_DIR", target());
        cargo.env("CARGO_TERM_COLOR", "never").env("RUST_BACKTRACE", "0");
        cargo.output().expect("cargo runs")
    }

    /// The errors of `cargo check`, one a line: where, and what.
    pub(crate) fn check(&self) -> String {
        let output = self.cargo(&["check", "--quiet", "--message-format", "short"], false);
        self.errors(&output)
    }

    pub(crate) fn errors(&self, output: &Output) -> String {
        let text = String::from_utf8_lossy(&output.stderr).replace(&*self.root.to_string_lossy(), "[shop]");
        let errors: Vec<_> = text.lines().filter(|line| line.contains(": error")).collect();
        assert_eq!(output.status.success(), errors.is_empty(), "{text}");
        errors.join("\n")
    }

    /// `cargo test`, which must do well; what it printed.
    #[track_caller]
    pub(crate) fn test(&self, blessing: bool) -> String {
        let output = self.cargo(&["test"], blessing);
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        text.into_owned()
    }

    /// `cargo test` of the library, in which the lock's test of `Bank` must fail; the message of the panic.
    #[track_caller]
    pub(crate) fn failing_test(&self, blessing: bool) -> String {
        self.failing_test_of("Bank", blessing)
    }

    /// As [`Package::failing_test`], for another model, or a group of one.
    #[track_caller]
    pub(crate) fn failing_test_of(&self, model: &str, blessing: bool) -> String {
        let output = self.cargo(&["test", "--lib"], blessing);
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let text = text.replace(&*self.root.to_string_lossy(), "[shop]");
        assert!(!output.status.success(), "{text}");
        let after = text.split_once(&format!("memimage_lock_of_{model}' ")).unwrap_or_else(|| panic!("{text}")).1;
        let message = after.split_once(":\n").expect("a message after the place").1;
        // the first panic of a program has a note, and others have not
        let end = [message.find("\nnote:"), message.find("\n\n")].into_iter().flatten().min();
        message[..end.expect("the end of the message")].to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}
