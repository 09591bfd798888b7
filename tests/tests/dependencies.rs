//! What the library rests on: where it comes from, under which licences, and how much of it. All that can be known without
//! the network; known vulnerabilities are in a database that is asked by `cargo deny check` (see `deny.toml`).

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

/// `cargo metadata`, of all that is locked.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked", "--all-features", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../memimage/Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn packages(metadata: &Value) -> BTreeMap<&str, &Value> {
    list(metadata, "packages").iter().map(|package| (text(package, "id"), package)).collect()
}

/// What of the library's dependencies comes by its features alone.
fn optional(metadata: &Value) -> BTreeSet<&str> {
    let package = list(metadata, "packages").iter().find(|package| text(package, "name") == "memimage").unwrap();
    let optional = list(package, "dependencies").iter().filter(|dependency| dependency["optional"] == true);
    optional.map(|dependency| text(dependency, "name")).collect()
}

/// The ids of all that the library is linked with, or its macros are built of, on some system; without what only tests need,
/// and without these.
fn tree<'a>(metadata: &'a Value, without: &BTreeSet<&str>) -> BTreeSet<&'a str> {
    let packages = packages(metadata);
    let nodes: BTreeMap<_, _> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let library = packages.iter().find(|(_, package)| text(package, "name") == "memimage").unwrap().0;
    let mut found = BTreeSet::new();
    let mut left = vec![*library];
    while let Some(id) = left.pop() {
        if !found.insert(id) {
            continue;
        }
        for dependency in list(nodes[id], "deps") {
            let of_the_crate = |kind: &Value| text(kind, "kind") != "dev" && !text(kind, "target").contains("shuttle");
            let pkg = text(dependency, "pkg");
            let left_out = id == *library && without.contains(text(packages[pkg], "name"));
            if !left_out && list(dependency, "dep_kinds").iter().any(of_the_crate) {
                left.push(pkg);
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
fn everything_is_from_the_registry_under_a_licence_that_may_be() {
    let metadata = metadata();
    for package in list(&metadata, "packages") {
        let (name, source) = (text(package, "name"), text(package, "source"));
        if source.is_empty() {
            let path = text(package, "manifest_path");
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
            let root = std::fs::canonicalize(root).unwrap();
            assert!(path.starts_with(root.to_str().unwrap()), "{name} is a path outside the repository: {path}");
            continue;
        }
        assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
        let licence = text(package, "license");
        assert!(allowed(licence), "{name} is under `{licence}`");
    }
}

#[test]
fn nothing_that_was_decided_against_is_in_the_library() {
    let metadata = metadata();
    let packages = packages(&metadata);
    for id in tree(&metadata, &BTreeSet::new()) {
        let name = text(packages[id], "name");
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            panic!("`{name}` is in the library: {why}");
        }
    }
}

#[test]
fn the_library_is_small_and_has_everything_once() {
    let metadata = metadata();
    let without_features = tree(&metadata, &optional(&metadata));
    small_and_once(&metadata, &without_features, MOST);

    let mut others = optional(&metadata);
    others.retain(|name| !FOR_KEYS.contains(name));
    let with_keys = tree(&metadata, &others);
    small_and_once(&metadata, &with_keys, without_features.len() + MOST_FOR_KEYS);
    assert!(with_keys.len() > without_features.len(), "the crates of the features were not found");
}

fn small_and_once(metadata: &Value, tree: &BTreeSet<&str>, most: usize) {
    let packages = packages(metadata);
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for id in tree {
        versions.entry(text(packages[id], "name")).or_default().insert(text(packages[id], "version"));
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
