//! What the lock says where a stage is changed the wrong way: cargo at work on a copy of this package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files::copy;
use crate::walk::blocks;

/// The profile of the workspace, but for the library, which is only checked or runs little: so that the dependencies are
/// compiled once for both.
const PROFILE: &str = "\
[profile.dev]
debug = \"line-tables-only\"

[profile.dev.package.crc32c]
opt-level = 2

[profile.dev.package.postcard]
opt-level = 2

[profile.dev.package.xxhash-rust]
opt-level = 2
";

/// A copy of this package, outside of the workspace.
struct Package {
    root: PathBuf,
}

impl Package {
    /// Always in the same place, so that cargo's directory does not fill with those of earlier runs.
    fn copy() -> Package {
        let package = Package { root: Path::new(env!("CARGO_TARGET_TMPDIR")).join("upgrade") };
        if package.root.exists() {
            fs::remove_dir_all(&package.root).unwrap();
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for files in ["src", "locks"] {
            copy(&here.join(files), &package.root.join(files));
        }
        fs::remove_file(package.root.join("src/main.rs")).unwrap();
        let workspace = here.ancestors().nth(2).expect("in the workspace");
        fs::copy(workspace.join("Cargo.lock"), package.root.join("Cargo.lock")).unwrap();
        let memimage = workspace.join("memimage");
        let manifest = format!(
            "[package]\nname = \"upgrade\"\nversion = \"0.1.0-copy\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nmemimage.path = {memimage:?}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
             {PROFILE}"
        );
        fs::write(package.root.join("Cargo.toml"), manifest).unwrap();
        package
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The errors of `cargo check`, one a line, without their places.
    fn check(&self) -> Vec<String> {
        let mut cargo = Command::new(env!("CARGO"));
        for (name, _) in std::env::vars_os() {
            // set for this test, not for the cargo that it runs
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_") && name != "CARGO_HOME") {
                cargo.env_remove(name);
            }
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in cargo's directory");
        cargo.args(["check", "--quiet", "--offline", "--message-format", "short"]).current_dir(&self.root);
        cargo.env("CARGO_TARGET_DIR", target).env_remove("MEMIMAGE_BLESS");
        let output = cargo.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let errors: Vec<String> = said
            .lines()
            .filter_map(|line| line.split_once(": error").and_then(|(_, rest)| rest.split_once(": ")))
            .map(|(_, message)| {
                // what rustc adds to the message of a constant
                let message = message.trim_start_matches("evaluation panicked: ");
                message.split(": evaluation of").next().expect("a first part").to_owned()
            })
            .collect();
        assert_eq!(output.status.success(), errors.is_empty(), "{said}");
        errors
    }

    /// What is said of a stage with these changes: replaced texts, each of which occurs once. It is held to the lock
    /// that it would have had: that of the stage before.
    #[track_caller]
    fn check_with(&self, stage: usize, changes: &[(&str, &str)]) -> Vec<String> {
        let (source, lock) =
            (self.path(&format!("src/stage{stage}.rs")), self.path(&format!("locks/stage{stage}.lock")));
        let [right, locked] = [&source, &lock].map(|file| fs::read_to_string(file).unwrap());
        let mut wrong = right.clone();
        for (from, to) in changes {
            assert_eq!(wrong.matches(from).count(), 1, "{from:?} in stage {stage}");
            wrong = wrong.replace(from, to);
        }
        fs::write(&source, wrong).unwrap();
        fs::copy(self.path(&format!("locks/stage{}.lock", stage - 1)), &lock).unwrap();
        let errors = self.check();
        fs::write(&source, right).unwrap();
        fs::write(&lock, locked).unwrap();
        errors
    }
}

#[test]
fn the_lock_says_what_is_wrong_and_what_to_do() {
    let package = Package::copy();
    assert_eq!(package.check(), [] as [&str; 0]);

    let unversioned =
        [("version = 2, history(BuyV1), ", ""), ("#[memimage::upcast]\nfn buy_1_to_2(", "fn _buy_1_to_2(")];
    let said = [
        package.check_with(2, &unversioned),
        package.check_with(3, &[("name = \"buy\", ", "")]),
        package.check_with(4, &[("#[command(replay_only)]\n    fn gift(", "fn _gift(")]),
    ];
    let said: Vec<String> = said.iter().map(|errors| one_line(&errors.join(" "))).collect();
    let readme: Vec<String> = blocks("text").iter().map(|(_, text)| one_line(text)).collect();
    assert_eq!(readme, said);

    // a stage as it should be, but for its new lines
    let errors = package.check_with(5, &[]);
    let asked = [
        "`locks/stage5.lock` has no line for sign v2; help: run `MEMIMAGE_BLESS=1 cargo test --lib` to add it, and commit it",
    ];
    assert_eq!(errors, asked);
}

/// The same words with single spaces.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
