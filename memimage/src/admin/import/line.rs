//! The lines of a text, each of them an object of JSON, and the places of its members.

use std::collections::HashSet;
use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::messages;
use crate::admin::export::lines::LineChecksum;
use crate::admin::export::time;
use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail, ExportError};
use crate::seq::Seq;

/// The maximum length of a line, in bytes: the arguments of the largest event take less as JSON.
const MAX_LINE: u64 = 8 << 30;
/// The maximum length of a value in a message, in characters.
const MAX_SHOWN: usize = 40;

/// Reads lines. Keeps one line in memory.
pub(super) struct LineReader<R> {
    input: R,
    line: Vec<u8>,
    /// The number of the last line that was read; the first line is line 1.
    number: u64,
    /// Of the lines before the last one that was read.
    checksum: LineChecksum,
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(input: R) -> LineReader<R> {
        LineReader { input, line: Vec::new(), number: 0, checksum: LineChecksum::default() }
    }

    /// Reads the next line; `None` at the end of the text.
    pub(super) fn next(&mut self) -> Result<Option<Object<'_>>, Error> {
        if self.number > 0 {
            self.checksum.add(without_end(&self.line));
        }
        self.line.clear();
        let read = std::io::Read::take(&mut self.input, MAX_LINE).read_until(b'\n', &mut self.line);
        let read = read.map_err(|source| Error::new(ErrorDetail::Export(ExportError::Input { source })))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let place = Place { line: self.number, column: 1 };
        if read as u64 == MAX_LINE {
            return Err(place.error(messages::too_long(MAX_LINE), messages::HELP_FORM));
        }
        let text = std::str::from_utf8(&self.line).map_err(|error| {
            Place { column: error.valid_up_to() as u64 + 1, ..place }.error(messages::not_utf8(), messages::HELP_FORM)
        })?;
        let text = &text[..without_end(&self.line).len()];
        if text.is_empty() {
            return Err(place.error(messages::EMPTY_LINE.to_owned(), messages::HELP_FORM));
        }
        let is_last = !self.line.ends_with(b"\n");
        Object::parse(text, place, if is_last { messages::HELP_CUT } else { messages::HELP_FORM }).map(Some)
    }

    /// The checksum of the lines before the last one that was read.
    pub(super) fn checksum(&self) -> u64 {
        self.checksum.value()
    }

    /// The error that the text ends too early.
    pub(super) fn ends(&self, what: &str) -> Error {
        Place { line: self.number + 1, column: 1 }.error(what.to_owned(), messages::HELP_CUT)
    }
}

/// A line without its end, which may have changed on the way.
fn without_end(mut line: &[u8]) -> &[u8] {
    while let [start @ .., b'\n' | b'\r'] = line {
        line = start;
    }
    line
}

/// A place in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    line: u64,
    /// Counts the bytes of the line, from 1.
    column: u64,
}

impl Place {
    pub(super) fn error(self, what: String, help: &'static str) -> Error {
        let Place { line, column } = self;
        Error::new(ErrorDetail::Export(ExportError::Invalid { line, column, what, help }))
    }
}

/// An object of which the members are taken one after the other.
#[derive(Debug)]
pub(super) struct Object<'a> {
    place: Place,
    members: Vec<Member<'a>>,
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    name: String,
    /// The value, as JSON.
    json: &'a str,
    place: Place,
}

