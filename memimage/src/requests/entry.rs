//! The encoding of an entry in the memory of the request table. No part of it is on disk.

use crate::outcome::Outcome;
use crate::seq::Seq;

/// Length of an entry before its key, in bytes.
const HEADER: usize = 36;
const REJECTED: u8 = 1;
const ANSWERED: u8 = 2;

/// A request that was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The seq of the request's event.
    pub(crate) seq: Seq,
    pub(crate) key: &'a [u8],
    /// The index of the command in the table's list of kinds; `None` if no single command has the answer.
    pub(super) kind: Option<u32>,
    /// The hash of the arguments.
    pub(crate) arguments: u64,
    pub(crate) outcome: Outcome,
    /// The encoded answer, if the image has it.
    pub(crate) answer: Option<&'a [u8]>,
    /// The position of the previous entry with the same hash of its key.
    pub(super) previous: u64,
}

impl<'a> Entry<'a> {
    /// The length of the encoded entry.
    pub(super) fn len(&self) -> usize {
        HEADER + self.key.len() + self.answer.map_or(0, <[u8]>::len)
    }

    /// Appends the entry.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let answer = self.answer.unwrap_or_default();
        let rejected = if self.outcome == Outcome::Rejected { REJECTED } else { 0 };
        let answered = if self.answer.is_some() { ANSWERED } else { 0 };
        let mut header = [0; HEADER];
        header[0..8].copy_from_slice(&self.seq.get().to_le_bytes());
        header[8..16].copy_from_slice(&self.arguments.to_le_bytes());
        header[16..24].copy_from_slice(&self.previous.to_le_bytes());
        header[24..28].copy_from_slice(&self.kind.unwrap_or(u32::MAX).to_le_bytes());
        header[28..32].copy_from_slice(&(answer.len() as u32).to_le_bytes());
        header[32] = rejected | answered;
        header[34..36].copy_from_slice(&(self.key.len() as u16).to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(self.key);
        out.extend_from_slice(answer);
    }

    /// Decodes the entry at the start of `bytes`, which [`encode`](Entry::encode) wrote.
    pub(super) fn decode(bytes: &'a [u8]) -> Entry<'a> {
        let (header, rest) = bytes.split_at(HEADER);
        let u64_at = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        let u32_at = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let (kind, answer_len, flags) = (u32_at(24), u32_at(28) as usize, header[32]);
        let (key, rest) = rest.split_at(usize::from(u16::from_le_bytes([header[34], header[35]])));
        Entry {
            seq: Seq::new(u64_at(0)),
            key,
            kind: (kind != u32::MAX).then_some(kind),
            arguments: u64_at(8),
            outcome: if flags & REJECTED == 0 { Outcome::Applied } else { Outcome::Rejected },
            answer: (flags & ANSWERED != 0).then(|| &rest[..answer_len]),
            previous: u64_at(16),
        }
    }
}
