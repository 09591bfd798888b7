//! Changes by an attacker who knows the format and has no key: all checksums are right.

use std::path::Path;

use memimage::{ErrorKind, Retention};
use memimage_tests::LedgerCommands;
use memimage_tests::frames::{frames, u32_at};

use super::*;

/// CRC32C of the image's UUID, the segment's number and these bytes, as FORMAT.md has it.
fn checksum(segment: &[u8], bytes: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&segment[40..56]);
    crc32c::crc32c_append(crc32c::crc32c_append(crc, &segment[112..120]), bytes)
}

/// Makes all checksums of a segment right, and the frames follow each other, from the first of `frames` on.
pub(super) fn mend(segment: &mut [u8], frames: &[std::ops::Range<usize>]) {
    let mut previous = None;
    for frame in frames {
        let mut bytes = segment[frame.clone()].to_vec();
        if let Some(previous) = previous {
            bytes[60..64].copy_from_slice(&u32::to_le_bytes(previous));
        }
        let header = checksum(segment, &bytes[..76]);
        bytes[76..80].copy_from_slice(&header.to_le_bytes());
        let end = bytes.len() - 8;
        let all = checksum(segment, &bytes[..end]);
        bytes[end + 4..].copy_from_slice(&all.to_le_bytes());
        segment[frame.clone()].copy_from_slice(&bytes);
        previous = Some(all);
    }
}

/// An image with one segment in use, so that nothing else in it has to be made to fit.
pub(super) fn small(mode: Mode) -> SimDisk {
    let disk = SimDisk::new();
    let mut run = begin(&disk, mode.options(), Vec::new(), Seq::ZERO);
    for account in 0..8 {
        run.ask(&Ask::Deposit(account, 1_000));
    }
    run.close();
    disk
}

/// Changes the first segment and makes it look right again.
pub(super) fn forge(disk: &SimDisk, change: impl FnOnce(&mut Vec<u8>, &[std::ops::Range<usize>])) {
    forge_in(disk, &segments(disk)[0], change);
}

/// The same, of any segment.
fn forge_in(disk: &SimDisk, path: &Path, change: impl FnOnce(&mut Vec<u8>, &[std::ops::Range<usize>])) {
    let mut bytes = disk.read(path).unwrap();
    let there = frames(&bytes);
    change(&mut bytes, &there);
    let there = frames(&bytes);
    mend(&mut bytes, &there);
    disk.write(path, 0, &bytes).unwrap();
}

/// What is wrong, as the error says it.
fn told(disk: &SimDisk, mode: Mode) -> &'static str {
    let error = refused(disk, mode.options());
    assert!(error.kind() == ErrorKind::Forged && error.kind() != ErrorKind::Key, "{error}");
    let position = error.position().unwrap();
    assert!(position.segment.is_some() && position.offset.is_some() && position.seq.is_some(), "{error}");
    let said = error.to_string();
    let all = [
        "its body does not decrypt",
        "its MAC is not valid",
        "its protection differs from that",
        "it names another MAC than that of the frame before it",
    ];
    all.into_iter().find(|what| said.contains(what)).unwrap_or_else(|| panic!("{said}"))
}

#[test]
fn without_protection_a_change_that_fits_is_not_seen() {
    let disk = small(PLAIN);
    forge(&disk, |bytes, frames| bytes[frames[5].start + 32] ^= 1);
    assert!(open(&disk, PLAIN.options()).is_ok(), "this is what the chain and the cipher are for");
}

#[test]
fn a_changed_body_is_seen() {
    for (mode, what) in
        [(ENCRYPTED, "its body does not decrypt"), (CHAINED, "its MAC is not valid"), (BOTH, "its MAC is not valid")]
    {
        let disk = small(mode);
        forge(&disk, |bytes, frames| bytes[frames[5].end - 9] ^= 1);
        assert_eq!(told(&disk, mode), what, "{mode:?}");
    }
}

/// All of a frame's header that means something: none of it can be changed. (The checksums are made right again.)
#[test]
fn a_changed_header_is_seen() {
    for mode in PROTECTED {
        for at in [16, 24, 32, 40] {
            let disk = small(mode);
            // the last frame, so that what it says need not agree with others
            forge(&disk, |bytes, frames| bytes[frames.last().unwrap().start + at] ^= if at == 24 { 4 } else { 1 });
            told(&disk, mode);
        }
    }
}

