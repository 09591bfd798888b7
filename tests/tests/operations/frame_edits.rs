//! Finds and edits the frames of a journal, as FORMAT.md describes them.

use std::path::PathBuf;

use memimage::disk::SimDisk;
use memimage_tests::checksums::{update_frames, update_later_frames};
use memimage_tests::frames as walk;

/// The offset in a frame of what follows its header: the extension area or the body.
pub(super) const AFTER_HEADER: u64 = walk::FRAME_HEADER as u64;

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
    let mut previous = update_later_frames(&mut bytes);
    disk.write(&frames[at].path, 0, &bytes).unwrap();
    let mut later: Vec<_> = frames.iter().map(|frame| &frame.path).filter(|path| **path > frames[at].path).collect();
    later.dedup();
    for path in later {
        let mut bytes = disk.read(path).unwrap();
        previous = update_frames(&mut bytes, previous);
        disk.write(path, 0, &bytes).unwrap();
    }
}
