//! The table of remembered requests: a log of entries, oldest first, and an index by key.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::ops::Range;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::comparison::{SameKey, compare};
use super::entry::Entry;
use super::figures::RequestFigures;
use super::log::{RequestLog, StoredKind, window_start};
use crate::event::{ExecutedRequest, RequestKind};
use crate::outcome::Outcome;
use crate::seq::Seq;

/// Length of the longest key, in bytes.
pub(crate) const KEY_MAX: usize = 255;
/// Length of the longest answer that is remembered, in bytes.
const ANSWER_MAX: usize = 64 << 10;
/// How many entries one command removes at most. A long time without requests must not make the next request slow.
const FORGOTTEN_AT_ONCE: usize = 8;
/// No entry has this position.
const NOWHERE: u64 = u64::MAX;

/// Whether a key has a valid length.
pub(super) fn is_valid(key: &str) -> bool {
    (1..=KEY_MAX).contains(&key.len())
}

/// The requests among the last events, with their answers.
#[derive(Default)]
pub(crate) struct RequestTable {
    log: RequestLog,
    /// For each hash of a key, the position of the newest entry whose key has this hash. An entry contains the position of the
    /// entry before it with the same hash.
    index: HashMap<u64, u64, BuildHasherDefault<KeyHash>>,
    seed: HashSeed,
    figures: Arc<RequestFigures>,
    /// For each row of the program's dispatch table, the index of its kind in the log.
    kinds: Vec<Option<u32>>,
}

/// A request whose answer is not known.
#[derive(Debug)]
pub(crate) struct OlderRequest {
    pub(crate) seq: Seq,
    pub(crate) key: String,
    pub(crate) outcome: Outcome,
}

impl RequestTable {
    /// An empty table, which remembers the requests among the last `window` events.
    pub(crate) fn new(window: u64) -> RequestTable {
        RequestTable { log: RequestLog::new(window), ..RequestTable::default() }
    }

    /// The table after event `last`, with another window. If the new window is larger, [`missing`](RequestTable::missing) returns
    /// what the table lacks.
    pub(crate) fn with_window(mut self, window: u64, last: Seq) -> RequestTable {
        if window == 0 {
            return RequestTable::default();
        }
        self.log.since = self.log.since(last);
        self.forget(last, usize::MAX);
        self.log.window = window;
        self.forget(last, usize::MAX);
        self
    }

    /// The events in the window after event `last` whose requests the table does not know; `None` if it knows all.
    pub(crate) fn missing(&self, last: Seq) -> Option<Range<Seq>> {
        let start = window_start(last, self.log.window);
        (start < self.log.since && self.is_used()).then_some(start..self.log.since)
    }

    /// The table with requests that it did not know, without their answers. `since` is the first event whose request is known now.
    pub(crate) fn with_older(self, older: &[OlderRequest], since: Seq) -> RequestTable {
        let mut table = RequestTable::new(self.log.window);
        table.figures = self.figures;
        table.log.since = since;
        table.set_kinds(Arc::unwrap_or_clone(self.log.kinds.clone()));
        for OlderRequest { seq, key, outcome } in older.iter().filter(|older| is_valid(&older.key)) {
            let (seq, key, outcome) = (*seq, key.as_bytes(), *outcome);
            let entry = Entry { seq, key, kind: None, arguments: 0, outcome, answer: None, previous: NOWHERE };
            table.push(table.hash(key), entry);
        }
        for entry in self.log.entries() {
            table.push(table.hash(entry.key), entry);
        }
        table
    }

    /// Whether the table remembers any request.
    pub(crate) fn is_used(&self) -> bool {
        self.log.window > 0
    }

