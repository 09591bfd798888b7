//! Three rounds: kill the owner, promote a follower, lose nothing. Mistakes are reported.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

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
    let files = || fs::read_dir(image.join("journal")).unwrap().count();
    let before = files();
    let again = run(&image, &["--rounds", "1"]);
    let errors = String::from_utf8(again.stderr).unwrap();
    assert!(!again.status.success() && errors.contains("exists already; help: pass a directory"), "{errors}");
    assert_eq!(files(), before);
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
