//! The suites are themselves tested: each bug that can be planted in the library (`memimage/src/planted.rs`) must make one
//! fail, and without one all of them pass.
//!
//! The suites are built a second time, with `--cfg planted`, and run once for each bug, which takes some minutes; so this is
//! for CI and for who changes a suite:
//! `cargo test -p memimage-tests --test planted -- --ignored --nocapture`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use memimage::Image;
use memimage_tests::{Ledger, LedgerCommands};

/// Each bug, and the suite that catches it: a test target of this crate, and a part of a test's name.
const CAUGHT: &[(&str, &str, &str)] = &[
    ("AnswerBeforeSync", "swarm", ""),
    ("AppliedWithoutRoom", "swarm", ""),
    ("ChainUnchecked", "damage", "a_misplaced_batch a_misplaced_segment"),
    ("CleanBeforeEvidence", "damage", "because_of_the_watermark"),
    ("DamageTakenForTorn", "damage", "because_of_the_watermark"),
    ("DirectoryNotSynced", "swarm", ""),
    ("DurableSeqStale", "damage", "because_of_the_watermark"),
    ("FailedSyncRetried", "swarm", ""),
    ("HeaderChecksumSkipped", "damage", "last_batch_of_a_killed"),
    ("PrunedBeforeBaseIsSynced", "crash", "an_image_that_is_pruned_survives_any_crash"),
    ("RefusalNotWaitedFor", "swarm", ""),
    ("RepairOnlyOnce", "promises", "promise_6_a_torn_tail"),
    ("SegmentEnteredUnsynced", "swarm", ""),
    ("ShortWriteIgnored", "swarm", ""),
    ("SnapshotNamedUnsynced", "swarm", ""),
    ("TornTailLeft", "swarm", ""),
    ("UnprovenNotWrittenAgain", "swarm", ""),
    ("WaitersNotNotified", "promises", "promise_7_a_failed_write_poisons"),
];

/// A suite that takes longer than this hangs, and a suite must not.
const PATIENCE: Duration = Duration::from_secs(300);

/// The names of the bugs, from the source: they are in no binary.
fn bugs() -> BTreeSet<String> {
    let source = std::fs::read_to_string("../memimage/src/planted.rs").unwrap();
    let (_, body) = source.split_once("pub(crate) enum Bug {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let name = |line: &str| line.trim().strip_suffix(',').filter(|_| !line.trim().starts_with("//")).map(str::to_owned);
    body.lines().filter_map(name).collect()
}

/// The suites as they are built with bugs to be planted.
struct Suites {
    binaries: BTreeMap<String, PathBuf>,
}

impl Suites {
    fn build() -> Suites {
        let targets: BTreeSet<&str> = CAUGHT.iter().map(|(_, suite, _)| *suite).collect();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--quiet", "--locked", "--offline", "--no-run", "--package=memimage-tests"]);
        cargo.arg("--message-format=json-render-diagnostics");
        cargo.args(targets.iter().flat_map(|target| ["--test", target]));
        cargo.env("RUSTFLAGS", "--cfg planted").env("CARGO_TARGET_DIR", target_dir());
        let built = cargo.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let messages = String::from_utf8(built.stdout).unwrap();
        let executable = |line: &str| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        };
        Suites { binaries: messages.lines().filter_map(executable).collect() }
    }

    /// Runs the tests of a suite whose names have this part, with this bug; what it says, and whether it passed.
    ///
    /// # Panics
    ///
    /// If it hangs.
    fn run(&self, suite: &str, part: &str, bug: &str) -> (String, bool) {
        let said = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new(&self.binaries[suite]);
        match suite {
            // a few scenarios show what they catch
            "crash" => drop(command.env("MEMIMAGE_CASES", "20000")),
            // until it catches the bug, which may be a rare one
            "swarm" if !bug.is_empty() => drop(command.env("MEMIMAGE_CASES", "10000")),
            _ => {}
        }
        let mut running = command
            .args(part.split_whitespace())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env(switch(), bug)
            .env("RUST_BACKTRACE", "0")
            .stdout(std::fs::OpenOptions::new().append(true).open(said.path()).unwrap())
            .stderr(std::fs::OpenOptions::new().append(true).open(said.path()).unwrap())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = running.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                running.kill().unwrap();
                panic!("{bug} makes {suite} hang:\n{}", std::fs::read_to_string(said.path()).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        (std::fs::read_to_string(said.path()).unwrap(), status.success())
    }
}

fn target_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("planted")
}

#[test]
#[ignore = "builds the suites anew and runs them once a bug"]
fn each_planted_bug_is_caught() {
    let suites = Suites::build();
    for (suite, part) in CAUGHT.iter().map(|(_, suite, part)| (*suite, *part)).collect::<BTreeSet<_>>() {
        let (words, passed) = suites.run(suite, part, "");
        assert!(passed, "{suite} {part} fails without a bug:\n{words}");
    }
    let mut missed = Vec::new();
    for (bug, suite, part) in CAUGHT {
        let begun = Instant::now();
        let (words, passed) = suites.run(suite, part, bug);
        if passed || !words.contains("test result: FAILED") {
            missed.push(format!("{bug}, by {suite} {part}:\n{words}"));
            continue;
        }
        println!("{bug}: caught by {suite} in {:.1?}\n{}", begun.elapsed(), why(&words));
    }
    assert!(missed.is_empty(), "not caught: {}", missed.join("\n"));
}

/// The first line after a panic's place.
fn why(words: &str) -> &str {
    let panic = words.split_once("panicked at ").map_or("", |(_, rest)| rest);
    panic.lines().nth(1).unwrap_or_default()
}

#[test]
fn a_suite_is_named_for_each_bug() {
    let named: BTreeSet<String> = CAUGHT.iter().map(|(bug, ..)| (*bug).to_owned()).collect();
    assert_eq!(named.len(), CAUGHT.len(), "one is named twice");
    assert_eq!(named, bugs());
    assert!(named.len() >= 12);
    let told = std::fs::read_to_string("../memimage/docs/RELIABILITY.md").unwrap();
    for (bug, suite, _) in CAUGHT {
        assert!(
            told.contains(&format!("| `{bug}` | {suite}")),
            "RELIABILITY.md does not say that {suite} catches {bug}"
        );
    }
}

/// No bug is in a library that was not built to have some: neither the switch nor their names.
#[test]
fn an_ordinary_build_has_no_bug_planted() {
    let image = Image::<Ledger>::in_memory().unwrap();
    image.deposit(1, 1).unwrap();
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let switch = switch();
    assert!(!program.windows(switch.len()).any(|bytes| bytes == switch.as_bytes()), "{switch} is in this program");
}

/// The variable that says which bug is in force; put together here, or it would be in this program.
fn switch() -> String {
    ["MEMIMAGE", "PLANTED"].join("_")
}

/// Bugs cannot be planted in a release build.
#[test]
#[ignore = "builds the library anew"]
fn a_release_build_refuses_to_have_bugs_planted() {
    let output = Command::new(env!("CARGO"))
        .args(["check", "--locked", "--offline", "--release", "-p", "memimage"])
        .env("RUSTFLAGS", "--cfg planted")
        .env("CARGO_TARGET_DIR", target_dir())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("it is for builds with debug assertions only"), "{words}");
}
