//! `gitlog admin`.

use std::process::Command;

use crate::history;
use crate::program::{Program, errors};
use crate::source::Change::Put;
use crate::source::{Source, Stream};

#[test]
fn the_changes_of_a_branch_are_its_commits() {
    let program = Program::new();
    let source = Source::new(program.path("source.git"), "sha1");
    history::eventful(&source);
    program.import(&source.path);
    let before = source.word(&["rev-parse", "main"]);
    let mut stream = Stream::default();
    stream.commit("refs/heads/main", &[], &[Put("100644", b"new", b"new")]);
    stream.feed(&source);
    program.import(&source.path);
    let after = source.word(&["rev-parse", "main"]);
    assert_ne!(before, after);

    let image = program.image();
    let arguments = ["admin", "changes", "references.refs/heads/main", "--image", image.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_gitlog")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    let changes: Vec<&str> = lines.lines().map(str::trim).filter(|line| line.starts_with("references.")).collect();
    let [first, second] = changes[..] else { panic!("{lines}") };
    assert_eq!(first, format!("references.refs/heads/main: absent → \"{before}\""));
    assert_eq!(second, format!("references.refs/heads/main: \"{before}\" → \"{after}\""));
}

#[test]
fn the_page_shows_the_image_of_the_program_unless_another_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let browse = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitlog"));
        let output = command.current_dir(&directory).args(["admin", "browse"]).args(arguments).output().unwrap();
        (output.status.code(), errors(&output))
    };
    for (arguments, image) in [(&[][..], "gitlog.image"), (&["--image", "other.image"], "other.image")] {
        let (code, message) = browse(arguments);
        assert!(code == Some(3) && message.contains(image), "{code:?}: {message}");
    }
}
