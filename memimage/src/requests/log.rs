//! The entries of a request table, oldest first, in chunks of memory that copies of the log share.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;
use crate::seq::Seq;

/// Length of a chunk, in bytes; longer if one entry is longer.
const CHUNK: usize = 1 << 16;

/// The command of a request, as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredKind {
    pub(super) name: String,
    pub(super) version: u32,
    /// The fingerprint of the output's shape; `None` if outputs are not stored.
    pub(super) output: Option<u64>,
    /// The fingerprint of the refusal's shape; `None` if refusals are not stored.
    pub(super) refusal: Option<u64>,
}

/// A log of entries. A clone shares the chunks, so it takes microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLog {
    pub(super) kinds: Arc<Vec<StoredKind>>,
    chunks: VecDeque<Arc<Vec<u8>>>,
    /// The number of the first chunk.
    first_chunk: u32,
    /// The offset of the oldest entry in the first chunk.
    offset: u32,
    /// The number of last events whose requests are remembered.
    pub(super) window: u64,
}

impl RequestLog {
    /// An empty log of requests among the last `window` events.
    pub(super) fn new(window: u64) -> RequestLog {
        RequestLog { window, ..RequestLog::default() }
    }

    /// The position after the newest entry. A position consists of the number of a chunk and of an offset in it.
    pub(super) fn end(&self, len: usize) -> u64 {
        let last = (self.chunks.len() as u32).wrapping_sub(1);
        match self.chunks.back() {
            Some(chunk) if chunk.len() + len <= CHUNK => position(self.first_chunk + last, chunk.len() as u32),
            Some(_) => position(self.first_chunk + last + 1, 0),
            None => position(self.first_chunk, 0),
        }
    }

    /// Appends an entry at the position that [`end`](RequestLog::end) returned for its length.
    pub(super) fn push(&mut self, entry: &Entry<'_>) {
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() + entry.len() <= CHUNK => entry.encode(Arc::make_mut(chunk)),
            _ => {
                let mut chunk = Vec::new();
                entry.encode(&mut chunk);
                self.chunks.push_back(Arc::new(chunk));
            }
        }
    }

    /// The oldest entry and its position.
    pub(super) fn oldest(&self) -> Option<(u64, Entry<'_>)> {
        let chunk = self.chunks.front()?;
        Some((self.start(), Entry::decode(&chunk[self.offset as usize..])))
    }

    /// Removes the oldest entry.
    pub(super) fn pop(&mut self) {
        let Some(chunk) = self.chunks.front() else { return };
        let offset = self.offset as usize + Entry::decode(&chunk[self.offset as usize..]).len();
        if offset < chunk.len() {
            self.offset = offset as u32;
        } else {
            self.chunks.pop_front();
            (self.first_chunk, self.offset) = (self.first_chunk + 1, 0);
        }
    }

    /// The entry at a position; `None` if the entry was removed.
    pub(super) fn at(&self, at: u64) -> Option<Entry<'_>> {
        if at < self.start() {
            return None;
        }
        let chunk = self.chunks.get(((at >> 32) as u32 - self.first_chunk) as usize)?;
        Some(Entry::decode(chunk.get(at as u32 as usize..)?))
    }

    /// The entries that a table still remembers after event `last`, oldest first.
    pub(super) fn remembered(&self, last: Seq) -> impl Iterator<Item = Entry<'_>> {
        let chunks = self.chunks.iter().enumerate();
        let bytes = chunks.map(|(at, chunk)| &chunk[if at == 0 { self.offset as usize } else { 0 }..]);
        let entries = bytes.flat_map(|mut rest| {
            std::iter::from_fn(move || {
                let entry = (!rest.is_empty()).then(|| Entry::decode(rest))?;
                rest = &rest[entry.len()..];
                Some(entry)
            })
        });
        entries.filter(move |entry| self.remembers(entry.seq, last))
    }

    /// Whether a request is remembered after event `last`.
    pub(super) fn remembers(&self, seq: Seq, last: Seq) -> bool {
        last.get().saturating_sub(seq.get()) < self.window
    }

    fn start(&self) -> u64 {
        position(self.first_chunk, self.offset)
    }
}

fn position(chunk: u32, offset: u32) -> u64 {
    u64::from(chunk) << 32 | u64::from(offset)
}
