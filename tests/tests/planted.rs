//! Tests of the test suites: each bug that can be planted in the library (`memimage/src/planted.rs`) must make its suite fail,
//! and without a bug all suites pass.
//!
//! The suites are built again with `--cfg planted` and run once for each bug, which takes some minutes. Run this in CI, and
//! after a change to a suite: `cargo test -p memimage-tests --test planted -- --ignored --nocapture`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use memimage::Image;
use memimage_tests::{Ledger, LedgerCommands};

/// Each bug, with the suite that catches it: a test target of this crate or of memimage-replication, and a substring of a test name.
const CAUGHT: &[(&str, &str, &str)] = &[
    ("AcknowledgedBeforeDelivery", "subscribe", "last_acknowledged_event"),
    ("AnswerBeforeRemote", "replication_gate", "before_the_log_has_it"),
    ("AnswerBeforeSync", "swarm", ""),
    ("AppendedWithoutExpectation", "memimage_replication", "a_log_in_memory_passes_the_suite"),
    ("AppliedWithoutRoom", "swarm", ""),
    ("BackupInWrongOrder", "backup", "after_a_crash"),
    ("BackupPrunedByNewReading", "backup", "pruning_does_not_break_a_continued_backup"),
    ("BranchUnverified", "branch", "replays_to_another_state"),
    ("CallersValueApplied", "same_arguments", "what_replay_reads"),
    ("ChainUnchecked", "damage", "a_misplaced_batch a_misplaced_segment"),
    ("CleanBeforeEvidence", "damage", "because_of_the_watermark"),
    ("ClosedInForkedChild", "fork", "leaves_the_image"),
    ("DamageTakenForTorn", "damage", "because_of_the_watermark"),
    ("DeepStateAccepted", "states", "an_initial_state_beyond"),
    ("DigestBeforeVerification", "states", "is_not_locked_out"),
    ("DisagreementIgnored", "replica", "verification"),
    ("DirectoryNotSynced", "swarm", ""),
    ("DivergedSnapshotTrusted", "states", "falls_back"),
    ("DurableSeqStale", "damage", "because_of_the_watermark"),
    ("ExportChecksumIgnored", "export", "a_bit_is_wrong"),
    ("FailedSyncRetried", "swarm", ""),
    ("ForeignTimelineBelieved", "damage", "of_another_copy_is_never_believed"),
    ("GapPassedSilently", "operations", "keep_their_numbers"),
    ("HeaderChecksumSkipped", "damage", "last_batch_of_a_killed"),
    ("ImageNamedUnsynced", "backup", "after_a_crash_an_empty_directory"),
    ("ImportSkipsSeq", "export", "a_missing_event_is_named"),
    ("KeyRememberedAfterAnswer", "once", "each_request_is_executed_once"),
    ("LeaseTrusted", "takeover", "nothing_acknowledged_is_lost"),
    ("LinkWithoutContent", "damage", "two_histories"),
    ("OldProjectionRemovedFirst", "projection", "after_a_failed_snapshot"),
    ("PrunedBeforeBaseIsSynced", "crash", "a_pruned_image_survives_any_crash"),
    ("PrunedOnOneReading", "clocks", "prunes_nothing"),
    ("PromotedUnlocked", "follower", "while_the_owner_lives"),
    ("PromotedWithoutClaim", "takeover", "nothing_acknowledged_is_lost"),
    ("PrunedUnproven", "replica", "verification"),
    ("RefusalNotWaitedFor", "swarm", ""),
    ("RepairOnlyOnce", "promises", "promise_6_a_torn_tail"),
    ("SegmentEnteredUnsynced", "swarm", ""),
    ("ShortWriteIgnored", "swarm", ""),
    ("SnapshotNamedUnloaded", "same_arguments", "gets_no_name"),
    ("SnapshotNamedUnsynced", "swarm", ""),
    ("StaleReplicaViewed", "replica", "a_view_shows"),
    ("TimeoutTakenForFailure", "memimage_replication", "no_two_owners_acknowledge_one_position"),
    ("TornTailLeft", "swarm", ""),
    ("UnorderedHashedInOrder", "states", "declared_unordered"),
    ("UnverifiedApplied", "memimage_replication", "does_not_continue_the_one_before_is_refused"),
    ("UnsyncedFollowed", "follower", "shows_no_event_that_is_not_synced"),
    ("UnprovenNotWrittenAgain", "swarm", ""),
    ("WaitersNotNotified", "promises", "promise_7_a_failed_write_poisons"),
    ("WakerPanicUncaught", "pending", "harms_no_other_caller"),
];

/// The target with the unit tests of the crate memimage-replication. The others are integration tests.
const LIBRARY: &str = "memimage_replication";

/// The time limit for one run of a suite.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The names of the bugs, from the sources. An ordinary binary does not contain them.
fn bugs() -> BTreeSet<String> {
    ["../memimage/src/planted.rs", "../memimage-replication/src/planted.rs"].into_iter().flat_map(bugs_of).collect()
}

