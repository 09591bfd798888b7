//! Files that are huge or claim to be, opened in a process with little memory: memory use is bounded by the data in the file,
//! not by its claimed length.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Durability, Image, admin};
use memimage_tests::{LedgerCommands, Run, checksums, frames, peak_memory};

use super::{child, dir, run};

const SEGMENT: &str = "/ledger/journal/00000001.journal";
const SNAPSHOT: &str = "/ledger/snapshot/00000000000000000004.snapshot";
const HEADER: usize = 4096;
/// A length within the limits but beyond the file, one just over the limits, and the two largest values.
const CLAIMS: [u64; 4] = [(1 << 30) - 1, (1 << 30) + 1, u32::MAX as u64, u64::MAX];

/// Replaces a number in a file and updates the checksum, as an attacker would.
fn claim(disk: &SimDisk, path: &str, field: (usize, usize), claimed: u64, checksum: impl Fn(&mut [u8])) -> SimDisk {
    let hostile = disk.fork();
    let mut bytes = hostile.read(path).unwrap();
    bytes[field.0..field.0 + field.1].copy_from_slice(&claimed.to_le_bytes()[..field.1]);
    checksum(&mut bytes);
    hostile.write(path, 0, &bytes).unwrap();
    hostile
}

/// Opens all of these files. An allocation of a claimed length would end the process.
#[test]
#[ignore = "run by the other test of this file"]
fn claimed_lengths() {
    if dir().is_none() {
        return;
    }
    let disk = SimDisk::new();
    let open = |disk: &SimDisk| Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), "/ledger");
    let image = open(&disk).unwrap();
    for _ in 0..4 {
        image.file(vec![7; 700]).unwrap();
    }
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let bytes = disk.read(SEGMENT).unwrap();
    let frames: Vec<usize> = frames::frames(&bytes).into_iter().map(|frame| frame.start).collect();
    assert!(frames.len() > 4, "{frames:?}");
    let (mut refused, mut opened) = (0, 0);
    let mut check_opening = |hostile: SimDisk| {
        // also without the snapshot, so that the complete journal is read
        let replayed = hostile.fork();
        memimage::disk::Disk::remove(&replayed, Path::new(SNAPSHOT)).unwrap();
        for disk in [hostile, replayed] {
            match open(&disk) {
                Ok(_) => opened += 1,
                Err(_) => refused += 1,
            }
        }
    };
    for claimed in CLAIMS {
        // length of header and extension, number of events, body length before and after compression
        for field in [(4, 2), (48, 4), (52, 4), (56, 4)] {
            for frame in &frames {
                let seal = |bytes: &mut [u8]| checksums::update_frame_header(bytes, *frame);
                check_opening(claim(&disk, SEGMENT, (frame + field.0, field.1), claimed, seal));
            }
        }
        let header = |bytes: &mut [u8]| checksums::update_header(bytes);
        check_opening(claim(&disk, SEGMENT, (120, 8), claimed, header));
        for (path, field) in [(SEGMENT, (12, 4)), (SEGMENT, (190, 2)), (SNAPSHOT, (12, 4)), (SNAPSHOT, (190, 2))] {
            check_opening(claim(&disk, path, field, claimed, header));
        }
        // the first chunk of a snapshot
        check_opening(claim(&disk, SNAPSHOT, (HEADER, 4), claimed, |_| {}));
    }
    println!("refused {refused} times, opened {opened} times");
    assert!(refused > 100 && opened > 0);
}

#[test]
fn claimed_lengths_allocate_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    // KiB of address space, less than the smallest claim
    let script = "export MALLOC_ARENA_MAX=1 && ulimit -v 800000";
    run("little memory (ulimit -v)", &mut child("memory::claimed_lengths", dir.path(), script));
}

/// The maximum memory of a process that opens long sparse files.
const MOST_MEMORY: u64 = 96 << 20;

/// A change to a segment, and the expected result.
struct Sparse {
    /// The length of the segment.
    len: u64,
    /// The offset of a nonzero byte far after the frames.
    byte_at: Option<u64>,
    /// Whether the header has the new length.
    in_header: bool,
    /// Whether a check reports a finding.
    found: bool,
    /// Whether the image opens after the finding was quarantined.
    opens: bool,
}

const SPARSE: [Sparse; 4] = [
    Sparse { len: 512 << 20, byte_at: None, in_header: true, found: false, opens: true },
    // looks like a write that is mostly missing
    Sparse { len: 512 << 20, byte_at: Some(160 << 20), in_header: true, found: true, opens: true },
    // more than the address space
    Sparse { len: 4 << 30, byte_at: Some((4 << 30) - 1), in_header: true, found: true, opens: false },
    Sparse { len: 1 << 42, byte_at: Some(1 << 41), in_header: false, found: true, opens: false },
];

/// Checks and opens all of these files. A process that runs out of memory ends.
#[test]
#[ignore = "run by the other tests of this file"]
fn sparse_files() {
    let Some(dir) = dir() else { return };
    let path = dir.join("ledger");
    let open = || Run::options(Durability::Synced, 512).open(&path);
    let image = open().unwrap();
    for _ in 0..4 {
        image.file(vec![7; 700]).unwrap();
    }
    Image::close(image).unwrap();
    let segment = path.join("journal/00000001.journal");
    let bytes = fs::read(&segment).unwrap();
    for Sparse { len, byte_at, in_header, found, opens } in SPARSE {
        let mut header = bytes[..HEADER].to_vec();
        if in_header {
            header[120..128].copy_from_slice(&len.to_le_bytes());
            checksums::update_header(&mut header);
        }
        let file = File::options().write(true).open(&segment).unwrap();
        if let Err(error) = file.set_len(len) {
            println!("skipped: a file of {len} bytes: {error}");
            continue;
        }
        file.write_all_at(&header, 0).unwrap();
        byte_at.iter().for_each(|at| file.write_all_at(&[1], *at).unwrap());
        let case = format!("{len} bytes, one at {byte_at:?}, by its header: {in_header}");
        let report = admin::check(&path).unwrap();
        assert_eq!(!report.findings.is_empty(), found, "{case}: {report}");
        match open() {
            Ok(image) => assert_eq!((opens, image.journal().seq().get()), (true, 4), "{case}"),
            Err(error) => assert!(!opens && error.to_string().contains("00000001.journal"), "{case}: {error}"),
        }
        fs::write(&segment, &bytes).unwrap();
    }
    let Some(most) = peak_memory() else { return };
    println!("held at most {} KiB", most >> 10);
    assert!(most < MOST_MEMORY, "{most}");
}

/// Regression: a header may claim that a segment is 4 GiB long, and a sparse file of zeros costs nothing. Opening and checking
/// read it into memory completely.
#[test]
fn a_long_sparse_segment_needs_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let script = "export MALLOC_ARENA_MAX=1 && ulimit -v 1500000";
    run("little memory (ulimit -v)", &mut child("memory::sparse_files", dir.path(), script));
}
