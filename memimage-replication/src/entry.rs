//! The entries of a log, as bytes.
//!
//! | at | bytes | content |
//! | --- | --- | --- |
//! | 0 | 8 | `MIentry1` |
//! | 8 | 1 | kind: 1 = claim, 2 = heartbeat, 3 = journal |
//! | 9 | 7 | zero |
//! | 16 | 8 | position of the entry, from 1 on |
//! | 24 | 8 | term: the number of claims up to this entry |
//! | 32 | 16 | random id of the log |
//! | 48 | 16 | random id of the owner's directory |
//! | 64 | 16 | UUID of the image; zero if the image does not exist yet |
//! | 80 | 8 | lease: the owner sends an entry at least this often, in milliseconds; 0 if it does not |
//! | 88 | 8 | position of the entry with which the segment of the last frame begins; 0 if there is none yet |
//! | 96 | 32 | BLAKE3 hash of the entry before this one, without its own hash; zero in the first entry of a log |
//! | 128 | 4 | length of the head, postcard of a [`Claim`], a [`Heartbeat`] or a [`PieceHead`] |
//! | 132 | 4 | length of the journal's bytes |
//! | 136 | … | head, then the journal's bytes |
//! | … | 32 | BLAKE3 hash of all bytes before it |
//!
//! All numbers are little-endian. An entry of a long frame may contain a part of the frame only.

use memimage::Timestamp;
use memimage::replication::{JournalPoint, Piece, PieceHead};
use serde::{Deserialize, Serialize};

use crate::log_error::{LogError, LogErrorKind};

const MAGIC: [u8; 8] = *b"MIentry1";
const HEADER: usize = 136;
const HASH: usize = 32;
/// The bytes of an entry beside those of the journal, at most: a claim has the longest head.
pub(crate) const OVERHEAD: usize = 2048;

/// The hash of an entry.
pub(crate) type EntryHash = [u8; HASH];

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) header: EntryHeader,
    pub(crate) content: Content,
}

/// What every entry says, so that a reader of the last one knows the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EntryHeader {
    pub(crate) position: u64,
    /// The number of claims up to this entry.
    pub(crate) term: u64,
    pub(crate) log_id: Id,
    /// The random id of the owner's directory.
    pub(crate) owner: Id,
    /// The image's UUID; zero if the image does not exist yet.
    pub(crate) image: Id,
    /// The owner sends an entry at least this often, in milliseconds; 0 if it does not.
    pub(crate) lease_ms: u64,
    /// The position of the entry with which the segment of the last frame begins; 0 if there is none yet.
    pub(crate) segment_position: u64,
    /// The hash of the entry before this one.
    pub(crate) previous: EntryHash,
}

/// A random id, or the UUID of an image.
pub(crate) type Id = [u8; 16];

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// An owner takes the log. From this entry on, no earlier owner can append.
    Claim(Claim),
    /// The owner lives.
    Heartbeat(Heartbeat),
    /// Some bytes of the journal.
    Piece(Piece),
}

/// The first entry of an owner's term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// The owner's name, for people.
    pub(crate) name: String,
    pub(crate) time: Timestamp,
    /// How far the log has the journal. The owner continues here; a part of a frame behind this point is void.
    pub(crate) point: JournalPoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heartbeat {
    pub(crate) time: Timestamp,
    /// How far the log has the journal.
    pub(crate) point: JournalPoint,
}

