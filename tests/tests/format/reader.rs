//! A reader of images, written from `memimage/docs/FORMAT.md` alone. It shares no code with the library, not even a checksum. It
//! panics with a message if a file does not conform to the document.

use std::collections::BTreeMap;

use super::bytes::{Bytes, crc32c, text, u32_at, u64_at};
use super::shape::{Shape, Value, fingerprint};
use super::snapshot::{Snapshot, snapshot};

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
    /// The void events, and why each of them is void.
    pub(crate) voids: Vec<(u64, String)>,
    /// The highest synced seq and the epoch, from `journal/durable`.
    pub(crate) durable: (u64, u64),
    /// The hash that the frame after a bridge names as previous.
    pub(crate) bridge: Option<u64>,
    /// The recorded gaps: the first lost event, the event after the gap, and the epoch of the decision.
    pub(crate) gaps: Vec<(u64, u64, u64)>,
    /// The id of the life of each epoch.
    lives: BTreeMap<u64, u64>,
    /// The hash of each frame with events, by its first event.
    hashes: BTreeMap<u64, u64>,
}

impl Image {
    /// Verifies that each epoch has one life.
    pub(crate) fn life(&mut self, epoch: u64, id: u64) {
        assert!(epoch > 0, "epochs begin with 1");
        assert_eq!(*self.lives.entry(epoch).or_insert(id), id, "each epoch has one life");
    }

    /// The hash of the frame with this event.
    pub(crate) fn hash(&self, seq: u64) -> u64 {
        *self.hashes.range(..=seq).next_back().expect("the journal has the frame with the event").1
    }
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
    hash: u64,
    voids: u32,
    epoch: u64,
    durable: u64,
}

/// Reads an image that was closed.
pub(crate) fn read(files: &Files) -> Image {
    read_as(files, None)
}

