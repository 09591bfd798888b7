//! Finds lines of a lock that no model claims: those of a model or crate that was renamed, moved or removed.
//!
//! Such lines hold nothing, and under its new name the model would be locked anew, in whatever shapes it has by then. A line
//! is reported only if it is certain that no model of any build has it, so what is looked at is the source, which has the
//! models of all builds, and the tests of the program that runs, among which are those of models that a macro declared.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::line::Text;
use crate::disk::text_file;
use crate::event::ShapeLock;

/// Who looks at the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// The generated test: the running program is a test program, and lists its tests when asked to.
    Test,
    Program,
}

/// The models, other than the lock's own, that have lines and do not exist, with the numbers of their lines.
pub(super) fn unclaimed(lock: &ShapeLock, text: &Text, caller: Caller) -> BTreeMap<String, Vec<usize>> {
    let mut left = text.of_others(lock.model);
    if left.is_empty() {
        return left;
    }
    let Some(own) = Package::read(Path::new(lock.package)) else { return BTreeMap::new() };
    let here = Key::of(lock.model).target;
    left.retain(|model, _| {
        let key = Key::of(model);
        match key.target == here {
            true if caller == Caller::Test => !own.defines(key),
            true => !own.mentions(key),
            false => !(own.has_target(key) && own.mentions(key)),
        }
    });
    if lock.is_shared && !left.is_empty() {
        let Some(others) = others(lock) else { return BTreeMap::new() };
        for package in others {
            left.retain(|model, _| {
                let key = Key::of(model);
                !(package.has_target(key) && package.mentions(key))
            });
        }
    }
    if caller == Caller::Test && left.keys().any(|model| Key::of(model).target == here) {
        let tests = tests();
        left.retain(|model, _| {
            let key = Key::of(model);
            key.target != here || tests.as_deref().is_some_and(|tests| !is_listed(key, tests))
        });
    }
    left
}

/// The names of this program's tests, if it says them.
fn tests() -> Option<String> {
    if cfg!(miri) {
        return None;
    }
    let program = env::current_exe().ok()?;
    let output = Command::new(program).arg("--list").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the tests have that of the model, or of a group of it.
fn is_listed(key: Key<'_>, tests: &str) -> bool {
    tests.lines().filter_map(|line| line.strip_suffix(": test")).any(|test| {
        let name = test.rsplit("::").next().unwrap_or(test);
        let model = name.strip_prefix("memimage_lock_of_").and_then(|model| model.strip_prefix(key.model));
        model.is_some_and(|group| group.is_empty() || group.starts_with('_'))
    })
}

/// The packages that may have lines in a lock that is named by a path: those of the workspace, and those at and below the
/// lock's directory. None if they cannot be read.
fn others(lock: &ShapeLock) -> Option<Vec<Package>> {
    let is_workspace = |directory: &&Path| manifest(directory).is_some_and(|manifest| manifest.contains("[workspace"));
    let workspace = Path::new(lock.package).ancestors().find(is_workspace);
    let roots = workspace.into_iter().chain(Path::new(lock.path).parent());
    text_file::packages(roots).ok()?.iter().map(|directory| Package::read(directory)).collect()
}

fn manifest(directory: &Path) -> Option<String> {
    text_file::read(&directory.join("Cargo.toml")).ok()?
}

/// What a model's lines begin with: `shop::Bank`.
#[derive(Clone, Copy)]
struct Key<'a> {
    target: &'a str,
    model: &'a str,
}

impl Key<'_> {
    fn of(key: &str) -> Key<'_> {
        let (target, model) = key.split_once("::").unwrap_or((key, ""));
        Key { target, model }
    }

    /// The target's name, and where cargo looks for targets of its kind.
    fn places(&self) -> (&str, &'static [&'static str]) {
        match self.target.split_once('/') {
            Some(("bin", name)) => (name, &["src/bin", "examples"]),
            Some((_, name)) => (name, &["tests", "benches"]),
            None => (self.target, &[]),
        }
    }

    /// Whether a file can be part of the target. Targets of one kind use each other's files; the library uses those of no
    /// other target, and no other target has the library's root.
    fn can_be_in(&self, file: &Path) -> bool {
        let none_of = |others: &[&str]| !others.iter().any(|other| file.starts_with(other));
        match self.target.split_once('/') {
            Some(("bin", _)) => none_of(&["src/lib.rs", "tests", "benches"]),
            Some(_) => none_of(&["src/lib.rs"]),
            None => none_of(&["src/main.rs", "src/bin", "examples", "tests", "benches"]),
        }
    }
}

/// The source of a package.
struct Package {
    manifest: String,
    /// By their paths from the directory of the manifest.
    files: Vec<(PathBuf, String)>,
}

impl Package {
    /// None if a part of it cannot be read: nothing is certain then.
    fn read(directory: &Path) -> Option<Package> {
        Some(Package { manifest: manifest(directory)?, files: text_file::rust_files(directory).ok()? })
    }

