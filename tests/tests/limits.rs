//! The limits of FORMAT.md's section "Limits", one test each: a value at the limit is accepted, and a value over the limit
//! is refused with its position. A test covers only one of the two where the other would need gigabytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{
    Error, ErrorKind, Image, Model, Options, Shape, SnapshotPolicy, Timestamp, Value, admin, shape::ShapeTree,
};
use memimage_tests::frames::FRAME_HEADER;
use memimage_tests::{Book, BookCommands, checksums, files, frames, with_timeout};
use serde::{Deserialize, Serialize};

const SEGMENT: &str = "/book/journal/00000001.journal";
const HEADER: usize = 4096;

fn options() -> Options<Book> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &SimDisk, options: Options<Book>) -> Result<Image<Book>, Error> {
    options.open_with(Arc::new(disk.clone()), "/book")
}

/// A closed image with three events.
fn book() -> SimDisk {
    let disk = SimDisk::new();
    let image = open(&disk, options()).unwrap();
    (0..3).for_each(|page| image.write(page, "text".to_owned()).unwrap());
    Image::close(image).unwrap();
    disk.fork()
}

/// A copy of the image with a changed first segment.
fn changed(disk: &SimDisk, change: impl FnOnce(&mut Vec<u8>)) -> SimDisk {
    let changed = disk.fork();
    let mut segment = changed.read(SEGMENT).unwrap();
    change(&mut segment);
    changed.write(SEGMENT, 0, &segment).unwrap();
    changed
}

/// Asserts that opening fails with a position at `offset`, and changes nothing.
#[track_caller]
fn refused_at(disk: &SimDisk, offset: usize) -> String {
    let before = files(disk);
    let error = open(disk, options()).expect_err("an error for a value over the limit");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let position = error.position().expect("a position");
    assert_eq!((position.segment.unwrap().get(), position.offset), (1, Some(offset as u64)), "{error}");
    assert_eq!(memimage_tests::changed(&before, &files(disk)), Vec::<PathBuf>::new());
    error.to_string()
}