/// As [`read`], but states have this shape, if it is given. Otherwise genesis or a prune mark says which shape they have.
pub(crate) fn read_as(files: &Files, shape: Option<&Shape>) -> Image {
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
    image.durable = durable(&mut image, &files["journal/durable"], last_place, &last);
    let recorded = image.genesis.as_ref().map(|genesis| &genesis.shape);
    let recorded = recorded.or(image.prunes.last().map(|mark| &mark.shape));
    let shape = shape.or(recorded).expect("a journal has the genesis or a prune mark").clone();
    for (path, file) in files.iter().filter(|(path, _)| path.starts_with("snapshot/")) {
        let snapshot = snapshot(&mut image, path, file, &shape);
        assert_eq!(*path, format!("snapshot/{:020}.snapshot", snapshot.seq));
        image.snapshots.push(snapshot);
    }
    let base =
        files.keys().find_map(|path| path.strip_prefix("journal/")?.strip_suffix(".1.base")?.parse::<u64>().ok());
    assert_eq!(base.is_some(), first != 1, "a base replaces the events before the first segment");
    if let Some(base) = base {
        let copies = [1, 2].map(|copy| format!("journal/{base:020}.{copy}.base"));
        assert_eq!(files[&copies[0]], files[&copies[1]], "both copies of the base are equal");
        let base = snapshot(&mut image, &copies[0], &files[&copies[0]], &shape);
        if let Some(mark) = image.prunes.last() {
            assert_eq!((mark.base, mark.first), (base.seq, first), "no pruned segment is left");
        }
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
    let header = &segment[4096..4096 + 96];
    LastFrame {
        next_seq: u64_at(header, 8),
        hash: u64_at(header, 72),
        voids: u32_at(header, 88),
        ..LastFrame::default()
    }
}

fn segment_header(image: &mut Image, file: &[u8], number: u64) {
    let header = &file[..4096];
    assert_eq!(&header[0..8], b"memimage");
    assert_eq!(u32_at(header, 4092), crc32c(&[&header[..4092]]), "the checksum of the header of segment {number}");
    assert_eq!((u32_at(header, 8), u32_at(header, 12)), (1, 4096), "version and length of the header");
    assert!(header[16..40].iter().all(|&byte| byte == 0), "no features");
    assert_eq!(u64_at(header, 112), number);
    assert_eq!(u64_at(header, 120), file.len() as u64, "the length of the file");
    image.life(u64_at(header, 128), u64_at(header, 156));
    assert_eq!(header[144], 1, "CRC32C");
    assert!(header[145..156].iter().all(|&byte| byte == 0), "no cipher, compression or key");
    assert!(header[164..190].iter().all(|&byte| byte == 0));
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
    let uuid = image.uuid;
    let crc = |bytes: &[u8]| crc32c(&[&uuid, &number.to_le_bytes(), bytes]);
    let mut at = 4096;
    let mut segment = Segment { len: file.len() as u64, frames: 0, sealed: false };
    let (mut found, mut kind_before) = (Vec::new(), 0);
    while at < file.len() && file[at..].iter().any(|&byte| byte != 0) {
        assert!(!segment.sealed, "nothing follows a seal");
        let header = &file[at..at + 96];
        assert_eq!(&header[0..4], b"MIfr", "a frame at {at} of segment {number}");
        assert_eq!(u32_at(header, 92), crc(&header[..92]), "the checksum of the frame's header at {at}");
        let header_len = usize::from(u16::from_le_bytes([header[4], header[5]]));
        let stored_len = u32_at(header, 56) as usize;
        let len = header_len + stored_len + 8;
        let (covered, trailer) = file[at..at + len].split_at(len - 8);
        assert_eq!(u32_at(trailer, 0) as usize, len);
        assert_eq!(u32_at(trailer, 4), crc(covered), "the frame's checksum at {at}");
        assert_eq!(u32_at(header, 52), u32_at(header, 56), "not compressed");
        assert_eq!((header[60], header[61], header[63]), (0, 0, 0), "no cipher, compression or chain");
        assert!(header[64..72].iter().all(|&byte| byte == 0), "no keys");
        for sector in at / 512..(at + len).div_ceil(512) {
            let part = &file[at.max(sector * 512)..(at + len).min((sector + 1) * 512)];
            assert!(part.iter().any(|&byte| byte != 0), "no sector of a frame is all zero");
        }

        let is_gap = header[6] == 9;
        assert!(
            u64_at(header, 8) == last.next_seq || is_gap && u64_at(header, 8) > last.next_seq,
            "event numbers have no gap that is not recorded"
        );
        let lost_from = last.next_seq;
        assert_eq!(u64_at(header, 72), last.hash, "each frame has the hash of the previous frame");
        assert_eq!(u32_at(header, 88), last.voids, "each frame has the number of void frames before it");
        assert!(u64_at(header, 24) >= last.epoch, "epochs do not decrease");
        image.life(u64_at(header, 24), u64_at(header, 80));
        let durable = u64_at(header, 16);
        assert!(
            durable >= last.durable && durable < last.next_seq,
            "the durable seq does not decrease and is below the frame's events"
        );
        let count = u32_at(header, 48);
        *last = LastFrame {
            next_seq: u64_at(header, 8) + u64::from(count),
            hash: bridge(image, &covered[..header_len], at).unwrap_or_else(|| xxhash_rust::xxh3::xxh3_64(covered)),
            voids: last.voids + u32::from(header[6] == 7),
            epoch: u64_at(header, 24),
            durable,
        };
        if count > 0 {
            image.hashes.insert(u64_at(header, 8), last.hash);
        }

        let salt = &header[40..48];
        let body: Vec<u8> =
            covered[header_len..].iter().zip(salt.iter().cycle()).map(|(byte, white)| byte ^ white).collect();
        segment.sealed = header[6] == 5;
        if is_gap {
            assert_eq!(kind_before, 2, "a frame of shapes precedes a gap frame");
            gap(image, &body, lost_from, header);
        }
        kind_before = header[6];
        found.push((header[6], header[7], u64_at(header, 8), u64_at(header, 32), count, body));
        segment.frames += 1;
        assert!((3..=12).contains(&header[62]));
        let end = (at + len).next_multiple_of(1 << header[62]);
        assert!(file[at + len..end].iter().all(|&byte| byte == 0), "padding is zero");
        at = end;
    }
    let (2, .., first_body) = &found[0] else { panic!("segment {number} does not begin with a frame of shapes") };
    assert_eq!(first_body[0], 0, "the first frame of a segment has the rows from 0 on");
    if number == 1 || !image.segments.is_empty() {
        assert_eq!(first_body[1] as usize, table.len(), "the first frame of a segment has all rows so far");
    }
    for (kind, flags, seq, time, count, body) in found {
        assert_eq!(flags & 1, u8::from(kind != 4), "all kinds but digests are critical");
        assert!(
            (flags <= 1 && kind != 9) || (flags, kind) == (3, 2) || (flags, kind) == (3, 9),
            "only a frame of shapes is a bridge, and a gap frame always has its bit"
        );
        assert_eq!(kind == 1, count > 0, "only event frames have events");
        match kind {
            2 => shapes(table, &body),
            9 => {}
            _ => frame(image, table, kind, seq, time, count, &body),
        }
    }
    image.segments.push(segment);
    at
}

fn frame(image: &mut Image, table: &[Row], kind: u8, seq: u64, time: u64, count: u32, body: &[u8]) {
    let mut bytes = Bytes(body);
    match kind {
        1 => {
            let mut time = time;
            for seq in seq..seq + u64::from(count) {
                let event = record(&mut bytes, table, seq, &mut time);
                image.events.push(event);
            }
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
            image.digests.push((bytes.varint() as u64, model, digest));
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
        7 => {
            let (void, _time, reason) = (bytes.varint() as u64, bytes.varint(), bytes.text());
            assert!((1..seq).contains(&void), "a void event precedes its frame");
            if bytes.byte() == 1 {
                bytes.text();
            }
            image.voids.push((void, reason));
        }
        8 => {
            let (to, from) = (bytes.varint(), bytes.varint());
            assert!(to < from && !bytes.text().is_empty(), "recorded time goes back, for a reason");
        }
        kind => panic!("a frame of the unknown kind {kind}"),
    }
    assert!(bytes.0.is_empty(), "a frame of kind {kind} has trailing bytes");
}

/// Reads the body of a gap frame, which begins with event `first`.
fn gap(image: &mut Image, body: &[u8], first: u64, header: &[u8]) {
    let mut bytes = Bytes(body);
    assert_eq!(bytes.varint() as u64, first, "the gap begins with the event that follows the frame before it");
    let (epoch, _time, reason) = (bytes.varint() as u64, bytes.varint(), bytes.text());
    // a branch and a rewriting have the outcomes of a replay without the lost events
    let is_later = epoch > u64_at(header, 24) || image.parent.is_some() && epoch == u64_at(header, 24);
    assert!(is_later, "the decision has a later epoch than the frames around the gap");
    assert!(!reason.is_empty());
    if bytes.byte() == 1 {
        bytes.text();
    }
    assert!(bytes.0.is_empty(), "a gap frame has trailing bytes");
    image.gaps.push((first, u64_at(header, 8), epoch));
}

/// The hash in a bridge or a gap frame, which the next frame names as previous; `None` if the frame is neither.
fn bridge(image: &mut Image, head: &[u8], at: usize) -> Option<u64> {
    if head[7] & 2 == 0 {
        return None;
    }
    assert_eq!(head.len(), 96 + 40, "it has a hash and a MAC");
    assert!(head[96 + 8..].iter().all(|&byte| byte == 0), "no MAC without a chain");
    if head[6] == 9 {
        return Some(u64_at(head, 96));
    }
    assert!(image.segments.is_empty() && at == 4096, "a bridge is the first frame of the journal");
    assert_eq!(u64_at(head, 72), 0, "it names no frame");
    image.bridge = Some(u64_at(head, 96));
    image.bridge
}

/// Adds the rows of a frame of shapes to the table.
fn shapes(table: &mut Vec<Row>, body: &[u8]) {
    let mut bytes = Bytes(body);
    let first = bytes.varint() as usize;
    assert!(first <= table.len(), "no number is left out");
    for number in (first..).take(bytes.varint() as usize) {
        let row = row(&mut bytes);
        match table.get_mut(number) {
            Some(old) => {
                assert_eq!((&old.name, old.version), (&row.name, row.version), "an event keeps its number");
                *old = row;
            }
            None => table.push(row),
        }
    }
    assert!(bytes.0.is_empty(), "a frame of shapes has trailing bytes");
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

fn durable(image: &mut Image, block: &[u8], (segment, offset): (u64, u64), last: &LastFrame) -> (u64, u64) {
    assert_eq!((block.len(), &block[0..8]), (64, &b"MIdurabl"[..]));
    assert_eq!(u32_at(block, 60), crc32c(&[&image.uuid, &block[..60]]), "the checksum of journal/durable");
    assert_eq!((u64_at(block, 24), u64_at(block, 32)), (segment, offset), "the end of the journal");
    assert_eq!(u64_at(block, 40), last.hash, "the hash of the last frame");
    image.life(u64_at(block, 8), u64_at(block, 48));
    assert!(u64_at(block, 8) >= last.epoch, "the epoch of the last owner");
    assert_eq!(u32_at(block, 56), last.voids, "the number of void frames");
    (u64_at(block, 16), u64_at(block, 8))
}