#[test]
fn a_removed_or_moved_frame_is_detected() {
    for mode in PROTECTED {
        // the seventh frame takes the place of the sixth, and says that it is that
        let disk = small(mode);
        forge(&disk, |bytes, frames| {
            let (sixth, seventh) = (frames[5].clone(), frames[6].clone());
            assert_eq!(sixth.len(), seventh.len());
            let (seq, moved) = (bytes[sixth.start + 8..sixth.start + 16].to_vec(), bytes[seventh].to_vec());
            bytes[sixth.clone()].copy_from_slice(&moved);
            bytes[sixth.start + 8..sixth.start + 16].copy_from_slice(&seq);
        });
        told(&disk, mode);
    }
}

/// The end of an earlier time: neither the chain nor the cipher can show it, and the documents say so. What was synced
/// since is known from `journal/durable`, unless that is taken back too.
#[test]
fn an_image_rolled_back_to_an_older_copy_opens() {
    for mode in PROTECTED {
        let disk = small(mode);
        let earlier = disk.fork();
        let head = mode.chained.then(|| {
            let image = open(&disk, mode.options()).unwrap();
            let before = image.admin().chain_head().unwrap().unwrap();
            image.deposit(1, 1).unwrap();
            let after = image.admin().chain_head().unwrap().unwrap();
            Image::close(image).unwrap();
            assert_eq!(after.seq.get(), before.seq.get() + 1);
            assert_ne!(after.link, before.link);
            after
        });
        let image = open(&earlier, mode.options()).unwrap();
        if let Some(head) = head {
            assert_ne!(image.admin().chain_head().unwrap(), Some(head), "kept elsewhere, it tells");
        }
    }
}

#[test]
fn a_frame_without_protection_is_not_taken_for_one_of_a_protected_segment() {
    for mode in PROTECTED {
        let disk = small(mode);
        forge(&disk, |bytes, frames| {
            // nonce, tag and links become bytes of an extension area that nobody asks about
            let last = frames.last().unwrap().start;
            bytes[last + 64] = 0;
            bytes[last + 67] = 0;
        });
        assert_eq!(told(&disk, mode), "its protection differs from that", "{mode:?}");
    }
}

/// What says that events are void is looked for before anything is replayed: it is held to the keys there too.
#[test]
fn a_decision_that_somebody_made_without_the_key_is_seen_as_that() {
    for mode in PROTECTED {
        let disk = small(mode);
        forge(&disk, |bytes, frames| into_a_decision(bytes, frames));
        told(&disk, mode);
    }
}

/// The last frame of a segment becomes one that says of an event that it is void.
fn into_a_decision(bytes: &mut [u8], frames: &[std::ops::Range<usize>]) {
    let last = frames.last().unwrap().start;
    bytes[last + 6] = 7;
    bytes[last + 48..last + 52].fill(0);
}

/// The states of a pruned journal were blamed for it, and the error said to restore one of them.
#[test]
fn a_forged_decision_is_no_fault_of_the_states_before_it() {
    for mode in PROTECTED {
        let disk = SimDisk::new();
        let mut run = begin(&disk, mode.options().retention(Retention::Events(0)), Vec::new(), Seq::ZERO);
        while run.image().admin().stats().base.is_none() {
            live(&mut run);
        }
        run.ask(&Ask::Deposit(1, 1));
        run.close();
        let used = |path: &&PathBuf| !frames(&disk.read(path).unwrap()).is_empty();
        let all = segments(&disk);
        forge_in(&disk, all.iter().rfind(used).unwrap(), |bytes, frames| into_a_decision(bytes, frames));
        told(&disk, mode);
    }
}

