//! Finds and edits the frames of a journal, as FORMAT.md describes them.

use std::path::PathBuf;

use memimage::disk::SimDisk;
use memimage_tests::frames as walk;

/// A frame's position and header fields.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) len: usize,
    pub(super) kind: u8,
    pub(super) first: u64,
    pub(super) count: u32,
}

/// All frames of the image, in order. The image may be open: temporary files, which may vanish meanwhile, are not read.
pub(super) fn frames(disk: &SimDisk) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut segments = disk.files();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    segments.sort();
    for path in segments {
        let bytes = disk.read(&path).expect("a segment is not removed");
        for frame in walk::frames(&bytes) {
            frames.push(Frame {
                path: path.clone(),
                offset: frame.start as u64,
                len: frame.len(),
                kind: walk::kind(&bytes, &frame),
                first: walk::first_event(&bytes, &frame),
                count: walk::events(&bytes, &frame),
            });
        }
    }
    frames
}

/// Replaces the end of the payload of an event whose frame has one record, and updates the checksums of this frame and the
/// later ones. The result is an event that does not match its shape.
pub(super) fn replace_payload(disk: &SimDisk, seq: u64, payload: &[u8]) {
    let frames = frames(disk);
    let at = frames.iter().position(|frame| frame.kind == 1 && frame.first == seq && frame.count == 1).unwrap();
    let mut bytes = disk.read(&frames[at].path).unwrap();
    let frame = frames[at].offset as usize..frames[at].offset as usize + frames[at].len;
    let salt: [u8; 8] = bytes[frame.start + 40..frame.start + 48].try_into().unwrap();
    let body = frame.start + walk::FRAME_HEADER..frame.end - 8;
    let start = body.end - payload.len();
    for (index, at) in (start..body.end).enumerate() {
        bytes[at] = payload[index] ^ salt[(at - body.start) % 8];
    }
    disk.write(&frames[at].path, 0, &bytes).unwrap();
    let first = frames.iter().find(|frame| frame.path == frames[at].path).unwrap();
    relink(disk, first, walk::u32_at(&bytes, first.offset as usize + 60));
}

/// Links the first frame of a segment to the frame with this checksum, and updates all later frames.
fn relink(disk: &SimDisk, first: &Frame, mut previous: u32) {
    let frames = frames(disk);
    let mut bytes = disk.read(&first.path).unwrap();
    for frame in frames.iter().filter(|frame| frame.path == first.path) {
        let offset = frame.offset as usize;
        bytes[offset + 60..offset + 64].copy_from_slice(&previous.to_le_bytes());
        let seed = crc32c::crc32c_append(crc32c::crc32c(&bytes[40..56]), &bytes[112..120]);
        let header = crc32c::crc32c_append(seed, &bytes[offset..offset + 76]);
        bytes[offset + 76..offset + 80].copy_from_slice(&header.to_le_bytes());
        previous = crc32c::crc32c_append(seed, &bytes[offset..offset + frame.len - 8]);
        bytes[offset + frame.len - 4..offset + frame.len].copy_from_slice(&previous.to_le_bytes());
    }
    disk.write(&first.path, 0, &bytes).unwrap();
    let next = frames.iter().find(|frame| frame.path > first.path);
    next.into_iter().for_each(|next| relink(disk, next, previous));
}