#[track_caller]
fn refuses(options: Options<Book>, option: &str) {
    let error = open(&SimDisk::new(), options).expect_err("an error for a value over the limit").to_string();
    assert!(error.contains(option), "{error}");
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// "body of a frame". A body of exactly 2^30 bytes is not tested.
#[test]
fn a_frame_whose_body_exceeds_the_limit_is_rejected() {
    let disk = book();
    let last = frames::frames(&disk.read(SEGMENT).unwrap()).pop().unwrap();
    let over = changed(&disk, |segment| {
        for at in [52, 56] {
            put(segment, last.start + at, &((1_u32 << 30) + 1).to_le_bytes());
        }
        checksums::update_frame_header(segment, last.start);
    });
    refused_at(&over, last.start);
}

/// "record": metadata and payload together.
#[test]
fn a_record_that_exceeds_the_limit_is_refused_and_changes_nothing() {
    // a constant clock, because the length of the encoded time counts too
    let settings = options().record_bytes_max(1_000).clock(|| Timestamp::from_micros(1));
    let image = open(&SimDisk::new(), settings).unwrap();
    let write = |len: usize| image.write(1, "x".repeat(len));
    let longest = (900..1_000).rev().find(|&len| write(len).is_ok()).expect("one that fits");
    let before = (image.journal().seq(), image.read_uncommitted().unwrap().clone());
    let error = write(longest + 1).unwrap_err();
    assert!(error.kind() == ErrorKind::RecordTooLarge && error.to_string().contains("1001"), "{error}");
    assert_eq!((image.journal().seq(), image.read_uncommitted().unwrap().clone()), before);
    drop(open(&SimDisk::new(), options().record_bytes_max(1 << 30)).unwrap());
    refuses(options().record_bytes_max((1 << 30) + 1), "`record_bytes_max`");
    refuses(options().record_bytes_max(0), "`record_bytes_max`");
}

/// "segment". `real/memory.rs` tests segments of 4 GiB.
#[test]
fn segments_of_an_invalid_length_are_refused() {
    for size in [16 << 10, 1 << 30] {
        drop(open(&SimDisk::new(), options().segment_bytes(size)).unwrap());
    }
    for size in [(16 << 10) - 4096, (16 << 10) + 512, (1 << 30) + 4096] {
        refuses(options().segment_bytes(size), "`segment_bytes`");
    }
    for len in [(16_u64 << 10) - 4096, (16 << 10) + 512, (4 << 30) + 4096, u64::MAX] {
        let over = changed(&book(), |segment| {
            put(segment, 120, &len.to_le_bytes());
            checksums::update_header(segment);
        });
        assert!(refused_at(&over, 0).contains("the length of the segment is out of range"), "{len}");
    }
    // a valid length, but not that of the file
    let other = changed(&book(), |segment| {
        put(segment, 120, &(4_u64 << 30).to_le_bytes());
        checksums::update_header(segment);
    });
    refused_at(&other, 16 << 10);
}

/// "frame header with extension area"
#[test]
fn a_frame_whose_header_exceeds_the_limit_is_rejected() {
    let disk = book();
    let frames = frames::frames(&disk.read(SEGMENT).unwrap());
    let last = frames.last().unwrap().clone();
    let extended = |len: usize| {
        changed(&disk, |segment| {
            let segment_len = segment.len();
            segment.splice(last.start + FRAME_HEADER..last.start + FRAME_HEADER, vec![0; len - FRAME_HEADER]);
            segment.truncate(segment_len);
            put(segment, last.start + 4, &(len as u16).to_le_bytes());
            checksums::update_later_frames(segment);
        })
    };
    assert_eq!(open(&extended(HEADER), options()).unwrap().journal().seq().get(), 3);
    refused_at(&extended(HEADER + 1), last.start);
}

/// "name of a model": the name in a segment header. The program's own name is checked with its options.
#[test]
fn a_model_name_that_exceeds_the_limit_is_refused() {
    let disk = book();
    let named = |len: u16| {
        changed(&disk, |segment| {
            put(segment, 190, &len.to_le_bytes());
            put(segment, 192, &vec![b'm'; usize::from(len)]);
            checksums::update_header(segment);
        })
    };
    let other = open(&named(255), options()).unwrap_err().to_string();
    assert!(other.contains(&"m".repeat(255)), "the name should be read as another model's: {other}");
    assert!(refused_at(&named(256), 0).contains("name is too long"));
}

/// "shape"
#[test]
fn a_subscription_name_that_exceeds_the_limit_is_refused() {
    let image = Image::<Book>::in_memory().unwrap();
    let subscribe = |len| image.journal().subscribe_as(&"n".repeat(len), memimage::Seq::ZERO).map(drop);
    subscribe(64).unwrap();
    let error = subscribe(65).unwrap_err();
    assert!(error.to_string().contains("it has 65 bytes"), "{error}");
}

#[test]
fn shapes_that_exceed_a_limit_are_refused_with_the_position() {
    let error = |bytes: &[u8]| ShapeTree::decode(bytes).unwrap_err().to_string();
    let deep = |levels: usize| [vec![0x20; levels - 1], vec![0]].concat();
    ShapeTree::decode(&deep(64)).unwrap();
    assert!(error(&deep(65)).starts_with("invalid shape at byte 64: the shape is nested more than 64 levels deep"));

    let wide = |parts: &[u8], count: usize| [&[0x26][..], parts, &vec![0; count]].concat();
    ShapeTree::decode(&wide(&[0xff, 0xff, 0x03], 65_535)).unwrap();
    let over = error(&wide(&[0x80, 0x80, 0x04], 65_536));
    assert!(over.contains(": the shape has more than 65536 parts"), "{over}");

    let named = |len: &[u8], count: usize| [&[0x29][..], len, &vec![b'n'; count]].concat();
    ShapeTree::decode(&named(&[0x80, 0x08], 1_024)).unwrap();
    assert!(error(&named(&[0x81, 0x08], 1_025)).starts_with("invalid shape at byte 3: a name is longer than 1024"));
}

/// "chunk of a snapshot"
#[test]
fn a_snapshot_whose_chunk_exceeds_the_limit_is_skipped() {
    let disk = SimDisk::new();
    let image = open(&disk, options()).unwrap();
    image.write(1, "x".repeat(1_500_000)).unwrap();
    let snapshot = image.admin().snapshot().unwrap().seq;
    Image::close(image).unwrap();
    let path = format!("/book/snapshot/{:020}.snapshot", snapshot.get());
    let good = disk.read(&path).unwrap();
    let state = [&good[HEADER + 8..HEADER + 8 + (1 << 20)], &good[HEADER + 16 + (1 << 20)..good.len() - 56]].concat();
    let chunked = |first: usize| {
        let mut file = good[..HEADER].to_vec();
        for chunk in [&state[..first], &state[first..], &[]] {
            file.extend((chunk.len() as u32).to_le_bytes());
            file.extend([0; 4]);
            file.extend(chunk);
        }
        file.extend(&good[good.len() - 48..]);
        checksums::update_snapshot(&mut file);
        let changed = disk.fork();
        changed.write(&path, 0, &file).unwrap();
        open(&changed, options()).unwrap().admin().stats().recovery
    };
    assert_eq!(chunked(1 << 20).snapshot, Some(snapshot));
    let over = chunked((1 << 20) + 1);
    assert_eq!((over.snapshot, over.replayed), (None, 1));
    assert!(over.unusable_snapshots[0].1.contains("a chunk is longer than the maximum"), "{over:?}");
}

/// A model whose default takes exactly 65,536 bytes, three of them for the length.
#[derive(Serialize, Deserialize, Shape, Model)]
struct AtLimit {
    bytes: Vec<u8>,
}

/// A model whose default takes one byte more than [`AtLimit`].
#[derive(Serialize, Deserialize, Shape, Model)]
struct OverLimit {
    bytes: Vec<u8>,
}

impl Default for AtLimit {
    fn default() -> AtLimit {
        AtLimit { bytes: vec![7; (1 << 16) - 3] }
    }
}

impl Default for OverLimit {
    fn default() -> OverLimit {
        OverLimit { bytes: vec![7; (1 << 16) - 2] }
    }
}

#[memimage::commands]
impl AtLimit {
    #[command]
    fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[memimage::commands]
impl OverLimit {
    #[command]
    fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// "model's `Default` kept in genesis"
#[test]
fn a_default_that_exceeds_the_limit_is_not_kept() {
    let disk = Arc::new(SimDisk::new());
    Image::close(Image::<AtLimit>::options().open_with(disk.clone(), "/at").unwrap()).unwrap();
    Image::close(Image::<OverLimit>::options().open_with(disk.clone(), "/over").unwrap()).unwrap();
    let genesis = |root: &str| {
        let segment = disk.read(format!("{root}/journal/00000001.journal")).unwrap();
        let frame = frames::frames(&segment).into_iter().find(|frame| frames::kind(&segment, frame) == 3).unwrap();
        frame.len()
    };
    assert!(genesis("/at") > 1 << 16);
    assert!(genesis("/over") < 1 << 10);
}

/// "value read by its shape, or as JSON"
#[test]
fn values_that_exceed_a_limit_are_refused_with_the_position() {
    // an enum with a unit variant and a variant that contains the enum itself
    let chain = ShapeTree::decode(&[0x28, 2, 1, b'e', 0, 1, b'l', 1, 0x2a, 0]).unwrap();
    let deep = |levels: usize| [vec![1; levels - 1], vec![0]].concat();
    let value = Value::decode(&chain, &deep(128)).unwrap();
    assert!(value.to_json(&chain).is_ok());
    let error = Value::decode(&chain, &deep(129)).unwrap_err().to_string();
    assert!(error.contains("::l") && error.ends_with("the value is nested more than 128 levels deep"), "{error}");

    let units = ShapeTree::decode(&[0x21, 0x00]).unwrap();
    // a varint of three bytes, the length of the list
    let list = |count: u32| [count as u8 | 0x80, (count >> 7) as u8 | 0x80, (count >> 14) as u8];
    let most = 65_536 + 3 * 16 - 1;
    Value::decode(&units, &list(most)).unwrap();
    let error = Value::decode(&units, &list(most + 1)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("[{most}]")) && error.contains("more than 65536 parts"), "{error}");
}

/// "text of `LOCK` that is read"
#[test]
fn a_lock_file_that_exceeds_the_limit_names_no_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("book");
    let _owner = options().open(&path).unwrap();
    let names_owner = |len: usize| {
        let text = format!("pid 1 ({})", "x".repeat(len - 8));
        assert_eq!(text.len(), len);
        std::fs::write(path.join("LOCK"), &text).unwrap();
        let error = options().open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        error.to_string().contains(&text)
    };
    assert!(names_owner(256));
    assert!(!names_owner(257));
}

/// "reason of a void event, and who decided it"
#[test]
fn a_reason_that_exceeds_the_limit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("book");
    let image = options().open(&path).unwrap();
    image.write(1, "text".to_owned()).unwrap();
    let seq = image.journal().seq();
    Image::close(image).unwrap();
    let error = admin::void(&path, seq, "r".repeat(4_097)).unwrap_err().to_string();
    assert!(error.contains("4096 bytes"), "{error}");
    admin::void(&path, seq, "r".repeat(4_096)).unwrap();
}

