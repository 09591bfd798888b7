//! Completions, manual pages, and the help.

use crate::support::run;

#[test]
fn completions_for_each_shell() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let text = run(directory.path(), &["completions", shell]);
        assert!(
            text.contains("snapshots") && text.contains("reverse") && !text.contains("exit code"),
            "{shell}: {text}"
        );
    }
}

#[test]
fn a_manual_page_for_each_verb() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["man", "."]);
    for verb in [
        "info",
        "log",
        "show",
        "shapes",
        "stats",
        "check",
        "doctor",
        "repair",
        "void",
        "snapshots",
        "backup",
        "rewrite",
        "branch",
        "quarantine",
        "export",
        "import",
    ] {
        let page = std::fs::read_to_string(directory.path().join(format!("memimage-{verb}.1"))).unwrap();
        assert!(page.contains(&format!("memimage {verb}")), "{page}");
    }
    let made = run(directory.path(), &["man", "new/man1"]);
    assert!(made.contains("new/man1") && directory.path().join("new/man1/memimage-log.1").exists(), "{made}");
    std::fs::write(directory.path().join("file"), "").unwrap();
    let failed = run(directory.path(), &["man", "file/man1"]);
    assert!(failed.contains("file/man1") && failed.contains("exit code: Some(3)"), "{failed}");
}

#[test]
fn the_help_names_the_exit_codes() {
    let directory = tempfile::tempdir().unwrap();
    let help = run(directory.path(), &["--help"]);
    assert!(help.contains("Exit codes: 0") && !help.contains("exit code: Some"), "{help}");
}
