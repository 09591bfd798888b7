//! The verbs that use a log: `ship`, `restore`, `remote` and `set-aside`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use memimage::Image;
use serde_json::Value;

use crate::support::{Stock, command, create, record_last, record_three, run};

/// The URL of a log in the directory.
fn url(directory: &Path) -> String {
    format!("file://{}/log", directory.to_str().unwrap())
}

#[track_caller]
fn json(directory: &Path, arguments: &[&str]) -> Value {
    let output = run(directory, arguments);
    serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
}

#[test]
fn an_image_is_shipped_and_restored_as_of_any_event() {
    let place = tempfile::tempdir().unwrap();
    let (directory, log) = (place.path(), url(place.path()));
    create(&directory.join("stock.image"));
    let shipped = json(directory, &["ship", "stock.image", "--to", &log, "--once", "--json", "--name", "here"]);
    assert_eq!((shipped["seq"].as_u64(), shipped["term"].as_u64()), (Some(4), Some(1)), "{shipped}");

    let info = json(directory, &["remote", "info", &log, "--json"]);
    assert_eq!((info["seq"].as_u64(), info["owner"].as_str()), (Some(4), Some("here")), "{info}");
    assert_eq!(info["snapshots"][0]["seq"].as_u64(), shipped["snapshot"].as_u64(), "{info}");
    let shown = run(directory, &["remote", "info", &log]);
    assert!(shown.contains("owner        here, in term 1, since TIME") && shown.contains("last event   4"), "{shown}");

    for seq in 0..=4 {
        let (target, until) = (format!("restored-{seq}"), seq.to_string());
        let restored = json(directory, &["restore", &target, "--from", &log, "--until", &until, "--json"]);
        assert_eq!(restored["seq"].as_u64(), Some(seq), "{restored}");
        let events = run(directory, &["log", &target]);
        assert_eq!(events.lines().filter(|line| !line.starts_with("stderr")).count() as u64, seq, "{events}");
        let check = run(directory, &["check", &target]);
        assert!(!check.contains("exit code"), "{check}");
        let stock = Image::<Stock>::open(directory.join(&target)).unwrap();
        let nails = [0, 100, 70, 70, 70][seq as usize];
        assert_eq!(stock.query(|stock| stock.count("nail")).unwrap(), nails);
    }
    let all = run(directory, &["restore", "all", "--from", &log, "--until", "1s ago"]);
    assert!(all.starts_with("restored all up to event ") && !all.contains("exit code"), "{all}");
    let refused = run(directory, &["restore", "later", "--from", &log, "--until", "5"]);
    assert!(refused.contains("which ends with event 4") && refused.contains("exit code: Some(3)"), "{refused}");
    assert!(!directory.join("later").exists());
    let taken = run(directory, &["restore", "all", "--from", &log]);
    assert!(taken.contains("not empty") && taken.contains("exit code: Some(3)"), "{taken}");
}

