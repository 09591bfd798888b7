//! Mistakes are reported, and change nothing.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::history;
use crate::program::Program;
use crate::source::Change::Put;
use crate::source::{Source, Stream, partial_clone, shallow_clone};
use crate::tree::assert_equal;

/// An import must fail with this message, and must not create an image.
#[track_caller]
fn check_import(program: &Program, repository: &Path, expected: &str) {
    let errors = program.fail("import", &[repository.as_os_str().as_bytes()]);
    assert!(errors.contains(expected), "{errors}");
    assert!(!program.image().exists());
}

fn imported() -> (Program, Source) {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    history::eventful(&source);
    program.import(&source.path);
    (program, source)
}

#[test]
fn a_directory_that_is_no_repository_is_refused() {
    let program = Program::new();
    check_import(&program, &program.path(""), "not a git repository");
    check_import(&program, &program.path("missing"), "help: pass the directory of a git repository");
}

#[test]
fn a_missing_git_is_reported() {
    let program = Program::new();
    let output = program.command("import").arg(program.path("")).env("PATH", program.path("")).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("help: install git"), "{errors}");
    assert!(!program.image().exists());
}

#[test]
fn a_shallow_clone_is_refused() {
    let (program, source) = imported();
    let shallow = program.path("shallow.git");
    shallow_clone(&source.path, &shallow);
    check_import(&Program::new(), &shallow, "help: run `git fetch --unshallow`");
}

#[test]
fn a_partial_clone_is_imported_if_its_remote_is_there() {
    let (program, source) = imported();
    source.git(&["config", "uploadpack.allowFilter", "true"]);
    source.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let partial = program.path("partial.git");
    partial_clone(&source.path, &partial);
    let away = program.path("away");
    fs::rename(&source.path, &away).unwrap();
    let other = Program::new();
    let errors = other.fail("import", &[partial.as_os_str().as_bytes()]);
    assert!(errors.contains("`git cat-file` ended at the blob"), "{errors}");
    assert!(errors.contains("a partial clone needs its remote"), "{errors}");

    fs::rename(&away, &source.path).unwrap();
    other.import(&partial);
    assert_equal(&other, &source);
}

#[test]
fn a_reference_to_a_missing_object_is_reported() {
    let (_program, source) = imported();
    fs::write(source.path.join("refs/heads/broken"), "1".repeat(40)).unwrap();
    check_import(&Program::new(), &source.path, "bad ref refs/heads/broken");
}

#[test]
fn a_missing_object_is_named_and_the_commits_before_it_stay() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    let mut stream = Stream::default();
    let first = stream.commit("refs/heads/main", &[], &[Put("100644", b"a", b"one")]);
    stream.commit("refs/heads/main", &[first], &[Put("100644", b"a", b"two")]);
    stream.feed(&source);
    let id = source.word(&["rev-parse", "main:a"]);
    let object = source.path.join("objects").join(&id[..2]).join(&id[2..]);
    assert!(object.exists(), "the object is packed");
    let away = program.path("away");
    fs::rename(&object, &away).unwrap();

    let errors = program.fail("import", &[source.path.as_os_str().as_bytes()]);
    assert!(errors.contains(&format!("object {id} is missing")), "{errors}");
    assert_eq!(program.log().len(), 1);
    fs::rename(&away, &object).unwrap();
    assert_eq!(program.import(&source.path).imported, 1);
    assert_equal(&program, &source);
}

#[test]
fn an_unknown_commit_is_reported() {
    let (program, _) = imported();
    for name in ["missing", "", "abc", &"0".repeat(40), &"0".repeat(64), &"0".repeat(39), "HEAD~1"] {
        let errors = program.fail("tree", &[name.as_bytes()]);
        assert!(errors.contains(&format!("no commit, branch or tag `{name}`; help:")), "{errors}");
        program.fail("cat", &[name.as_bytes(), b"README"]);
    }
}

#[test]
fn the_first_digits_of_a_hash_are_enough_if_they_are_unique() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    let mut stream = Stream::default();
    let mut last = vec![];
    for number in 0..700u32 {
        last = vec![stream.commit("refs/heads/main", &last, &[Put("100644", b"a", &number.to_le_bytes())])];
    }
    stream.feed(&source);
    program.import(&source.path);
    let mut ids: Vec<String> = source.commits().into_iter().map(|mut commit| commit.swap_remove(0)).collect();
    ids.sort();
    // the commits are always the same, and two of them have the same first four digits
    let [first, second] = ids.windows(2).find(|pair| pair[0][..4] == pair[1][..4]).unwrap() else { unreachable!() };
    let errors = program.fail("tree", &[&first.as_bytes()[..4]]);
    assert!(
        errors.contains(&format!("is the beginning of 2 commits; help: give more digits, as in {first} or {second}"))
    );
    for id in [first, second] {
        let files = source.git(&["ls-tree", "-r", "-z", id]);
        assert_eq!(program.run("tree", &[b"-z", &id.as_bytes()[..12]]), files);
        assert_eq!(program.run("tree", &[b"-z", id.to_uppercase().as_bytes()]), files);
    }
}

#[test]
fn an_unknown_path_is_reported() {
    let (program, _) = imported();
    for path in ["missing", "README/inside/deeper", "", "/", "a", "vendor/sub\"module"] {
        let errors = program.fail("cat", &[b"main", path.as_bytes()]);
        assert!(errors.contains(&format!("commit `main` has no file `{path}`")), "{errors}");
    }
    let errors = program.fail("blame", &[b"a/missing"]);
    assert!(errors.contains("no commit in the image has `a/missing`; help:"), "{errors}");
}

#[test]
fn a_missing_image_is_not_created() {
    let program = Program::new();
    for args in [&[&b"tree"[..], b"main"][..], &[b"cat", b"main", b"a"], &[b"log"], &[b"blame", b"a"]] {
        let errors = program.fail(str::from_utf8(args[0]).unwrap(), &args[1..]);
        assert!(errors.starts_with("gitlog: "), "{errors}");
        assert!(!program.image().exists());
    }
}
