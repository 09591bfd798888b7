//! `tree` and `cat` print what git prints, for every commit.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::history;
use crate::program::Program;
use crate::source::{Change, Source, Stream};

/// Compares all commits with git.
#[track_caller]
pub(crate) fn assert_equal(program: &Program, source: &Source) {
    for commit in source.commits() {
        let commit = &commit[0];
        let expected = source.git(&["-c", "core.quotePath=false", "ls-tree", "-r", commit]);
        let printed = program.run("tree", &[commit.as_bytes()]);
        assert_eq!(printed.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{commit}");
        let expected = source.git(&["ls-tree", "-r", "-z", commit]);
        let printed = program.run("tree", &[commit.as_bytes(), b"-z"]);
        assert_eq!(printed.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{commit} -z");
    }
}

#[track_caller]
fn check(object_format: &str) -> (Program, Source) {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), object_format);
    history::eventful(&source);
    history::historic(&source);
    history::tags(&source);
    let counts = program.import(&source.path);
    assert_eq!(counts.commits, source.commits().len() as u64);
    assert_eq!((counts.commits, counts.imported), (24, 24));
    assert_equal(&program, &source);
    (program, source)
}

#[test]
fn every_commit_has_the_files_that_git_prints() {
    check("sha1");
}

#[test]
fn every_commit_of_a_repository_with_sha256_has_the_files_that_git_prints() {
    check("sha256");
}

#[test]
fn a_replaced_commit_has_the_files_that_git_prints() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    history::eventful(&source);
    let replacement = source.word(&["commit-tree", "-p", "other", "-m", "replaced", "late^{tree}"]);
    source.git(&["replace", "main~1", &replacement]);
    program.import(&source.path);
    assert_equal(&program, &source);
}

#[test]
fn a_commit_on_one_that_was_replaced_after_its_import_is_imported() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    history::eventful(&source);
    program.import(&source.path);
    // newer than the next commit, so that the image does not have its files yet
    let mut stream = Stream::default();
    stream.line("commit refs/heads/replacement\ncommitter Ada <> 1800000000 +0000");
    stream.data(b"instead");
    stream.change(&Change::Put("100644", b"instead", b"of everything\n"));
    stream.feed(&source);
    source.git(&["replace", "main", "replacement"]);
    let next = source.word(&["commit-tree", "-p", "main", "-m", "next", "late^{tree}"]);
    source.git(&["update-ref", "refs/heads/main", &next]);
    assert_eq!(program.import(&source.path).imported, 2);
    for commit in ["main", "replacement"] {
        let files = source.git(&["ls-tree", "-r", "-z", commit]);
        assert_eq!(program.run("tree", &[b"-z", commit.as_bytes()]), files, "{commit}");
    }
}

#[test]
fn files_have_the_contents_that_git_has() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    history::eventful(&source);
    program.import(&source.path);
    for branch in ["main", "side/branch", "late"] {
        let paths = source.git(&["ls-tree", "-r", "-z", "--name-only", branch]);
        for path in paths.split(|byte| *byte == 0).filter(|path| !path.is_empty() && !path.starts_with(b"x")) {
            if path.starts_with(b"vendor") {
                continue;
            }
            let object = [branch.as_bytes(), b":", path].concat();
            let output = source.command().arg("cat-file").arg("blob").arg(OsStr::from_bytes(&object)).output().unwrap();
            assert!(output.status.success());
            let printed = program.run("cat", &[b"--", branch.as_bytes(), path]);
            assert_eq!(printed, output.stdout, "{}", path.escape_ascii());
        }
    }
}

#[test]
fn a_content_larger_than_an_event_of_a_commit_may_be_is_kept() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    let contents: Vec<Vec<u8>> = (1..=3).map(|seed| noise(seed, 5 << 20)).collect();
    let mut stream = Stream::default();
    let puts = ["1", "2", "3"].map(|name| name.as_bytes());
    let puts: Vec<_> = puts.iter().zip(&contents).map(|(name, content)| Change::Put("100644", name, content)).collect();
    stream.commit("refs/heads/main", &[], &puts);
    stream.feed(&source);
    let counts = program.import(&source.path);
    assert!(counts.seq > counts.commits + counts.references, "the contents are in one event");
    for (name, content) in ["1", "2", "3"].iter().zip(&contents) {
        assert!(program.run("cat", &[b"main", name.as_bytes()]) == *content, "{name}");
    }
    assert_equal(&program, &source);
}

/// Bytes that cannot be compressed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let word = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 32).to_le_bytes()
    };
    std::iter::repeat_with(word).flatten().take(len).collect()
}
