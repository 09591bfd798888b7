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
    /// All paths in its code but that of tests.
    paths: Vec<Vec<String>>,
}

impl Source {
    /// The path of its module in the crate: `journal/format/mod.rs` is `["journal", "format"]`, and `lib.rs` is the root.
    fn module(&self) -> Vec<&str> {
        let path = self.path.strip_suffix("/mod.rs").or(self.path.strip_suffix(".rs")).expect("a Rust file");
        if path == "lib" { Vec::new() } else { path.split('/').collect() }
    }

    /// The module that it is, or is part of, at the top level.
    fn top(&self) -> &str {
        self.module().first().copied().unwrap_or("lib")
    }

    fn is_test(&self) -> bool {
        self.path.contains("tests/") || self.path.ends_with("tests.rs") || TESTS.contains(&self.path.as_str())
    }

    fn is_in(&self, place: &str) -> bool {
        self.path == place || self.path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
    }

    /// All paths in it that lead into its own crate, from the crate's root.
    fn uses(&self) -> Vec<Vec<String>> {
        let module = self.module();
        let own = |up: usize| module[..module.len() - up].iter().map(|name| (*name).to_owned());
        let from_root = |path: &Vec<String>| {
            let supers = path.iter().take_while(|name| *name == "super").count();
            match path.first()?.as_str() {
                "crate" => Some(path[1..].to_vec()),
                "self" => Some(own(0).chain(path[1..].iter().cloned()).collect()),
                "super" if supers <= module.len() => Some(own(supers).chain(path[supers..].iter().cloned()).collect()),
                _ => None,
            }
        };
        self.paths.iter().filter_map(from_root).collect()
    }
}

/// Files whose names do not say that they hold tests only.
const TESTS: [&str; 2] = ["disk/conformance.rs", "shape/samples.rs"];

/// Folders, and single files, that do no I/O: they turn bytes into verdicts and are tested without a disk.
const PURE: [&str; 7] =
    ["digest", "journal/format", "keys", "retention.rs", "shape", "snapshot/protection.rs", "value"];

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
    sources_below(&root_of(krate))
}

