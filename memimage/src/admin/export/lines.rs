//! The lines of an export, as they are written. `docs/CLI.md` defines the form.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::Xxh3Default;

use crate::context::Metadata;

/// The checksum of the lines before the last one: of their bytes, each line with one byte of a line feed.
#[derive(Clone, Default)]
pub(in crate::admin) struct LineChecksum(Xxh3Default);

impl LineChecksum {
    /// Adds a line, without its end.
    pub(in crate::admin) fn add(&mut self, line: &[u8]) {
        self.0.update(line);
        self.0.update(b"\n");
    }

    pub(in crate::admin) fn value(&self) -> u64 {
        self.0.digest()
    }
}

/// The version of the form. An import refuses any other version.
pub(in crate::admin) const VERSION: u32 = 1;

/// A line of an export. The member `kind` is the first one of each line.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    Header(Box<Header<'a>>),
    Shape(Shape<'a>),
    Event(Event<'a>),
    Void(Void<'a>),
    Gap(Gap<'a>),
    Time(Correction<'a>),
    Digest(Digest),
    State(Bytes),
    Requests(Bytes),
    End(End),
}

#[derive(Serialize)]
pub(super) struct Header<'a> {
    pub(super) version: u32,
    pub(super) model: &'a str,
    pub(super) uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Parent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Json>,
    pub(super) seed: String,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) genesis: Option<Genesis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<Base>,
}

#[derive(Serialize)]
pub(super) struct Parent {
    pub(super) uuid: String,
    pub(super) seq: u64,
}

/// The state before the first event.
#[derive(Serialize)]
pub(super) struct Genesis {
    pub(super) model_version: u32,
    pub(super) shape_bytes: String,
    pub(super) digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<String>,
}

/// The state that replaces the pruned events. Its bytes follow the events.
#[derive(Serialize)]
pub(super) struct Base {
    pub(super) seq: u64,
    pub(super) time: Json,
    pub(super) created: Json,
    pub(super) model_version: u32,
    pub(super) fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shape_bytes: Option<String>,
    pub(super) digest: String,
    pub(super) requests: bool,
    pub(super) requests_since: u64,
}

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    pub(super) name: &'a str,
    pub(super) version: u32,
    /// For people; an import ignores it.
    pub(super) shape: String,
    pub(super) shape_bytes: String,
}

#[derive(Serialize)]
pub(super) struct Event<'a> {
    pub(super) seq: u64,
    pub(super) time: Json,
    pub(super) name: &'a str,
    pub(super) version: u32,
    pub(super) rejected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Origin>,
    #[serde(serialize_with = "metadata")]
    pub(super) metadata: &'a Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload_bytes: Option<String>,
    /// Why the payload is given as bytes; an import ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload_error: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Origin {
    pub(super) seq: u64,
    pub(super) part: u32,
}

#[derive(Serialize)]
pub(super) struct Void<'a> {
    pub(super) seq: u64,
    pub(super) time: Json,
    pub(super) reason: &'a str,
    pub(super) by: Option<&'a str>,
}

/// The events from `first` to `last` are lost.
#[derive(Serialize)]
pub(super) struct Gap<'a> {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) time: Json,
    pub(super) reason: &'a str,
    pub(super) by: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Correction<'a> {
    pub(super) to: Json,
    pub(super) from: Json,
    pub(super) reason: &'a str,
}

#[derive(Serialize)]
pub(super) struct Digest {
    pub(super) seq: u64,
    pub(super) model: String,
    pub(super) digest: String,
    pub(super) accepts: bool,
}

#[derive(Serialize)]
pub(super) struct Bytes {
    pub(super) bytes: String,
}

#[derive(Serialize)]
pub(super) struct End {
    pub(super) last_seq: u64,
    pub(super) voids: u64,
    /// Left out if there is none, as in the exports of images without gaps.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) gaps: u64,
    pub(super) checksum: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn metadata<S: Serializer>(metadata: &Metadata, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (key, value) in metadata.iter() {
        map.serialize_entry(key, value)?;
    }
    map.end()
}

/// A number of 64 bits as 16 hexadecimal digits, since many JSON parsers round large numbers.
pub(super) fn hex_number(number: u64) -> String {
    format!("{number:016x}")
}