impl Entry {
    /// The bytes of the entry, and its hash.
    pub(crate) fn encode(&self) -> (Vec<u8>, EntryHash) {
        let encoded = "a plain structure can be encoded";
        let (kind, head, bytes): (u8, Vec<u8>, &[u8]) = match &self.content {
            Content::Claim(claim) => (1, postcard::to_stdvec(claim).expect(encoded), &[]),
            Content::Heartbeat(heartbeat) => (2, postcard::to_stdvec(heartbeat).expect(encoded), &[]),
            Content::Piece(piece) => (3, postcard::to_stdvec(&piece.head).expect(encoded), &piece.bytes),
        };
        let mut out = Vec::with_capacity(HEADER + head.len() + bytes.len() + HASH);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[kind, 0, 0, 0, 0, 0, 0, 0]);
        let EntryHeader { position, term, log_id, owner, image, lease_ms, segment_position, previous } = self.header;
        out.extend_from_slice(&position.to_le_bytes());
        out.extend_from_slice(&term.to_le_bytes());
        [log_id, owner, image].iter().for_each(|id| out.extend_from_slice(id));
        out.extend_from_slice(&lease_ms.to_le_bytes());
        out.extend_from_slice(&segment_position.to_le_bytes());
        out.extend_from_slice(&previous);
        out.extend_from_slice(&(head.len() as u32).to_le_bytes());
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(bytes);
        let hash = *blake3::hash(&out).as_bytes();
        out.extend_from_slice(&hash);
        (out, hash)
    }

    /// Decodes and verifies the entry that was read at `position`. Also returns its hash.
    ///
    /// # Errors
    ///
    /// Returns an error that names the position if the bytes are not those of an entry that was appended there.
    pub(crate) fn decode(bytes: &[u8], position: u64, address: &str) -> Result<(Entry, EntryHash), LogError> {
        let damaged = |what: &str| damaged(address, position, what);
        let Some((content, hash)) = bytes.split_last_chunk::<HASH>() else {
            return Err(damaged(&format!("it has only {} bytes", bytes.len())));
        };
        if content.len() < HEADER || content[..8] != MAGIC {
            return Err(damaged("it does not begin as an entry"));
        }
        let (head_len, bytes_len) = (u32_at(content, 128) as usize, u32_at(content, 132) as usize);
        if HEADER + head_len + bytes_len != content.len() {
            return Err(damaged(&format!("it has {} bytes, which is not the length that it states", bytes.len())));
        }
        if blake3::hash(content).as_bytes() != hash {
            return Err(damaged("its hash is wrong"));
        }
        if u64_at(content, 16) != position {
            return Err(damaged(&format!("it is the entry of position {}", u64_at(content, 16))));
        }
        let (head, bytes) = content[HEADER..].split_at(head_len);
        let undecodable = |_| damaged("its head cannot be decoded");
        let content_of = match content[8] {
            1 => Content::Claim(postcard::from_bytes(head).map_err(undecodable)?),
            2 => Content::Heartbeat(postcard::from_bytes(head).map_err(undecodable)?),
            3 => {
                let head: PieceHead = postcard::from_bytes(head).map_err(undecodable)?;
                Content::Piece(Piece { head, bytes: bytes.to_vec() })
            }
            kind => {
                let what = format!(
                    "the entry at position {position} of `{address}` has the kind {kind}, which this program does not know; \
                     help: use a newer version of memimage-replication"
                );
                return Err(LogError::new(LogErrorKind::Refused, what));
            }
        };
        let id = |at: usize| content[at..at + 16].try_into().expect("16 bytes");
        let header = EntryHeader {
            position,
            term: u64_at(content, 24),
            log_id: id(32),
            owner: id(48),
            image: id(64),
            lease_ms: u64_at(content, 80),
            segment_position: u64_at(content, 88),
            previous: content[96..128].try_into().expect("32 bytes"),
        };
        let entry = Entry { header, content: content_of };
        Ok((entry, *hash))
    }

    /// How far the log has the journal with this entry: the end of the last complete frame.
    pub(crate) fn point(&self) -> JournalPoint {
        match &self.content {
            Content::Claim(claim) => claim.point,
            Content::Heartbeat(heartbeat) => heartbeat.point,
            Content::Piece(piece) => piece.head.end,
        }
    }
}

/// The bytes at the beginning of an entry that show whether it is a claim.
#[cfg(any(test, feature = "object-store"))]
pub(crate) const CLAIM_MARK: usize = 9;

/// Whether these bytes begin as those of a claim. A log keeps its claims for ever, where an append at a removed position would be possible
/// otherwise: a claim is what an owner that was superseded finds at the position of its next append.
#[cfg(any(test, feature = "object-store"))]
pub(crate) fn is_claim(bytes: &[u8]) -> bool {
    bytes.len() >= CLAIM_MARK && bytes[..8] == MAGIC && bytes[8] == 1
}

/// The error for an entry that is not what was appended.
pub(crate) fn damaged(address: &str, position: u64, what: &str) -> LogError {
    let message = format!(
        "the entry at position {position} of `{address}` is damaged: {what}; help: an owner whose journal is intact can begin a new \
         log at another URL; `memimage remote check URL` says up to which event an image can be restored from this one"
    );
    LogError::new(LogErrorKind::Damaged, message)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let point = JournalPoint { segment: 1, offset: 8192, seq: memimage::Seq::new(7), hash: 9 };
        let head =
            PieceHead { start: point, end: JournalPoint { offset: 8704, ..point }, time: Timestamp::from_micros(5) };
        let time = Timestamp::from_micros(4);
        let contents = [
            Content::Claim(Claim { name: "host a".to_owned(), time, point }),
            Content::Heartbeat(Heartbeat { time, point }),
            Content::Piece(Piece { head, bytes: vec![5; 512] }),
        ];
        let header = EntryHeader {
            position: 3,
            term: 2,
            log_id: [8; 16],
            owner: [1; 16],
            image: [2; 16],
            lease_ms: 500,
            segment_position: 1,
            previous: [6; 32],
        };
        let entry = |content| Entry { header, content };
        contents.into_iter().map(entry).collect()
    }

    #[test]
    fn decode_accepts_exactly_the_encoded_bytes_at_their_position() {
        for entry in entries() {
            let (bytes, hash) = entry.encode();
            assert_eq!(Entry::decode(&bytes, 3, "memory").unwrap(), (entry.clone(), hash));
            assert!(Entry::decode(&bytes, 4, "memory").unwrap_err().to_string().contains("of position 3"));
            for bit in 0..bytes.len() * 8 {
                let mut wrong = bytes.clone();
                wrong[bit / 8] ^= 1 << (bit % 8);
                let error = Entry::decode(&wrong, 3, "memory").expect_err("a bit is wrong");
                assert!(error.to_string().contains("position 3"), "{error}");
            }
            for len in 0..bytes.len() {
                Entry::decode(&bytes[..len], 3, "memory").expect_err("cut off");
            }
            assert_eq!(is_claim(&bytes), matches!(entry.content, Content::Claim(_)));
        }
    }
}
