//! Reads snapshots and bases, from `memimage/docs/FORMAT.md` alone.

use std::ops::RangeInclusive;

use super::bytes::{Bytes, crc32c, text, u32_at, u64_at};
use super::reader::Image;
use super::shape::{Shape, Value, digest};

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) seq: u64,
    pub(crate) time: u64,
    pub(crate) fingerprint: u64,
    pub(crate) state: Value,
    pub(crate) digest: u64,
    /// The table of requests; `None` if the snapshot has none.
    pub(crate) requests: Option<Requests>,
    /// The first event from which on the table has each request.
    pub(crate) requests_since: u64,
}

/// The table of requests.
#[derive(Debug, PartialEq)]
pub(crate) struct Requests {
    /// Name, version, and the fingerprints of the output and of the refusal.
    pub(crate) kinds: Vec<(String, u32, Option<u64>, Option<u64>)>,
    pub(crate) entries: Vec<Request>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) seq: u64,
    pub(crate) key: String,
    pub(crate) kind: Option<u32>,
    pub(crate) arguments: u64,
    pub(crate) rejected: bool,
    pub(crate) answer: Option<Vec<u8>>,
}

impl Requests {
    fn read(bytes: &[u8], seqs: RangeInclusive<u64>) -> Requests {
        let mut bytes = Bytes(bytes);
        let count = bytes.varint();
        let kinds: Vec<_> = (0..count)
            .map(|_| (bytes.text(), number(&mut bytes) as u32, option(&mut bytes, number), option(&mut bytes, number)))
            .collect();
        let count = bytes.varint();
        let entry = |bytes: &mut Bytes<'_>| Request {
            seq: number(bytes),
            key: bytes.text(),
            kind: option(bytes, |bytes| number(bytes) as u32),
            arguments: number(bytes),
            rejected: bool(bytes),
            answer: option(bytes, |bytes| bytes.bytes().to_vec()),
        };
        let entries: Vec<Request> = (0..count).map(|_| entry(&mut bytes)).collect();
        assert!(bytes.0.is_empty(), "the snapshot has bytes after the table of requests");
        assert!(!entries.is_empty(), "an empty table is omitted");
        assert!(entries.is_sorted_by(|a, b| a.seq < b.seq) && entries.iter().all(|entry| seqs.contains(&entry.seq)));
        assert!(entries.iter().all(|entry| (1..=255).contains(&entry.key.len())));
        assert!(entries.iter().all(|entry| entry.kind.is_none_or(|kind| (kind as usize) < kinds.len())));
        Requests { kinds, entries }
    }
}

fn number(bytes: &mut Bytes<'_>) -> u64 {
    bytes.varint() as u64
}

fn bool(bytes: &mut Bytes<'_>) -> bool {
    let byte = bytes.byte();
    assert!(byte <= 1);
    byte == 1
}

fn option<T>(bytes: &mut Bytes<'_>, some: impl FnOnce(&mut Bytes<'_>) -> T) -> Option<T> {
    bool(bytes).then(|| some(bytes))
}

/// Reads a snapshot or base.
pub(crate) fn snapshot(image: &mut Image, path: &str, file: &[u8], shape: &Shape) -> Snapshot {
    let header = &file[..4096];
    assert_eq!(&header[0..8], b"MIsnapsh");
    assert_eq!(u32_at(header, 4092), crc32c(&[&header[..4092]]), "the checksum of the snapshot's header");
    assert_eq!((u32_at(header, 8), u32_at(header, 12)), (1, 4096), "version and length of the header");
    assert!(header[16..32].iter().all(|&byte| byte == 0), "no compatible features");
    let has_requests = u64_at(header, 32) == 4;
    assert!(has_requests || u64_at(header, 32) == 0, "no other feature than a table of requests");
    assert_eq!(header[40..56], image.uuid);
    let seq = u64_at(header, 64);
    assert!(path.contains(&format!("/{seq:020}.")), "{path} is named by its seq");
    assert!(header[100..112].iter().all(|&byte| byte == 0), "no cipher, compression or key");
    image.life(u64_at(header, 56), u64_at(header, 112));
    assert_eq!(header[120..152], image.seed, "the seed of the image");
    let parent = (header[152..168] != [0; 16]).then(|| (header[152..168].try_into().unwrap(), u64_at(header, 168)));
    assert_eq!(parent, image.parent);
    let requests_since = u64_at(header, 176);
    assert!(requests_since <= seq + 1, "the first event whose request is known, or 0");
    assert!(header[184..190].iter().all(|&byte| byte == 0));
    let name = usize::from(u16::from_le_bytes([header[190], header[191]]));
    assert_eq!(text(&header[192..192 + name]), image.model);

    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(header);
    let mut bytes = Bytes(&file[4096..]);
    let mut values = Vec::new();
    for _ in 0..if has_requests { 2 } else { 1 } {
        values.push(chunks(&mut bytes, &mut hash));
    }
    let (state, requests) = (&values[0], values.get(1));
    let trailer = bytes.0;
    assert_eq!(trailer.len(), 48, "nothing follows the trailer");
    assert_eq!(u32_at(trailer, 44), crc32c(&[&trailer[..44]]), "the checksum of the trailer");
    assert_eq!(u64_at(trailer, 0), values.iter().map(Vec::len).sum::<usize>() as u64);
    assert_eq!(trailer[16..32], hash.digest128().to_le_bytes(), "the hash of the whole file");
    assert_eq!(
        u64_at(trailer, 32),
        if seq == 0 { 0 } else { image.hash(seq) },
        "the hash of the frame with its last event"
    );
    assert!(trailer[40..44].iter().all(|&byte| byte == 0));
    let mut bytes = Bytes(state);
    let value = Value::read(&mut bytes, shape);
    assert!(bytes.0.is_empty(), "the snapshot has bytes after the state");
    Snapshot {
        seq,
        time: u64_at(header, 72),
        fingerprint: u64_at(header, 88),
        state: value,
        digest: u64_at(trailer, 8),
        requests: requests.map(|requests| Requests::read(requests, requests_since..=seq)),
        requests_since,
    }
}

/// Reads the chunks of one value, up to the empty chunk.
fn chunks(bytes: &mut Bytes<'_>, hash: &mut xxhash_rust::xxh3::Xxh3) -> Vec<u8> {
    let mut value = Vec::new();
    loop {
        let (len, crc) = (bytes.u32() as usize, bytes.u32());
        let chunk = bytes.take(len);
        assert_eq!(crc, crc32c(&[chunk]), "the checksum of a chunk");
        if len == 0 {
            return value;
        }
        assert!(value.len() % (1 << 20) == 0 && len <= 1 << 20, "all chunks but the last have 1 MiB");
        hash.update(chunk);
        value.extend_from_slice(chunk);
    }
}

impl Snapshot {
    /// The digest of the state, as the document defines it.
    pub(crate) fn computed_digest(&self, shape: &Shape) -> u64 {
        digest(&self.state, shape)
    }
}
