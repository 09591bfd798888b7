//! README, guide and documents: the README stays short, the guide is listed, each link has a target, and each test that a
//! document names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The maximum number of words in the README, with code and tables, counted as by `wc -w`.
const README_WORDS_MAX: usize = 1_000;

/// The pages of the library on docs.rs, and the pages of its packaged files.
const CRATE_PAGE: &str = "https://docs.rs/memimage";
const GUIDE_PAGES: &str = "https://docs.rs/memimage/latest/memimage/guide/";
const SOURCE_PAGES: &str = "https://docs.rs/crate/memimage/latest/source/";

/// The documents that crates.io shows. Relative links do not work there.
const ON_CRATES_IO: [&str; 5] = [
    "README.md",
    "memimage-cli/README.md",
    "memimage-derive/README.md",
    "memimage-replication/README.md",
    "memimage-web/README.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is in the workspace").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The chapters of the guide: the names of their files.
fn chapters() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("memimage/src/guide")).expect("the guide exists");
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let chapters: BTreeSet<String> = names.filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned())).collect();
    chapters.into_iter().filter(|name| name != "mod").collect()
}

/// The parts of the chapters that have a folder: the paths of their files below the guide, without the extension.
fn parts() -> BTreeSet<String> {
    let guide = root().join("memimage/src/guide");
    let mut parts = BTreeSet::new();
    for chapter in chapters().iter().filter(|chapter| guide.join(chapter).is_dir()) {
        for entry in fs::read_dir(guide.join(chapter)).expect("the chapter has a folder") {
            let name = entry.unwrap().file_name().into_string().unwrap();
            parts.insert(format!("{chapter}/{}", name.strip_suffix(".rs").expect("a part is a Rust file")));
        }
    }
    parts
}

/// The documents with links, as paths from the root: all Markdown, the guide, and the crate's page.
fn documents() -> Vec<PathBuf> {
    let mut documents = ON_CRATES_IO.map(PathBuf::from).to_vec();
    let others = ["CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md", "fuzz/README.md", "memimage/src/lib.rs"];
    documents.extend(others.map(PathBuf::from));
    documents.extend(
        chapters().iter().chain(&parts()).map(|chapter| PathBuf::from(format!("memimage/src/guide/{chapter}.rs"))),
    );
    for entry in fs::read_dir(root().join("memimage/docs")).unwrap() {
        documents.push(Path::new("memimage/docs").join(entry.unwrap().file_name()));
    }
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let readme = Path::new("examples").join(entry.unwrap().file_name()).join("README.md");
        documents.extend(root().join(&readme).exists().then_some(readme));
    }
    documents
}

/// The text of a document: a Markdown file, or the module documentation of a Rust file.
fn text(path: &Path) -> String {
    let text = read(path);
    if path.extension().is_none_or(|extension| extension != "rs") {
        return text;
    }
    let lines = text.lines().filter_map(|line| line.strip_prefix("//!"));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The lines of a Markdown text outside its code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The link targets in a line: `[…](target)` and `[…]: target`.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let definition = line.starts_with('[').then(|| line.split_once("]: ")).flatten();
    inline.chain(definition.map(|(_, target)| target.trim())).collect()
}

/// The anchors of a document's headings, by the rule of GitHub and rustdoc.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The address of the repository, from the manifest of the workspace.
fn repository() -> String {
    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("\nrepository = \"").expect("the manifest names the repository");
    rest.split_once('"').expect("the address ends").0.to_owned()
}

