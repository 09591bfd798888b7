//! Verifies the sources, the licences and the number of the library's dependencies without the network, from `Cargo.lock` and
//! the downloaded packages. `cargo deny check` looks up known vulnerabilities (see `deny.toml`).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The licences that are compatible with MIT and Apache-2.0. `deny.toml` has the same list.
const LICENCES: &[&str] = &[
    "0BSD",
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not be dependencies, each with the reason. `deny.toml` has the same list.
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

/// Crates that may be present in two versions.
const DUPLICATES_ALLOWED: &[(&str, &str)] =
    &[("embedded-io", "postcard has both itself, a few traits each, and uses neither here")];

/// The maximum number of crates of the library without features, including itself and its macros.
const MAX_CRATES: usize = 53;
/// The maximum number of additional crates of `encryption` and `chain`: the authenticator, constant-time comparison, the traits
/// between them, zeroizing, and the hash. The hash has a build script with three more crates, for C code that is not compiled
/// here. The cipher is from the project whose `chacha20` the library uses without features.
const MAX_CRATES_FOR_KEYS: usize = 14;
/// These features.
const FEATURES_WITH_KEYS: &str = "chain,encryption";

/// A package in `Cargo.lock`, which lists the packages of all platforms and features, downloaded or not.
struct Locked {
    name: String,
    version: String,
    /// Empty if the package is in this repository.
    source: String,
}

fn lock_file() -> Vec<Locked> {
    let text = include_str!("../../Cargo.lock");
    let locked: Vec<_> = text.split("[[package]]").skip(1).map(locked_package).collect();
    assert!(locked.len() > 100, "{} packages were read", locked.len());
    locked
}

/// Parses one entry: lines of `key = "value"`.
fn locked_package(entry: &str) -> Locked {
    let unquoted = |text: &str| text.trim().trim_end_matches(',').trim_matches('"').to_owned();
    let field = |key: &str| {
        let value = entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        value.map(unquoted).unwrap_or_default()
    };
    Locked { name: field("name"), version: field("version"), source: field("source") }
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

/// The metadata of the downloaded packages: those of a build for this platform, or all packages if `MEMIMAGE_FETCHED` says that
/// `cargo fetch` has run.
fn downloaded() -> Value {
    match std::env::var_os("MEMIMAGE_FETCHED") {
        Some(_) => metadata(&["--all-features"]),
        None => metadata(&["--filter-platform", &host()]),
    }
}

/// The platform that cargo builds for.
fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo prints its host").to_owned()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The manifest of each package in the workspace by name, which needs no downloads.
fn members() -> BTreeMap<String, Value> {
    let metadata = metadata(&["--no-deps"]);
    list(&metadata, "packages").iter().map(|package| (text(package, "name").to_owned(), package.clone())).collect()
}

/// The name and the version of each dependency of the library and its macros with these features, except dev-dependencies: on this
/// platform, or on all platforms if `MEMIMAGE_FETCHED` says that `cargo fetch` has run. `Cargo.lock` does not tell: it has what any
/// crate of the workspace enables.
fn tree(features: &str) -> BTreeSet<(String, String)> {
    let target = if std::env::var_os("MEMIMAGE_FETCHED").is_some() { "all".to_owned() } else { host() };
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package=memimage", "--edges=normal,build", "--no-default-features"])
        .args(["--prefix=none", "--format={p}", "--target", &target, "--features", features])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let package = |line: &str| {
        let (name, rest) = line.split_once(" v")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    };
    String::from_utf8(output.stdout).unwrap().lines().filter_map(package).collect()
}

/// Whether a licence expression is allowed, for example `MIT OR Apache-2.0` or `(MIT OR Apache-2.0) AND Unicode-3.0`.
fn is_allowed(licence: &str) -> bool {
    let words = licence.replace('/', " OR ").replace(['(', ')'], " ");
    let words: Vec<_> = words.split_whitespace().collect();
    // the only supported form with `AND`: alternatives in parentheses, and a further licence
    match words.contains(&"AND") {
        true => words.iter().all(|word| ["AND", "OR"].contains(word) || LICENCES.contains(word)),
        false => words.iter().any(|word| LICENCES.contains(word)),
    }
}

#[test]
fn all_dependencies_are_from_the_registry() {
    let members = members();
    for Locked { name, source, .. } in lock_file() {
        match source.as_str() {
            "" => assert!(members.contains_key(&name), "{name} has a path outside the repository"),
            source => assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}"),
        }
    }
}

/// With `MEMIMAGE_FETCHED=1`, after `cargo fetch`, this includes the packages of other platforms.
#[test]
fn all_dependencies_have_an_allowed_licence() {
    let metadata = downloaded();
    let packages = list(&metadata, "packages").iter().filter(|package| !text(package, "source").is_empty());
    let licences: BTreeMap<_, _> =
        packages.map(|package| ((text(package, "name"), text(package, "version")), text(package, "license"))).collect();
    for ((name, _), licence) in &licences {
        assert!(is_allowed(licence), "{name} is under `{licence}`");
    }
    let missing: Vec<_> = lock_file()
        .into_iter()
        .filter(|package| !package.source.is_empty())
        .filter(|package| !licences.contains_key(&(package.name.as_str(), package.version.as_str())))
        .map(|package| package.name)
        .collect();
    assert!(missing.is_empty() || std::env::var_os("MEMIMAGE_FETCHED").is_none(), "manifests are missing: {missing:?}");
    assert!(licences.len() > 50 && licences.len() > missing.len(), "manifests are missing: {missing:?}");
}

#[test]
fn the_library_has_no_banned_dependency() {
    let mut features = members()["memimage"]["features"].as_object().expect("the features of the library").clone();
    features.retain(|name, _| name != "default");
    let features: Vec<String> = features.into_iter().map(|(name, _)| name).collect();
    for (name, _) in tree(&features.join(",")) {
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            panic!("`{name}` is a dependency of the library: {why}");
        }
    }
}

