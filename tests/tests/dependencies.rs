//! What the library rests on: where it comes from, under which licences, and how much of it. All that can be known without
//! the network, from `Cargo.lock` and from what a build has downloaded; known vulnerabilities are in a database that
//! `cargo deny check` asks (see `deny.toml`).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The licences that may be in a program which is itself under MIT or Apache-2.0. `deny.toml` has the same.
const LICENCES: &[&str] =
    &["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "Unicode-3.0", "Unlicense", "Zlib"];

/// Crates that were decided against, each with the reason.
const BANNED: &[(&str, &str)] = &[
    ("bincode", "unmaintained"),
    ("fs4", "the standard library locks files"),
    ("fail", "faults are those of the simulated disk"),
    ("darling", "triples the time that the macros take to build"),
    ("proc-macro-error", "unmaintained"),
    ("memmap2", "an I/O error would be a signal"),
    ("tokio", "a pending answer is a plain future"),
    ("openssl", "no system libraries"),
];

/// Crates that are there in two versions all the same.
const TWICE: &[(&str, &str)] = &[("embedded-io", "postcard has both itself, a few traits each, and uses neither here")];

/// The most crates that the library without features may bring, itself and its macros included.
const MOST: usize = 50;
/// The most that `encryption` and `chain` bring besides: the cipher's authenticator, comparisons whose time tells nothing, the
/// traits between them, wiping, and the hash. Its build script has three more, for code in C that is not compiled here. The
/// project that makes the cipher is the one whose `chacha20` is in the library already.
const MOST_FOR_KEYS: usize = 14;
/// What those features bring.
const FOR_KEYS: &[&str] = &["blake3", "chacha20poly1305", "zeroize"];

/// A package of `Cargo.lock`. The file has all packages, of all platforms and features, whether they were downloaded or not.
struct Locked {
    name: String,
    version: String,
    /// Empty if the package is in the repository.
    source: String,
    /// Each as the lock file names it: `name`, or `name version` where several versions are locked.
    dependencies: Vec<String>,
}

impl Locked {
    fn is_named(&self, dependency: &str) -> bool {
        let mut words = dependency.split(' ');
        words.next() == Some(&self.name) && words.next().is_none_or(|version| version == self.version)
    }
}

fn lock_file() -> Vec<Locked> {
    let text = include_str!("../../Cargo.lock");
    let locked: Vec<_> = text.split("[[package]]").skip(1).map(locked_package).collect();
    assert!(locked.len() > 100, "{} packages were read", locked.len());
    locked
}

/// Reads one entry: lines of `key = "value"`, and the list of dependencies, one a line.
fn locked_package(entry: &str) -> Locked {
    let unquoted = |text: &str| text.trim().trim_end_matches(',').trim_matches('"').to_owned();
    let field = |key: &str| {
        let value = entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        value.map(unquoted).unwrap_or_default()
    };
    let list = entry.split_once("dependencies = [\n").map_or("", |(_, rest)| rest);
    let list = list.split_once("\n]").map_or("", |(list, _)| list);
    Locked {
        name: field("name"),
        version: field("version"),
        source: field("source"),
        dependencies: list.lines().map(unquoted).collect(),
    }
}

/// `cargo metadata`, without the network.
fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../memimage/Cargo.toml"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The packages whose manifests are at hand: those that a build for this platform downloads, and with `MEMIMAGE_FETCHED`
/// all of them, since `cargo fetch` has run.
fn downloaded() -> Value {
    match std::env::var_os("MEMIMAGE_FETCHED") {
        Some(_) => metadata(&["--all-features"]),
        None => metadata(&["--filter-platform", &host()]),
    }
}

/// The platform that cargo builds for.
fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host").to_owned()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The manifest of each package in the workspace, by name. Nothing is downloaded for these.
fn members() -> BTreeMap<String, Value> {
    let metadata = metadata(&["--no-deps"]);
    list(&metadata, "packages").iter().map(|package| (text(package, "name").to_owned(), package.clone())).collect()
}

/// The library's optional dependencies.
fn optional(library: &Value) -> BTreeSet<&str> {
    let optional = list(library, "dependencies").iter().filter(|dependency| dependency["optional"] == true);
    optional.map(|dependency| text(dependency, "name")).collect()
}

/// The places in `locked` of all that the library is linked with, or its macros are built of, on some platform: without
/// dev-dependencies, and without these of its dependencies.
fn tree(locked: &[Locked], members: &BTreeMap<String, Value>, without: &BTreeSet<&str>) -> BTreeSet<usize> {
    let place = |dependency: &str| {
        locked.iter().position(|package| package.is_named(dependency)).expect("the lock file is complete")
    };
    let mut found = BTreeSet::new();
    let mut left = vec![place("memimage")];
    while let Some(at) = left.pop() {
        if !found.insert(at) {
            continue;
        }
        let package = &locked[at];
        // the lock file does not tell a member's dev-dependencies from its others; of other packages it has none
        let linked: Option<BTreeSet<&str>> = members.get(&package.name).map(|manifest| {
            let linked = list(manifest, "dependencies").iter().filter(|dependency| text(dependency, "kind") != "dev");
            linked.map(|dependency| text(dependency, "name")).collect()
        });
        for dependency in &package.dependencies {
            let name = dependency.split(' ').next().unwrap_or_default();
            let left_out = package.name == "memimage" && without.contains(name);
            if !left_out && linked.as_ref().is_none_or(|linked| linked.contains(name)) {
                left.push(place(dependency));
            }
        }
    }
    found
}

/// Whether one of the alternatives, each a list of licences that all hold, is allowed: `MIT OR Apache-2.0`,
/// `(MIT OR Apache-2.0) AND Unicode-3.0`.
fn allowed(licence: &str) -> bool {
    let words = licence.replace('/', " OR ").replace(['(', ')'], " ");
    let words: Vec<_> = words.split_whitespace().collect();
    // the only form with both that is known: alternatives in brackets, and what holds besides
    match words.contains(&"AND") {
        true => words.iter().all(|word| ["AND", "OR"].contains(word) || LICENCES.contains(word)),
        false => words.iter().any(|word| LICENCES.contains(word)),
    }
}

#[test]
fn everything_is_from_the_registry() {
    let members = members();
    for Locked { name, source, .. } in lock_file() {
        match source.as_str() {
            "" => assert!(members.contains_key(&name), "{name} is a path outside the repository"),
            source => assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}"),
        }
    }
}

