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
    /// The first event from which on no request was forgotten or is unknown.
    pub(super) since: Seq,
    /// The number of entries.
    pub(super) count: u64,
    /// The length of all entries, in bytes.
    pub(super) bytes: u64,
}

impl RequestLog {
    /// An empty log of requests among the last `window` events, for an image without events.
    pub(super) fn new(window: u64) -> RequestLog {
        RequestLog { window, since: Seq::new(1), ..RequestLog::default() }
    }

    /// The first event from which on each request is remembered after event `last`.
    pub(crate) fn since(&self, last: Seq) -> Seq {
        self.since.max(window_start(last, self.window))
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
        (self.count, self.bytes) = (self.count + 1, self.bytes + entry.len() as u64);
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() + entry.len() <= CHUNK => entry.encode(Arc::make_mut(chunk)),
            last => {
                // only the first chunk grows: a small table must not take a whole chunk
                let mut chunk = Vec::with_capacity(if last.is_some() { CHUNK.max(entry.len()) } else { 0 });
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
        let len = Entry::decode(&chunk[self.offset as usize..]).len();
        (self.count, self.bytes) = (self.count - 1, self.bytes - len as u64);
        let offset = self.offset as usize + len;
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
        self.entries().filter(move |entry| self.remembers(entry.seq, last))
    }

    /// All entries, oldest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let chunks = self.chunks.iter().enumerate();
        let bytes = chunks.map(|(at, chunk)| &chunk[if at == 0 { self.offset as usize } else { 0 }..]);
        bytes.flat_map(|mut rest| {
            std::iter::from_fn(move || {
                let entry = (!rest.is_empty()).then(|| Entry::decode(rest))?;
                rest = &rest[entry.len()..];
                Some(entry)
            })
        })
    }

    /// Whether a request is remembered after event `last`.
    pub(super) fn remembers(&self, seq: Seq, last: Seq) -> bool {
        seq >= window_start(last, self.window)
    }

    fn start(&self) -> u64 {
        position(self.first_chunk, self.offset)
    }
}

/// The first of the last `window` events up to event `last`.
pub(super) fn window_start(last: Seq, window: u64) -> Seq {
    Seq::new(last.get().saturating_sub(window).saturating_add(1))
}

fn position(chunk: u32, offset: u32) -> u64 {
    u64::from(chunk) << 32 | u64::from(offset)
}