#[test]
fn the_library_has_few_dependencies_and_no_duplicates() {
    let without_features = tree("");
    assert_small_without_duplicates(&without_features, MAX_CRATES);
    let with_keys = tree(FEATURES_WITH_KEYS);
    assert_small_without_duplicates(&with_keys, without_features.len() + MAX_CRATES_FOR_KEYS);
    assert!(with_keys.len() > without_features.len(), "the crates of the features were not found");
}

fn assert_small_without_duplicates(tree: &BTreeSet<(String, String)>, max: usize) {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, version) in tree {
        versions.entry(name).or_default().insert(version);
    }
    let duplicates: Vec<_> = versions
        .iter()
        .filter(|(name, versions)| versions.len() > 1 && DUPLICATES_ALLOWED.iter().all(|(known, _)| known != *name))
        .collect();
    assert!(duplicates.is_empty(), "in several versions: {duplicates:?}");
    let names: Vec<_> = versions.keys().collect();
    assert!(tree.len() <= max, "{} crates, but at most {max} are allowed: {names:?}", tree.len());
    assert!(tree.len() > 10, "the dependency tree is incomplete: {names:?}");
}

/// Tests of users need `testing`. Only tests that compile programs need trybuild.
#[test]
fn the_feature_testing_has_no_dependencies() {
    let library = &members()["memimage"];
    assert_eq!(enabled_dependencies(library, "testing"), BTreeSet::new());
    assert_eq!(enabled_dependencies(library, "compile-fail"), BTreeSet::from(["trybuild".to_owned()]));
}

/// The optional dependencies that a feature enables, directly or through other features.
fn enabled_dependencies(library: &Value, feature: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in list(&library["features"], feature) {
        let item = item.as_str().expect("a feature is a list of names");
        match item.split_once(':') {
            Some((_, dependency)) => found.extend([dependency.to_owned()]),
            None => found.append(&mut enabled_dependencies(library, item)),
        }
    }
    found
}

#[test]
fn licence_expressions_are_parsed() {
    for yes in ["MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(is_allowed(yes), "{yes}");
    }
    for no in ["", "GPL-3.0", "MIT AND GPL-3.0", "AGPL-3.0 OR SSPL-1.0"] {
        assert!(!is_allowed(no), "{no}");
    }
}

/// `cargo deny` applies the same rules.
#[test]
fn the_configuration_of_cargo_deny_has_the_same_lists() {
    let config = include_str!("../../deny.toml");
    for licence in LICENCES {
        assert!(config.contains(&format!("\"{licence}\"")), "{licence}");
    }
    for (name, why) in BANNED {
        assert!(config.contains(&format!("{{ crate = \"{name}\", reason = \"{why}\"")), "{name}");
    }
}

/// `cargo test --workspace` builds the library once, with what any package enables: the tests of all features run.
#[test]
fn the_tests_enable_all_features_of_the_library() {
    let members = members();
    let features = members["memimage"]["features"].as_object().unwrap().keys();
    let features: BTreeSet<&str> = features.map(String::as_str).filter(|feature| *feature != "default").collect();
    let dependencies = list(&members["memimage-tests"], "dependencies").iter();
    let enabled = dependencies
        .filter(|dependency| text(dependency, "name") == "memimage")
        .flat_map(|dependency| list(dependency, "features"))
        .filter_map(Value::as_str);
    assert_eq!(enabled.collect::<BTreeSet<_>>(), features);
}
