//! Wrong paths, wrong arguments, and output that nobody reads.

use std::io::Read as _;
use std::process::Stdio;

use expect_test::expect;

use crate::support::{command, create, run};

const READING: [&[&str]; 7] = [&["info"], &["log"], &["shapes"], &["stats"], &["snapshots"], &["check"], &["export"]];

#[test]
fn a_path_without_an_image() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("empty")).unwrap();
    std::fs::write(directory.path().join("file"), "text").unwrap();
    std::fs::create_dir(directory.path().join("foreign")).unwrap();
    std::fs::write(directory.path().join("foreign/text"), "text").unwrap();
    for verb in READING {
        for path in ["missing", "empty", "file", "foreign"] {
            let output = run(directory.path(), &[verb, &[path]].concat());
            assert!(
                output.contains("stderr: error: ") && output.contains(&format!("DIR/{path}")),
                "{verb:?}: {output}"
            );
            assert!(output.ends_with("exit code: Some(3)\n"), "{verb:?}: {output}");
        }
    }
    assert_eq!(std::fs::read_dir(directory.path().join("empty")).unwrap().count(), 0);
}

#[test]
fn wrong_arguments() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    for arguments in [
        &["log"][..],
        &["log", "stock.image", "--from", "yesterday"],
        &["log", "stock.image", "--where", ""],
        &["log", "stock.image", "--reverse", "--follow"],
        &["show", "stock.image"],
        &["show", "stock.image", "0"],
        &["show", "stock.image", "x"],
        &["repair", "stock.image", "everything"],
        &["repair", "stock.image", "--yes"],
        &["void", "stock.image", "1"],
        &["nothing"],
        &[],
    ] {
        let output = run(directory.path(), arguments);
        assert!(output.ends_with("exit code: Some(2)\n"), "{arguments:?}: {output}");
    }
}

#[test]
fn ranges_outside_of_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    expect![[r#"
        stderr: error: event 9 is not in the journal of `DIR/stock.image`, whose last durable event is 4; help: ask for an event up to 4
        exit code: Some(3)
    "#]].assert_eq(&run(directory.path(), &["log", "stock.image", "--from", "9"]));
    expect![[r#"
        stderr: note: no event was selected; the last one is event 4
    "#]]
    .assert_eq(&run(directory.path(), &["log", "stock.image", "--from", "5"]));
    expect![[r#"
        stderr: error: the moment of --from is after that of --until, so no event is between them; help: exchange them
        exit code: Some(2)
    "#]]
    .assert_eq(&run(directory.path(), &["log", "stock.image", "--from", "3", "--until", "2"]));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let directory = tempfile::tempdir().unwrap();
    let stock = memimage::Image::<crate::support::Stock>::open(directory.path().join("stock.image")).unwrap();
    for _ in 0..2_000 {
        drop(memimage::Image::submit(&stock, crate::support::StockRemove { item: "x".repeat(500), count: 0 }).unwrap());
    }
    memimage::Image::close(stock).unwrap();
    let mut child = command(directory.path(), &["log", "stock.image"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // and the pipe is closed
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_is_an_error() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(directory.path(), &["log", "stock.image"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the output cannot be written"));
}
