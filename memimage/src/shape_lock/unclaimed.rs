//! Finds unclaimed lines of a lock: lines of a model or crate that was renamed, moved or removed.
//!
//! Unclaimed lines protect nothing, and blessing would lock a renamed or moved model again, under its new name and in its
//! present shapes. A line is reported only if no build can have a model to which the line belongs. The check therefore reads
//! the source, which contains the models of all builds, and the list of the running program's tests, which includes the tests
//! of models that a macro declared.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::lock_file::LockFile;
use crate::disk::text_file;
use crate::event::ShapeLock;

/// Who checks the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// The generated test. The running program is a test program, and can list its tests.
    Test,
    Program,
}

/// The models that have lines in the lock but do not exist, with the numbers of these lines. The model of `lock` itself is
/// never in the result.
pub(super) fn unclaimed(lock: &ShapeLock, text: &LockFile, caller: Caller) -> BTreeMap<String, Vec<usize>> {
    let mut unclaimed = text.of_others(lock.model);
    if unclaimed.is_empty() {
        return unclaimed;
    }
    let Some(own) = PackageSource::read(Path::new(lock.package)) else { return BTreeMap::new() };
    let here = ModelKey::of(lock.model).target;
    unclaimed.retain(|model, _| {
        let key = ModelKey::of(model);
        match key.target == here {
            true if caller == Caller::Test => !own.defines(key),
            true => !own.mentions(key),
            false => !(own.has_target(key) && own.mentions(key)),
        }
    });
    if lock.is_shared && !unclaimed.is_empty() {
        let Some(others) = others(lock) else { return BTreeMap::new() };
        for package in others {
            unclaimed.retain(|model, _| {
                let key = ModelKey::of(model);
                !(package.has_target(key) && package.mentions(key))
            });
        }
    }
    if caller == Caller::Test && unclaimed.keys().any(|model| ModelKey::of(model).target == here) {
        let tests = tests();
        unclaimed.retain(|model, _| {
            let key = ModelKey::of(model);
            key.target != here || tests.as_deref().is_some_and(|tests| !is_listed(key, tests))
        });
    }
    unclaimed
}

/// The output of this test program with `--list`; `None` if the program cannot be run.
fn tests() -> Option<String> {
    if cfg!(miri) {
        return None;
    }
    let program = env::current_exe().ok()?;
    let output = Command::new(program).arg("--list").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `tests` lists the generated test of the model or of one of its groups.
fn is_listed(key: ModelKey<'_>, tests: &str) -> bool {
    tests.lines().filter_map(|line| line.strip_suffix(": test")).any(|test| {
        let name = test.rsplit("::").next().unwrap_or(test);
        let model = name.strip_prefix("memimage_lock_of_").and_then(|model| model.strip_prefix(key.model));
        model.is_some_and(|group| group.is_empty() || group.starts_with('_'))
    })
}

/// The packages that may have lines in a lock with a path: the packages of the workspace, and the packages in and below the
/// lock's directory. `None` if a package cannot be read.
fn others(lock: &ShapeLock) -> Option<Vec<PackageSource>> {
    let is_workspace = |directory: &&Path| manifest(directory).is_some_and(|manifest| manifest.contains("[workspace"));
    let workspace = Path::new(lock.package).ancestors().find(is_workspace);
    let roots = workspace.into_iter().chain(Path::new(lock.path).parent());
    text_file::packages(roots).ok()?.iter().map(|directory| PackageSource::read(directory)).collect()
}

fn manifest(directory: &Path) -> Option<String> {
    text_file::read(&directory.join("Cargo.toml")).ok()?
}

/// The prefix of a model's lines: `shop::Bank`.
#[derive(Clone, Copy)]
struct ModelKey<'a> {
    target: &'a str,
    model: &'a str,
}

impl ModelKey<'_> {
    fn of(key: &str) -> ModelKey<'_> {
        let (target, model) = key.split_once("::").unwrap_or((key, ""));
        ModelKey { target, model }
    }

    /// The target's name, and the directories in which cargo looks for targets of its kind.
    fn places(&self) -> (&str, &'static [&'static str]) {
        match self.target.split_once('/') {
            Some(("bin", name)) => (name, &["src/bin", "examples"]),
            Some((_, name)) => (name, &["tests", "benches"]),
            None => (self.target, &[]),
        }
    }

    /// Whether a file may be part of the target. Targets of one kind may share files. The function assumes that the library
    /// uses no file of another target, and that no other target uses the root file of the library.
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
struct PackageSource {
    manifest: String,
    /// The path of each source file, relative to the manifest's directory, and its text.
    files: Vec<(PathBuf, String)>,
}

impl PackageSource {
    /// Reads the manifest and the source files. Returns `None` if any of these files cannot be read.
    fn read(directory: &Path) -> Option<PackageSource> {
        Some(PackageSource { manifest: manifest(directory)?, files: text_file::rust_files(directory).ok()? })
    }

    /// Whether the package may have the target of `key`: the manifest contains the target's name, or one of the files is where
    /// cargo looks for the target.
    fn has_target(&self, key: ModelKey<'_>) -> bool {
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

    /// Whether a file of the target defines a `struct` or `enum` with the model's name.
    fn defines(&self, key: ModelKey<'_>) -> bool {
        self.occurs(key, |before| {
            let before = before.strip_suffix("r#").unwrap_or(before).trim_end();
            ["struct", "enum"].iter().any(|keyword| before.ends_with(keyword))
        })
    }

    /// Whether a file of the target contains the model's name outside of comments.
    fn mentions(&self, key: ModelKey<'_>) -> bool {
        self.occurs(key, |_| true)
    }

    /// Whether a file of the target contains the model's name outside of comments, and `is_after` accepts the text before the
    /// name in the same line.
    fn occurs(&self, key: ModelKey<'_>, is_after: impl Fn(&str) -> bool) -> bool {
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

    fn package(manifest: &str, files: &[(&str, &str)]) -> PackageSource {
        let files = files.iter().map(|(file, text)| (PathBuf::from(file), (*text).to_owned())).collect();
        PackageSource { manifest: manifest.to_owned(), files }
    }

    #[test]
    fn a_target_is_in_the_manifest_or_in_cargos_directories() {
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
        let has = |target: &str| shop.has_target(ModelKey { target, model: "Bank" });
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
        let defines = |key: &str| shop.defines(ModelKey::of(key));
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
        assert!(shop.mentions(ModelKey::of("s::Odd")));
        assert!(!shop.mentions(ModelKey::of("s::Commented")));
    }

    #[test]
    fn the_test_list_is_searched_for_a_models_name_and_groups() {
        let tests = "a::memimage_lock_of_Bank: test\nmemimage_lock_of_Shop_Sales: test\nb::of_Old: test\n\n3 tests, 0 benchmarks\n";
        let listed = |model: &str| is_listed(ModelKey { target: "shop", model }, tests);
        assert!(listed("Bank") && listed("Shop"));
        assert!(!listed("Ban") && !listed("Old") && !listed("Sales"));
    }
}