/// `MEMIMAGE_FETCHED=1` holds also those packages to it that no build for this platform downloads, after a `cargo fetch`.
#[test]
fn everything_is_under_a_licence_that_may_be() {
    let metadata = downloaded();
    let packages = list(&metadata, "packages").iter().filter(|package| !text(package, "source").is_empty());
    let licences: BTreeMap<_, _> =
        packages.map(|package| ((text(package, "name"), text(package, "version")), text(package, "license"))).collect();
    for ((name, _), licence) in &licences {
        assert!(allowed(licence), "{name} is under `{licence}`");
    }
    let unread: Vec<_> = lock_file()
        .into_iter()
        .filter(|package| !package.source.is_empty())
        .filter(|package| !licences.contains_key(&(package.name.as_str(), package.version.as_str())))
        .map(|package| package.name)
        .collect();
    assert!(unread.is_empty() || std::env::var_os("MEMIMAGE_FETCHED").is_none(), "no manifest was read of {unread:?}");
    assert!(licences.len() > 50 && licences.len() > unread.len(), "no manifest was read of {unread:?}");
}

#[test]
fn nothing_that_was_decided_against_is_in_the_library() {
    let locked = lock_file();
    for at in tree(&locked, &members(), &BTreeSet::new()) {
        let name = &locked[at].name;
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| banned == name) {
            panic!("`{name}` is in the library: {why}");
        }
    }
}

#[test]
fn the_library_is_small_and_has_everything_once() {
    let (locked, members) = (lock_file(), members());
    let optional = optional(&members["memimage"]);
    let without_features = tree(&locked, &members, &optional);
    small_and_once(&locked, &without_features, MOST);

    let mut others = optional;
    others.retain(|name| !FOR_KEYS.contains(name));
    let with_keys = tree(&locked, &members, &others);
    small_and_once(&locked, &with_keys, without_features.len() + MOST_FOR_KEYS);
    assert!(with_keys.len() > without_features.len(), "the crates of the features were not found");
}

fn small_and_once(locked: &[Locked], tree: &BTreeSet<usize>, most: usize) {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in tree.iter().map(|at| &locked[*at]) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let twice: Vec<_> = versions
        .iter()
        .filter(|(name, versions)| versions.len() > 1 && TWICE.iter().all(|(known, _)| known != *name))
        .collect();
    assert!(twice.is_empty(), "in several versions: {twice:?}");
    let names: Vec<_> = versions.keys().collect();
    assert!(tree.len() <= most, "{} crates, and {most} are thought to be enough: {names:?}", tree.len());
    assert!(tree.len() > 10, "the tree was not found: {names:?}");
}

/// A user's tests need `testing`; only those that compile programs pay for trybuild.
#[test]
fn the_feature_testing_brings_no_dependency() {
    let library = &members()["memimage"];
    assert_eq!(brought(library, "testing"), BTreeSet::new());
    assert_eq!(brought(library, "compile-fail"), BTreeSet::from(["trybuild".to_owned()]));
}

/// The optional dependencies that a feature turns on, itself or by other features.
fn brought(library: &Value, feature: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in list(&library["features"], feature) {
        let item = item.as_str().expect("a feature leads to names");
        match item.split_once(':') {
            Some((_, dependency)) => found.extend([dependency.to_owned()]),
            None => found.append(&mut brought(library, item)),
        }
    }
    found
}

#[test]
fn licences_are_read() {
    for yes in ["MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(allowed(yes), "{yes}");
    }
    for no in ["", "GPL-3.0", "MIT AND GPL-3.0", "AGPL-3.0 OR SSPL-1.0"] {
        assert!(!allowed(no), "{no}");
    }
}

/// So that who has `cargo deny` gets the same verdict.
#[test]
fn the_configuration_of_cargo_deny_says_the_same() {
    let config = include_str!("../../deny.toml");
    for licence in LICENCES {
        assert!(config.contains(&format!("\"{licence}\"")), "{licence}");
    }
    for (name, why) in BANNED {
        assert!(config.contains(&format!("{{ crate = \"{name}\", reason = \"{why}\" }}")), "{name}");
    }
}
