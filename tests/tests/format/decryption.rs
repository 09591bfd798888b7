//! Decrypts an image and verifies its tags and MACs, from `memimage/docs/FORMAT.md` alone. The result is an unprotected image for
//! the reader: the extension areas are zero, and the checksums are recomputed.

use std::collections::HashMap;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use xxhash_rust::xxh3::xxh3_64;

use super::bytes::{crc32c, u32_at, u64_at};
use super::reader::Files;

/// The keys of an image, each with its number.
pub(crate) struct Keys {
    pub(crate) cipher: Option<(u32, [u8; 32])>,
    pub(crate) chain: Option<(u32, [u8; 32])>,
}

const FRAME: &[u8; 16] = b"memimage frame\0\0";
const SEGMENT: &[u8; 16] = b"memimage segment";
const STATE: &[u8; 16] = b"memimage state\0\0";

/// Returns the image without encryption and chain.
pub(crate) fn remove_protection(files: &Files, keys: &Keys) -> Files {
    let uuid: [u8; 16] = files["journal/00000001.journal"][40..56].try_into().unwrap();
    let image_keys = ImageKeys { keys, uuid };
    let mut unprotected = files.clone();
    let mut previous = PreviousFrame::default();
    // in the order of their numbers, because the paths are sorted
    for (_, file) in unprotected.iter_mut().filter(|(path, _)| path.ends_with(".journal")) {
        image_keys.segment(file, &mut previous);
    }
    for (_, file) in unprotected.iter_mut().filter(|(path, _)| path.ends_with(".snapshot") || path.ends_with(".base")) {
        *file = image_keys.snapshot(file, &previous.new_hashes);
    }
    // the watermark contains the hash of the last frame, which has changed
    let durable = unprotected.get_mut("journal/durable").unwrap();
    assert_eq!(u64_at(durable, 40), previous.stored_hash);
    durable[40..48].copy_from_slice(&previous.new_hash.to_le_bytes());
    let crc = crc32c(&[&uuid, &durable[..60]]);
    durable[60..64].copy_from_slice(&crc.to_le_bytes());
    unprotected
}

/// The previous frame: its MAC, its hash as it is stored, and its hash without protection.
#[derive(Default)]
struct PreviousFrame {
    mac: [u8; 32],
    stored_hash: u64,
    new_hash: u64,
    /// The new hash of each frame so far, by the stored one.
    new_hashes: HashMap<u64, u64>,
}

/// The keys and the UUID of an image.
struct ImageKeys<'a> {
    keys: &'a Keys,
    uuid: [u8; 16],
}

