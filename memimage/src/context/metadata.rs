//! Who ran a command, and why.

use std::borrow::Cow;

/// Who ran a command, and why: recorded with the event, so that its body sees the same on replay.
///
/// ```
/// use memimage::Metadata;
///
/// let metadata = Metadata::actor("teller 3").correlation(4711).entry("branch", "Ghent");
/// assert_eq!(metadata.get(Metadata::CORRELATION), Some("4711"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    entries: Vec<(Cow<'static, str>, String)>,
}

impl Metadata {
    /// The key of [`actor`](Metadata::actor).
    pub const ACTOR: &'static str = "actor";
    /// The key of [`correlation`](Metadata::correlation).
    pub const CORRELATION: &'static str = "correlation";
    /// The key of [`causation`](Metadata::causation).
    pub const CAUSATION: &'static str = "causation";

    /// No metadata.
    pub const fn new() -> Metadata {
        Metadata { entries: Vec::new() }
    }

    /// Metadata that names who runs the command.
    pub fn actor(name: impl ToString) -> Metadata {
        Metadata::new().entry(Metadata::ACTOR, name)
    }

    /// Adds what ties together the commands of one request or conversation.
    #[must_use]
    pub fn correlation(self, id: impl ToString) -> Metadata {
        self.entry(Metadata::CORRELATION, id)
    }

    /// Adds what led to the command: an event's seq, a message's id.
    #[must_use]
    pub fn causation(self, id: impl ToString) -> Metadata {
        self.entry(Metadata::CAUSATION, id)
    }

    /// Adds a value under a key of your own; the last value of a key counts.
    #[must_use]
    pub fn entry(mut self, key: impl Into<Cow<'static, str>>, value: impl ToString) -> Metadata {
        let (key, value) = (key.into(), value.to_string());
        match self.entries.iter_mut().find(|(present, _)| *present == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
        self
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(present, _)| *present == key).map(|(_, value)| value)
    }

    /// The keys and their values, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_ref(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends the form a record has it in: postcard's, of a list of pairs of strings.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), MetadataError> {
        *out = postcard::to_extend(&self.entries, std::mem::take(out))?;
        Ok(())
    }

    /// Reads what [`encode`](Metadata::encode) wrote, and the bytes after it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Metadata, &[u8]), MetadataError> {
        let (entries, rest): (Vec<(String, String)>, _) = postcard::take_from_bytes(bytes)?;
        let entries = entries.into_iter().map(|(key, value)| (Cow::Owned(key), value)).collect();
        Ok((Metadata { entries }, rest))
    }
}

/// Metadata that cannot be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[error("the metadata are damaged: {0}")]
pub(crate) struct MetadataError(#[from] postcard::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
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
    fn the_last_value_of_a_key_counts() {
        let metadata = Metadata::actor("a").entry(Metadata::ACTOR, "b");
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("actor", "b")]);
    }
}
