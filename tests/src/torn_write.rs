//! Torn writes on a real disk, as after a power cut.

use std::fs;
use std::path::{Path, PathBuf};

use crate::frames::{SEGMENT_HEADER, frames};

/// Changes the end of the journal as a power cut might: the last frame loses one of its sectors, and no evidence is left that
/// the frame was synced. The frame must be longer than one sector.
///
/// # Panics
///
/// If there is no image.
pub fn tear_last_frame(path: &Path) {
    const SECTOR: usize = 512;
    fs::write(path.join("journal/durable"), [0; 64]).expect("an image");
    let segments = names(&path.join("journal"), ".journal");
    let (segment, mut bytes, last) = segments
        .into_iter()
        .rev()
        .find_map(|segment| {
            let bytes = fs::read(&segment).expect("a segment");
            let last = frames(&bytes).pop()?.start;
            Some((segment, bytes, last)).filter(|_| last > SEGMENT_HEADER)
        })
        .expect("a frame after the first of a segment");
    bytes[last + SECTOR..last + 2 * SECTOR].fill(0);
    fs::write(segment, bytes).expect("a segment");
}

/// The files in a directory whose names end with `ending`, sorted.
///
/// # Panics
///
/// If the directory does not exist.
pub fn names(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut names: Vec<_> =
        fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    names.retain(|path| path.to_string_lossy().ends_with(ending));
    names.sort();
    names
}
