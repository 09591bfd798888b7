//! `log` and `blame` agree with git.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::history;
use crate::program::Program;
use crate::source::Source;

fn imported() -> (Program, Source) {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    history::eventful(&source);
    program.import(&source.path);
    (program, source)
}

const PATHS: [&[u8]; 12] = [
    b"README",
    b"README/inside",
    b"src",
    b"lib",
    b"lib/deep/er/main.rs",
    b"a/b",
    b"a/b/c",
    b"tab\there",
    b"not UTF-8 \xFF\xFE\x80",
    b"run.sh",
    b"link",
    b"vendor",
];

#[test]
fn log_lists_all_commits_in_the_order_of_git() {
    let (program, source) = imported();
    let expected: Vec<String> = source.commits().iter().map(|commit| commit[0][..10].to_owned()).collect();
    assert_eq!(program.log(), expected);
}

#[test]
fn a_line_has_the_day_of_the_author_and_the_subject() {
    let (program, source) = imported();
    let log = program.run("log", &[]);
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
    let find = |revision: &str| {
        let id = source.word(&["rev-parse", revision]);
        lines.iter().find(|line| line.starts_with(&id.as_bytes()[..10])).unwrap().escape_ascii().to_string()[10..]
            .to_owned()
    };
    assert_eq!(find("other"), " 2023-11-14 Ada: Commit 11 (refs/heads/other)");
    assert_eq!(find("latin-1"), r" 1970-01-01 \xc9mile: caf\xe9 \x01 (refs/heads/latin-1)");
    assert_eq!(find("main"), " 2023-11-14 Ada: Commit 17 (HEAD, refs/heads/main)");
}

#[test]
fn blame_lists_the_commits_that_differ_from_all_parents() {
    let (program, source) = imported();
    let commits = source.commits();
    for path in PATHS {
        let differs = |commit: &&Vec<String>| {
            let now = source.entry(&commit[0], path);
            let mut before: Vec<_> = commit[1..].iter().map(|parent| source.entry(parent, path)).collect();
            before.extend(commit[1..].is_empty().then(Vec::new));
            !before.contains(&now)
        };
        let expected: Vec<String> =
            commits.iter().rev().filter(differs).map(|commit| commit[0][..10].to_owned()).collect();
        assert!(!expected.is_empty());
        assert_eq!(program.blame(path), expected, "{}", path.escape_ascii());
    }
}

#[test]
fn blame_lists_the_commits_without_merges_that_git_lists() {
    let (program, source) = imported();
    let commits = source.commits();
    for path in PATHS {
        let mut command = source.command();
        let listed = command
            .args(["log", "--all", "--full-history", "--no-merges", "--format=%H", "--date-order", "--reverse", "--"])
            .arg(OsStr::from_bytes(&[b":(literal)", path].concat()))
            .output()
            .unwrap();
        assert!(listed.status.success());
        let expected: Vec<String> =
            String::from_utf8(listed.stdout).unwrap().lines().map(|id| id[..10].to_owned()).collect();
        let is_merge = |id: &String| commits.iter().any(|commit| commit[0].starts_with(id) && commit.len() > 2);
        let blame: Vec<String> = program.blame(path).into_iter().filter(|id| !is_merge(id)).collect();
        assert_eq!(blame, expected, "{}", path.escape_ascii());
    }
}

#[test]
fn blame_tells_what_a_commit_did() {
    let (program, _) = imported();
    let done = |path: &[u8]| {
        let text = String::from_utf8(program.run("blame", &[path])).unwrap();
        text.lines().map(|line| line[22..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(done(b"tab\there"), ["added    Ada: Commit 2", "deleted  Ada: Commit 12", "deleted  Ada: Commit 18"]);
    assert_eq!(done(b"run.sh"), ["added    Ada: Commit 4", "modified Ada: Commit 5", "deleted  Ada: Commit 18"]);
    assert_eq!(done(b"src/"), done(b"src"));
}