    /// The hash of a key, by which the table is searched.
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        xxh3_64_with_seed(key, self.seed.0)
    }

    /// The newest request with this key that is remembered after event `last`.
    pub(crate) fn find(&self, key: &str, hash: u64, last: Seq) -> Option<Entry<'_>> {
        let mut at = *self.index.get(&hash)?;
        loop {
            let entry = self.log.at(at)?;
            if entry.key == key.as_bytes() {
                return self.log.remembers(entry.seq, last).then_some(entry);
            }
            at = entry.previous;
        }
    }

    /// Whether a request with this key is remembered after event `last`.
    pub(crate) fn contains(&self, key: &str, last: Seq) -> bool {
        self.find(key, self.hash(key.as_bytes()), last).is_some()
    }

    /// Compares a command with the request that has the same key. `arguments` is the hash of the command's arguments.
    /// `is_recorded` tells whether the program still records an event with a name and a version.
    pub(crate) fn compare<'a>(
        &self,
        entry: Entry<'a>,
        kind: RequestKind,
        arguments: u64,
        is_recorded: impl Fn(&str, u32) -> bool,
    ) -> SameKey<'a> {
        let first = entry.kind.map(|kind| &self.log.kinds[kind as usize]);
        compare((first, entry), (kind, arguments), is_recorded)
    }

    /// Remembers the request of event `seq`, which is the last event. `executed` is the recorded outcome if no single command has the
    /// answer. Does nothing if the key is not valid: an image executes no command with such a key.
    pub(crate) fn insert(&mut self, seq: Seq, key: &str, executed: Result<&ExecutedRequest, Outcome>) {
        if is_valid(key) {
            self.insert_hashed(seq, key, self.hash(key.as_bytes()), executed);
        }
    }

    /// Like [`insert`](RequestTable::insert), with the hash of the key.
    pub(crate) fn insert_hashed(
        &mut self,
        seq: Seq,
        key: &str,
        hash: u64,
        executed: Result<&ExecutedRequest, Outcome>,
    ) {
        let kind = executed.ok().map(|executed| self.kind(executed.kind));
        let (arguments, outcome) = match executed {
            Ok(executed) => (executed.arguments, executed.outcome),
            Err(recorded) => (0, recorded),
        };
        let answer = executed.ok().and_then(|executed| executed.answer.as_deref());
        self.push(hash, Entry { seq, key: key.as_bytes(), kind, arguments, outcome, answer, previous: NOWHERE });
        self.forget(seq, FORGOTTEN_AT_ONCE);
        self.count();
    }

    /// The figures of this table, which change with it.
    pub(crate) fn figures(&self) -> Arc<RequestFigures> {
        self.count();
        Arc::clone(&self.figures)
    }

    fn count(&self) {
        // the index has eight places for seven entries, and a byte for each place
        let index = self.index.capacity() * 8 / 7 * (size_of::<(u64, u64)>() + 1);
        self.figures.set(self.log.count, self.log.bytes + index as u64, self.log.since);
    }

    /// Appends an entry, and makes it the newest one with its key. `hash` is the hash of the key.
    pub(super) fn push(&mut self, hash: u64, entry: Entry<'_>) {
        let answer = entry.answer.filter(|answer| answer.len() <= ANSWER_MAX);
        let entry = Entry { answer, ..entry };
        let at = self.log.end(entry.len());
        let previous = self.index.insert(hash, at).unwrap_or(NOWHERE);
        self.log.push(&Entry { previous, ..entry });
    }

    /// Makes room for this many entries.
    pub(super) fn reserve(&mut self, entries: usize) {
        self.index.reserve(entries);
    }

    /// Sets the first event from which on the table knows each request.
    pub(super) fn set_since(&mut self, since: Seq) {
        self.log.since = since;
    }

    /// Replaces the list of kinds, to which the entries that are pushed refer.
    pub(super) fn set_kinds(&mut self, kinds: Vec<StoredKind>) {
        self.log.kinds = Arc::new(kinds);
    }

    /// Removes entries that are no longer remembered after event `last`, at most this number of them.
    fn forget(&mut self, last: Seq, at_most: usize) {
        for _ in 0..at_most {
            let Some((at, entry)) = self.log.oldest() else { return };
            if self.log.remembers(entry.seq, last) {
                return;
            }
            let hash = self.hash(entry.key);
            if self.index.get(&hash) == Some(&at) {
                self.index.remove(&hash);
            }
            self.log.pop();
        }
    }

    /// The entries, for a snapshot. The copy is made in microseconds.
    pub(crate) fn log(&self) -> RequestLog {
        self.log.clone()
    }

    /// The index of a command's kind in the list of kinds. Adds the kind if it is missing.
    fn kind(&mut self, kind: RequestKind) -> u32 {
        if self.kinds.len() <= kind.row {
            self.kinds.resize(kind.row + 1, None);
        }
        *self.kinds[kind.row].get_or_insert_with(|| {
            let (name, version) = (kind.name.to_owned(), kind.version);
            let kind = StoredKind { name, version, output: (kind.output)(), refusal: (kind.refusal)() };
            let kinds = &self.log.kinds;
            let index = kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
                Arc::make_mut(&mut self.log.kinds).push(kind);
                self.log.kinds.len() - 1
            });
            index as u32
        })
    }
}

