//! Entries for the checks.

use memimage::Timestamp;
use memimage::replication::JournalPoint;

use super::super::random::SplitMix64;
use crate::entry::{Claim, Content, Entry, EntryHeader};

/// An entry of random bytes, which are the same for the same seed and length.
pub(super) fn random_entry(seed: u64, len: usize) -> Vec<u8> {
    SplitMix64::new(seed).bytes(len)
}

/// Short entries of different lengths, each different from all others.
pub(super) fn short_entries(seed: u64, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|index| random_entry(seed << 32 | index, 16 + (index % 50) as usize)).collect()
}

/// The claim that begins a term.
pub(super) fn claim(position: u64, term: u64) -> Vec<u8> {
    let point = JournalPoint { segment: 1, offset: 8192, seq: memimage::Seq::new(7), hash: 9 };
    let claim = Claim { name: format!("host {term}"), time: Timestamp::from_micros(3), point };
    let header = EntryHeader {
        position,
        term,
        log_id: [8; 16],
        owner: [term as u8; 16],
        image: [2; 16],
        lease_ms: 500,
        segment_position: 1,
        previous: [6; 32],
    };
    let entry = Entry { header, content: Content::Claim(claim) };
    entry.encode().0
}

/// The name of a snapshot as the owner makes it: 62 characters.
pub(super) fn snapshot_name(seq: u64, position: u64) -> String {
    let micros: u64 = 1_790_000_000_000_000;
    format!("{seq:020}-{position:020}-{micros:020}")
}
