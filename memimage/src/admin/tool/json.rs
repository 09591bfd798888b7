//! JSON of events and figures. `docs/CLI.md` defines the form.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::failure::Failure;
use super::terminal::Terminal;
use crate::admin::seq_range::SeqRange;
use crate::history::LoggedEvent;
use crate::seq::Seq;
use crate::value::text::hex;

/// An event as a line of JSON.
#[derive(Serialize)]
struct EventLine<'a> {
    seq: u64,
    #[serde(skip_serializing_if = "is_zero")]
    part: u32,
    time: String,
    name: &'a str,
    version: u32,
    rejected: bool,
    void: bool,
    metadata: Map<String, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    /// The bytes of a payload that only the program can decode, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_bytes: Option<String>,
    /// Why the payload is given as bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_error: Option<String>,
    /// The file in the quarantine, of an event that was set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_journal: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(part: &u32) -> bool {
    *part == 0
}

/// A recorded gap as a line of JSON.
pub(crate) fn gap_line(first: Seq, last: Seq) -> String {
    format!(r#"{{"lost":[{first},{last}]}}"#)
}

/// Ranges of events, each as its first and its last event.
pub(crate) fn ranges(ranges: &[SeqRange]) -> Vec<(u64, u64)> {
    ranges.iter().map(|range| (range.first.get(), range.last.get())).collect()
}

/// An event as a line of JSON.
pub(crate) fn event_line(event: &LoggedEvent) -> Result<String, Failure> {
    line(event, None)
}

/// An event in a file of the quarantine as a line of JSON.
pub(crate) fn kept_event_line(event: &LoggedEvent, file: &str, in_journal: bool) -> Result<String, Failure> {
    line(event, Some((file, in_journal)))
}

fn line(event: &LoggedEvent, kept: Option<(&str, bool)>) -> Result<String, Failure> {
    let recorded = &event.recorded;
    let json = recorded.value().and_then(|value| value.to_json(recorded.shape()));
    let (payload, error) = match json {
        Ok(json) => (Some(RawValue::from_string(json).map_err(|error| fault(&error))?), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let line = EventLine {
        seq: event.seq().get(),
        part: event.key.part,
        time: event.time.to_string(),
        name: recorded.name(),
        version: recorded.version(),
        rejected: event.is_rejected(),
        void: event.is_void,
        metadata: event.metadata.iter().map(|(key, value)| (key.to_owned(), Json::from(value))).collect(),
        payload,
        payload_bytes: error.is_some().then(|| hex(recorded.bytes())),
        payload_error: error,
        file: kept.map(|(file, _)| file),
        in_journal: kept.map(|(_, in_journal)| in_journal),
    };
    serde_json::to_string(&line).map_err(|error| fault(&error))
}

/// Writes a document as JSON in several lines.
pub(crate) fn document(terminal: &mut Terminal, document: &impl Serialize) -> Result<(), Failure> {
    terminal.line(serde_json::to_string_pretty(document).map_err(|error| fault(&error))?)
}

fn fault(error: &serde_json::Error) -> Failure {
    Failure::Other(format!("the output cannot be written as JSON: {error}"))
}
