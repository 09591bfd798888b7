//! Three rounds: kill the owner, promote a follower, lose nothing. Mistakes are reported.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

fn run(image: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_standby")).arg("run").args(args).arg("--image").arg(image).output().unwrap()
}

#[test]
fn a_killed_owner_loses_no_acknowledged_command() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(&directory.path().join("tickets"), &["--rounds", "3"]);
    let (out, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}\n{errors}");
    let result: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((&result["rounds"], &result["lost"]), (&3.into(), &0.into()));
    assert!(result["acknowledged"].as_u64().unwrap() > 30, "{result}");
    let (median, max) = (result["takeover_ms_median"].as_f64().unwrap(), result["takeover_ms_max"].as_f64().unwrap());
    assert!(0.0 < median && median <= max && max < 5_000.0, "{result}");
}

#[test]
fn an_image_of_an_earlier_run_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("tickets");
    assert!(run(&image, &["--rounds", "1", "--clients", "1"]).status.success());
    let again = run(&image, &["--rounds", "1"]);
    let errors = String::from_utf8(again.stderr).unwrap();
    assert!(!again.status.success() && errors.contains("exists already; help: pass a directory"), "{errors}");
}

#[test]
fn there_must_be_rounds_and_clients() {
    let directory = tempfile::tempdir().unwrap();
    for option in ["--rounds", "--clients"] {
        let output = run(&directory.path().join("tickets"), &[option, "0"]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && errors.contains(&format!("'{option} <N>'")), "{errors}");
    }
}

/// Starts a member, and returns it with the first line of its output.
fn start(role: &str, image: &Path) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standby"));
    let command = command.arg(role).arg("--image").arg(image).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut member = command.spawn().unwrap();
    let line = line(&mut member);
    (member, line)
}

/// The next line of a member that prints one line at a time.
fn line(member: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(member.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn members_end_with_their_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("tickets");
    let (owner, serving) = start("own", &image);
    assert!(serving.starts_with("serving "), "{serving}");
    let followers = [start("follow", &image), start("follow", &image)];
    assert_eq!(followers.each_ref().map(|follower| &*follower.1), ["following\n"; 2]);
    let [(following, _), (mut promoted, _)] = followers;
    assert_ended(owner);
    promoted.stdin.as_mut().unwrap().write_all(b"promote\n").unwrap();
    let serving = line(&mut promoted);
    assert!(serving.starts_with("serving "), "{serving}");
    assert_ended(promoted);
    assert_ended(following);
}

/// Closes the standard input of a member, which must end.
#[track_caller]
fn assert_ended(mut member: Child) {
    member.stdin = None;
    for _ in 0..500 {
        if let Some(status) = member.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    member.kill().unwrap();
    panic!("the member did not end");
}