/// Regression: each damaged frame was classified by a scan of the rest of the segment, which took minutes for 32 MiB and
/// hours for a large segment.
#[test]
fn a_segment_with_many_damaged_frames_is_checked_in_time() {
    const LEN: usize = 32 << 20;
    let disk = book();
    let mut segment = disk.read(SEGMENT).unwrap();
    let frames = frames::frames(&segment);
    let event = segment[frames.last().unwrap().clone()].to_vec();
    let begin = frames.last().unwrap().start;
    put(&mut segment, 120, &(LEN as u64).to_le_bytes());
    checksums::update_header(&mut segment);
    segment.resize(LEN, 0);
    let places: Vec<usize> = (begin..LEN - 512).step_by(512).collect();
    for (place, seq) in places.iter().zip(3_u64..) {
        put(&mut segment, *place, &event);
        put(&mut segment, place + 8, &seq.to_le_bytes());
        put(&mut segment, place + 16, &(seq - 1).to_le_bytes());
    }
    checksums::update_later_frames(&mut segment);
    places.iter().step_by(2).for_each(|place| segment[place + FRAME_HEADER + 10] ^= 1);
    disk.remove(Path::new(SEGMENT)).unwrap();
    disk.create_new(Path::new(SEGMENT)).unwrap();
    disk.write(SEGMENT, 0, &segment).unwrap();
    let report = with_timeout(move || admin::check_with(Arc::new(disk), "/book")).unwrap();
    let faults = report.findings.len() as u64 + report.unlisted;
    assert!(faults >= places.len() as u64 / 2, "{faults}");
}
