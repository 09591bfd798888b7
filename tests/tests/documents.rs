//! README, guide and documents: the README stays short, each chapter of the guide is found, and links lead to something.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The most words that the README may have, code and tables included, counted as `wc -w` does.
const README_WORDS_MAX: usize = 1_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The chapters of the guide, by the names of their files.
fn chapters() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("memimage/src/guide")).expect("the guide is there");
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let chapters: BTreeSet<String> = names.filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned())).collect();
    chapters.into_iter().filter(|name| name != "mod").collect()
}

/// The documents in Markdown, as paths from the root.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "fuzz/README.md"].map(PathBuf::from).to_vec();
    for entry in fs::read_dir(root().join("memimage/docs")).unwrap() {
        documents.push(Path::new("memimage/docs").join(entry.unwrap().file_name()));
    }
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let readme = Path::new("examples").join(entry.unwrap().file_name()).join("README.md");
        documents.extend(root().join(&readme).exists().then_some(readme));
    }
    documents
}

/// The lines of a text in Markdown outside its blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The targets of the links in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0))
}

/// The anchors of a document's headings, by GitHub's rule.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
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
        assert!(readme.contains(&format!("(memimage/src/guide/{chapter}.rs)")), "README.md has no link to `{chapter}`");
        assert!(list.contains(&format!("//! | [`{chapter}`] |")), "the guide's table has no row for `{chapter}`");
        assert!(library.contains(&format!("//! - [`guide::{chapter}`]")), "the crate's page does not list `{chapter}`");
    }
}

#[test]
fn the_guide_is_documentation_only() {
    for chapter in chapters() {
        let text = read(format!("memimage/src/guide/{chapter}.rs"));
        let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("//!")).collect();
        assert!(code.is_empty(), "{chapter}.rs has lines that are no documentation: {code:?}");
    }
}

#[test]
fn links_between_documents_lead_to_something() {
    let (mut broken, mut followed) = (Vec::new(), 0);
    for document in documents() {
        let text = read(&document);
        for target in prose(&text).flat_map(targets).filter(|target| !target.contains("://")) {
            followed += 1;
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                "" => document.clone(),
                path => document.parent().expect("a file has a parent").join(path),
            };
            if !root().join(&path).exists() {
                broken.push(format!("{}: `{target}`: there is no such file", document.display()));
            } else if !fragment.is_empty() && !anchors(&read(&path)).contains(fragment) {
                broken.push(format!("{}: `{target}`: there is no such heading", document.display()));
            }
        }
    }
    assert!(followed > 50, "only {followed} links were found");
    assert!(broken.is_empty(), "links lead nowhere:\n  {}", broken.join("\n  "));
}

#[test]
fn anchors_are_those_of_github() {
    assert_eq!(anchor("`journal/durable`"), "journaldurable");
    assert_eq!(anchor("What it cost others"), "what-it-cost-others");
    assert_eq!(anchor("Known, and not mended yet"), "known-and-not-mended-yet");
}