#[test]
fn a_header_that_is_changed_or_of_another_segment_is_seen() {
    for mode in PROTECTED {
        for at in [88, 128, 136] {
            let disk = small(mode);
            let path = &segments(&disk)[0];
            let mut bytes = disk.read(path).unwrap();
            bytes[at] ^= 1;
            let crc = crc32c::crc32c(&bytes[..4092]);
            bytes[4092..4096].copy_from_slice(&crc.to_le_bytes());
            disk.write(path, 0, &bytes).unwrap();
            let error = refused(&disk, mode.options());
            assert_eq!(error.kind(), ErrorKind::Key, "{error}");
            assert!(error.to_string().contains("someone without that key changed its first 4096 bytes"), "{error}");
        }
    }
}

/// A snapshot is no truth, so one that was changed is passed over, and the journal tells.
#[test]
fn a_snapshot_that_was_changed_is_not_used() {
    for mode in PROTECTED {
        for place in ["header", "state", "digest", "cut", "not protected"] {
            let (disk, digests, seq) = lived(mode);
            let snapshot = snapshot_of(&disk);
            let mut bytes = disk.read(&snapshot).unwrap();
            match place {
                // when it was made, which means nothing
                "header" => bytes[80] ^= 1,
                "state" => bytes[4096 + 8 + 3] ^= 1,
                "digest" => {
                    let trailer = trailer_at(&bytes);
                    bytes[trailer + 8] ^= 1;
                }
                // the chunks end before they do
                "cut" => {
                    let trailer = trailer_at(&bytes);
                    bytes.drain(4096..trailer - 8);
                    bytes[4096 + 8..4096 + 16].fill(0);
                }
                _ => unprotected(&mut bytes),
            }
            mend_snapshot(&mut bytes);
            disk.truncate(&snapshot, bytes.len() as u64).unwrap();
            disk.write(&snapshot, 0, &bytes).unwrap();

            let run = begin(&disk, mode.options(), digests, seq);
            let recovery = run.image().admin().stats().recovery;
            assert_eq!(recovery.snapshot, None, "{mode:?} {place}");
            let [(path, why)] = &recovery.unusable_snapshots[..] else { panic!("{mode:?} {place}: {recovery:?}") };
            assert_eq!(*path, snapshot);
            let mut expected =
                vec!["does not decrypt under this key", "is not valid under this key", "but keys were passed to"];
            if place == "cut" {
                expected.push("expected more data");
            }
            assert!(expected.iter().any(|expected| why.contains(expected)), "{mode:?} {place}: {why}");
        }
    }
}

pub(super) fn snapshot_of(disk: &SimDisk) -> PathBuf {
    let snapshots: Vec<PathBuf> =
        disk.files().into_iter().filter(|path| path.starts_with(Path::new("/ledger/snapshot"))).collect();
    let [snapshot] = &snapshots[..] else { panic!("{snapshots:?}") };
    snapshot.clone()
}

/// After the chunks, of which there is at least the empty one.
fn trailer_at(bytes: &[u8]) -> usize {
    let mut at = 4096;
    loop {
        let len = u32_at(bytes, at) as usize;
        at += 8 + len;
        if len == 0 {
            return at;
        }
    }
}

/// A snapshot as one without a key could have made it: of a state that is his own, but of the image.
pub(super) fn unprotected(bytes: &mut Vec<u8>) {
    bytes[32] = 0;
    bytes[100..112].fill(0);
    bytes[448..488].fill(0);
    let end = trailer_at(bytes) + 48;
    bytes.truncate(end);
}

pub(super) fn mend_snapshot(bytes: &mut [u8]) {
    let header = crc32c::crc32c(&bytes[..4092]);
    bytes[4092..4096].copy_from_slice(&header.to_le_bytes());
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&bytes[..4096]);
    let (mut at, mut total) = (4096, 0);
    loop {
        let len = u32_at(bytes, at) as usize;
        let crc = crc32c::crc32c(&bytes[at + 8..at + 8 + len]);
        bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
        hash.update(&bytes[at + 8..at + 8 + len]);
        at += 8 + len;
        total += len;
        if len == 0 {
            break;
        }
    }
    bytes[at..at + 8].copy_from_slice(&(total as u64).to_le_bytes());
    bytes[at + 16..at + 32].copy_from_slice(&hash.digest128().to_le_bytes());
    let crc = crc32c::crc32c(&bytes[at..at + 44]);
    bytes[at + 44..at + 48].copy_from_slice(&crc.to_le_bytes());
}