    /// Whether the package may have a target: one whose name is in the manifest, as the package's own is, or whose file is
    /// where cargo looks for it.
    fn has_target(&self, key: Key<'_>) -> bool {
        let (name, places) = key.places();
        let is_name = |text: &str| text.replace('-', "_") == name.replace('-', "_");
        let is_root = |file: &Path| {
            let file = places.iter().find_map(|place| file.strip_prefix(place).ok());
            let name = file.and_then(|file| match file.ends_with("main.rs") {
                true => file.parent()?.to_str(),
                false => file.to_str()?.strip_suffix(".rs"),
            });
            name.is_some_and(is_name)
        };
        self.manifest.split(['"', '\'']).any(is_name) || self.files.iter().any(|(file, _)| is_root(file))
    }

    /// Whether a file of the target has a `struct` or `enum` of the model's name.
    fn defines(&self, key: Key<'_>) -> bool {
        self.occurs(key, |before| {
            let before = before.strip_suffix("r#").unwrap_or(before).trim_end();
            ["struct", "enum"].iter().any(|keyword| before.ends_with(keyword))
        })
    }

    /// Whether a file of the target has the model's name, other than in a comment.
    fn mentions(&self, key: Key<'_>) -> bool {
        self.occurs(key, |_| true)
    }

    /// Whether a file of the target has the model's name, after such a text in its line.
    fn occurs(&self, key: Key<'_>, is_after: impl Fn(&str) -> bool) -> bool {
        let is_part = |c: char| c == '_' || c.is_alphanumeric();
        self.files.iter().filter(|(file, _)| key.can_be_in(file)).any(|(_, text)| {
            text.match_indices(key.model).any(|(at, _)| {
                let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
                let (before, after) = (&text[line..at], &text[at + key.model.len()..]);
                let is_comment = before.trim_start().starts_with("//");
                !(is_comment || before.ends_with(is_part) || after.starts_with(is_part)) && is_after(before)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(manifest: &str, files: &[(&str, &str)]) -> Package {
        let files = files.iter().map(|(file, text)| (PathBuf::from(file), (*text).to_owned())).collect();
        Package { manifest: manifest.to_owned(), files }
    }

    #[test]
    fn a_target_is_in_the_manifest_or_where_cargo_looks() {
        let shop = package(
            "[package]\nname = \"my-shop\"\n[[test]]\nname = 'it'\npath = \"t.rs\"\n[dependencies]\nold = \"1\"\n",
            &[
                ("src/bin/one-two.rs", ""),
                ("src/bin/three/main.rs", ""),
                ("src/bin/three/part.rs", ""),
                ("examples/show.rs", ""),
                ("tests/a-b.rs", ""),
                ("benches/fast/main.rs", ""),
            ],
        );
        let has = |target: &str| shop.has_target(Key { target, model: "Bank" });
        for target in
            ["my_shop", "bin/my-shop", "bin/one-two", "bin/three", "bin/show", "test/it", "test/a_b", "test/fast"]
        {
            assert!(has(target), "{target}");
        }
        for target in ["shop", "old", "show", "bin/old", "bin/part", "bin/a-b", "test/show", "test/three"] {
            assert!(!has(target), "{target}");
        }
    }

    #[test]
    fn a_model_is_defined_in_a_file_of_its_target() {
        let shop = package(
            "",
            &[
                (
                    "src/lib.rs",
                    "pub struct Bank {}\n// struct Commented;\nstruct Banks; enum  r#Side {}\nrestruct!(Odd);\n",
                ),
                ("src/main.rs", "struct Main;"),
                ("src/part.rs", "    struct Part<T>(T);"),
                ("tests/it.rs", "struct It;"),
                ("examples/show.rs", "struct Show;"),
            ],
        );
        let defines = |key: &str| shop.defines(Key::of(key));
        for key in
            ["s::Bank", "s::Banks", "s::Side", "s::Part", "bin/s::Main", "bin/s::Part", "bin/s::Show", "test/s::It"]
        {
            assert!(defines(key), "{key}");
        }
        for key in
            ["s::Ban", "s::ank", "s::Commented", "s::Main", "s::It", "s::Show", "s::Odd", "bin/s::Bank", "bin/s::It"]
        {
            assert!(!defines(key), "{key}");
        }
        assert!(shop.mentions(Key::of("s::Odd")));
        assert!(!shop.mentions(Key::of("s::Commented")));
    }

    #[test]
    fn a_models_test_is_listed_by_its_name_and_group() {
        let tests = "a::memimage_lock_of_Bank: test\nmemimage_lock_of_Shop_Sales: test\nb::of_Old: test\n\n3 tests, 0 benchmarks\n";
        let listed = |model: &str| is_listed(Key { target: "shop", model }, tests);
        assert!(listed("Bank") && listed("Shop"));
        assert!(!listed("Ban") && !listed("Old") && !listed("Sales"));
    }
}
