//! The form of the table in a snapshot: the list of kinds, then the entries, oldest first, as postcard.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::entry::Entry;
use super::log::{RequestLog, StoredKind};
use super::table::{RequestTable, is_valid};
use crate::outcome::Outcome;
use crate::seq::Seq;

/// The entries of a log that are remembered after an event, in the form of a snapshot.
pub(crate) struct LogAfter<'a> {
    pub(crate) log: &'a RequestLog,
    pub(crate) last: Seq,
}

impl LogAfter<'_> {
    /// Whether no request is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.log.remembered(self.last).next().is_none()
    }
}

impl Serialize for LogAfter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_tuple(2)?;
        parts.serialize_element(&*self.log.kinds)?;
        parts.serialize_element(&Entries(self))?;
        parts.end()
    }
}

struct Entries<'a>(&'a LogAfter<'a>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let remembered = || self.0.log.remembered(self.0.last);
        let mut entries = serializer.serialize_seq(Some(remembered().count()))?;
        for entry in remembered() {
            let Entry { seq, key, kind, arguments, outcome, answer, .. } = entry;
            let (seq, rejected) = (seq.get(), outcome == Outcome::Rejected);
            entries.serialize_element(&(seq, Bytes(key), kind, arguments, rejected, answer.map(Bytes)))?;
        }
        entries.end()
    }
}

/// A string of bytes, which postcard writes like a list of bytes, but at once.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Reads a table from a snapshot.
pub(crate) struct StoredTable {
    /// The first event from which on the table has each request.
    pub(crate) since: Seq,
    /// The last event in the snapshot.
    pub(crate) last: Seq,
}

impl StoredTable {
    /// A table without entries.
    pub(crate) fn empty(&self) -> RequestTable {
        let mut table = RequestTable::new(u64::MAX);
        table.set_since(self.since);
        table
    }
}

impl<'de> DeserializeSeed<'de> for StoredTable {
    type Value = RequestTable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RequestTable, D::Error> {
        deserializer.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for StoredTable {
    type Value = RequestTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<RequestTable, A::Error> {
        let missing = || A::Error::custom("the table of requests ends too early");
        let kinds: Vec<StoredKind> = parts.next_element()?.ok_or_else(missing)?;
        let mut table = self.empty();
        let entry = StoredEntry { kinds: kinds.len(), ..StoredEntry::default() };
        table.set_kinds(kinds);
        let entries = StoredEntries { table, entry, seqs: self.since..=self.last };
        parts.next_element_seed(entries)?.ok_or_else(missing)
    }
}

/// Reads the entries one by one into a table.
struct StoredEntries {
    table: RequestTable,
    entry: StoredEntry,
    /// The events of which the table may have requests.
    seqs: RangeInclusive<Seq>,
}

impl<'de> DeserializeSeed<'de> for StoredEntries {
    type Value = RequestTable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RequestTable, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for StoredEntries {
    type Value = RequestTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a table of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<RequestTable, A::Error> {
        let StoredEntries { mut table, mut entry, seqs } = self;
        table.reserve(entries.size_hint().unwrap_or(0).min(RESERVED));
        let mut before = Seq::ZERO;
        while let Some(stored) = entries.next_element_seed(&mut entry)? {
            if stored.seq <= before || !seqs.contains(&stored.seq) {
                return Err(A::Error::custom(format!(
                    "the table of requests has an entry of event {}, out of order",
                    stored.seq
                )));
            }
            before = stored.seq;
            let (key, answer) = (entry.key.as_bytes(), stored.has_answer.then_some(entry.answer.as_slice()));
            let StoredFields { seq, kind, arguments, outcome, .. } = stored;
            table.push(table.hash(key), Entry { seq, key, kind, arguments, outcome, answer, previous: 0 });
        }
        Ok(table)
    }
}

/// For so many entries at most, room is made before they are read: a damaged file may claim any number.
const RESERVED: usize = 1 << 16;

/// Reads an entry: seq, key, kind, hash of the arguments, whether the command was rejected, and the answer. Its buffers serve for all
/// entries.
#[derive(Default)]
struct StoredEntry {
    /// The number of kinds.
    kinds: usize,
    key: String,
    answer: Vec<u8>,
}

/// The fields of an entry that are not in a buffer.
struct StoredFields {
    seq: Seq,
    kind: Option<u32>,
    arguments: u64,
    outcome: Outcome,
    has_answer: bool,
}

impl<'de> DeserializeSeed<'de> for &mut StoredEntry {
    type Value = StoredFields;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<StoredFields, D::Error> {
        deserializer.deserialize_tuple(6, self)
    }
}

impl<'de> Visitor<'de> for &mut StoredEntry {
    type Value = StoredFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a table of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<StoredFields, A::Error> {
        let invalid = || A::Error::custom("an entry of the table of requests is not valid");
        let seq = fields.next_element()?.ok_or_else(invalid)?;
        fields.next_element_seed(Buffer(&mut self.key))?.ok_or_else(invalid)?;
        let kind: Option<u32> = fields.next_element()?.ok_or_else(invalid)?;
        let arguments = fields.next_element()?.ok_or_else(invalid)?;
        let rejected: bool = fields.next_element()?.ok_or_else(invalid)?;
        let has_answer = fields.next_element_seed(Buffer(&mut self.answer))?.ok_or_else(invalid)?;
        if !is_valid(&self.key) || kind.is_some_and(|kind| kind as usize >= self.kinds) {
            return Err(invalid());
        }
        let outcome = if rejected { Outcome::Rejected } else { Outcome::Applied };
        Ok(StoredFields { seq: Seq::new(seq), kind, arguments, outcome, has_answer })
    }
}

/// Reads a value into a buffer, instead of allocating it.
struct Buffer<'a, T>(&'a mut T);

impl<'de> DeserializeSeed<'de> for Buffer<'_, String> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_string(self)
    }
}