impl fmt::Debug for RequestTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestTable").field("keys", &self.index.len()).finish_non_exhaustive()
    }
}

/// The seed of the keys' hashes. It is random, so that a client cannot choose keys with equal hashes.
struct HashSeed(u64);

impl Default for HashSeed {
    fn default() -> HashSeed {
        #[expect(clippy::disallowed_methods, reason = "the seed does not change what the table remembers")]
        let state = RandomState::new();
        HashSeed(state.hash_one(()))
    }
}

/// Passes a hash through, because the keys of the index are hashes already.
#[derive(Default)]
struct KeyHash(u64);

impl Hasher for KeyHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the index has keys of 64 bits")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
impl RequestTable {
    /// Like [`find`](RequestTable::find), for a key whose hash is not known.
    pub(super) fn find_key(&self, key: &str, last: Seq) -> Option<Entry<'_>> {
        self.find(key, self.hash(key.as_bytes()), last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(row: usize) -> RequestKind {
        RequestKind { row, name: ["book", "cancel"][row], version: 1, output: || Some(7), refusal: || None }
    }

    fn executed(row: usize, answer: &[u8]) -> ExecutedRequest {
        ExecutedRequest { kind: kind(row), arguments: 5, outcome: Outcome::Applied, answer: Some(answer.to_vec()) }
    }

    fn answer(table: &RequestTable, key: &str, last: u64) -> Option<Vec<u8>> {
        let entry = table.find_key(key, Seq::new(last))?;
        match table.compare(entry, kind(0), 5, |_, _| true) {
            SameKey::Answer(answer) => Some(answer.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_remembered_for_as_many_events_as_the_window_has() {
        let mut table = RequestTable::new(3);
        table.insert(Seq::new(5), "a", Ok(&executed(0, b"first")));
        assert_eq!(answer(&table, "a", 5).unwrap(), b"first");
        assert_eq!(answer(&table, "a", 7).unwrap(), b"first");
        assert_eq!(answer(&table, "a", 8), None);
        assert_eq!(answer(&table, "b", 5), None);
        table.insert(Seq::new(9), "b", Ok(&executed(0, b"second")));
        assert_eq!(table.index.len(), 1, "the entry that is no longer remembered was removed");
    }

    /// The requests of a busy time are removed piece by piece.
    #[test]
    fn one_request_removes_only_a_few_entries() {
        let mut table = RequestTable::new(100);
        for seq in 1..=100 {
            table.insert(Seq::new(seq), &seq.to_string(), Ok(&executed(0, b"")));
        }
        for number in 1..=13 {
            table.insert(Seq::new(1_000 + number), &format!("late {number}"), Err(Outcome::Rejected));
            assert_eq!(table.index.len() as u64, 100_u64.saturating_sub(8 * number) + number);
        }
        let entry = table.find_key("late 1", Seq::new(1_013)).unwrap();
        assert_eq!(entry.outcome, Outcome::Rejected, "the recorded outcome");
        assert_eq!(answer(&table, "100", 1_013), None);
    }

    #[test]
    fn many_entries_move_through_the_window() {
        let mut table = RequestTable::new(1_000);
        for seq in 1..=20_000u64 {
            let key = format!("key {seq}");
            table.insert(Seq::new(seq), &key, Ok(&executed(0, &vec![seq as u8; (seq % 90) as usize])));
            let oldest = seq.saturating_sub(999).max(1);
            assert_eq!(answer(&table, &format!("key {oldest}"), seq).unwrap().len(), (oldest % 90) as usize);
            assert_eq!(answer(&table, &format!("key {}", oldest - 1), seq), None);
        }
        assert_eq!(table.index.len(), 1_000);
        assert_eq!(table.log().remembered(Seq::new(20_500)).count(), 500);
    }

    /// A larger window may make the journal contain a key twice.
    #[test]
    fn the_newest_request_with_a_key_counts() {
        let mut table = RequestTable::new(10);
        table.insert(Seq::new(1), "a", Ok(&executed(0, b"first")));
        table.insert(Seq::new(4), "a", Ok(&executed(0, b"second")));
        assert_eq!(answer(&table, "a", 4).unwrap(), b"second");
        table.insert(Seq::new(12), "b", Ok(&executed(0, b"")));
        assert_eq!(answer(&table, "a", 12).unwrap(), b"second");
        assert_eq!(answer(&table, "a", 14), None);
    }

    #[test]
    fn keys_with_the_same_hash_are_distinguished() {
        let mut table = RequestTable::new(10);
        table.insert(Seq::new(1), "a", Ok(&executed(0, b"of a")));
        // as if the keys had the same hash
        let (a, b) = (table.hash(b"a"), table.hash(b"b"));
        let at = table.index[&a];
        table.index.insert(b, at);
        assert_eq!(answer(&table, "b", 1), None);
        table.insert(Seq::new(2), "b", Ok(&executed(0, b"of b")));
        let newest = table.index[&b];
        table.index.insert(a, newest);
        assert_eq!(answer(&table, "a", 2).unwrap(), b"of a");
        assert_eq!(answer(&table, "b", 2).unwrap(), b"of b");
    }

    #[test]
    fn a_difference_from_the_first_request_is_described() {
        let mut table = RequestTable::new(10);
        table.insert(Seq::new(1), "a", Ok(&executed(0, b"answer")));
        let compare =
            |kind, arguments| table.compare(table.find_key("a", Seq::new(1)).unwrap(), kind, arguments, |_, _| true);
        let other = |text: &str| SameKey::Other(text.to_owned());
        assert_eq!(compare(kind(0), 6), other("the command `book` had other arguments"));
        assert_eq!(compare(kind(1), 5), other("it was the command `book`, and this is `cancel`"));
        let renamed = table.compare(table.find_key("a", Seq::new(1)).unwrap(), kind(1), 5, |_, _| false);
        assert!(matches!(renamed, SameKey::NoAnswer { why: "the command had another name when it was executed", .. }));
        let newer = RequestKind { version: 2, ..kind(0) };
        assert!(matches!(compare(newer, 6), SameKey::NoAnswer { .. }));
        let of_other_shape = RequestKind { output: || Some(8), ..kind(0) };
        assert!(matches!(
            compare(of_other_shape, 5),
            SameKey::NoAnswer { why: "the type of the answer has changed", .. }
        ));
        assert_eq!(compare(RequestKind { refusal: || Some(1), ..kind(0) }, 5), SameKey::Answer(b"answer"));
    }

    #[test]
    fn an_answer_that_is_too_long_is_not_kept() {
        let mut table = RequestTable::new(10);
        table.insert(Seq::new(1), "a", Ok(&executed(0, &[1; ANSWER_MAX])));
        table.insert(Seq::new(2), "b", Ok(&executed(0, &[1; ANSWER_MAX + 1])));
        assert_eq!(answer(&table, "a", 2).unwrap().len(), ANSWER_MAX);
        let entry = table.find_key("b", Seq::new(2)).unwrap();
        assert!(matches!(table.compare(entry, kind(0), 5, |_, _| true), SameKey::NoAnswer { .. }));
    }

    #[test]
    fn a_key_that_is_not_valid_is_not_remembered() {
        let mut table = RequestTable::new(10);
        for key in [String::new(), "x".repeat(KEY_MAX + 1), "x".repeat(1 << 16)] {
            table.insert(Seq::new(1), &key, Ok(&executed(0, b"answer")));
            assert!(table.find_key(&key, Seq::new(1)).is_none());
        }
        table.insert(Seq::new(2), &"x".repeat(KEY_MAX), Ok(&executed(0, b"answer")));
        assert_eq!(table.index.len(), 1);
    }

    #[test]
    fn a_copy_of_the_log_does_not_change() {
        let mut table = RequestTable::new(2);
        table.insert(Seq::new(1), "a", Ok(&executed(0, b"one")));
        let copy = table.log();
        for seq in 2..100 {
            table.insert(Seq::new(seq), &seq.to_string(), Err(Outcome::Applied));
        }
        let keys: Vec<_> = copy.remembered(Seq::new(1)).map(|entry| (entry.seq, entry.key)).collect();
        assert_eq!(keys, [(Seq::new(1), &b"a"[..])]);
    }
}
