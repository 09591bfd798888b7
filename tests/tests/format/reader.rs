//! A reader of images, written from `memimage/docs/FORMAT.md` alone. It shares no code with the library, not even a checksum. It
//! panics with a message if a file does not conform to the document.

use std::collections::BTreeMap;

use super::shape::{Shape, Value, digest, fingerprint};

/// The files of an image by relative path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The content of an image.
#[derive(Debug, Default)]
pub(crate) struct Image {
    pub(crate) uuid: [u8; 16],
    pub(crate) seed: [u8; 32],
    pub(crate) model: String,
    /// The UUID and the last event of the image from which this one was rewritten.
    pub(crate) parent: Option<([u8; 16], u64)>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) events: Vec<Event>,
    pub(crate) genesis: Option<Genesis>,
    /// Digests of states: the seq, the model's fingerprint, and the digest.
    pub(crate) digests: Vec<(u64, u64, u64)>,
    pub(crate) snapshots: Vec<Snapshot>,
    /// The prune marks.
    pub(crate) prunes: Vec<Prune>,
    /// The base of a pruned journal, whose copies are equal.
    pub(crate) base: Option<Snapshot>,
    /// The highest synced seq and the epoch, from `journal/durable`.
    pub(crate) durable: (u64, u64),
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) len: u64,
    pub(crate) frames: usize,
    pub(crate) sealed: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) time: u64,
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) rejected: bool,
    pub(crate) metadata: Vec<(String, String)>,
    /// The seq and part of the original event, if the journal was rewritten.
    pub(crate) origin: Option<(u64, u32)>,
    pub(crate) payload: String,
}

#[derive(Debug)]
pub(crate) struct Genesis {
    pub(crate) version: u32,
    pub(crate) fingerprint: u64,
    pub(crate) shape: Shape,
    pub(crate) digest: u64,
    pub(crate) state: Option<Vec<u8>>,
    pub(crate) default: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct Prune {
    pub(crate) base: u64,
    pub(crate) first: u64,
    pub(crate) version: u32,
    pub(crate) fingerprint: u64,
    pub(crate) shape: Shape,
    pub(crate) digest: u64,
}

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) seq: u64,
    pub(crate) time: u64,
    pub(crate) fingerprint: u64,
    pub(crate) state: Value,
    pub(crate) digest: u64,
}

/// A row of the shape table.
struct Row {
    name: String,
    version: u32,
    shape: Shape,
}

/// The values that the next frame must continue.
#[derive(Default)]
struct LastFrame {
    next_seq: u64,
    previous: u32,
    epoch: u64,
    durable: u64,
}

/// Reads an image that was closed.
pub(crate) fn read(files: &Files) -> Image {
    let mut image = Image::default();
    let mut table = Vec::new();
    let first = files.keys().find_map(|path| path.strip_prefix("journal/")?.strip_suffix(".journal")?.parse().ok());
    let first = first.expect("there is a first segment");
    let mut last = match first {
        1 => LastFrame { next_seq: 1, ..LastFrame::default() },
        _ => before_first(&files[&format!("journal/{first:08}.journal")]),
    };
    let mut last_place = (0, 0);
    for number in first.. {
        let Some(file) = files.get(&format!("journal/{number:08}.journal")) else { break };
        segment_header(&mut image, file, number);
        let has_frames = file[4096..].iter().any(|&byte| byte != 0);
        if has_frames {
            assert!(image.segments.iter().all(|before| before.sealed), "all segments before {number} are sealed");
            let end = frames(&mut image, file, number, &mut table, &mut last);
            last_place = (number, end as u64);
        } else {
            image.segments.push(Segment { len: file.len() as u64, frames: 0, sealed: false });
        }
    }
    assert!(!image.segments.is_empty(), "there is a first segment");
    assert_eq!(image.genesis.is_some(), first == 1, "only segment 1 has the genesis");
    image.durable = durable(&image, &files["journal/durable"], last_place, last.previous);
    let mark = image.prunes.last().map(|mark| (mark.base, mark.first, mark.shape.clone()));
    let shape = match (&image.genesis, &mark) {
        (Some(genesis), _) => genesis.shape.clone(),
        (None, Some((.., shape))) => shape.clone(),
        (None, None) => panic!("a journal begins with the genesis or has a prune mark"),
    };
    for (path, file) in files.iter().filter(|(path, _)| path.starts_with("snapshot/")) {
        let snapshot = snapshot(&image, path, file, &shape);
        assert_eq!(*path, format!("snapshot/{:020}.snapshot", snapshot.seq));
        image.snapshots.push(snapshot);
    }
    if let Some((base, kept, _)) = mark {
        let copies = [1, 2].map(|copy| format!("journal/{base:020}.{copy}.base"));
        assert_eq!(files[&copies[0]], files[&copies[1]], "both copies of the base are equal");
        let base = snapshot(&image, &copies[0], &files[&copies[0]], &shape);
        assert_eq!(first, kept, "no pruned segment is left");
        assert!(
            image.events.first().is_none_or(|event| event.seq <= base.seq + 1),
            "no event is missing after the base"
        );
        image.base = Some(base);
    }
    let bases = files.keys().filter(|path| path.ends_with(".base")).count();
    assert_eq!(bases, if image.base.is_some() { 2 } else { 0 });
    image
}

