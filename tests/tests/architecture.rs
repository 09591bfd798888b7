//! The order of the modules of the runtime and of the macros, what each may touch, and tidiness: what ARCHITECTURE.md
//! says, kept by a test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{File, Item, ItemMod, Macro, UseTree};

/// A source file.
struct Source {
    /// Below the `src` of its crate.
    path: String,
    text: String,
    file: File,
}

impl Source {
    /// The module that it is, or is part of, at the top level.
    fn top(&self) -> &str {
        let first = self.path.split('/').next().expect("a path");
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn is_test(&self) -> bool {
        self.path.contains("tests/") || self.path.ends_with("tests.rs") || TESTS.iter().any(|test| self.path == *test)
    }
}

/// Files that hold tests and nothing else.
const TESTS: [&str; 4] =
    ["disk/conformance.rs", "journal/explored.rs", "journal/explored/stand_in.rs", "shape/samples.rs"];

/// Pure: bytes to verdicts, tested without a disk.
const PURE: [&str; 19] = [
    "keys/",
    "journal/whitening.rs",
    "journal/chosen.rs",
    "journal/cover.rs",
    "snapshot/cover.rs",
    "journal/frame.rs",
    "journal/search.rs",
    "journal/tail.rs",
    "journal/record.rs",
    "journal/segment.rs",
    "journal/reader.rs",
    "journal/table.rs",
    "journal/genesis.rs",
    "journal/prune.rs",
    "journal/durable.rs",
    "shape/",
    "value/",
    "digest/",
    "retention.rs",
];

/// Modules whose parts use only those declared before them.
const ORDERED: [&str; 11] = [
    "event",
    "journal",
    "journal/read",
    "image",
    "disk",
    "admin",
    "admin/rewrite",
    "admin/examine",
    "admin/check",
    "admin/repair",
    "admin/void",
];

fn root() -> PathBuf {
    root_of("memimage")
}

fn root_of(krate: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace").join(krate).join("src")
}

/// The source files of the runtime.
fn sources() -> Vec<Source> {
    let sources = sources_of("memimage");
    assert!(sources.len() > 50, "the library's source was not found");
    sources
}

fn sources_of(krate: &str) -> Vec<Source> {
    let root = root_of(krate);
    let (mut sources, mut directories) = (Vec::new(), vec![root.clone()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
                sources.push(Source { path, text, file });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The modules of a file in the order they are declared, tests left out.
fn declared(file: &File) -> Vec<String> {
    let mut modules = Vec::new();
    for item in &file.items {
        let Item::Mod(module) = item else { continue };
        let name = module.ident.to_string();
        if module.content.is_none() && !is_for_tests(module) && !modules.contains(&name) {
            modules.push(name);
        }
    }
    modules
}

fn is_for_tests(module: &ItemMod) -> bool {
    module.attrs.iter().any(|attr| match &attr.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
        }
        _ => false,
    })
}

/// All paths in a file, as lists of names, uses unfolded and tests left out.
#[derive(Default)]
struct Paths {
    found: Vec<Vec<String>>,
    macros: Vec<String>,
}

impl Paths {
    fn of(file: &File) -> Paths {
        let mut paths = Paths::default();
        paths.visit_file(file);
        paths
    }

    fn unfold(&mut self, mut prefix: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.unfold(prefix, &path.tree);
            }
            UseTree::Name(name) => {
                prefix.push(name.ident.to_string());
                self.found.push(prefix);
            }
            UseTree::Rename(rename) => {
                prefix.push(rename.ident.to_string());
                self.found.push(prefix);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.unfold(prefix.clone(), tree)),
            _ => self.found.push(prefix),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(module) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.unfold(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.macros.push(called.path.segments.last().expect("a macro has a name").ident.to_string());
        visit::visit_macro(self, called);
    }
}

/// Fails with all violations at once.
fn none(violations: &[String], rule: &str) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

/// Where a module of a crate uses one that comes after it in `lib.rs`.
fn backward_uses(sources: &[Source]) -> Vec<String> {
    let library = sources.iter().find(|source| source.path == "lib.rs").unwrap();
    let order = declared(&library.file);
    let place: BTreeMap<&str, usize> = order.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.path != "lib.rs" && !source.is_test()) {
        let own = *place.get(source.top()).unwrap_or_else(|| panic!("{} is not declared", source.path));
        for path in Paths::of(&source.file).found {
            let [first, used, ..] = &path[..] else { continue };
            if first == "crate" && place.get(used.as_str()).is_some_and(|used| *used > own) {
                violations.push(format!("{} uses crate::{used}, which comes after it in lib.rs", source.path));
            }
        }
    }
    violations.dedup();
    violations
}

/// Where a part of one of these modules uses a part that comes after it in the module's `mod.rs`.
fn backward_uses_inside(sources: &[Source], modules: &[&str]) -> Vec<String> {
    let mut violations = Vec::new();
    for within in modules {
        let parent = sources.iter().find(|source| source.path == format!("{within}/mod.rs")).unwrap();
        let module: Vec<&str> = ["crate"].into_iter().chain(within.split('/')).collect();
        let order = declared(&parent.file);
        assert!(order.len() > 1, "{within}: {order:?}");
        let place: BTreeMap<&str, usize> = order.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        for source in sources.iter().filter(|source| !source.is_test()) {
            let Some(inside) = source.path.strip_prefix(&format!("{within}/")) else { continue };
            let (own, depth) = match inside.split_once('/') {
                Some((directory, "mod.rs")) => (directory, 1),
                Some((directory, _)) => (directory, 2),
                None => (inside.strip_suffix(".rs").unwrap(), 1),
            };
            let Some(&own) = place.get(own) else { continue };
            for path in Paths::of(&source.file).found {
                let supers = path.iter().take_while(|name| *name == "super").count();
                let absolute = path.len() > module.len() && module.iter().zip(&path).all(|(name, used)| name == used);
                let used = if absolute { path.get(module.len()) } else { path.get(supers).filter(|_| supers == depth) };
                let Some(used) = used else { continue };
                if place.get(used.as_str()).is_some_and(|used| *used > own) {
                    violations.push(format!("{} uses {used}, which comes after it in {within}/mod.rs", source.path));
                }
            }
        }
    }
    violations.dedup();
    violations
}

#[test]
fn each_module_uses_those_before_it_only() {
    none(&backward_uses(&sources()), "modules are used one way");
}

#[test]
fn each_part_of_a_module_uses_those_before_it_only() {
    let violations = backward_uses_inside(&sources(), &ORDERED);
    none(&violations, "the parts of a module are used one way");
}

#[test]
fn each_module_of_the_macros_uses_those_before_it_only() {
    let sources = sources_of("memimage-derive");
    assert!(sources.len() > 30, "the macros' source was not found");
    none(&backward_uses(&sources), "modules of the macros are used one way");
    let mut directories: Vec<&str> =
        sources.iter().filter_map(|source| source.path.split_once('/')).map(|(directory, _)| directory).collect();
    directories.dedup();
    assert!(["ast", "attr", "check", "expand"].iter().all(|directory| directories.contains(directory)));
    none(&backward_uses_inside(&sources, &directories), "the parts of a module of the macros are used one way");
}

#[test]
fn bytes_are_judged_without_io() {
    let mut violations = Vec::new();
    for source in sources() {
        if !PURE.iter().any(|pure| source.path.starts_with(pure)) || source.is_test() {
            continue;
        }
        for path in Paths::of(&source.file).found {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            if matches!(
                names[..],
                ["std", "fs" | "io" | "process" | "env", ..] | ["crate", "disk", ..] | ["fs" | "io", _, ..]
            ) {
                violations.push(format!("{} uses {}", source.path, names.join("::")));
            }
        }
    }
    none(&violations, "no I/O in the pure modules");
    for pure in PURE {
        assert!(root().join(pure).exists(), "{pure} is gone: mend the list");
    }
}

#[test]
fn files_are_touched_in_one_module_only() {
    let mut violations = Vec::new();
    // a test's fixtures are files that no image has anything to do with
    let own_files = ["disk", "testing"];
    for source in sources().iter().filter(|source| !own_files.contains(&source.top()) && !source.is_test()) {
        for path in Paths::of(&source.file).found {
            if path.len() > 1 && path[0] == "std" && path[1] == "fs" {
                violations.push(format!("{} uses {}", source.path, path.join("::")));
            }
        }
    }
    none(&violations, "all file access goes through the disk module, but that of users' tests");
}

/// Finds `unsafe` in code, wherever it may stand.
#[derive(Default)]
struct Unsafe(usize);

impl<'ast> Visit<'ast> for Unsafe {
    fn visit_expr_unsafe(&mut self, node: &'ast syn::ExprUnsafe) {
        self.0 += 1;
        visit::visit_expr_unsafe(self, node);
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        self.0 += usize::from(node.unsafety.is_some());
        visit::visit_item_impl(self, node);
    }