/// The file in the repository that a link leads to. `None` for a link to another site or an item of the documentation.
fn linked_file(document: &Path, path: &str) -> Result<Option<PathBuf>, &'static str> {
    let repository = repository();
    let is_page_of = |site: &str| path.strip_prefix(site).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(page) = path.strip_prefix(GUIDE_PAGES) {
        let chapter = page.strip_suffix('/').ok_or("the address of a chapter ends with a slash")?;
        return Ok(Some(PathBuf::from(format!("memimage/src/guide/{chapter}.rs"))));
    }
    if let Some(file) = path.strip_prefix(SOURCE_PAGES) {
        return Ok(Some(Path::new("memimage").join(file)));
    }
    if is_page_of(&repository) {
        let mut file =
            ["blob", "raw"].iter().filter_map(|form| path.strip_prefix(&format!("{repository}/{form}/main/")));
        return file.next().map(|file| Some(PathBuf::from(file))).ok_or("it names no file on the main branch");
    }
    if path != CRATE_PAGE && (is_page_of(CRATE_PAGE) || is_page_of("https://docs.rs/crate/memimage")) {
        return Err("it is neither a chapter of the guide nor a packaged file");
    }
    if path.contains("://") {
        return Ok(None);
    }
    if document.extension().is_some_and(|extension| extension == "rs") && !path.is_empty() {
        // rustdoc checks links to items, but not the headings in a chapter, or in a part of one
        let guide = Path::new("memimage/src/guide");
        let linked = match (path.strip_prefix("crate::guide::"), path.strip_prefix("super::")) {
            (Some(chapter), _) => guide.join(chapter),
            (None, Some(sibling)) => document.parent().expect("a file has a parent").join(sibling),
            (None, None) => document.with_extension("").join(path),
        };
        let name = linked.strip_prefix(guide).ok().and_then(Path::to_str).unwrap_or_default();
        let is_listed = chapters().contains(name) || parts().contains(name);
        return Ok(is_listed.then(|| linked.with_extension("rs")));
    }
    if ON_CRATES_IO.iter().any(|readme| document == Path::new(readme)) && !path.is_empty() {
        return Err("crates.io cannot follow a relative link");
    }
    let directory = document.parent().expect("a file has a parent");
    Ok(Some(if path.is_empty() { document.to_owned() } else { directory.join(path) }))
}

/// Why a link does not work, if so.
fn broken(document: &Path, target: &str) -> Option<&'static str> {
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let file = match linked_file(document, path) {
        Ok(file) => file?,
        Err(reason) => return Some(reason),
    };
    if !root().join(&file).exists() {
        return Some("there is no such file");
    }
    if fragment.is_empty() {
        return None;
    }
    if path.starts_with(SOURCE_PAGES) {
        return Some("docs.rs shows the text of this file, without headings");
    }
    (!anchors(&text(&file)).contains(fragment)).then_some("there is no such heading")
}

/// A row of a Markdown table: the heading and the text of each cell.
type Row = Vec<(String, String)>;

/// The rows of all tables in a text.
fn rows(text: &str) -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_start_matches('|').trim_end_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut rows = Vec::new();
    let mut headings: Vec<String> = Vec::new();
    for line in prose(text) {
        if !line.starts_with('|') {
            headings.clear();
        } else if headings.is_empty() {
            headings = cells(line);
        } else if !line.starts_with("| ---") {
            rows.push(headings.iter().cloned().zip(cells(line)).collect());
        }
    }
    rows
}

/// The code in a cell: the parts between backticks.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The text of a Rust file, or of all Rust files in a directory.
fn rust(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"));
    entries.iter().map(|path| rust(path)).collect()
}

fn is_identifier(code: &str) -> bool {
    code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The files and functions that a cell names and that do not exist, and the number of names. A function follows its file.
fn missing_names(cell: &str, directories: &[&str]) -> (Vec<String>, usize) {
    let (mut missing, mut names) = (Vec::new(), 0);
    let mut file: Option<PathBuf> = None;
    for code in code(cell) {
        let function = code.rsplit("::").next().expect("a split has a part");
        if code.ends_with(".rs") || code.ends_with('/') {
            names += 1;
            // a list of files may name their directory only once
            let listed = file
                .as_ref()
                .map(|path| if path.is_dir() { path.as_path() } else { path.parent().expect("a file has a parent") });
            let directories = directories.iter().map(|directory| root().join(directory));
            let mut candidates = directories.chain(listed.map(Path::to_owned)).map(|directory| directory.join(code));
            match candidates.find(|path| path.exists()) {
                Some(found) => file = Some(found),
                None => missing.push(format!("`{code}`: no such file")),
            }
        } else if let Some(file) = file.as_ref().filter(|_| is_identifier(function)) {
            names += 1;
            let source = rust(file);
            if !["(", "<"].iter().any(|next| source.contains(&format!("fn {function}{next}"))) {
                missing.push(format!("`{code}`: no such function in {}", file.display()));
            }
        }
    }
    (missing, names)
}

/// The names in the given columns of a document's tables that do not exist, and the number of names.
fn missing_in_tables(document: &str, columns: &[&str], directories: &[&str]) -> (Vec<String>, usize) {
    let (mut missing, mut names) = (Vec::new(), 0);
    let rows = rows(&read(document));
    for (_, cell) in rows.iter().flatten().filter(|(heading, _)| columns.contains(&heading.as_str())) {
        let (missing_here, names_here) = missing_names(cell, directories);
        missing.extend(missing_here.into_iter().map(|name| format!("{document}: {name}")));
        names += names_here;
    }
    (missing, names)
}

#[test]
fn the_readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words > 100, "the README was not read");
    assert!(
        words <= README_WORDS_MAX,
        "README.md has {words} words, more than {README_WORDS_MAX}: move some to the guide"
    );
}