/// The values of the frame before the first one of a segment, from the first frame's header.
fn before_first(segment: &[u8]) -> LastFrame {
    let header = &segment[4096..4096 + 80];
    LastFrame { next_seq: u64_at(header, 8), previous: u32_at(header, 60), ..LastFrame::default() }
}

fn segment_header(image: &mut Image, file: &[u8], number: u64) {
    let header = &file[..4096];
    assert_eq!(&header[0..8], b"memimage");
    assert_eq!(u32_at(header, 4092), crc32c(&[&header[..4092]]), "the checksum of the header of segment {number}");
    assert_eq!((u32_at(header, 8), u32_at(header, 12)), (1, 4096), "version and length of the header");
    assert!(header[16..40].iter().all(|&byte| byte == 0), "no features");
    assert_eq!(u64_at(header, 112), number);
    assert_eq!(u64_at(header, 120), file.len() as u64, "the length of the file");
    assert!(u64_at(header, 128) > 0, "an epoch");
    assert_eq!(header[144], 1, "CRC32C");
    assert!(header[145..190].iter().all(|&byte| byte == 0), "no cipher, compression or key");
    let name = usize::from(u16::from_le_bytes([header[190], header[191]]));
    assert!(header[192 + name..4092].iter().all(|&byte| byte == 0));
    let identity =
        (header[40..56].try_into().unwrap(), header[56..88].try_into().unwrap(), text(&header[192..192 + name]));
    let parent = (header[88..104] != [0; 16]).then(|| (header[88..104].try_into().unwrap(), u64_at(header, 104)));
    if !image.model.is_empty() {
        assert_eq!(parent, image.parent);
        assert_eq!(identity, (image.uuid, image.seed, image.model.clone()), "all segments belong to one image");
    }
    (image.uuid, image.seed, image.model) = identity;
    image.parent = parent;
}

