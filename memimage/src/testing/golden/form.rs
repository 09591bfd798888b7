//! The text of a fixture: lines for people, lines of bytes for programs, and a sum over what never changes.
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
//! `metadata` and `metadata bytes` follow `time` where there are any. What begins with `#` is a comment, and the lines
//! without `bytes` beside such as have are comments too: nothing reads them.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::failure::Failure;
use super::fixture::{Fixture, Malformed, State};
use crate::context::{Metadata, Origin, Timestamp};
use crate::digest::Digest;
use crate::outcome::Outcome;
use crate::seq::Seq;
use crate::shape::ShapeTree;
use crate::testing::entry::Entry;
use crate::testing::text::{hex, line, unhex};

/// What the names of fixtures end with.
pub(super) const EXTENSION: &str = "golden";

/// The file of the so-manieth fixture of a version.
pub(super) fn file_name(event: &str, version: u32, number: u32) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let event: String =
        event.chars().map(|c| if plain(c) { c.to_string() } else { format!("%{:x}", u32::from(c)) }).collect();
    match number {
        1 => format!("{event}.v{version}.{EXTENSION}"),
        _ => format!("{event}.v{version}.{number}.{EXTENSION}"),
    }
}

/// The version that a fixture stands for, as far as it can be read.
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
            "# As journals hold it, so it is never edited or written anew: `memimage::testing::golden` replays it."
                .to_owned(),
        ];
        for entry in &self.entries {
            lines.extend([String::new(), format!("event: {}", entry.name), format!("version: {}", entry.version)]);
            lines.push(format!("outcome: {}", word(entry.outcome)));
            lines.push(format!("time: {}", entry.time.as_micros()));
            if !entry.metadata.is_empty() {
                let pairs: Vec<String> =
                    entry.metadata.iter().map(|(key, value)| format!("{key:?}: {value:?}")).collect();
                let mut bytes = Vec::new();
                entry.metadata.encode(&mut bytes).expect("texts can be encoded");
                lines.push(format!("metadata: {{{}}}", pairs.join(", ")));
                lines.push(format!("metadata bytes: {}", hex(&bytes)));
            }
            lines.push(format!("shape: {}", entry.shape));
            lines.push(format!("shape bytes: {}", hex(&entry.shape.encode())));
            lines.push(format!("payload: {}", line(&entry.shape, &entry.payload)));
            lines.push(format!("payload bytes: {}", hex(&entry.payload)));
        }
        lines.push(String::new());
        let mut text = lines.join("\n") + "\n";
        text.push_str(&format!("sum: {}\n\n", sum(&text)));
        if let Ok(state) = &self.outcome {
            text.push_str("# What came of it. After a change that is meant: `MEMIMAGE_BLESS=outcomes cargo test`\n");
            text.push_str(&format!("digest: {}\n", state.digest));
            text.push_str(&format!("model shape bytes: {}\n", hex(&state.shape.encode())));
            text.push_str(&format!("state bytes: {}\n", hex(&state.bytes)));
            text.push_str(&format!("state: {}\n", state.text()));
        }
        text
    }

    /// Reads a fixture. What it says of events is believed only with its sum.
    pub(super) fn parse(text: &str) -> Result<Fixture, Failure> {
        let mut lines = Lines { lines: text.split_inclusive('\n').collect(), at: 0 };
        let frozen = lines.frozen(text).map_err(|fault| match fault {
            Fault::Malformed(Malformed { line, what }) => Failure::Malformed { line, what },
            Fault::Sum { said, found } => Failure::Edited { said, found },
        })?;
        Ok(Fixture { model: frozen.0, entries: frozen.1, outcome: lines.outcome() })
    }
}

/// Why what never changes cannot be believed.
enum Fault {
    Malformed(Malformed),
    Sum { said: String, found: String },
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Fault {
        Fault::Malformed(malformed)
    }
}

struct Lines<'a> {
    /// Each with its end.
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Lines<'a> {
    fn frozen(&mut self, text: &str) -> Result<(String, Vec<Entry>), Fault> {
        let form = self.key("memimage golden")?;
        if form != "1" {
            return Err(self.malformed(format!("the form {form:?} is of a newer memimage")).into());
        }
        let model = self.key("model")?.to_owned();
        let mut entries = Vec::new();
        while entries.is_empty() || self.peek("event").is_some() {
            entries.push(self.entry(Seq::new(entries.len() as u64 + 1))?);
        }
        let before: usize = self.lines[..self.at_content()].iter().map(|line| line.len()).sum();
        let (said, found) = (self.key("sum")?.to_owned(), sum(&text[..before]));
        if said == found { Ok((model, entries)) } else { Err(Fault::Sum { said, found }) }
    }

    fn entry(&mut self, seq: Seq) -> Result<Entry, Malformed> {
        let name = self.key("event")?.to_owned();
        let version = self.parsed("version", |text| text.parse().ok())?;
        let outcome = self.parsed("outcome", |text| {
            [Outcome::Applied, Outcome::Rejected].into_iter().find(|outcome| word(*outcome) == text)
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
        Ok(Entry { name, version, shape, payload, outcome, origin: Origin::own(seq), time, metadata })
    }

    fn outcome(&mut self) -> Result<State, Malformed> {
        let digest = self.parsed("digest", |text| u64::from_str_radix(text, 16).ok())?;
        let shape = self.parsed("model shape bytes", |text| ShapeTree::decode(&unhex(text)?).ok())?;
        let bytes = self.parsed("state bytes", unhex)?;
        Ok(State { shape, digest: Digest::from_u64(digest), bytes })
    }

    /// Where the next line that says something is.
    fn at_content(&self) -> usize {
        let says = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        self.lines[self.at..].iter().position(says).map_or(self.lines.len(), |after| self.at + after)
    }

    /// What the next line says, if it is of this key.
    fn peek(&self, key: &str) -> Option<&'a str> {
        let line = self.lines.get(self.at_content())?;
        line.trim_end_matches('\n').strip_prefix(key)?.strip_prefix(": ")
    }

    fn key(&mut self, key: &str) -> Result<&'a str, Malformed> {
        let found = self.peek(key);
        self.at = self.at_content();
        match found {
            Some(text) => {
                self.at += 1;
                Ok(text)
            }
            None => {
                let line = self.lines.get(self.at).map_or("the end", |line| line.trim_end());
                Err(Malformed { line: self.at + 1, what: format!("expected `{key}: …`, found `{line}`") })
            }
        }
    }

    fn parsed<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Malformed> {
        let text = self.key(key)?;
        parse(text).ok_or_else(|| self.malformed(format!("no {key}: `{text}`")))
    }

    /// Of the line that was read last.
    fn malformed(&self, what: String) -> Malformed {
        Malformed { line: self.at, what }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Rejected => "rejected",
    }
}

fn sum(text: &str) -> String {
    format!("{:016x}", xxh3_64(text.as_bytes()))
}
