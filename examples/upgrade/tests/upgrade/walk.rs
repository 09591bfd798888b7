//! The commands and code in `README.md`: each command has the output given there, and each piece of code is in its stage.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::files::copy;

const README: &str = include_str!("../../README.md");

/// The code blocks of one language in `README.md`, each with the number of its stage, or 0.
pub(crate) fn blocks(kind: &str) -> Vec<(usize, String)> {
    let (mut blocks, mut stage, mut block) = (Vec::new(), 0, None);
    for line in README.lines() {
        match (line.strip_prefix("```"), block.take()) {
            (Some(_), Some((here, text))) if here == kind => blocks.push((stage, text)),
            (Some(_), Some(_)) => {}
            (Some(kind), None) => block = Some((kind, String::new())),
            (None, Some((kind, text))) => block = Some((kind, text + line + "\n")),
            (None, None) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    let number = heading.strip_prefix("Stage ").and_then(|rest| rest.split(':').next());
                    stage = number.map_or(0, |number| number.parse().expect("`## Stage N: …`"));
                }
            }
        }
    }
    assert!(block.is_none(), "a block without an end");
    blocks
}

/// The lines without indentation and trailing spaces.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| line.trim().to_owned() + "\n").collect()
}

#[test]
fn the_commands_in_the_readme_have_the_given_output() {
    let directory = tempfile::tempdir().unwrap();
    for files in ["src", "locks"] {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(files), &directory.path().join(files));
    }
    let expected: String = blocks("console").into_iter().map(|(_, text)| text).collect();
    let mut seen = String::new();
    for line in expected.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let line_here = line.replace("cargo run -q --", concat!("'", env!("CARGO_BIN_EXE_upgrade"), "'"));
        let output = Command::new("sh").args(["-c", &line_here]).current_dir(directory.path()).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        seen += &format!("$ {line}\n{stdout}{stderr}");
    }
    // messages name the image by its absolute path
    let directory = directory.path().canonicalize().unwrap();
    assert_eq!(seen.replace(&format!("{}/", directory.display()), "/home/ada/"), expected);
}

#[test]
fn the_code_in_the_readme_is_in_its_stage() {
    let pieces = blocks("rust");
    for (stage, piece) in &pieces {
        let source = fs::read_to_string(format!("{}/src/stage{stage}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(trimmed(&source).contains(&trimmed(piece)), "not in stage {stage}:\n{piece}");
    }
    assert!([2, 3, 4, 5].iter().all(|stage| pieces.iter().any(|(of, _)| of == stage)), "{pieces:?}");
}