#[test]
fn each_chapter_of_the_guide_is_listed_wherever_a_reader_looks() {
    let chapters = chapters();
    assert!(chapters.len() >= 10, "{chapters:?}");
    let (readme, list, library) = (read("README.md"), read("memimage/src/guide/mod.rs"), read("memimage/src/lib.rs"));
    for chapter in &chapters {
        assert!(readme.contains(&format!("({GUIDE_PAGES}{chapter}/)")), "README.md has no link to `{chapter}`");
        assert!(list.contains(&format!("//! | [`{chapter}`] |")), "the guide's table has no row for `{chapter}`");
        assert!(library.contains(&format!("//! - [`guide::{chapter}`]")), "the crate's page does not list `{chapter}`");
    }
}

#[test]
fn each_example_is_listed_with_a_command() {
    let text = read("examples/README.md");
    let entries = fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let names = entries.filter_map(|path| path.is_dir().then(|| path.file_name()?.to_str().map(str::to_owned))?);
    for name in names {
        let command =
            |line: &str| line.contains(&format!(" -p {name}")) || line.contains(&format!("examples/{name}/run.sh"));
        assert!(text.lines().any(|line| line.contains(&format!("`{name}`")) && command(line)), "{name}");
    }
}

#[test]
fn the_guide_is_documentation_only() {
    let parts = parts();
    for chapter in chapters().union(&parts) {
        let text = read(format!("memimage/src/guide/{chapter}.rs"));
        let is_part = |line: &str| {
            let name = line.strip_prefix("pub mod ").and_then(|name| name.strip_suffix(';'));
            line.is_empty() || name.is_some_and(|name| parts.contains(&format!("{chapter}/{name}")))
        };
        let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("//!") && !is_part(line)).collect();
        assert!(code.is_empty(), "{chapter}.rs has lines that are no documentation: {code:?}");
    }
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    let (mut failures, mut followed) = (Vec::new(), 0);
    for document in documents() {
        let text = text(&document);
        for target in prose(&text).flat_map(targets) {
            followed += 1;
            if let Some(reason) = broken(&document, target) {
                failures.push(format!("{}: `{target}`: {reason}", document.display()));
            }
        }
    }
    assert!(followed > 100, "only {followed} links were found");
    assert!(failures.is_empty(), "broken links:\n  {}", failures.join("\n  "));
}

