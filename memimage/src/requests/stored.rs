//! The form of the table in a snapshot: the list of kinds, then the entries, oldest first, as postcard.

use std::fmt;

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
            let key = std::str::from_utf8(key).expect("a key was a string");
            entries.serialize_element(&(seq, key, kind, arguments, rejected, answer))?;
        }
        entries.end()
    }
}

/// An entry in a snapshot: seq, key, kind, hash of the arguments, whether the command was rejected, and the answer.
type StoredEntry = (u64, String, Option<u32>, u64, bool, Option<Vec<u8>>);

/// A table that was read from a snapshot.
#[derive(Debug, Default)]
pub(crate) struct StoredTable(pub(crate) RequestTable);

impl<'de> Deserialize<'de> for StoredTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StoredTable, D::Error> {
        deserializer.deserialize_tuple(2, TableVisitor).map(StoredTable)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = RequestTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<RequestTable, A::Error> {
        let missing = || A::Error::custom("the table of requests ends too early");
        let kinds: Vec<StoredKind> = parts.next_element()?.ok_or_else(missing)?;
        let mut table = RequestTable::new(u64::MAX);
        let count = kinds.len();
        table.set_kinds(kinds);
        parts.next_element_seed(EntriesSeed { table, kinds: count })?.ok_or_else(missing)
    }
}

/// Reads the entries one by one into a table.
struct EntriesSeed {
    table: RequestTable,
    /// The number of kinds.
    kinds: usize,
}

impl<'de> DeserializeSeed<'de> for EntriesSeed {
    type Value = RequestTable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RequestTable, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EntriesSeed {
    type Value = RequestTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a table of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<RequestTable, A::Error> {
        let mut before = 0;
        while let Some((seq, key, kind, arguments, rejected, answer)) = entries.next_element::<StoredEntry>()? {
            let is_known = kind.is_none_or(|kind| (kind as usize) < self.kinds);
            if seq <= before || !is_valid(&key) || !is_known {
                return Err(A::Error::custom("an entry of the table of requests is not valid"));
            }
            before = seq;
            let outcome = if rejected { Outcome::Rejected } else { Outcome::Applied };
            let answer = answer.as_deref();
            let hash = self.table.hash(&key);
            self.table.push(
                hash,
                Entry { seq: Seq::new(seq), key: key.as_bytes(), kind, arguments, outcome, answer, previous: 0 },
            );
        }
        Ok(self.table)
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
        let (stored, rest): (StoredTable, &[u8]) = postcard::take_from_bytes(&bytes).unwrap();
        assert!(rest.is_empty());
        stored.0.with_window(window, last)
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
            postcard::from_bytes::<StoredTable>(&postcard::to_stdvec(&(&kinds[..], entries)).unwrap()).is_ok()
        };
        assert!(decode(&[(1, "a", Some(0)), (2, "b", None)]));
        assert!(!decode(&[(1, "a", Some(1))]), "an unknown kind");
        assert!(!decode(&[(2, "a", None), (2, "b", None)]), "the same event twice");
        assert!(!decode(&[(1, "", None)]), "an empty key");
        assert!(!decode(&[(1, &"x".repeat(256), None)]), "a long key");
    }
}