impl ImageKeys<'_> {
    fn decrypt(&self, nonce: &[u8], associated: &[&[u8]], bytes: &[u8], tag: &[u8]) -> Vec<u8> {
        let (_, key) = self.keys.cipher.expect("the image is encrypted");
        let payload = Payload { msg: &[bytes, tag].concat(), aad: &associated.concat() };
        let nonce: [u8; 24] = nonce.try_into().unwrap();
        XChaCha20Poly1305::new(&key.into()).decrypt(&nonce.into(), payload).expect("the tag is valid")
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let (_, key) = self.keys.chain.expect("the image is chained");
        let material = [&key[..], &self.uuid].concat();
        let key = blake3::derive_key("memimage 2026-11-23 the chain of an image", &material);
        *blake3::keyed_hash(&key, &parts.concat()).as_bytes()
    }

    /// Verifies the numbers of the cipher, the chain and their keys at these offsets, and sets them to zero.
    fn clear_key_numbers(&self, bytes: &mut [u8], cipher: usize, chain: usize, cipher_key: usize, chain_key: usize) {
        for (kind, number, key) in [(cipher, cipher_key, self.keys.cipher), (chain, chain_key, self.keys.chain)] {
            assert_eq!((bytes[kind] != 0, u32_at(bytes, number)), (key.is_some(), key.map_or(0, |key| key.0)));
            assert!(bytes[kind] <= 1);
            bytes[kind] = 0;
            bytes[number..number + 4].fill(0);
        }
    }

    fn features(&self) -> u64 {
        u64::from(self.keys.cipher.is_some()) | u64::from(self.keys.chain.is_some()) << 1
    }

    fn segment(&self, file: &mut [u8], previous: &mut PreviousFrame) {
        let header = file[..4096].to_vec();
        assert_eq!(u64_at(&header, 32), self.features());
        file[32..40].fill(0);
        self.clear_key_numbers(file, 145, 147, 148, 152);
        if self.keys.chain.is_some() {
            assert_eq!(header[488..520], self.mac(&[SEGMENT, &header[..488]]), "the header's MAC");
        }
        if self.keys.cipher.is_some() {
            let associated: [&[u8]; 3] = [SEGMENT, &header[..56], &header[88..448]];
            let seed = self.decrypt(&header[448..472], &associated, &header[56..88], &header[472..488]);
            file[56..88].copy_from_slice(&seed);
        }
        file[448..520].fill(0);
        let crc = crc32c(&[&file[..4092]]);
        file[4092..4096].copy_from_slice(&crc.to_le_bytes());

        let number = header[112..120].to_vec();
        let mut at = 4096;
        while file[at..].iter().any(|&byte| byte != 0) {
            let head = usize::from(u16::from_le_bytes([file[at + 4], file[at + 5]]));
            let end = at + head + u32_at(file, at + 56) as usize + 8;
            self.frame(&mut file[at..end], head, &number, previous);
            at = end.next_multiple_of(1 << file[at + 62]);
        }
    }

    fn frame(&self, frame: &mut [u8], head: usize, number: &[u8], previous: &mut PreviousFrame) {
        let stored = frame.to_vec();
        let end = frame.len() - 8;
        let (cipher, chain) = (self.keys.cipher.is_some(), self.keys.chain.is_some());
        assert_eq!(head, 96 + if cipher { 40 } else { 0 } + if chain { 64 } else { 0 });
        assert_eq!(u64_at(frame, 72), previous.stored_hash, "each frame has the hash of the previous frame");
        self.clear_key_numbers(frame, 60, 63, 64, 68);
        if chain {
            let mac = head - 32;
            assert_eq!(stored[mac - 32..mac], previous.mac, "each frame has the MAC of the previous frame");
            previous.mac = stored[mac..head].try_into().unwrap();
            assert_eq!(previous.mac, self.mac(&[FRAME, number, &stored[..mac], &stored[head..end]]), "the frame's MAC");
        }
        if cipher {
            let white = |body: &[u8]| -> Vec<u8> {
                body.iter().zip(stored[40..48].iter().cycle()).map(|(byte, white)| byte ^ white).collect()
            };
            let associated: [&[u8]; 5] = [FRAME, &self.uuid, number, &stored[..40], &stored[48..92]];
            let body = self.decrypt(
                &white(&stored[96..120]),
                &associated,
                &white(&stored[head..end]),
                &white(&stored[120..136]),
            );
            frame[head..end].copy_from_slice(&white(&body));
        }
        frame[96..head].fill(0);
        frame[72..80].copy_from_slice(&previous.new_hash.to_le_bytes());
        let crc = crc32c(&[&self.uuid, number, &frame[..92]]);
        frame[92..96].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32c(&[&self.uuid, number, &frame[..end]]);
        frame[end + 4..].copy_from_slice(&crc.to_le_bytes());
        (previous.stored_hash, previous.new_hash) = (xxh3_64(&stored[..end]), xxh3_64(&frame[..end]));
        previous.new_hashes.insert(previous.stored_hash, previous.new_hash);
    }

    fn snapshot(&self, file: &[u8], new_hashes: &HashMap<u64, u64>) -> Vec<u8> {
        let header = &file[..4096];
        let requests = u64_at(header, 32) & 4;
        assert_eq!(u64_at(header, 32), self.features() | requests);
        let (cipher, chain) = (self.keys.cipher.is_some(), self.keys.chain.is_some());
        let mut file = file.to_vec();
        if chain {
            let (hashed, mac) = file.split_at(file.len() - 32);
            assert_eq!(mac, self.mac(&[STATE, hashed]), "the snapshot's MAC");
            file.truncate(file.len() - 32);
        }
        let tag = file.split_off(file.len() - if cipher { 16 } else { 0 });
        let trailer = file.len() - 48;
        let nonce = |number: u32, end: u8| [&header[448..467], &number.to_le_bytes(), &[end]].concat();
        let mut unprotected = header.to_vec();
        unprotected[32..40].copy_from_slice(&requests.to_le_bytes());
        self.clear_key_numbers(&mut unprotected, 100, 102, 104, 108);
        if cipher {
            let associated: [&[u8]; 3] = [STATE, &header[..120], &header[152..467]];
            let seed = self.decrypt(&nonce(0, 2), &associated, &header[120..152], &header[467..483]);
            unprotected[120..152].copy_from_slice(&seed);
        }
        unprotected[448..483].fill(0);
        let crc = crc32c(&[&unprotected[..4092]]);
        unprotected[4092..4096].copy_from_slice(&crc.to_le_bytes());

        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(&unprotected);
        let (mut at, mut chunks, mut total) = (4096, 0, 0);
        loop {
            let len = u32_at(&file, at) as usize;
            let stored = &file[at + 8..at + 8 + len];
            assert_eq!(u32_at(&file, at + 4), crc32c(&[stored]), "the checksum of a stored chunk");
            let chunk = match stored.len().checked_sub(16) {
                Some(tag) if cipher => {
                    self.decrypt(&nonce(chunks, 0), &[STATE, header], &stored[..tag], &stored[tag..])
                }
                _ => stored.to_vec(),
            };
            unprotected.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
            unprotected.extend_from_slice(&crc32c(&[&chunk]).to_le_bytes());
            unprotected.extend_from_slice(&chunk);
            hash.update(&chunk);
            (at, total) = (at + 8 + len, total + chunk.len() as u64);
            chunks += u32::from(len > 0);
            if len == 0 && at == trailer {
                break;
            }
        }
        let mut end = file[trailer..].to_vec();
        end[0..8].copy_from_slice(&total.to_le_bytes());
        if cipher {
            let digest = self.decrypt(&nonce(chunks, 1), &[STATE, header], &file[trailer + 8..trailer + 16], &tag);
            end[8..16].copy_from_slice(&digest);
        }
        end[16..32].copy_from_slice(&hash.digest128().to_le_bytes());
        let link = new_hashes[&u64_at(&end, 32)];
        end[32..40].copy_from_slice(&link.to_le_bytes());
        let crc = crc32c(&[&end[..44]]);
        end[44..48].copy_from_slice(&crc.to_le_bytes());
        unprotected.extend_from_slice(&end);
        unprotected
    }
}