/// Reads the frames of a segment, and returns the offset of the next frame.
fn frames(image: &mut Image, file: &[u8], number: u64, table: &mut Vec<Row>, last: &mut LastFrame) -> usize {
    let crc = |bytes: &[u8]| crc32c(&[&image.uuid, &number.to_le_bytes(), bytes]);
    let mut at = 4096;
    let mut segment = Segment { len: file.len() as u64, frames: 0, sealed: false };
    let mut found = Vec::new();
    while at < file.len() && file[at..].iter().any(|&byte| byte != 0) {
        assert!(!segment.sealed, "nothing follows a seal");
        let header = &file[at..at + 80];
        assert_eq!(&header[0..4], b"MIfr", "a frame at {at} of segment {number}");
        assert_eq!(u32_at(header, 76), crc(&header[..76]), "the checksum of the frame's header at {at}");
        let header_len = usize::from(u16::from_le_bytes([header[4], header[5]]));
        let stored_len = u32_at(header, 56) as usize;
        let len = header_len + stored_len + 8;
        let (covered, trailer) = file[at..at + len].split_at(len - 8);
        assert_eq!(u32_at(trailer, 0) as usize, len);
        assert_eq!(u32_at(trailer, 4), crc(covered), "the frame's checksum at {at}");
        assert_eq!(u32_at(header, 52), u32_at(header, 56), "not compressed");
        assert_eq!((header[64], header[65], header[67]), (0, 0, 0));
        assert!(header[68..76].iter().all(|&byte| byte == 0));
        for sector in at / 512..(at + len).div_ceil(512) {
            let part = &file[at.max(sector * 512)..(at + len).min((sector + 1) * 512)];
            assert!(part.iter().any(|&byte| byte != 0), "no sector of a frame is all zero");
        }

        assert_eq!(u64_at(header, 8), last.next_seq, "event numbers have no gap");
        assert_eq!(u32_at(header, 60), last.previous, "each frame has the checksum of the previous frame");
        assert!(u64_at(header, 24) >= last.epoch, "epochs do not decrease");
        let durable = u64_at(header, 16);
        assert!(
            durable >= last.durable && durable < last.next_seq,
            "the durable seq does not decrease and is below the frame's events"
        );
        let count = u32_at(header, 48);
        *last = LastFrame {
            next_seq: last.next_seq + u64::from(count),
            previous: u32_at(trailer, 4),
            epoch: u64_at(header, 24),
            durable,
        };

        let salt = &header[40..48];
        let body: Vec<u8> =
            covered[header_len..].iter().zip(salt.iter().cycle()).map(|(byte, white)| byte ^ white).collect();
        segment.sealed = header[6] == 5;
        found.push((header[6], header[7], u64_at(header, 8), u64_at(header, 32), count, body));
        segment.frames += 1;
        assert!(header[66] <= 12);
        let end = (at + len).next_multiple_of(1 << header[66]);
        assert!(file[at + len..end].iter().all(|&byte| byte == 0), "padding is zero");
        at = end;
    }
    assert_eq!(found.first().map(|frame| frame.0), Some(2), "each segment begins with a shape table");
    for (kind, flags, seq, time, count, body) in found {
        assert_eq!(flags, u8::from(kind != 4), "all kinds but digests are critical");
        assert_eq!(kind == 1, count > 0, "only event frames have events");
        frame(image, table, kind, seq, time, count, &body);
    }
    image.segments.push(segment);
    at
}

fn frame(image: &mut Image, table: &mut Vec<Row>, kind: u8, seq: u64, time: u64, count: u32, body: &[u8]) {
    let mut bytes = Bytes(body);
    match kind {
        1 => {
            let mut time = time;
            for seq in seq..seq + u64::from(count) {
                let event = record(&mut bytes, table, seq, &mut time);
                image.events.push(event);
            }
        }
        2 => {
            let rows = bytes.varint();
            let rows: Vec<Row> = (0..rows).map(|_| row(&mut bytes)).collect();
            assert!(rows.len() >= table.len(), "a table never shrinks");
            for (old, new) in table.iter().zip(&rows) {
                assert_eq!((&old.name, old.version), (&new.name, new.version), "events keep their numbers");
            }
            *table = rows;
        }
        3 => {
            assert_eq!(seq, 1, "the genesis precedes the first event");
            let version = bytes.varint() as u32;
            let stored_fingerprint = bytes.varint() as u64;
            let shape = bytes.bytes();
            assert_eq!(fingerprint(shape), stored_fingerprint, "the fingerprint of the model's shape");
            let shape = Shape::read(shape);
            let digest = bytes.varint() as u64;
            let state = (bytes.byte() == 1).then(|| bytes.bytes().to_vec());
            let default = (!bytes.0.is_empty()).then(|| bytes.bytes().to_vec());
            assert!(state.is_none() || default.is_none(), "the default is only recorded if it is the initial state");
            image.genesis = Some(Genesis { version, fingerprint: stored_fingerprint, shape, digest, state, default });
        }
        4 => {
            let (model, digest) = (bytes.varint() as u64, bytes.varint() as u64);
            assert_eq!(bytes.varint(), 0, "the state was not accepted by an operator");
            let of = if bytes.0.is_empty() { seq - 1 } else { bytes.varint() as u64 };
            image.digests.push((of, model, digest));
        }
        5 => {}
        6 => {
            let (base, first, version) = (bytes.varint() as u64, bytes.varint() as u64, bytes.varint() as u32);
            let stored_fingerprint = bytes.varint() as u64;
            let shape = bytes.bytes();
            assert_eq!(fingerprint(shape), stored_fingerprint, "the fingerprint of the model's shape");
            assert!(base < seq, "the base precedes its prune mark");
            let (shape, digest) = (Shape::read(shape), bytes.varint() as u64);
            image.prunes.push(Prune { base, first, version, fingerprint: stored_fingerprint, shape, digest });
        }
        kind => panic!("a frame of the unknown kind {kind}"),
    }
    assert!(bytes.0.is_empty(), "a frame of kind {kind} has trailing bytes");
}

