//! Metadata of a command: who ran it, and why.

use std::borrow::Cow;
use std::sync::Arc;

/// The metadata of a command: who ran it, and why. The image records the metadata with the event, so a replayed command sees
/// the same metadata.
///
/// ```
/// use memimage::Metadata;
///
/// let metadata = Metadata::actor("teller 3").correlation(4711).entry("branch", "Ghent");
/// assert_eq!(metadata.get(Metadata::CORRELATION), Some("4711"));
/// ```
///
/// A clone shares the entries, so it costs little.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `None` without entries, so that commands without metadata allocate nothing.
    entries: Option<Arc<Entries>>,
}

/// The entries, in the order in which their keys were added. Most commands with metadata have one entry, for which the list is not
/// allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entries {
    first: Entry,
    others: Vec<Entry>,
}

type Entry = (Cow<'static, str>, String);

impl Metadata {
    /// The key of [`actor`](Metadata::actor).
    pub const ACTOR: &'static str = "actor";
    /// The key of [`correlation`](Metadata::correlation).
    pub const CORRELATION: &'static str = "correlation";
    /// The key of [`causation`](Metadata::causation).
    pub const CAUSATION: &'static str = "causation";
    /// The key of the request key that [`Image::once`](crate::Image::once) records. A command with such an entry is executed
    /// once, whichever method added the entry.
    pub const REQUEST: &'static str = "memimage.request";

    /// The key of the entry that a [branch](crate::Branch) adds to each event that it leaves out or replaces: `left out`,
    /// `refused`, `panicked`, `partly rejected` or `replaced`.
    pub const BRANCH: &'static str = "memimage.branch";

    /// Creates empty metadata.
    pub const fn new() -> Metadata {
        Metadata { entries: None }
    }

    /// Creates metadata with the actor that runs the command.
    pub fn actor(name: impl ToString) -> Metadata {
        Metadata::new().entry(Metadata::ACTOR, name)
    }

    /// Adds an id that all commands of one request or conversation share.
    #[must_use]
    pub fn correlation(self, id: impl ToString) -> Metadata {
        self.entry(Metadata::CORRELATION, id)
    }

    /// Adds the cause of the command: the seq of an event, or the id of a message.
    #[must_use]
    pub fn causation(self, id: impl ToString) -> Metadata {
        self.entry(Metadata::CAUSATION, id)
    }

    /// Adds a value under a key of your own. The value replaces an earlier value of the same key.
    #[must_use]
    pub fn entry(mut self, key: impl Into<Cow<'static, str>>, value: impl ToString) -> Metadata {
        self.set(key.into(), value.to_string());
        self
    }

    /// The value of a key; `None` if there is no entry with this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(present, _)| *present == key).map(|(_, value)| value)
    }

    /// The keys and values, in the order in which the keys were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let (first, others) = match self.entries.as_deref() {
            Some(Entries { first, others }) => (Some(first), others.as_slice()),
            None => (None, &[][..]),
        };
        first.into_iter().chain(others).map(|(key, value)| (key.as_ref(), value.as_str()))
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_none()
    }

    fn set(&mut self, key: Cow<'static, str>, value: String) {
        let Some(entries) = &mut self.entries else {
            self.entries = Some(Arc::new(Entries { first: (key, value), others: Vec::new() }));
            return;
        };
        let Entries { first, others } = Arc::make_mut(entries);
        match std::iter::once(first).chain(others.iter_mut()).find(|(present, _)| *present == key) {
            Some(entry) => entry.1 = value,
            None => others.push((key, value)),
        }
    }

    /// The request key; `None` if the command is not to be executed once.
    #[inline]
    pub(crate) fn request(&self) -> Option<&str> {
        let Entries { first, others } = self.entries.as_deref()?;
        let request = std::iter::once(first).chain(others).find(|(key, _)| key == Metadata::REQUEST);
        request.map(|(_, value)| value.as_str())
    }

    /// Sets the request key, without a copy of it.
    pub(crate) fn with_request(mut self, key: String) -> Metadata {
        self.set(Cow::Borrowed(Metadata::REQUEST), key);
        self
    }

    /// Appends the encoding used in records: postcard's encoding of a list of string pairs.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let Some(Entries { first, others }) = self.entries.as_deref() else {
            return encode_length(0, out);
        };
        encode_length(1 + others.len(), out);
        encode_entry(first, out);
        others.iter().for_each(|entry| encode_entry(entry, out));
    }

    /// Decodes metadata from the start of `bytes`; returns the metadata and the remaining bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Metadata, &[u8]), MetadataError> {
        let (entries, rest): (Vec<(&str, &str)>, _) = postcard::take_from_bytes(bytes)?;
        let mut entries = entries.into_iter().map(|(key, value)| (owned_key(key), value.to_owned()));
        let entries = entries.next().map(|first| Arc::new(Entries { first, others: entries.collect() }));
        Ok((Metadata { entries }, rest))
    }
}

fn encode_entry((key, value): &Entry, out: &mut Vec<u8>) {
    out.reserve(key.len() + value.len() + 2 * size_of::<u64>());
    encode_length(key.len(), out);
    out.extend_from_slice(key.as_bytes());
    encode_length(value.len(), out);
    out.extend_from_slice(value.as_bytes());
}

/// Appends a length as a varint.
#[inline]
fn encode_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// A key that was decoded. The keys of the library are not allocated.
fn owned_key(key: &str) -> Cow<'static, str> {
    const KNOWN: [&str; 5] =
        [Metadata::REQUEST, Metadata::ACTOR, Metadata::CORRELATION, Metadata::CAUSATION, Metadata::BRANCH];
    match KNOWN.into_iter().find(|known| *known == key) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(key.to_owned()),
    }
}

/// The error for metadata that cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[error("the metadata cannot be decoded: {0}")]
pub(crate) struct MetadataError(#[from] postcard::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_returns_the_encoded_metadata_and_the_remaining_bytes() {
        let long = "x".repeat(300);
        for metadata in [Metadata::new(), Metadata::actor("teller 3").causation(7).entry("note", &long)] {
            let mut bytes = Vec::new();
            metadata.encode(&mut bytes);
            bytes.push(0xAB);
            let (back, rest) = Metadata::decode(&bytes).unwrap();
            assert_eq!((back, rest), (metadata, &[0xAB][..]));
        }
    }

    #[test]
    fn the_last_value_of_a_key_replaces_earlier_ones() {
        let metadata = Metadata::actor("a").entry(Metadata::ACTOR, "b");
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("actor", "b")]);
    }
}
