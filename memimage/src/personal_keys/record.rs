//! The bytes of a key file: a header, and records of the same length.

use zeroize::Zeroizing;

use crate::personal::{KeyId, Secret, SubjectHash};

/// The length of the header and of each record. A sector holds a whole number of them, so each is written completely or not at all.
pub(super) const RECORD: usize = 128;

const MAGIC: &[u8; 8] = b"memikeys";
const VERSION: u32 = 1;
const CHECKSUM: usize = RECORD - 4;

/// What a record says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum RecordKind {
    /// The key of a subject.
    Key = 1,
    /// An erasure: the key is no longer to be used, although its bytes may still be in the file.
    Erasure = 2,
    /// The record of a key whose bytes were overwritten.
    Destroyed = 3,
    /// A record that a crash left unwritten, and that a later writer filled.
    Unused = 4,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyRecord {
    pub(super) kind: RecordKind,
    /// The number of the first record that was appended together with this one.
    pub(super) first: u64,
    pub(super) id: KeyId,
    pub(super) subject: SubjectHash,
    /// The key; zeros unless the record is a key.
    pub(super) secret: Secret,
}

/// Bytes that may contain a key, which are wiped when they are dropped.
pub(super) type RecordBytes = Zeroizing<[u8; RECORD]>;

impl KeyRecord {
    /// A record without a key.
    pub(super) fn without_key(kind: RecordKind, first: u64, id: KeyId, subject: SubjectHash) -> KeyRecord {
        KeyRecord { kind, first, id, subject, secret: Zeroizing::new([0; 32]) }
    }

    pub(super) fn encode(&self) -> RecordBytes {
        let mut bytes = Zeroizing::new([0; RECORD]);
        bytes[0] = self.kind as u8;
        bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.id);
        bytes[32..64].copy_from_slice(&self.subject);
        bytes[64..96].copy_from_slice(&*self.secret);
        seal(&mut bytes);
        bytes
    }

    /// Decodes a record; the error describes what is wrong with it.
    pub(super) fn decode(bytes: &[u8; RECORD]) -> Result<KeyRecord, &'static str> {
        if !is_intact(bytes) {
            return Err("its checksum is wrong");
        }
        let kind = match bytes[0] {
            1 => RecordKind::Key,
            2 => RecordKind::Erasure,
            3 => RecordKind::Destroyed,
            4 => RecordKind::Unused,
            _ => return Err("its kind is unknown"),
        };
        let array = "a part of a record has its length";
        Ok(KeyRecord {
            kind,
            first: u64::from_le_bytes(bytes[8..16].try_into().expect(array)),
            id: bytes[16..32].try_into().expect(array),
            subject: bytes[32..64].try_into().expect(array),
            secret: Zeroizing::new(bytes[64..96].try_into().expect(array)),
        })
    }
}

/// Encodes the header of a file with this random id.
pub(super) fn header(id: &[u8; 16]) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&(RECORD as u32).to_le_bytes());
    bytes[16..32].copy_from_slice(id);
    seal(&mut bytes);
    bytes
}

/// The id of the file with this header; the error describes what is wrong with it.
pub(super) fn file_id(header: &[u8; RECORD]) -> Result<[u8; 16], &'static str> {
    if header[..8] != *MAGIC {
        return Err("it is not a key file");
    }
    if !is_intact(header) {
        return Err("the checksum of its header is wrong");
    }
    if header[8..12] != VERSION.to_le_bytes() || header[12..16] != (RECORD as u32).to_le_bytes() {
        return Err("it has a format that this version of memimage cannot read");
    }
    Ok(header[16..32].try_into().expect("an id has 16 bytes"))
}

fn seal(bytes: &mut [u8; RECORD]) {
    let checksum = crc32c::crc32c(&bytes[..CHECKSUM]);
    bytes[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
}

fn is_intact(bytes: &[u8; RECORD]) -> bool {
    bytes[CHECKSUM..] == crc32c::crc32c(&bytes[..CHECKSUM]).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> KeyRecord {
        KeyRecord { kind: RecordKind::Key, first: 3, id: [1; 16], subject: [2; 32], secret: Zeroizing::new([5; 32]) }
    }

    #[test]
    fn a_record_decodes_unless_a_bit_is_changed() {
        let bytes = *record().encode();
        assert_eq!(KeyRecord::decode(&bytes), Ok(record()));
        for bit in 0..8 * RECORD {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(KeyRecord::decode(&changed).is_err(), "bit {bit}");
        }
        assert!(KeyRecord::decode(&[0; RECORD]).is_err(), "zeros are no record");
    }

    #[test]
    fn a_header_has_an_id() {
        assert_eq!(file_id(&header(&[7; 16])), Ok([7; 16]));
        assert!(file_id(&[0; RECORD]).is_err());
        let mut changed = header(&[7; 16]);
        changed[20] ^= 1;
        assert!(file_id(&changed).is_err());
    }
}