/// The source files in a directory and in those below it.
fn sources_below(root: &Path) -> Vec<Source> {
    let (mut sources, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
                let paths = Paths::of(&file).found;
                sources.push(Source { path, text, file, paths });
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

/// Whether a file declares this module for tests only.
fn has_test_module(file: &File, name: &str) -> bool {
    file.items.iter().any(|item| matches!(item, Item::Mod(module) if module.ident == name && is_for_tests(module)))
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

/// The names that a module takes from its parts, each with the part.
fn taken_from_parts(source: &Source, parts: &[String]) -> BTreeMap<String, String> {
    let paths = source.paths.iter().map(|path| if path[0] == "self" { &path[1..] } else { &path[..] });
    let from_part = paths.filter(|path| path.len() > 1 && parts.contains(&path[0]));
    from_part.map(|path| (path.last().expect("two names").clone(), path[0].clone())).collect()
}

/// The places where a part of this module uses a part that is declared after it, directly or by a name that the module takes
/// from that part.
fn backward_uses(sources: &[Source], within: &[&str]) -> Vec<String> {
    let parent = sources.iter().find(|source| source.module() == within).expect("a module");
    let order = declared(&parent.file);
    assert!(order.len() > 1, "{within:?} has the parts {order:?}");
    let taken = taken_from_parts(parent, &order);
    let place = |name: &str| order.iter().position(|part| part == name);
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let module = source.module();
        let Some(part) = module.strip_prefix(within).and_then(<[_]>::first) else { continue };
        let Some(own) = place(part) else {
            assert!(has_test_module(&parent.file, part), "{} is not declared in {}", source.path, parent.path);
            continue;
        };
        for used in source.uses() {
            if used.len() <= within.len() || !used.iter().zip(within).all(|(used, within)| used == within) {
                continue;
            }
            let name = used[within.len()].as_str();
            let part = place(name).or_else(|| taken.get(name).and_then(|part| place(part)));
            if part.is_some_and(|part| part > own) {
                violations.push(format!(
                    "{} uses {}, which comes after it in {}",
                    source.path,
                    used.join("::"),
                    parent.path
                ));
            }
        }
    }
    violations.dedup();
    violations
}

/// The modules with more than one part.
fn modules_with_parts(sources: &[Source]) -> Vec<Vec<&str>> {
    let with_parts = sources.iter().filter(|source| !source.is_test() && declared(&source.file).len() > 1);
    with_parts.map(Source::module).collect()
}

/// Modules whose parts may use each other: walks over nested values call each other through serde's traits (`digest`,
/// `value`), a file of the simulated disk is a part of the disk that holds it, and `given`, `when` and `then` of a test lead
/// to one another.
const CYCLIC: [&str; 4] = ["digest", "disk/sim", "testing", "value"];

#[test]
fn each_module_uses_those_before_it_only() {
    let sources = sources();
    let mut violations = Vec::new();
    for module in modules_with_parts(&sources) {
        let path = module.join("/");
        let found = backward_uses(&sources, &module);
        if CYCLIC.contains(&path.as_str()) {
            assert!(!found.is_empty(), "{path} is one way by now: take it off the list");
        } else {
            violations.extend(found);
        }
    }
    for cyclic in CYCLIC {
        assert!(root().join(cyclic).is_dir(), "{cyclic} is gone: take it off the list");
    }
    none(&violations, "modules, and the parts of each module, are used one way");
}

#[test]
fn each_module_of_the_macros_uses_those_before_it_only() {
    let sources = sources_of("memimage-derive");
    assert!(sources.len() > 30, "the macros' source was not found");
    let modules = modules_with_parts(&sources);
    assert!(["ast", "attr", "check", "expand"].iter().all(|name| modules.contains(&vec![*name])), "{modules:?}");
    let violations: Vec<_> = modules.iter().flat_map(|module| backward_uses(&sources, module)).collect();
    none(&violations, "modules of the macros, and the parts of each module, are used one way");
}

#[test]
fn pure_folders_do_no_io() {
    let mut violations = Vec::new();
    for source in sources() {
        if !PURE.iter().any(|pure| source.is_in(pure)) || source.is_test() {
            continue;
        }
        for path in &source.paths {
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
        assert!(root().join(pure).exists(), "{pure} is gone: correct the list");
    }
}

#[test]
fn the_journal_knows_no_model() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| source.is_in("journal") && !source.is_test()) {
        let forbidden: &[&str] = if source.is_in("journal/format") { &["event", "recovery"] } else { &["recovery"] };
        let used = source
            .uses()
            .into_iter()
            .filter(|path| forbidden.iter().any(|top| path.first().is_some_and(|first| first == top)));
        let generic = source.paths.iter().filter(|path| path.iter().any(|name| name == "Model")).cloned();
        violations.extend(used.chain(generic).map(|path| format!("{} uses {}", source.path, path.join("::"))));
    }
    none(&violations, "the journal holds bytes of any model");
}

#[test]
fn files_are_touched_in_one_module_only() {
    let mut violations = Vec::new();
    // a test's fixtures are files that no image has anything to do with
    let own_files = ["disk", "testing"];
    for source in sources().iter().filter(|source| !own_files.contains(&source.top()) && !source.is_test()) {
        for path in &source.paths {
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
    assert_eq!(with_unsafe, ["shape/descriptor/pointer.rs"]);
}

#[test]
fn files_are_tidy() {
    let mut violations = Vec::new();
    let runtime = sources();
    let tests = [sources_below(Path::new("tests")), sources_below(Path::new("src"))];
    for source in runtime.iter().chain(tests.iter().flatten()) {
        let path = &source.path;
        let lines = source.text.lines().count();
        if lines > 450 {
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
    }
    for source in runtime.iter().filter(|source| !source.is_test()) {
        for called in Paths::of(&source.file).macros {
            if ["todo", "unimplemented", "dbg", "print", "println", "eprint", "eprintln"].contains(&&*called) {
                violations.push(format!("{} calls {called}!", source.path));
            }
        }
    }
    none(&violations, "files are tidy");
}
