//! The pager, on a terminal.

use std::path::Path;
use std::process::Command;

use crate::support::{command, create};

/// Runs the command on a terminal, with a pager that marks each line. `None` without the program `script`, which makes a terminal.
fn on_terminal(directory: &Path, arguments: &str, pager: &str) -> Option<String> {
    if Command::new("script").arg("--version").output().is_err() {
        return None;
    }
    let plain = command(directory, &[]);
    let program = plain.get_program().to_str().unwrap();
    let output = Command::new("script")
        .current_dir(directory)
        .args(["-qec", &format!("{program} {arguments}"), "/dev/null"])
        .env("PAGER", pager)
        .env("NO_COLOR", "1")
        .env_remove("MEMIMAGE_PAGER")
        .output()
        .unwrap();
    Some(String::from_utf8(output.stdout).unwrap().replace('\r', ""))
}

#[test]
fn a_pager_shows_text_on_a_terminal_only() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let marked = |arguments: &str, pager: &str| {
        let output = on_terminal(directory.path(), arguments, pager)?;
        let lines: Vec<&str> = output.lines().collect();
        Some((lines.len(), lines.iter().filter(|line| line.starts_with("paged: ")).count()))
    };
    let pager = "sed 's/^/paged: /'";
    let Some(paged) = marked("log stock.image", pager) else { return };
    assert_eq!(paged, (4, 4));
    for arguments in ["log stock.image --no-pager", "log stock.image --json", "log stock.image --follow --limit 4"] {
        assert_eq!(marked(arguments, pager), Some((4, 0)), "{arguments}");
    }
    for without in ["", "cat"] {
        assert_eq!(marked("log stock.image", without), Some((4, 0)), "{without:?}");
    }
    // a note comes after the pager has ended
    let noted = on_terminal(directory.path(), "log stock.image --where 'payload.x == none'", pager).unwrap();
    assert!(noted.ends_with("note: no event had a value at `payload.x`\n") && noted.contains("paged: "), "{noted}");
    // a person who leaves the pager early gets no error
    let left = on_terminal(directory.path(), "stats stock.image; echo code $?", "true").unwrap();
    assert_eq!(left, "code 0\n");
}
