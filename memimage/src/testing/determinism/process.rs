//! The same test in another process.
//!
//! The program is started again, to run this test alone. When it gets to the same call it reports on its standard output
//! and ends the test there. Calls on the way to that one do nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::io::{self, Write as _};
use std::panic::{Location, resume_unwind};
use std::process::{Command, Stdio};
use std::thread;

use xxhash_rust::xxh3::Xxh3;

use super::Replayed;
use crate::digest::Digest;
use crate::testing::entry::Entry;
use crate::testing::stage::Start;
use crate::testing::text::{hex, unhex};

/// Which call the other process is to report on.
const CALL: &str = "MEMIMAGE_TESTING_CALL";

/// After which event it is to report the state.
const STATE: &str = "MEMIMAGE_TESTING_STATE";

/// What begins each line of a report.
const MARK: &str = "memimage determinism:";

thread_local! {
    /// How often each place has called on this thread.
    static CALLS: RefCell<HashMap<&'static Location<'static>, u32>> = RefCell::default();
}

/// Which of the two processes this is.
pub(super) enum Elsewhere {
    /// The one in which the test was started.
    Parent(Parent),
    /// The one that the other started.
    Child(Child),
}

impl Elsewhere {
    /// `None` in a process that was started for another call.
    pub(super) fn here(location: &'static Location<'static>) -> Option<Elsewhere> {
        let number = CALLS.with_borrow_mut(|calls| {
            let number = calls.entry(location).or_default();
            *number += 1;
            *number
        });
        let call = format!("{location}#{number}");
        match env::var(CALL) {
            Err(_) => Some(Elsewhere::Parent(Parent { call })),
            Ok(wanted) => (wanted == call).then_some(Elsewhere::Child(Child)),
        }
    }
}

/// The process in which the test was started.
pub(super) struct Parent {
    call: String,
}

impl Parent {
    /// What a replay in another process comes to.
    pub(super) fn digests(&self, start: &Start, events: &[Entry]) -> Result<Replayed, String> {
        let report = self.run(None)?;
        let value = |key: &str| report.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str());
        if value("events") != Some(&sum(start, events)) {
            return Err(
                "the test came with another past in another process: give `determinism` the same one each time (no \
                        random input, no clock, no image that the test makes itself)"
                    .to_owned(),
            );
        }
        let digests = report.iter().filter(|(key, _)| key == "digest");
        let digests =
            digests.filter_map(|(_, value)| u64::from_str_radix(value, 16).ok().map(Digest::from_u64)).collect();
        Ok(Replayed { digests, failure: value("failure").map(str::to_owned) })
    }

    /// The state that a replay in another process comes to after some event.
    pub(super) fn state(&self, seq: usize) -> Result<Vec<u8>, String> {
        let report = self.run(Some(seq))?;
        let state = report.iter().find(|(key, _)| key == "state").and_then(|(_, value)| unhex(value));
        state.ok_or_else(|| "the other process could not tell its state".to_owned())
    }

    fn run(&self, seq: Option<usize>) -> Result<Vec<(String, String)>, String> {
        let mut command = this_test()?;
        command.env(CALL, &self.call).env_remove("MEMIMAGE_BLESS").env_remove(STATE).stdin(Stdio::null());
        if let Some(seq) = seq {
            command.env(STATE, seq.to_string());
        }
        let output = command.output().map_err(|error| format!("the test could not be started again: {error}"))?;
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
            "the test was started again in another process ({command:?}) and did not get to this call; call `determinism` on \
             the test's own thread, and whether or not the test ran before. It ended with {}, and said:\n    {}\n    {}",
            output.status,
            end(&text),
            end(&String::from_utf8_lossy(&output.stderr))
        ))
    }
}

/// What runs this test alone. A test's thread has its name; a main thread is no test of a harness, so all is run again.
fn this_test() -> Result<Command, String> {
    let program = env::current_exe().map_err(|error| format!("the test's program is not known: {error}"))?;
    let mut command = Command::new(program);
    match thread::current().name() {
        Some("main") => command.args(env::args_os().skip(1)),
        Some(test) => command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]),
        None => return Err("`determinism` was called on a thread without a name: call it on the test's own".to_owned()),
    };
    Ok(command)
}

/// The process that the other started.
pub(super) struct Child;

impl Child {
    /// Reports, and ends the test.
    pub(super) fn report(
        self,
        replayed: &Replayed,
        start: &Start,
        events: &[Entry],
        state: impl FnOnce(usize) -> Result<Vec<u8>, String>,
    ) -> ! {
        let mut report = format!("\n{MARK} events {}\n", sum(start, events));
        for digest in &replayed.digests {
            report.push_str(&format!("{MARK} digest {digest}\n"));
        }
        if let Some(what) = &replayed.failure {
            report.push_str(&format!("{MARK} failure {}\n", what.replace('\n', " ")));
        }
        if let Some(Ok(state)) = env::var(STATE).ok().and_then(|seq| seq.parse().ok()).map(state) {
            report.push_str(&format!("{MARK} state {}\n", hex(&state)));
        }
        // who reads it sees whether it is whole
        let mut out = io::stdout().lock();
        let _ = out.write_all(report.as_bytes()).and_then(|()| out.flush());
        drop(out);
        // unwinds, so that what the test has made on the way, such as a directory, is cleaned up
        resume_unwind(Box::new("this process has reported"))
    }
}

/// What tells one past from another.
fn sum(start: &Start, events: &[Entry]) -> String {
    let mut sum = Xxh3::new();
    sum.update(&start.seed);
    sum.update(start.state.as_deref().unwrap_or_default());
    for entry in events {
        for part in [entry.name.as_bytes(), &entry.version.to_le_bytes(), &entry.payload, &[entry.outcome as u8]] {
            sum.update(&part.len().to_le_bytes());
            sum.update(part);
        }
        sum.update(&entry.time.as_micros().to_le_bytes());
    }
    format!("{:016x}", sum.digest())
}