#[test]
fn a_running_owner_is_shipped_until_another_takes_over() {
    let place = tempfile::tempdir().unwrap();
    let (directory, log) = (place.path(), url(place.path()));
    let stock = Image::<Stock>::open(directory.join("stock.image")).unwrap();
    record_three(&stock);
    let mut sidecar = command(directory, &["ship", "stock.image", "--to", &log])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(sidecar.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("shipping stock.image to file://") && line.contains("in term 1"), "{line}");
    record_last(&stock);
    Image::close(stock).unwrap();
    let seq = || json(directory, &["remote", "info", &log, "--json"])["seq"].as_u64().unwrap();
    let has_all = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        seq() == 4
    });
    assert!(has_all);

    // another directory must take the log by name
    run(directory, &["backup", "stock.image", "copy"]);
    let refused = run(directory, &["ship", "copy", "--to", &log, "--once"]);
    assert!(refused.contains("belongs to another owner: `") && refused.contains("exit code: Some(3)"), "{refused}");
    assert!(refused.contains("in term 1, since TIME") && refused.contains("with `--take-over`"), "{refused}");
    assert!(!refused.contains("Log::"), "{refused}");
    let own = run(directory, &["set-aside", "stock.image", "--from", &log]);
    assert!(own.contains("the log has all events"), "{own}");
    let taken = run(directory, &["ship", "copy", "--to", &log, "--once", "--take-over", "--name", "copy"]);
    assert!(taken.contains("in term 2") && taken.contains("the log has the events up to 4"), "{taken}");
    record_last(&Image::<Stock>::open(directory.join("stock.image")).unwrap());
    let output = sidecar.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("is fenced: `copy` took over") && error.contains("term 2"), "{error}");

    // its directory has an event that the log does not have
    let aside = run(directory, &["set-aside", "stock.image", "--from", &log]);
    assert!(aside.contains("1 event is not in the log") && aside.contains("stock.image.aside-1 --from 5"), "{aside}");
    for shown in ["first event  5  TIME", "last event   5  TIME"] {
        assert!(aside.contains(shown), "{shown}: {aside}");
    }
    assert!(!directory.join("stock.image").exists());
    // it is set aside once more, as JSON
    std::fs::rename(directory.join("stock.image.aside-1"), directory.join("stock.image")).unwrap();
    let again = json(directory, &["set-aside", "stock.image", "--from", &log, "--json"]);
    assert_eq!(
        (again["first"].as_u64(), again["last"].as_u64(), again["events"].as_u64()),
        (Some(5), Some(5), Some(1))
    );
    assert!(again["first_time"].is_string() && again["first_time"] == again["last_time"], "{again}");
    assert_eq!(run(directory, &["log", "stock.image.aside-1", "--from", "5"]).lines().count(), 1);
    let none = json(directory, &["set-aside", "copy", "--from", &log, "--json"]);
    assert!(none["path"].is_null() && none["events"] == 0, "{none}");
}

#[test]
fn a_log_is_checked_and_pruned() {
    let place = tempfile::tempdir().unwrap();
    let (directory, log) = (place.path(), url(place.path()));
    create(&directory.join("stock.image"));
    Image::<Stock>::open(directory.join("stock.image")).unwrap().admin().snapshot().unwrap();
    std::fs::create_dir(directory.join("log")).unwrap();
    let empty = run(directory, &["remote", "info", &log]);
    assert!(empty.contains("the log is empty"), "{empty}");
    let empty = run(directory, &["remote", "prune", &log, "--older-than", "30d"]);
    assert!(empty.contains("is empty, so nothing can be removed") && empty.contains("exit code: Some(3)"), "{empty}");
    run(directory, &["ship", "stock.image", "--to", &log, "--once"]);
    // the file that says who owns the log belongs to the image
    let checked = run(directory, &["check", "stock.image"]);
    assert!(!checked.contains("replication"), "{checked}");
    for arguments in [&["remote", "check", &log, "--json"][..], &["remote", "check", "--deep", &log, "--json"]] {
        let check = json(directory, arguments);
        assert_eq!((check["verdict"].as_str(), check["seq"].as_u64()), (Some("sound"), Some(4)), "{check}");
    }
    let dry = json(directory, &["remote", "prune", &log, "--older-than", "30d", "--dry-run", "--json"]);
    assert!(dry["oldest"].is_null() && dry["dry_run"] == true, "{dry}");
    let nothing = run(directory, &["remote", "prune", &log, "--older-than", "30d"]);
    assert!(nothing.contains("nothing is removed"), "{nothing}");
    let pruned = json(directory, &["remote", "prune", &log, "--older-than", "0s", "--json"]);
    assert!(pruned["oldest"].is_string(), "{pruned}");
    let restored = run(directory, &["restore", "restored", "--from", &log]);
    assert!(restored.starts_with("restored restored up to event 4"), "{restored}");

    // a bit of each entry is wrong
    let mut damaged = 0;
    for_each_file(&directory.join("log"), &mut |path| {
        let mut bytes = std::fs::read(path).unwrap();
        let is_entry = bytes.windows(8).any(|window| window == b"MIentry1");
        if let Some(last) = bytes.last_mut().filter(|_| is_entry) {
            *last ^= 1;
            damaged += 1;
            std::fs::write(path, bytes).unwrap();
        }
    });
    assert!(damaged > 0);
    let check = run(directory, &["remote", "check", &log]);
    assert!(check.contains("position ") && check.ends_with("exit code: Some(1)\n"), "{check}");
    let refused = run(directory, &["restore", "other", "--from", &log]);
    assert!(refused.contains("position ") && refused.contains("exit code: Some(3)"), "{refused}");
    assert!(!directory.join("other").exists());
}