#[test]
fn broken_links_are_found() {
    let (readme, contributing) = (Path::new("README.md"), Path::new("CONTRIBUTING.md"));
    let chapter = Path::new("memimage/src/guide/snapshots.rs");
    let cookbook = Path::new("memimage/src/guide/cookbook.rs");
    let part = Path::new("memimage/src/guide/cookbook/commands.rs");
    let in_repository = |path: &str| format!("{}{path}", repository());
    assert_eq!(broken(readme, &in_repository("/blob/main/CONTRIBUTING.md#commands")), None);
    assert_eq!(broken(readme, &format!("{GUIDE_PAGES}determinism/#ids")), None);
    assert_eq!(broken(readme, "https://docs.rs/memimage"), None);
    assert_eq!(broken(contributing, "README.md#promises"), None);
    assert_eq!(broken(chapter, "super::determinism#ids"), None);
    assert_eq!(broken(cookbook, "model#indexes"), None);
    assert_eq!(broken(part, "super::secrets#secrets"), None);
    assert_eq!(broken(part, "crate::guide::determinism#ids"), None);
    for target in [
        in_repository("/blob/main/NO_SUCH_FILE.md"),
        in_repository("/blob/main/CONTRIBUTING.md#no-such-heading"),
        in_repository("/CONTRIBUTING.md"),
        format!("{GUIDE_PAGES}no_such_chapter/"),
        format!("{GUIDE_PAGES}determinism"),
        format!("{GUIDE_PAGES}determinism/#no-such-heading"),
        format!("{SOURCE_PAGES}docs/NO_SUCH_FILE.md"),
        format!("{SOURCE_PAGES}docs/FORMAT.md#assumptions"),
        "https://docs.rs/memimage/latest/no_such_page".to_owned(),
        "CONTRIBUTING.md".to_owned(),
    ] {
        assert!(broken(readme, &target).is_some(), "`{target}` counts as a working link");
    }
    assert!(broken(contributing, "README.md#no-such-heading").is_some());
    assert!(broken(chapter, "super::determinism#no-such-heading").is_some());
    assert!(broken(chapter, "#no-such-heading").is_some());
    assert!(broken(cookbook, "model#no-such-heading").is_some());
    assert!(broken(part, "super::secrets#no-such-heading").is_some());
    assert!(broken(part, "crate::guide::determinism#no-such-heading").is_some());
}

#[test]
fn each_test_and_file_named_in_the_tables_exists() {
    let (mut missing, tests) = missing_in_tables(
        "memimage/docs/RELIABILITY.md",
        &["test", "its own tests", "suite"],
        &["tests/tests", "memimage/src", ""],
    );
    let (more, files) = missing_in_tables(
        "memimage/docs/ARCHITECTURE.md",
        &["open", "kept in", "tested by"],
        &["memimage/src", "tests/tests", ""],
    );
    missing.extend(more);
    assert!(tests > 20 && files > 80, "only {tests} and {files} names were found");
    assert!(missing.is_empty(), "documents name tests or files that do not exist:\n  {}", missing.join("\n  "));
}

/// The source of a test target: a file or a directory.
fn suite_source(suite: &str) -> Option<PathBuf> {
    let directories = ["tests/tests", "memimage-replication/tests"].map(|directory| root().join(directory).join(suite));
    let mut sources: Vec<PathBuf> =
        directories.into_iter().flat_map(|path| [path.with_extension("rs"), path]).collect();
    if suite == "memimage_replication" {
        sources.push(root().join("memimage-replication/src"));
    }
    sources.into_iter().find(|path| path.exists())
}

#[test]
fn each_suite_that_catches_a_planted_bug_exists() {
    let rows = rows(&read("memimage/docs/RELIABILITY.md"));
    let cells: Vec<&String> =
        rows.iter().flatten().filter(|(heading, _)| heading == "caught by").map(|(_, cell)| cell).collect();
    assert!(cells.len() > 10, "only {} planted bugs were found", cells.len());
    for cell in cells {
        let suite = cell.split(' ').next().expect("a split has a part");
        let suite_at = suite_source(suite).unwrap_or_else(|| panic!("`{cell}`: there is no suite `{suite}`"));
        for part in code(cell) {
            let source = rust(&suite_at);
            let is_in_a_name = source.lines().any(|line| line.trim_start().starts_with("fn ") && line.contains(part));
            assert!(is_in_a_name, "`{cell}`: no test of the suite has this in its name");
        }
    }
}

#[test]
fn missing_tests_and_files_are_found() {
    let directories = ["tests/tests", ""];
    let (missing, names) = missing_names("`documents.rs` `the_readme_is_short`, `crash/`", &directories);
    assert_eq!((missing, names), (Vec::new(), 3));
    for cell in ["`documents.rs` `no_such_test`", "`no_such_file.rs`", "`crash/` `no_such_test`, by another suite"] {
        assert_eq!(missing_names(cell, &directories).0.len(), 1, "{cell}");
    }
}

#[test]
fn anchors_follow_the_rule_of_github() {
    assert_eq!(anchor("`journal/durable`"), "journaldurable");
    assert_eq!(anchor("Costs for other systems"), "costs-for-other-systems");
    assert_eq!(anchor("Known, and not fixed yet"), "known-and-not-fixed-yet");
}