impl<'a> Object<'a> {
    /// Parses the object at `place`. `help` is what to do if the text is no JSON.
    fn parse(text: &'a str, place: Place, help: &'static str) -> Result<Object<'a>, Error> {
        let Members(members) = serde_json::from_str(text).map_err(|error| {
            let what = error.to_string();
            // the place in this message is relative to the object
            let what = what.split(" at line ").next().unwrap_or_default();
            let column = place.column + (error.column() as u64).saturating_sub(1);
            Place { column, ..place }.error(format!("this is no object of JSON: {what}"), help)
        })?;
        let located = |(name, json): (String, &'a RawValue)| {
            let json = json.get();
            let offset = json.as_ptr() as usize - text.as_ptr() as usize;
            Member { name, json, place: Place { column: place.column + offset as u64, ..place } }
        };
        let members: Vec<Member<'a>> = members.into_iter().map(located).collect();
        let mut names = HashSet::with_capacity(members.len());
        match members.iter().find(|member| !names.insert(member.name.as_str())) {
            Some(member) => Err(member.error(format!("the member `{}` occurs twice", member.name))),
            None => Ok(Object { place, members }),
        }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Takes a member; `None` if there is none with this name.
    pub(super) fn take(&mut self, name: &str) -> Option<Member<'a>> {
        let at = self.members.iter().position(|member| member.name == name)?;
        Some(self.members.remove(at))
    }

    /// Takes a member that must be there.
    pub(super) fn require(&mut self, name: &str) -> Result<Member<'a>, Error> {
        let missing = || self.place.error(format!("the member `{name}` is missing"), messages::HELP_FORM);
        let missing = missing();
        self.take(name).ok_or(missing)
    }

    /// Returns an error if a member was not taken.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self.members.first() {
            Some(member) => Err(member.error(format!("the member `{}` is not part of the form", member.name))),
            None => Ok(()),
        }
    }
}

impl<'a> Member<'a> {
    pub(super) fn error(&self, what: String) -> Error {
        self.place.error(what, messages::HELP_FORM)
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The value as it is written.
    pub(super) fn json(&self) -> &'a str {
        self.json
    }

    fn parse<T: DeserializeOwned>(&self, expected: &str) -> Result<T, Error> {
        serde_json::from_str(self.json).map_err(|_| self.unexpected(expected))
    }

    fn unexpected(&self, expected: &str) -> Error {
        let mut found: String = self.json.chars().take(MAX_SHOWN).collect();
        if found.len() < self.json.len() {
            found.push('…');
        }
        self.error(format!("`{}` must be {expected}, not `{found}`", self.name))
    }

    pub(super) fn u64(&self) -> Result<u64, Error> {
        self.parse("a number from 0 to 18446744073709551615")
    }

    pub(super) fn u32(&self) -> Result<u32, Error> {
        self.parse("a number from 0 to 4294967295")
    }

    pub(super) fn seq(&self) -> Result<Seq, Error> {
        self.u64().map(Seq::new)
    }

    pub(super) fn bool(&self) -> Result<bool, Error> {
        self.parse("true or false")
    }

    pub(super) fn string(&self) -> Result<String, Error> {
        self.parse("a string")
    }

    pub(super) fn optional_string(&self) -> Result<Option<String>, Error> {
        self.parse("a string or null")
    }

    pub(super) fn time(&self) -> Result<Timestamp, Error> {
        const EXPECTED: &str = "a time from 1970 on with at most six decimals, such as \"2026-11-30T12:00:00.000000Z\"";
        time::from_json(&self.parse::<Json>(EXPECTED)?).ok_or_else(|| self.unexpected(EXPECTED))
    }

    /// Bytes as hexadecimal digits.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Error> {
        const EXPECTED: &str = "a string with an even number of hexadecimal digits";
        let text: String = self.parse(EXPECTED)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect::<Option<Vec<u8>>>();
        bytes.filter(|_| rest.is_empty()).ok_or_else(|| self.unexpected(EXPECTED))
    }

    /// Exactly `N` bytes as hexadecimal digits.
    pub(super) fn array<const N: usize>(&self) -> Result<[u8; N], Error> {
        let found = self.bytes()?;
        <[u8; N]>::try_from(found).map_err(|_| self.unexpected(&format!("a string of {} hexadecimal digits", 2 * N)))
    }

    /// A number of 64 bits as 16 hexadecimal digits.
    pub(super) fn hex_number(&self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn object(&self) -> Result<Object<'a>, Error> {
        Object::parse(self.json, self.place, messages::HELP_FORM)
    }

    /// An object of strings, in the order of its members.
    pub(super) fn strings(&self) -> Result<Vec<(String, String)>, Error> {
        let Object { members, .. } = self.object()?;
        members.into_iter().map(|member| member.string().map(|value| (member.name, value))).collect()
    }
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
