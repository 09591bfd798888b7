//! A few rounds over a log in a directory, without servers. Mistakes are reported.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use failover::cluster::{ClusterOptions, MemberState};
use failover::process::LogPlace;
use failover::settings::Mode;
use failover::trial::trial;

fn run(directory: &Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_failover");
    Command::new(program)
        .args(["run", "--lease-ms", "300"])
        .args(args)
        .arg("--directory")
        .arg(directory)
        .output()
        .unwrap()
}

/// Runs three rounds, and returns the result.
fn three_rounds(mode: &str) -> serde_json::Value {
    let directory = tempfile::tempdir().unwrap();
    let output = run(&directory.path().join("run"), &["--engine", "directory", "--mode", mode, "--rounds", "3"]);
    let (out, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}\n{errors}");
    println!("{out}");
    let result: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((&result["engine"], &result["mode"], &result["rounds"]), (&"directory".into(), &mode.into(), &3.into()));
    assert!(result["acknowledged"].as_u64().unwrap() > 30, "{result}");
    let (median, max) = (result["takeover_ms_median"].as_f64().unwrap(), result["takeover_ms_max"].as_f64().unwrap());
    // a standby waits for a lease after the owner's last entry, which may be a third of a lease old
    assert!(200.0 <= median && median <= max && max < 10_000.0, "{result}");
    result
}

#[test]
fn with_remote_nothing_is_lost() {
    let result = three_rounds("remote");
    assert_eq!((&result["lost"], &result["set_aside"]), (&0.into(), &0.into()));
}

#[test]
fn with_local_exactly_that_which_was_set_aside_is_lost() {
    let result = three_rounds("local");
    assert_eq!(result["lost"], result["set_aside"]);
}

#[test]
fn a_directory_of_an_earlier_run_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), &["--rounds", "1"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && errors.contains("exists already; help: pass a directory"), "{errors}");
}

#[test]
fn there_must_be_rounds_and_clients() {
    let directory = tempfile::tempdir().unwrap();
    for option in ["--rounds", "--clients"] {
        let output = run(&directory.path().join("run"), &[option, "0"]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && errors.contains(&format!("'{option} <N>'")), "{errors}");
    }
}

#[test]
fn with_local_what_a_paused_owner_acknowledges_late_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let place = LogPlace { url: format!("file://{}", log.display()), environment: Vec::new() };
    let options = ClusterOptions {
        program: env!("CARGO_BIN_EXE_failover").into(),
        directory: directory.path().join("members"),
        places: [place.clone(), place.clone(), place],
        mode: Mode::Local,
        lease: Duration::from_millis(300),
    };
    let verdict = trial(options, 4, |cluster| {
        let paused = cluster.owner();
        cluster.service().wait_for_acknowledgement(Duration::from_secs(30)).ok_or("nothing is acknowledged")?;
        cluster.signal(paused, "STOP")?;
        cluster.wait_for_takeover(paused)?;
        cluster.signal(paused, "CONT")?;
        cluster
            .wait_until("the paused owner is fenced", |cluster| matches!(cluster.state(paused), MemberState::Fenced(_)))
    })
    .unwrap();
    assert!(verdict.acknowledged > 0, "{verdict:?}");
    assert_eq!(verdict.lost, verdict.set_aside, "{verdict:?}");
    assert_eq!((verdict.doubled, verdict.moved), (0, 0), "{verdict:?}");
}