    fn visit_signature(&mut self, node: &'ast syn::Signature) {
        self.0 += usize::from(matches!(node.safety, syn::Safety::Unsafe(_)));
        visit::visit_signature(self, node);
    }

    fn visit_item_trait(&mut self, node: &'ast syn::ItemTrait) {
        self.0 += usize::from(node.unsafety.is_some());
        visit::visit_item_trait(self, node);
    }
}

#[test]
fn unsafe_stands_in_one_file() {
    let with_unsafe: Vec<String> = sources()
        .into_iter()
        .filter(|source| {
            let mut found = Unsafe::default();
            found.visit_file(&source.file);
            found.0 > 0
        })
        .map(|source| source.path)
        .collect();
    assert_eq!(with_unsafe, ["shape/pointer.rs"]);
}

#[test]
fn files_are_tidy() {
    let mut violations = Vec::new();
    for source in &sources() {
        let path = &source.path;
        let lines = source.text.lines().count();
        if lines > 450 && !source.is_test() {
            violations.push(format!("{path} has {lines} lines: it is two things"));
        }
        if !source.text.starts_with("//! ") {
            violations.push(format!("{path} does not begin by saying what it is"));
        }
        let name = path.strip_suffix("/mod.rs").or(path.strip_suffix(".rs")).unwrap().rsplit('/').next().unwrap();
        if ["utils", "util", "common", "helpers", "helper", "misc", "manager"].contains(&name) {
            violations.push(format!("{path} is named after nothing"));
        }
        for line in source.text.lines().filter(|line| line.ends_with(char::is_whitespace) || line.contains('\t')) {
            violations.push(format!("{path}: stray white space in `{line}`"));
        }
        if !source.is_test() {
            for called in Paths::of(&source.file).macros {
                if ["todo", "unimplemented", "dbg", "print", "println", "eprint", "eprintln"].contains(&&*called) {
                    violations.push(format!("{path} calls {called}!"));
                }
            }
        }
    }
    none(&violations, "files are tidy");
}