fn bugs_of(path: &str) -> BTreeSet<String> {
    let source = std::fs::read_to_string(path).unwrap();
    let (_, body) = source.split_once("pub(crate) enum Bug {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let name = |line: &str| line.trim().strip_suffix(',').filter(|_| !line.trim().starts_with("//")).map(str::to_owned);
    body.lines().filter_map(name).collect()
}

/// A compiler that plants the bugs in the crates of the workspace. So the dependencies need not be built again.
const PLANTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rustc-planted.sh");

/// The test binaries, built with `--cfg planted`.
struct Suites {
    binaries: BTreeMap<String, PathBuf>,
}

impl Suites {
    fn build() -> Suites {
        let targets: BTreeSet<&str> = CAUGHT.iter().map(|(_, suite, _)| *suite).collect();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--quiet", "--locked", "--offline", "--no-run", "--lib"]);
        cargo.args(["--package=memimage-tests", "--package=memimage-replication"]);
        cargo.arg("--message-format=json-render-diagnostics");
        let tests = targets.iter().filter(|target| **target != LIBRARY);
        cargo.args(tests.flat_map(|target| ["--test", target]));
        cargo.env("RUSTC_WORKSPACE_WRAPPER", PLANTED);
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

    /// Runs the tests of a suite whose names contain `part`, with this bug. Returns the output, and whether the tests passed.
    ///
    /// # Panics
    ///
    /// Panics if the run exceeds the time limit.
    fn run(&self, suite: &str, part: &str, bug: &str) -> (String, bool) {
        let output = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new(&self.binaries[suite]);
        match suite {
            // a few scenarios are enough to catch the bug
            "crash" if !bug.is_empty() => drop(command.env("MEMIMAGE_CASES", "20000")),
            // enough runs to catch a rare bug
            "swarm" if !bug.is_empty() => drop(command.env("MEMIMAGE_CASES", "10000")),
            _ => {}
        }
        let mut running = command
            .args(part.split_whitespace())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env(switch(), bug)
            .env("RUST_BACKTRACE", "0")
            .stdout(std::fs::OpenOptions::new().append(true).open(output.path()).unwrap())
            .stderr(std::fs::OpenOptions::new().append(true).open(output.path()).unwrap())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = running.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > TIMEOUT {
                running.kill().unwrap();
                panic!("{bug} makes {suite} hang:\n{}", std::fs::read_to_string(output.path()).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        (std::fs::read_to_string(output.path()).unwrap(), status.success())
    }
}

#[test]
#[ignore = "builds the suites again and runs them for each bug"]
fn each_planted_bug_is_caught() {
    let suites = Suites::build();
    let without_bugs: BTreeSet<_> = CAUGHT.iter().map(|(_, suite, part)| (*suite, *part)).collect();
    let failed = on_all_cores(without_bugs, |(suite, part)| {
        let (output, passed) = suites.run(suite, part, "");
        (!passed).then(|| format!("{suite} {part}:\n{output}"))
    });
    assert!(failed.is_empty(), "without a bug, these fail: {}", failed.join("\n"));
    let missed = on_all_cores(CAUGHT.iter().copied(), |(bug, suite, part)| {
        let started = Instant::now();
        let (output, passed) = suites.run(suite, part, bug);
        if passed || !output.contains("test result: FAILED") {
            return Some(format!("{bug}, by {suite} {part}:\n{output}"));
        }
        println!("{bug}: caught by {suite} in {:.1?}\n{}", started.elapsed(), why(&output));
        None
    });
    assert!(missed.is_empty(), "not caught: {}", missed.join("\n"));
}

/// Calls `check` with each item, on as many threads as there are cores. Returns what it complains about.
fn on_all_cores<T: Send>(
    items: impl IntoIterator<Item = T>,
    check: impl Fn(T) -> Option<String> + Sync,
) -> Vec<String> {
    let items: Mutex<Vec<T>> = Mutex::new(items.into_iter().collect());
    let next = || items.lock().unwrap().pop();
    let work = || std::iter::from_fn(next).filter_map(&check).collect::<Vec<String>>();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// The line after the location of a panic.
fn why(output: &str) -> &str {
    let panic = output.split_once("panicked at ").map_or("", |(_, rest)| rest);
    panic.lines().nth(1).unwrap_or_default()
}

#[test]
fn each_bug_is_listed_with_its_suite() {
    let named: BTreeSet<String> = CAUGHT.iter().map(|(bug, ..)| (*bug).to_owned()).collect();
    assert_eq!(named.len(), CAUGHT.len(), "a bug is listed twice");
    assert_eq!(named, bugs());
    assert!(named.len() >= 12);
    let document = std::fs::read_to_string("../memimage/docs/RELIABILITY.md").unwrap();
    for (bug, suite, _) in CAUGHT {
        assert!(
            document.contains(&format!("| `{bug}` | {suite}")),
            "RELIABILITY.md does not say that {suite} catches {bug}"
        );
    }
}

/// An ordinary build contains neither the names of the bugs nor of the environment variable.
#[test]
fn an_ordinary_build_contains_no_planted_bug() {
    let image = Image::<Ledger>::in_memory().unwrap();
    image.deposit(1, 1).unwrap();
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let switch = switch();
    assert!(!program.windows(switch.len()).any(|bytes| bytes == switch.as_bytes()), "{switch} is in this program");
}

/// The environment variable that selects a bug. It is joined at run time, so that this binary does not contain it.
fn switch() -> String {
    ["MEMIMAGE", "PLANTED"].join("_")
}

/// Bugs cannot be planted in a release build.
#[test]
#[ignore = "builds the library again"]
fn a_release_build_refuses_planted_bugs() {
    let output = Command::new(env!("CARGO"))
        .args(["check", "--locked", "--offline", "--release", "-p", "memimage"])
        .env("RUSTC_WORKSPACE_WRAPPER", PLANTED)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let output = String::from_utf8_lossy(&output.stderr);
    assert!(output.contains("it is for builds with debug assertions only"), "{output}");
}
