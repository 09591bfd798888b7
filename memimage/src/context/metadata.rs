//! Metadata of a command: who ran it, and why.

use std::borrow::Cow;

/// The metadata of a command: who ran it, and why. The image records the metadata with the event, so a replayed command sees
/// the same metadata.
///
/// ```
/// use memimage::Metadata;
///
/// let metadata = Metadata::actor("teller 3").correlation(4711).entry("branch", "Ghent");
/// assert_eq!(metadata.get(Metadata::CORRELATION), Some("4711"));
/// ```
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    entries: Vec<(Cow<'static, str>, String)>,
}

impl Clone for Metadata {
    /// Most commands have no metadata, so that case is inlined.
    #[inline]
    fn clone(&self) -> Metadata {
        match self.entries.is_empty() {
            true => Metadata::new(),
            false => Metadata { entries: self.entries.clone() },
        }
    }
}

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
        Metadata { entries: Vec::new() }
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
        let (key, value) = (key.into(), value.to_string());
        match self.entries.iter_mut().find(|(present, _)| *present == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
        self
    }

    /// The value of a key; `None` if there is no entry with this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(present, _)| *present == key).map(|(_, value)| value)
    }

    /// The keys and values, in the order in which the keys were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_ref(), value.as_str()))
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The request key; `None` if the command is not to be executed once.
    #[inline]
    pub(crate) fn request(&self) -> Option<&str> {
        if self.entries.is_empty() { None } else { self.get(Metadata::REQUEST) }
    }

    /// Sets the request key, without a copy of it.
    pub(crate) fn with_request(mut self, key: String) -> Metadata {
        self.entries.retain(|(present, _)| present != Metadata::REQUEST);
        self.entries.push((Cow::Borrowed(Metadata::REQUEST), key));
        self
    }

    /// Appends the encoding used in records: postcard's encoding of a list of string pairs.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), MetadataError> {
        *out = postcard::to_extend(&self.entries, std::mem::take(out))?;
        Ok(())
    }

    /// Decodes metadata from the start of `bytes`; returns the metadata and the remaining bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Metadata, &[u8]), MetadataError> {
        let (entries, rest): (Vec<(String, String)>, _) = postcard::take_from_bytes(bytes)?;
        let entries = entries.into_iter().map(|(key, value)| (Cow::Owned(key), value)).collect();
        Ok((Metadata { entries }, rest))
    }
}

/// The error for metadata that cannot be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[error("the metadata cannot be encoded or decoded: {0}")]
pub(crate) struct MetadataError(#[from] postcard::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_returns_the_encoded_metadata_and_the_remaining_bytes() {
        let long = "x".repeat(300);
        for metadata in [Metadata::new(), Metadata::actor("teller 3").causation(7).entry("note", &long)] {
            let mut bytes = Vec::new();
            metadata.encode(&mut bytes).unwrap();
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
