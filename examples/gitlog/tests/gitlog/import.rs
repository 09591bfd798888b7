//! Imports that are repeated, of repositories that have changed.

use crate::history;
use crate::program::{Counts, Program, errors};
use crate::source::Change::Put;
use crate::source::{Source, Stream};
use crate::tree::assert_equal;

fn imported() -> (Program, Source, Counts) {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    history::eventful(&source);
    history::tags(&source);
    let counts = program.import(&source.path);
    (program, source, counts)
}

#[test]
fn a_second_import_records_nothing() {
    let (program, source, counts) = imported();
    let log = program.run("log", &[]);
    assert_eq!(program.import(&source.path), Counts { imported: 0, ..counts });
    assert_eq!(program.run("log", &[]), log);
}

#[test]
fn an_import_of_a_grown_repository_records_only_what_is_new() {
    let (program, source, counts) = imported();
    let mut stream = Stream::default();
    for number in 1..=3 {
        stream.commit("refs/heads/new", &[], &[Put("100644", b"new", &[number])]);
    }
    stream.feed(&source);
    // a commit on one that nothing has been built on for long
    let old = source.word(&["rev-list", "--max-parents=0", "main"]);
    let old = old.lines().last().unwrap();
    let commit = source.word(&["commit-tree", "-p", old, "-m", "late", "nothing^{tree}"]);
    source.git(&["update-ref", "refs/heads/late-again", &commit]);

    let grown = program.import(&source.path);
    // the three commits of `new` have no parents, so only the last is reachable
    assert_eq!((grown.imported, grown.commits), (2, counts.commits + 2));
    assert_eq!(grown.seq, counts.seq + 4, "two commits and two branches");
    assert_equal(&program, &source);
}

#[test]
fn references_follow_those_of_the_repository() {
    let (program, source, counts) = imported();
    let references = |program: &Program| {
        let log = String::from_utf8_lossy(&program.run("log", &[])).into_owned();
        log.lines().filter_map(|line| Some(line.split_once(" (")?.1.to_owned())).collect::<Vec<_>>().join("\n")
    };
    let before = references(&program);
    let names = [
        "HEAD, ",
        "refs/heads/main",
        "refs/tags/annotated",
        "refs/tags/nested",
        "refs/tags/only-a-tag",
        "refs/notes/commits",
    ];
    for name in names {
        assert!(before.contains(name), "{name} is not in {before}");
    }
    for name in ["refs/tags/tree", "refs/tags/blob", "refs/tags/annotated-tree"] {
        assert!(!before.contains(name), "{name} is in {before}");
    }

    source.git(&["update-ref", "refs/heads/main", "main~2"]);
    source.git(&["update-ref", "-d", "refs/heads/late"]);
    source.git(&["tag", "-d", "nested"]);
    let moved = program.import(&source.path);
    assert_eq!(moved.imported, 0);
    assert_eq!(moved.references, counts.references - 2);
    assert_eq!(moved.seq, counts.seq + 4, "`HEAD`, `main`, `late` and `nested`");
    let main = source.git(&["ls-tree", "-r", "-z", "main"]);
    assert_eq!(program.run("tree", &[b"-z", b"main"]), main);
    assert!(!references(&program).contains("refs/heads/late,"));
    program.fail("tree", &[b"nested"]);
}

#[test]
fn a_commit_that_the_repository_has_lost_stays_in_the_image() {
    let (program, source, _) = imported();
    let lost = source.word(&["rev-parse", "only-a-tag"]);
    let files = source.git(&["ls-tree", "-r", "-z", &lost]);
    source.git(&["tag", "-d", "only-a-tag"]);
    program.import(&source.path);
    assert_eq!(program.run("tree", &[b"-z", lost.as_bytes()]), files);
}

#[test]
fn a_repository_without_commits_gives_an_empty_image() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    let counts = program.import(&source.path);
    assert_eq!(counts, Counts { commits: 0, imported: 0, references: 0, seq: 0 });
    assert_eq!(program.run("log", &[]), b"");
    assert!(program.fail("tree", &[b"HEAD"]).contains("no commit, branch or tag `HEAD`"));
    history::eventful(&source);
    program.import(&source.path);
    assert_equal(&program, &source);
}

#[test]
fn a_working_tree_and_a_detached_head_are_imported() {
    let (program, source, _) = imported();
    let clone = program.path("clone");
    source.git(&["clone", "--quiet", "--no-checkout", ".", clone.to_str().unwrap()]);
    let clone = Source { path: clone };
    let commit = clone.word(&["commit-tree", "-p", "HEAD", "-m", "on no branch", "HEAD^{tree}"]);
    clone.git(&["update-ref", "--no-deref", "HEAD", &commit]);
    let counts = program.import(&clone.path);
    assert_eq!(counts.imported, 1);
    assert_eq!(program.log()[0], commit[..10]);
    assert_equal(&program, &clone);
}

#[test]
fn submodules_are_reported() {
    let (program, source, _) = imported();
    let other = Program::new();
    let output = other.command("import").arg(&source.path).output().unwrap();
    let errors = errors(&output);
    assert!(errors.contains("submodule \"vendor/sub\\\"module\": the image holds its entries"), "{errors}");
    let again = program.command("import").arg(&source.path).output().unwrap();
    assert!(again.stderr.is_empty());
}

#[test]
fn variables_of_git_do_not_lead_to_another_repository() {
    let (_program, source, _) = imported();
    let program = Program::new();
    let empty = Source::new(program.path("empty.git"), "sha1");
    let output = program.command("import").arg(&source.path).env("GIT_DIR", &empty.path).output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    assert_equal(&program, &source);
}
