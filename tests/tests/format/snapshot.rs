//! Reads snapshots and bases, from `memimage/docs/FORMAT.md` alone.

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
}

/// Reads a snapshot or base.
pub(crate) fn snapshot(image: &mut Image, path: &str, file: &[u8], shape: &Shape) -> Snapshot {
    let header = &file[..4096];
    assert_eq!(&header[0..8], b"MIsnapsh");
    assert_eq!(u32_at(header, 4092), crc32c(&[&header[..4092]]), "the checksum of the snapshot's header");
    assert_eq!((u32_at(header, 8), u32_at(header, 12)), (1, 4096), "version and length of the header");
    assert!(header[16..40].iter().all(|&byte| byte == 0), "no features");
    assert_eq!(header[40..56], image.uuid);
    let seq = u64_at(header, 64);
    assert!(path.contains(&format!("/{seq:020}.")), "{path} is named by its seq");
    assert!(header[100..112].iter().all(|&byte| byte == 0), "no cipher, compression or key");
    image.life(u64_at(header, 56), u64_at(header, 112));
    assert_eq!(header[120..152], image.seed, "the seed of the image");
    let parent = (header[152..168] != [0; 16]).then(|| (header[152..168].try_into().unwrap(), u64_at(header, 168)));
    assert_eq!(parent, image.parent);
    assert!(header[176..190].iter().all(|&byte| byte == 0));
    let name = usize::from(u16::from_le_bytes([header[190], header[191]]));
    assert_eq!(text(&header[192..192 + name]), image.model);

    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(header);
    let mut bytes = Bytes(&file[4096..]);
    let mut state = Vec::new();
    loop {
        let (len, crc) = (bytes.u32() as usize, bytes.u32());
        let chunk = bytes.take(len);
        assert_eq!(crc, crc32c(&[chunk]), "the checksum of a chunk");
        if len == 0 {
            break;
        }
        assert!(state.len() % (1 << 20) == 0 && len <= 1 << 20, "all chunks but the last have 1 MiB");
        hash.update(chunk);
        state.extend_from_slice(chunk);
    }
    let trailer = bytes.0;
    assert_eq!(trailer.len(), 48, "nothing follows the trailer");
    assert_eq!(u32_at(trailer, 44), crc32c(&[&trailer[..44]]), "the checksum of the trailer");
    assert_eq!(u64_at(trailer, 0), state.len() as u64);
    assert_eq!(trailer[16..32], hash.digest128().to_le_bytes(), "the hash of the whole file");
    assert_eq!(
        u64_at(trailer, 32),
        if seq == 0 { 0 } else { image.hash(seq) },
        "the hash of the frame with its last event"
    );
    assert!(trailer[40..44].iter().all(|&byte| byte == 0));
    let mut bytes = Bytes(&state);
    let value = Value::read(&mut bytes, shape);
    assert!(bytes.0.is_empty(), "the snapshot has bytes after the state");
    Snapshot {
        seq,
        time: u64_at(header, 72),
        fingerprint: u64_at(header, 88),
        state: value,
        digest: u64_at(trailer, 8),
    }
}

impl Snapshot {
    /// The digest of the state, as the document defines it.
    pub(crate) fn computed_digest(&self, shape: &Shape) -> u64 {
        digest(&self.state, shape)
    }
}