impl Visitor<'_> for Buffer<'_, String> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request key")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        self.0.clear();
        self.0.push_str(key);
        Ok(())
    }
}

/// An optional string of bytes. Returns whether there is one.
impl<'de> DeserializeSeed<'de> for Buffer<'_, Vec<u8>> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Buffer<'_, Vec<u8>> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an encoded answer")
    }

    fn visit_none<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }

    fn visit_bytes<E>(self, answer: &[u8]) -> Result<bool, E> {
        self.0.clear();
        self.0.extend_from_slice(answer);
        Ok(true)
    }
}

impl Serialize for StoredKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, self.version, self.output, self.refusal).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StoredKind, D::Error> {
        let (name, version, output, refusal) = Deserialize::deserialize(deserializer)?;
        Ok(StoredKind { name, version, output, refusal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ExecutedRequest, RequestKind};
    use crate::requests::SameKey;

    fn kind(row: usize) -> RequestKind {
        RequestKind { row, name: "book", version: row as u32 + 1, output: || Some(7), refusal: || None }
    }

    fn executed(row: usize, outcome: Outcome) -> ExecutedRequest {
        ExecutedRequest { kind: kind(row), arguments: u64::MAX, outcome, answer: Some(vec![1, 2, 3]) }
    }

    fn reloaded(table: &RequestTable, last: u64, window: u64) -> RequestTable {
        let last = Seq::new(last);
        let bytes = postcard::to_stdvec(&LogAfter { log: &table.log(), last }).unwrap();
        let stored = StoredTable { since: table.log().since(last), last };
        let mut deserializer = postcard::Deserializer::from_bytes(&bytes);
        let table = stored.deserialize(&mut deserializer).unwrap();
        assert!(deserializer.finalize().unwrap().is_empty());
        table.with_window(window, last)
    }

    #[test]
    fn a_stored_table_has_the_entries_that_are_remembered() {
        let mut table = RequestTable::new(5);
        for seq in 1..=9 {
            let outcome = if seq < 8 { Outcome::Applied } else { Outcome::Rejected };
            table.insert(Seq::new(seq), &format!("é{seq}"), Ok(&executed((seq % 2) as usize, outcome)));
        }
        let loaded = reloaded(&table, 10, 5);
        assert!(loaded.find_key("é5", Seq::new(10)).is_none());
        for seq in 6..=9u64 {
            let entry = loaded.find_key(&format!("é{seq}"), Seq::new(10)).unwrap();
            assert_eq!(entry.seq, Seq::new(seq));
            assert_eq!(entry.outcome == Outcome::Rejected, seq >= 8);
            let same = loaded.compare(entry, kind((seq % 2) as usize), u64::MAX, |_, _| true);
            assert_eq!(same, SameKey::Answer(&[1, 2, 3]));
        }
        assert!(reloaded(&table, 10, 2).find_key("é8", Seq::new(10)).is_none(), "a smaller window");
        assert!(reloaded(&table, 10, 100).find_key("é6", Seq::new(10)).is_some(), "a larger window");
    }

    #[test]
    fn an_invalid_table_is_an_error() {
        let decode = |entries: &[(u64, &str, Option<u32>)]| {
            let kinds = [("book", 1u32, None::<u64>, None::<u64>)];
            let entries: Vec<_> =
                entries.iter().map(|&(seq, key, kind)| (seq, key, kind, 0u64, false, None::<Vec<u8>>)).collect();
            let bytes = postcard::to_stdvec(&(&kinds[..], entries)).unwrap();
            let stored = StoredTable { since: Seq::new(1), last: Seq::new(5) };
            stored.deserialize(&mut postcard::Deserializer::from_bytes(&bytes)).is_ok()
        };
        assert!(decode(&[(1, "a", Some(0)), (2, "b", None)]));
        assert!(!decode(&[(1, "a", Some(1))]), "an unknown kind");
        assert!(!decode(&[(2, "a", None), (2, "b", None)]), "the same event twice");
        assert!(!decode(&[(3, "a", None), (2, "b", None)]), "descending");
        assert!(decode(&[(5, "a", None)]));
        assert!(!decode(&[(6, "a", None)]), "an event after the snapshot's");
        assert!(!decode(&[(0, "a", None)]), "an event before the first that the table covers");
        assert!(!decode(&[(1, "", None)]), "an empty key");
        assert!(!decode(&[(1, &"x".repeat(256), None)]), "a long key");
    }
}