fn for_each_file(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { for_each_file(&path, visit) } else { visit(&path) }
    }
}

#[test]
fn a_url_with_a_secret_is_not_printed() {
    let place = tempfile::tempdir().unwrap();
    for (url, code) in [
        ("ftp://user:secret@host/path", 2),
        ("secret", 2),
        ("file://secret/path", 2),
        ("nats://user:secret@127.0.0.1:1/STREAM", 3),
    ] {
        let refused = run(place.path(), &["remote", "info", url]);
        assert!(refused.contains("error: ") && !refused.contains("secret"), "{refused}");
        assert!(refused.contains(&format!("exit code: Some({code})")), "{refused}");
    }
    let help = run(place.path(), &["ship", "--help"]);
    assert!(help.contains("Usage: memimage ship [OPTIONS] --to <URL> <IMAGE>"), "{help}");
    let usage = run(place.path(), &["ship", "--to", "file:///nowhere"]);
    assert!(usage.contains("<IMAGE>") && usage.contains("exit code: Some(2)"), "{usage}");
}

#[test]
fn what_only_reads_creates_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (directory, log) = (place.path(), url(&place.path().join("typo")));
    create(&directory.join("stock.image"));
    for arguments in [
        &["remote", "info", &log][..],
        &["remote", "check", &log],
        &["remote", "prune", &log, "--older-than", "1d"],
        &["restore", "restored", "--from", &log],
        &["set-aside", "stock.image", "--from", &log],
    ] {
        let refused = run(directory, arguments);
        assert!(refused.contains("the directory `DIR/typo/log` does not exist"), "{refused}");
        assert!(refused.ends_with("exit code: Some(3)\n"), "{refused}");
        assert!(!directory.join("typo").exists() && !directory.join("restored").exists());
    }
    let image = format!("file://{}/stock.image", directory.display());
    let refused = run(directory, &["remote", "info", &image]);
    assert!(refused.contains("is an image, not a log") && refused.ends_with("exit code: Some(3)\n"), "{refused}");
    // a claim creates it
    let shipped = run(directory, &["ship", "stock.image", "--to", &log, "--once"]);
    assert!(shipped.contains("the log has the events up to 4"), "{shipped}");
    assert!(directory.join("typo/log/entries").is_dir());
}

#[test]
fn a_missing_entry_is_a_verdict() {
    let place = tempfile::tempdir().unwrap();
    let (directory, log) = (place.path(), url(place.path()));
    create(&directory.join("stock.image"));
    // a claim, and entries behind it
    run(directory, &["ship", "stock.image", "--to", &log, "--once"]);
    for _ in 0..3 {
        let stock = Image::<Stock>::open(directory.join("stock.image")).unwrap();
        record_last(&stock);
        Image::close(stock).unwrap();
        run(directory, &["ship", "stock.image", "--to", &log, "--once"]);
    }
    let entries = json(directory, &["remote", "info", &log, "--json"])["end"].as_u64().unwrap() - 1;
    assert!(entries > 5, "{entries}");
    for missing in 1..entries {
        let path = directory.join(format!("log/entries/{missing:020}"));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let named = format!("position {missing} ");
        let checked = run(directory, &["remote", "check", &log]);
        assert!(checked.contains(&named) && checked.contains("verdict      damaged"), "{missing}: {checked}");
        assert!(checked.contains("restorable   ") && checked.ends_with("exit code: Some(1)\n"), "{missing}: {checked}");
        let output = command(directory, &["remote", "check", &log, "--json"]).output().unwrap();
        let check: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (check["verdict"].as_str(), check["damages"][0]["position"].as_u64()),
            (Some("damaged"), Some(missing))
        );
        let info = run(directory, &["remote", "info", &log]);
        assert!(info.contains("owner        ") && info.contains("last event   7"), "{missing}: {info}");
        std::fs::write(&path, bytes).unwrap();
    }
    let checked = run(directory, &["remote", "check", &log]);
    assert!(checked.contains("with 4 claims") && checked.contains("to any event from 0 to 7"), "{checked}");
}
