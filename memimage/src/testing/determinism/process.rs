//! Runs the same test in another process.
//!
//! The test program is started again, with only this test. At the same call of `determinism`, the second process writes a
//! report to its standard output, and ends the test. Earlier calls of `determinism` return at once in the second process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::io::{self, Write as _};
use std::panic::{Location, resume_unwind};
use std::process::{Command, Stdio};
use std::thread;

use xxhash_rust::xxh3::Xxh3;

use super::ReplayDigests;
use crate::digest::Digest;
use crate::testing::model_under_test::StartState;
use crate::testing::recorded_event::RecordedEvent;
use crate::testing::value_text::{hex, unhex};

/// The environment variable that identifies the call for which the child process writes its report.
const CALL: &str = "MEMIMAGE_TESTING_CALL";

/// The environment variable that contains the number of events after which the child process reports the state.
const STATE: &str = "MEMIMAGE_TESTING_STATE";

/// The prefix of each line of a report.
const MARK: &str = "memimage determinism:";

thread_local! {
    /// How often this thread has called `determinism` from each location.
    static CALLS: RefCell<HashMap<&'static Location<'static>, u32>> = RefCell::default();
}

/// The role of this process.
pub(super) enum ProcessRole {
    /// The process that runs the test.
    Parent(ParentProcess),
    /// A process that the parent started.
    Child(ChildProcess),
}

impl ProcessRole {
    /// The role of this process in this call; `None` in a process that was started for another call.
    pub(super) fn of(location: &'static Location<'static>) -> Option<ProcessRole> {
        let number = CALLS.with_borrow_mut(|calls| {
            let number = calls.entry(location).or_default();
            *number += 1;
            *number
        });
        let call = format!("{location}#{number}");
        match env::var(CALL) {
            Err(_) => Some(ProcessRole::Parent(ParentProcess { call })),
            Ok(wanted) => (wanted == call).then_some(ProcessRole::Child(ChildProcess)),
        }
    }
}

/// The process that runs the test.
pub(super) struct ParentProcess {
    call: String,
}

impl ParentProcess {
    /// The digests of a replay in another process.
    pub(super) fn digests(&self, start: &StartState, events: &[RecordedEvent]) -> Result<ReplayDigests, String> {
        let report = self.run(None)?;
        let value = |key: &str| report.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str());
        if value("events") != Some(&sum(start, events)) {
            return Err(
                "in the other process, the test called `determinism` with another history; help: use the same history in each run \
                 (no random input, no clock, no image that the test creates)"
                    .to_owned(),
            );
        }
        let digests = report.iter().filter(|(key, _)| key == "digest");
        let digests =
            digests.filter_map(|(_, value)| u64::from_str_radix(value, 16).ok().map(Digest::from_u64)).collect();
        Ok(ReplayDigests { digests, failure: value("failure").map(str::to_owned) })
    }

    /// The encoded state after `count` events, as a replay in another process gives it.
    pub(super) fn state(&self, count: usize) -> Result<Vec<u8>, String> {
        let report = self.run(Some(count))?;
        let state = report.iter().find(|(key, _)| key == "state").and_then(|(_, value)| unhex(value));
        state.ok_or_else(|| "the other process did not report its state".to_owned())
    }

    fn run(&self, count: Option<usize>) -> Result<Vec<(String, String)>, String> {
        let mut command = this_test()?;
        command.env(CALL, &self.call).env_remove("MEMIMAGE_BLESS").env_remove(STATE).stdin(Stdio::null());
        if let Some(count) = count {
            command.env(STATE, count.to_string());
        }
        let output =
            command.output().map_err(|error| format!("starting the test again in another process failed: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter_map(|line| line.split_once(MARK)?.1.trim().split_once(' '));
        let report: Vec<_> = lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if report.iter().any(|(key, _)| key == "events") {
            return Ok(report);
        }
        let end = |text: &str| {
            text.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n    ")
        };
        Err(format!(
            "the library started the test again in another process ({command:?}), but the test did not reach this call there; \
             help: call `determinism` on the test's own thread, and in each run of the test; the process ended with {}, and \
             wrote:\n    {}\n    {}",
            output.status,
            end(&text),
            end(&String::from_utf8_lossy(&output.stderr))
        ))
    }
}

/// The command that runs only this test. The test harness gives the thread of a test the name of the test. The main thread does
/// not have the name of a test; if it calls this function, the command runs the program again with the arguments of this
/// process.
fn this_test() -> Result<Command, String> {
    let program = env::current_exe().map_err(|error| format!("the path of the test program is unknown: {error}"))?;
    let mut command = Command::new(program);
    match thread::current().name() {
        Some("main") => command.args(env::args_os().skip(1)),
        Some(test) => command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]),
        None => {
            return Err("`determinism` was called on a thread without a name; help: call it on the thread of the test"
                .to_owned());
        }
    };
    Ok(command)
}

/// A process that the parent started.
pub(super) struct ChildProcess;

impl ChildProcess {
    /// Writes the report, and ends the test.
    pub(super) fn report(
        self,
        replayed: &ReplayDigests,
        start: &StartState,
        events: &[RecordedEvent],
        state: impl FnOnce(usize) -> Result<Vec<u8>, String>,
    ) -> ! {
        let mut report = format!("\n{MARK} events {}\n", sum(start, events));
        for digest in &replayed.digests {
            report.push_str(&format!("{MARK} digest {digest}\n"));
        }
        if let Some(what) = &replayed.failure {
            report.push_str(&format!("{MARK} failure {}\n", what.replace('\n', " ")));
        }
        if let Some(Ok(state)) = env::var(STATE).ok().and_then(|count| count.parse().ok()).map(state) {
            report.push_str(&format!("{MARK} state {}\n", hex(&state)));
        }
        // ignore a failed write: the parent detects an incomplete report
        let mut out = io::stdout().lock();
        let _ = out.write_all(report.as_bytes()).and_then(|()| out.flush());
        drop(out);
        // unwind, so that the test cleans up, for example removes its directories
        resume_unwind(Box::new("this process has reported"))
    }
}

/// A checksum of a history.
fn sum(start: &StartState, events: &[RecordedEvent]) -> String {
    let mut sum = Xxh3::new();
    sum.update(&start.seed);
    sum.update(start.state.as_deref().unwrap_or_default());
    for event in events {
        for part in [event.name.as_bytes(), &event.version.to_le_bytes(), &event.payload, &[event.outcome as u8]] {
            sum.update(&part.len().to_le_bytes());
            sum.update(part);
        }
        sum.update(&event.time.as_micros().to_le_bytes());
    }
    format!("{:016x}", sum.digest())
}
