//! Verifies the rules of ARCHITECTURE.md in the source of the runtime, the macros and the tools: the order of the modules, where I/O is
//! allowed, and tidiness.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{File, Item, ItemMod, Macro, UseTree};

/// A source file.
struct SourceFile {
    /// The path below the `src` of its crate.
    path: String,
    text: String,
    file: File,
    /// All Rust paths in the code, without its tests.
    paths: Vec<Vec<String>>,
}

impl SourceFile {
    /// The path of the file's module: `["journal", "format"]` for `journal/format/mod.rs`, and empty for `lib.rs`.
    fn module(&self) -> Vec<&str> {
        let path = self.path.strip_suffix("/mod.rs").or(self.path.strip_suffix(".rs")).expect("a Rust file");
        if path == "lib" { Vec::new() } else { path.split('/').collect() }
    }

    /// The name of the top-level module that contains the file.
    fn top(&self) -> &str {
        self.module().first().copied().unwrap_or("lib")
    }

    fn is_test(&self) -> bool {
        self.path.contains("tests/") || self.path.ends_with("tests.rs") || TEST_FILES.contains(&self.path.as_str())
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path == folder || self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// All Rust paths into the file's own crate, resolved from the crate's root.
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

/// Files that contain only tests, though their names do not show it.
const TEST_FILES: [&str; 2] = ["disk/conformance.rs", "shape/samples.rs"];

/// Folders and files without I/O: they process bytes, and are tested without a disk.
const PURE: [&str; 10] = [
    "digest",
    "inspect",
    "journal/format",
    "keys",
    "nesting",
    "retention",
    "retention.rs",
    "shape",
    "snapshot/protection.rs",
    "value",
];

fn root() -> PathBuf {
    root_of("memimage")
}

fn root_of(krate: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace").join(krate).join("src")
}

/// The source files of the runtime.
fn sources() -> Vec<SourceFile> {
    let sources = sources_of("memimage");
    assert!(sources.len() > 50, "the library's source was not found");
    sources
}

fn sources_of(krate: &str) -> Vec<SourceFile> {
    sources_below(&root_of(krate))
}

/// The source files in a directory and its subdirectories.
fn sources_below(root: &Path) -> Vec<SourceFile> {
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
                sources.push(SourceFile { path, text, file, paths });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The modules that a file declares, in order, without test modules.
fn declared_modules(file: &File) -> Vec<String> {
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

/// Whether a file declares this module only for tests.
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

/// Collects all Rust paths in a file as lists of names. Expands `use` trees, and leaves tests out.
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

    fn expand(&mut self, mut prefix: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.expand(prefix, &path.tree);
            }
            UseTree::Name(name) => {
                prefix.push(name.ident.to_string());
                self.found.push(prefix);
            }
            UseTree::Rename(rename) => {
                prefix.push(rename.ident.to_string());
                self.found.push(prefix);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.expand(prefix.clone(), tree)),
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
        self.expand(Vec::new(), &item.tree);
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

/// Fails with a list of all violations.
fn assert_none(violations: &[String], rule: &str) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

/// The names that a module imports from its submodules, each with its submodule.
fn imported_names(source: &SourceFile, submodules: &[String]) -> BTreeMap<String, String> {
    let paths = source.paths.iter().map(|path| if path[0] == "self" { &path[1..] } else { &path[..] });
    let imports = paths.filter(|path| path.len() > 1 && submodules.contains(&path[0]));
    imports.map(|path| (path.last().expect("two names").clone(), path[0].clone())).collect()
}

/// The violations in the submodules of this module: uses of a submodule that is declared later, either directly or by a name
/// that the parent module imports from it.
fn backward_uses(sources: &[SourceFile], within: &[&str]) -> Vec<String> {
    let parent = sources.iter().find(|source| source.module() == within).expect("the module exists");
    let order = declared_modules(&parent.file);
    assert!(order.len() > 1, "{within:?} has the submodules {order:?}");
    let imported = imported_names(parent, &order);
    let index = |name: &str| order.iter().position(|module| module == name);
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let module = source.module();
        let Some(submodule) = module.strip_prefix(within).and_then(<[_]>::first) else { continue };
        let Some(own) = index(submodule) else {
            assert!(has_test_module(&parent.file, submodule), "{} is not declared in {}", source.path, parent.path);
            continue;
        };
        for used in source.uses() {
            if used.len() <= within.len() || !used.iter().zip(within).all(|(used, within)| used == within) {
                continue;
            }
            let name = used[within.len()].as_str();
            let used_index = index(name).or_else(|| imported.get(name).and_then(|module| index(module)));
            if used_index.is_some_and(|used_index| used_index > own) {
                violations.push(format!(
                    "{} uses {}, which {} declares later",
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

/// The modules with more than one submodule.
fn modules_with_submodules(sources: &[SourceFile]) -> Vec<Vec<&str>> {
    let modules = sources.iter().filter(|source| !source.is_test() && declared_modules(&source.file).len() > 1);
    modules.map(SourceFile::module).collect()
}

/// Modules whose submodules may use each other: serializers of nested values call each other through serde's traits (`digest`,
/// `value`), a simulated file belongs to its simulated disk, and `given`, `when` and `then` of a test return one
/// another.
const CYCLIC: [&str; 4] = ["digest", "disk/sim", "testing", "value"];

#[test]
fn modules_use_only_modules_declared_earlier() {
    let sources = sources();
    let mut violations = Vec::new();
    for module in modules_with_submodules(&sources) {
        let path = module.join("/");
        let found = backward_uses(&sources, &module);
        if CYCLIC.contains(&path.as_str()) {
            assert!(!found.is_empty(), "{path} has no cycle any more: remove it from the list");
        } else {
            violations.extend(found);
        }
    }
    for cyclic in CYCLIC {
        assert!(root().join(cyclic).is_dir(), "{cyclic} does not exist: remove it from the list");
    }
    assert_none(&violations, "modules use only modules that are declared earlier");
}

#[test]
fn macro_modules_use_only_modules_declared_earlier() {
    let sources = sources_of("memimage-derive");
    assert!(sources.len() > 30, "the macros' source was not found");
    let modules = modules_with_submodules(&sources);
    assert!(["ast", "attr", "check", "expand"].iter().all(|name| modules.contains(&vec![*name])), "{modules:?}");
    let violations: Vec<_> = modules.iter().flat_map(|module| backward_uses(&sources, module)).collect();
    assert_none(&violations, "modules of the macros use only modules that are declared earlier");
}

#[test]
fn modules_of_the_page_and_of_the_command_use_only_modules_declared_earlier() {
    let page = sources_of("memimage-web");
    assert!(page.len() > 15, "the page's source was not found");
    assert_none(&backward_uses(&page, &[]), "modules of the page use only modules that are declared earlier");
    // the verbs of the command are in the library
    let command: Vec<String> = sources_of("memimage-cli").into_iter().map(|source| source.path).collect();
    assert_eq!(command, ["main.rs"], "a command of several modules has an order, too: verify it here");
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
    assert_none(&violations, "pure modules do no I/O");
    for pure in PURE {
        assert!(root().join(pure).exists(), "{pure} does not exist: correct the list");
    }
}

#[test]
fn the_journal_does_not_depend_on_models() {
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
    assert_none(&violations, "the journal does not depend on models");
}

#[test]
fn only_the_disk_module_accesses_files() {
    let mut violations = Vec::new();
    // `testing` accesses fixtures of users' tests, which belong to no image
    let allowed = ["disk", "testing"];
    for source in sources().iter().filter(|source| !allowed.contains(&source.top()) && !source.is_test()) {
        for path in &source.paths {
            if path.len() > 1 && path[0] == "std" && path[1] == "fs" {
                violations.push(format!("{} uses {}", source.path, path.join("::")));
            }
        }
    }
    assert_none(&violations, "only the disk module accesses files");
}

/// Counts uses of `unsafe`.
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
fn only_one_file_contains_unsafe_code() {
    let with_unsafe: Vec<String> = sources()
        .into_iter()
        .filter(|source| {
            let mut found = Unsafe::default();
            found.visit_file(&source.file);
            found.0 > 0
        })
        .map(|source| source.path)
        .collect();
    assert_eq!(with_unsafe, ["process.rs", "shape/descriptor/pointer.rs"]);
}

#[test]
fn files_are_tidy() {
    let mut violations = Vec::new();
    let runtime = sources();
    let others = [Path::new("tests"), Path::new("src"), &root_of("memimage-web"), &root_of("memimage-cli")];
    let others = others.map(sources_below);
    for source in runtime.iter().chain(others.iter().flatten()) {
        let path = &source.path;
        let lines = source.text.lines().count();
        if lines > 450 {
            violations.push(format!("{path} has {lines} lines; help: split it"));
        }
        if !source.text.starts_with("//! ") {
            violations.push(format!("{path} does not begin with a module comment"));
        }
        let name = path.strip_suffix("/mod.rs").or(path.strip_suffix(".rs")).unwrap().rsplit('/').next().unwrap();
        if ["utils", "util", "common", "helpers", "helper", "misc", "manager"].contains(&name) {
            violations.push(format!("{path} has a name without a meaning"));
        }
        for line in source.text.lines().filter(|line| line.ends_with(char::is_whitespace) || line.contains('\t')) {
            violations.push(format!("{path}: tab or trailing white space in `{line}`"));
        }
    }
    for source in runtime.iter().filter(|source| !source.is_test()) {
        for called in Paths::of(&source.file).macros {
            if ["todo", "unimplemented", "dbg", "print", "println", "eprint", "eprintln"].contains(&&*called) {
                violations.push(format!("{} calls {called}!", source.path));
            }
        }
    }
    assert_none(&violations, "files are tidy");
}