fn row(bytes: &mut Bytes<'_>) -> Row {
    Row { name: bytes.text(), version: bytes.varint() as u32, shape: Shape::read(bytes.bytes()) }
}

fn record(bytes: &mut Bytes<'_>, table: &[Row], seq: u64, time: &mut u64) -> Event {
    let len = u32::from_le_bytes(bytes.take(4).try_into().unwrap());
    let mut record = Bytes(bytes.take(len as usize));
    let flags = record.byte();
    assert_eq!(flags & !7, 0, "there are no other flags");
    let row = &table[record.varint() as usize];
    *time += record.varint() as u64;
    let metadata = match flags & 2 {
        0 => Vec::new(),
        _ => (0..record.varint()).map(|_| (record.text(), record.text())).collect(),
    };
    let origin = (flags & 4 != 0).then(|| (record.varint() as u64, record.varint() as u32));
    let payload = Value::read(&mut record, &row.shape);
    assert!(record.0.is_empty(), "the payload of event {seq} has trailing bytes");
    Event {
        seq,
        time: *time,
        name: row.name.clone(),
        version: row.version,
        rejected: flags & 1 != 0,
        metadata,
        origin,
        payload: payload.to_string(),
    }
}

fn durable(image: &Image, block: &[u8], (segment, offset): (u64, u64), previous: u32) -> (u64, u64) {
    assert_eq!((block.len(), &block[0..8]), (64, &b"MIdurabl"[..]));
    assert_eq!(u32_at(block, 60), crc32c(&[&image.uuid, &block[..60]]), "the checksum of journal/durable");
    assert_eq!((u64_at(block, 24), u64_at(block, 32)), (segment, offset), "the end of the journal");
    assert_eq!(u32_at(block, 40), previous);
    assert!(block[44..60].iter().all(|&byte| byte == 0));
    (u64_at(block, 16), u64_at(block, 8))
}

fn snapshot(image: &Image, path: &str, file: &[u8], shape: &Shape) -> Snapshot {
    let header = &file[..4096];
    assert_eq!(&header[0..8], b"MIsnapsh");
    assert_eq!(u32_at(header, 4092), crc32c(&[&header[..4092]]), "the checksum of the snapshot's header");
    assert_eq!((u32_at(header, 8), u32_at(header, 12)), (1, 4096), "version and length of the header");
    assert!(header[16..40].iter().all(|&byte| byte == 0), "no features");
    assert_eq!(header[40..56], image.uuid);
    let seq = u64_at(header, 64);
    assert!(path.contains(&format!("/{seq:020}.")), "{path} is named by its seq");
    assert!(header[100..190].iter().all(|&byte| byte == 0), "no cipher, compression or key");
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
    assert!(trailer[32..44].iter().all(|&byte| byte == 0));
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

/// A cursor over bytes.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    pub(crate) fn varint(&mut self) -> u128 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte();
            number |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = self.varint();
        self.take(len as usize)
    }

    pub(crate) fn text(&mut self) -> String {
        text(self.bytes())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The CRC32C of the concatenated parts.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut crc = !0u32;
    for &byte in parts.iter().copied().flatten() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}
