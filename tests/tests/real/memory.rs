//! Files that claim to be huge, or are, opened in a process with little memory: nothing is allocated because they say so.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Durability, Image, admin};
use memimage_tests::{LedgerCommands, Run, checksums, frames, most_memory};

use super::{child, dir, run};

const SEGMENT: &str = "/ledger/journal/00000001.journal";
const SNAPSHOT: &str = "/ledger/snapshot/00000000000000000004.snapshot";
const HEADER: usize = 4096;
/// Within the bounds and beyond what is there, just over them, and as much as can be said.
const CLAIMS: [u64; 4] = [(1 << 30) - 1, (1 << 30) + 1, u32::MAX as u64, u64::MAX];

/// Replaces a number in a file and puts the checksum of the bytes around it right, as somebody would who means harm.
fn claim(disk: &SimDisk, path: &str, field: (usize, usize), claimed: u64, checksum: impl Fn(&mut [u8])) -> SimDisk {
    let hostile = disk.fork();
    let mut bytes = hostile.read(path).unwrap();
    bytes[field.0..field.0 + field.1].copy_from_slice(&claimed.to_le_bytes()[..field.1]);
    checksum(&mut bytes);
    hostile.write(path, 0, &bytes).unwrap();
    hostile
}

fn put(bytes: &mut [u8], at: usize, checksum: u32) {
    bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// Opens all of them; running out of memory would end the process.
#[test]
#[ignore = "run by the other test of this file"]
fn claims_of_length() {
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
    let mut look = |hostile: SimDisk| {
        // without the snapshot too, so that all of the journal is read
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
        // header and extension, number of events, the body before and after compression
        for field in [(4, 2), (48, 4), (52, 4), (56, 4)] {
            for frame in &frames {
                let seal = |bytes: &mut [u8]| {
                    let image = crc32c::crc32c(&bytes[40..56]);
                    let segment = crc32c::crc32c_append(image, &1_u64.to_le_bytes());
                    let checksum = crc32c::crc32c_append(segment, &bytes[*frame..frame + 76]);
                    put(bytes, frame + 76, checksum);
                };
                look(claim(&disk, SEGMENT, (frame + field.0, field.1), claimed, seal));
            }
        }
        let header = |bytes: &mut [u8]| put(bytes, 4092, crc32c::crc32c(&bytes[..4092]));
        look(claim(&disk, SEGMENT, (120, 8), claimed, header));
        for (path, field) in [(SEGMENT, (12, 4)), (SEGMENT, (190, 2)), (SNAPSHOT, (12, 4)), (SNAPSHOT, (190, 2))] {
            look(claim(&disk, path, field, claimed, header));
        }
        // a snapshot's first chunk
        look(claim(&disk, SNAPSHOT, (HEADER, 4), claimed, |_| {}));
    }
    println!("refused {refused} times, opened {opened} times");
    assert!(refused > 100 && opened > 0);
}

#[test]
fn claims_of_length_allocate_nothing() {
    let dir = tempfile::tempdir().unwrap();
    // in KiB, of addresses: less than the least of the claims
    let script = "export MALLOC_ARENA_MAX=1 && ulimit -v 800000";
    run("little memory (ulimit -v)", &mut child("memory::claims_of_length", dir.path(), script));
}

/// The most that a process may hold of files that are long and have hardly anything in them.
const MOST_MEMORY: u64 = 96 << 20;

/// What is made of a segment.
struct Sparse {
    /// Its length.
    len: u64,
    /// Where there is a byte that is not zero, far behind its frames.
    byte_at: Option<u64>,
    /// Its header says that it was made so long.
    says_so: bool,
    /// A check finds something.
    found: bool,
    /// The image opens, after what was found is put aside.
    opens: bool,
}

const SPARSE: [Sparse; 4] = [
    Sparse { len: 512 << 20, byte_at: None, says_so: true, found: false, opens: true },
    // as if most of a write were missing
    Sparse { len: 512 << 20, byte_at: Some(160 << 20), says_so: true, found: true, opens: true },
    // more than there are addresses
    Sparse { len: 4 << 30, byte_at: Some((4 << 30) - 1), says_so: true, found: true, opens: false },
    Sparse { len: 1 << 42, byte_at: Some(1 << 41), says_so: false, found: true, opens: false },
];

/// Checks and opens all of them; the process ends if it runs out of memory.
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
    for Sparse { len, byte_at, says_so, found, opens } in SPARSE {
        let mut header = bytes[..HEADER].to_vec();
        if says_so {
            header[120..128].copy_from_slice(&len.to_le_bytes());
            checksums::update_header(&mut header);
        }
        let file = File::options().write(true).open(&segment).unwrap();
        if let Err(error) = file.set_len(len) {
            println!("not tried: a file of {len} bytes: {error}");
            continue;
        }
        file.write_all_at(&header, 0).unwrap();
        byte_at.iter().for_each(|at| file.write_all_at(&[1], *at).unwrap());
        let case = format!("{len} bytes, one at {byte_at:?}, by its header: {says_so}");
        let report = admin::check(&path).unwrap();
        assert_eq!(!report.findings.is_empty(), found, "{case}: {report}");
        match open() {
            Ok(image) => assert_eq!((opens, image.journal().seq().get()), (true, 4), "{case}"),
            Err(error) => assert!(!opens && error.to_string().contains("00000001.journal"), "{case}: {error}"),
        }
        fs::write(&segment, &bytes).unwrap();
    }
    let Some(most) = most_memory() else { return };
    println!("held at most {} KiB", most >> 10);
    assert!(most < MOST_MEMORY, "{most}");
}

/// A header may say that a segment is 4 GiB long, and a file of zeros costs whoever makes it nothing. All of it was read into
/// memory, once by opening and once by a check, which looked for what follows to the end of any file.
#[test]
fn a_long_sparse_segment_takes_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let script = "export MALLOC_ARENA_MAX=1 && ulimit -v 1500000";
    run("little memory (ulimit -v)", &mut child("memory::sparse_files", dir.path(), script));
}
