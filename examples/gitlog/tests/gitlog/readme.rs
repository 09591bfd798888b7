//! The commands in `README.md` have the output given there, and its code is in the source.

use crate::program::Program;
use crate::source::shell;

const README: &str = include_str!("../../README.md");

/// The code blocks of one language.
fn blocks(kind: &str) -> String {
    let (mut text, mut open) = (String::new(), None);
    for line in README.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(_), Some(_)) => open = None,
            (Some(opened), None) => open = Some(opened),
            (None, Some(opened)) if opened == kind => text += &format!("{line}\n"),
            (None, _) => {}
        }
    }
    text
}

/// The text with 0.02 as the number of seconds.
fn without_seconds(text: &str) -> String {
    match text.split_once("\"seconds\":") {
        Some((before, after)) => format!("{before}\"seconds\":0.02{}", &after[after.find('}').unwrap()..]),
        None => text.to_owned(),
    }
}

#[test]
fn the_commands_in_the_readme_have_the_given_output() {
    let program = Program::new();
    let expected = blocks("console");
    let mut seen = String::new();
    for line in expected.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let run = line.replace("gitlog ", concat!("'", env!("CARGO_BIN_EXE_gitlog"), "' "));
        let output = shell(&run).current_dir(program.path("")).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        seen += &format!("$ {line}\n{}{stderr}", without_seconds(&stdout));
    }
    assert_eq!(seen, expected, "{seen}");
}

#[test]
fn the_code_in_the_readme_is_in_the_source() {
    let text = [include_str!("../../src/past.rs"), include_str!("../../src/report.rs")].concat();
    let pieces = blocks("rust");
    assert!(pieces.lines().count() > 5);
    for line in pieces.lines() {
        assert!(text.contains(line), "not in the source: {line}");
    }
}
