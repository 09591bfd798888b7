//! The text of a fixture: readable lines, encoded lines, and a checksum over the events.
//!
//! ```text
//! memimage golden: 1
//! model: Bank
//!
//! event: deposit
//! version: 1
//! outcome: applied
//! time: 1000000000000000
//! shape: {account: u32, cents: u64}
//! shape bytes: 2702…
//! payload: {account: 7, cents: 100}
//! payload bytes: 0764
//!
//! sum: 0123456789abcdef
//!
//! digest: 0123456789abcdef
//! model shape bytes: …
//! state bytes: …
//! state: {accounts: {7: 100}}
//! ```
//!
//! `metadata` and `metadata bytes` follow `time` if the event has metadata. Lines that begin with `#` are comments. The content
//! of the readable line beside each line with `bytes` is not parsed.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::error::FixtureError;
use super::fixture::{Fixture, FixtureState, InvalidLine};
use crate::context::{Metadata, Origin, Timestamp};
use crate::digest::Digest;
use crate::outcome::Outcome;
use crate::seq::Seq;
use crate::shape::ShapeTree;
use crate::testing::recorded_event::RecordedEvent;
use crate::testing::value_text::{hex, line, unhex};

/// The file name extension of fixtures.
pub(super) const EXTENSION: &str = "golden";

/// The file name of fixture `number` of a version, counted from 1.
pub(super) fn file_name(event: &str, version: u32, number: u32) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let event: String =
        event.chars().map(|c| if plain(c) { c.to_string() } else { format!("%{:x}", u32::from(c)) }).collect();
    match number {
        1 => format!("{event}.v{version}.{EXTENSION}"),
        _ => format!("{event}.v{version}.{number}.{EXTENSION}"),
    }
}

/// The name and the version of the event that a fixture tests; `None` if the text does not contain them.
pub(super) fn covers(text: &str) -> Option<(String, u32)> {
    let last = |key: &str| text.lines().rev().find_map(|line| line.strip_prefix(key));
    Some((last("event: ")?.to_owned(), last("version: ")?.parse().ok()?))
}

impl Fixture {
    /// The fixture as text.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![
            "memimage golden: 1".to_owned(),
            format!("model: {}", self.model),
            "# The events as journals contain them. Never edit this part: `memimage::testing::golden` replays it."
                .to_owned(),
        ];
        for event in &self.events {
            lines.extend([String::new(), format!("event: {}", event.name), format!("version: {}", event.version)]);
            lines.push(format!("outcome: {}", outcome_word(event.outcome)));
            lines.push(format!("time: {}", event.time.as_micros()));
            if !event.metadata.is_empty() {
                let pairs: Vec<String> =
                    event.metadata.iter().map(|(key, value)| format!("{key:?}: {value:?}")).collect();
                let mut bytes = Vec::new();
                event.metadata.encode(&mut bytes);
                lines.push(format!("metadata: {{{}}}", pairs.join(", ")));
                lines.push(format!("metadata bytes: {}", hex(&bytes)));
            }
            lines.push(format!("shape: {}", event.shape));
            lines.push(format!("shape bytes: {}", hex(&event.shape.encode())));
            lines.push(format!("payload: {}", line(&event.shape, &event.payload)));
            lines.push(format!("payload bytes: {}", hex(&event.payload)));
        }
        lines.push(String::new());
        let mut text = lines.join("\n") + "\n";
        text.push_str(&format!("sum: {}\n\n", sum(&text)));
        if let Ok(state) = &self.outcome {
            text.push_str("# The state after these events. If you change it on purpose, run `MEMIMAGE_BLESS=outcomes cargo test`.\n");
            text.push_str(&format!("digest: {}\n", state.digest));
            text.push_str(&format!("model shape bytes: {}\n", hex(&state.shape.encode())));
            text.push_str(&format!("state bytes: {}\n", hex(&state.bytes)));
            text.push_str(&format!("state: {}\n", state.text()));
        }
        text
    }

    /// Parses a fixture. The checksum must match the events.
    pub(super) fn parse(text: &str) -> Result<Fixture, FixtureError> {
        let mut lines = FixtureLines { lines: text.split_inclusive('\n').collect(), at: 0 };
        let (model, events) = lines.events(text).map_err(|error| match error {
            ParseError::InvalidLine(InvalidLine { line, what }) => FixtureError::InvalidLine { line, what },
            ParseError::Sum { recorded, found } => FixtureError::Edited { recorded, found },
        })?;
        Ok(Fixture { model, events, outcome: lines.outcome() })
    }
}

