//! `exchange admin`.

use std::process::Command;

use crate::program::{Program, stderr};

#[test]
fn the_tool_shows_the_state_that_the_run_has_left() {
    let program = Program::new();
    program.run(&["--orders", "500", "--batch", "100"]);
    let admin = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_exchange")).arg("admin").args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let image = program.image();
    let image = image.to_str().unwrap();
    let state = admin(&["state", image, "--depth", "1"]);
    assert!(state.contains("\n  books: "), "{state}");
    let first = admin(&["changes", image, "books", "--limit", "1"]);
    assert!(first.contains("books.") && first.contains(": absent → "), "{first}");
    assert!(admin(&["replay", image, "--dry-run"]).starts_with("this program replays the journal: "));
    assert!(admin(&["browse", "--help"]).starts_with("Serves a page that shows the image"));
}
