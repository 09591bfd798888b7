//! Three rounds: kill the owner, promote a follower, lose nothing.

use std::process::Command;

#[test]
fn a_killed_owner_loses_no_acknowledged_command() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_standby"));
    let output =
        command.args(["run", "--rounds", "3", "--image"]).arg(directory.path().join("tickets")).output().unwrap();
    let (out, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}\n{errors}");
    let result: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((&result["rounds"], &result["lost"]), (&3.into(), &0.into()));
    assert!(result["acknowledged"].as_u64().unwrap() > 30, "{result}");
    let (median, max) = (result["takeover_ms_median"].as_f64().unwrap(), result["takeover_ms_max"].as_f64().unwrap());
    assert!(0.0 < median && median <= max && max < 5_000.0, "{result}");
}