/// An error in the events of a fixture.
enum ParseError {
    InvalidLine(InvalidLine),
    Sum { recorded: String, found: String },
}

impl From<InvalidLine> for ParseError {
    fn from(line: InvalidLine) -> ParseError {
        ParseError::InvalidLine(line)
    }
}

struct FixtureLines<'a> {
    /// Each line includes its line end.
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> FixtureLines<'a> {
    fn events(&mut self, text: &str) -> Result<(String, Vec<RecordedEvent>), ParseError> {
        let format = self.key("memimage golden")?;
        if format != "1" {
            return Err(self.invalid(format!("the fixture format {format:?} is of a newer memimage")).into());
        }
        let model = self.key("model")?.to_owned();
        let mut events = Vec::new();
        while events.is_empty() || self.peek("event").is_some() {
            events.push(self.event(Seq::new(events.len() as u64 + 1))?);
        }
        let before: usize = self.lines[..self.next_content()].iter().map(|line| line.len()).sum();
        let (recorded, found) = (self.key("sum")?.to_owned(), sum(&text[..before]));
        if recorded == found { Ok((model, events)) } else { Err(ParseError::Sum { recorded, found }) }
    }

    fn event(&mut self, seq: Seq) -> Result<RecordedEvent, InvalidLine> {
        let name = self.key("event")?.to_owned();
        let version = self.parsed("version", |text| text.parse().ok())?;
        let outcome = self.parsed("outcome", |text| {
            [Outcome::Applied, Outcome::Rejected].into_iter().find(|outcome| outcome_word(*outcome) == text)
        })?;
        let time = Timestamp::from_micros(self.parsed("time", |text| text.parse().ok())?);
        let mut metadata = Metadata::new();
        if self.peek("metadata").is_some() {
            self.key("metadata")?;
            metadata = self.parsed("metadata bytes", |text| match Metadata::decode(&unhex(text)?) {
                Ok((metadata, [])) => Some(metadata),
                _ => None,
            })?;
        }
        self.key("shape")?;
        let shape = Arc::new(self.parsed("shape bytes", |text| ShapeTree::decode(&unhex(text)?).ok())?);
        self.key("payload")?;
        let payload = self.parsed("payload bytes", unhex)?;
        Ok(RecordedEvent { name, version, shape, payload, outcome, origin: Origin::own(seq), time, metadata })
    }

    fn outcome(&mut self) -> Result<FixtureState, InvalidLine> {
        let digest = self.parsed("digest", |text| u64::from_str_radix(text, 16).ok())?;
        let shape = self.parsed("model shape bytes", |text| ShapeTree::decode(&unhex(text)?).ok())?;
        let bytes = self.parsed("state bytes", unhex)?;
        Ok(FixtureState { shape, digest: Digest::from_u64(digest), bytes })
    }

    /// The index of the next line that is not empty and not a comment.
    fn next_content(&self) -> usize {
        let is_content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        self.lines[self.at..].iter().position(is_content).map_or(self.lines.len(), |after| self.at + after)
    }

    /// The value of the next line, if this line has the key `key`.
    fn peek(&self, key: &str) -> Option<&'a str> {
        let line = self.lines.get(self.next_content())?;
        line.trim_end_matches('\n').strip_prefix(key)?.strip_prefix(": ")
    }

    fn key(&mut self, key: &str) -> Result<&'a str, InvalidLine> {
        let found = self.peek(key);
        self.at = self.next_content();
        match found {
            Some(text) => {
                self.at += 1;
                Ok(text)
            }
            None => {
                let line = self.lines.get(self.at).map_or("the end", |line| line.trim_end());
                Err(InvalidLine { line: self.at + 1, what: format!("expected `{key}: …`, found `{line}`") })
            }
        }
    }

    fn parsed<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, InvalidLine> {
        let text = self.key(key)?;
        parse(text).ok_or_else(|| self.invalid(format!("invalid {key}: `{text}`")))
    }

    /// The error of the line that was read last.
    fn invalid(&self, what: String) -> InvalidLine {
        InvalidLine { line: self.at, what }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Rejected => "rejected",
    }
}

fn sum(text: &str) -> String {
    format!("{:016x}", xxh3_64(text.as_bytes()))
}
