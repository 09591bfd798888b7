//! Changes by an attacker who knows the format but has no key: all checksums are right.

use std::path::Path;

use memimage::{ErrorKind, Retention};
use memimage_tests::LedgerCommands;
use memimage_tests::checksums::{update_header, update_later_frames, update_snapshot};
use memimage_tests::frames::{frames, u32_at};

use super::maintenance::check;
use super::*;

/// An image with one used segment.
pub(super) fn small_image(mode: ProtectionMode) -> SimDisk {
    let disk = SimDisk::new();
    let mut run = begin(&disk, mode.options(), Vec::new(), Seq::ZERO);
    for account in 0..8 {
        run.execute(&Request::Deposit(account, 1_000));
    }
    run.close();
    disk
}

/// Changes the first segment and updates its checksums.
pub(super) fn forge(disk: &SimDisk, change: impl FnOnce(&mut Vec<u8>, &[std::ops::Range<usize>])) {
    forge_in(disk, &segments(disk)[0], change);
}

/// As [`forge`], for any segment.
fn forge_in(disk: &SimDisk, path: &Path, change: impl FnOnce(&mut Vec<u8>, &[std::ops::Range<usize>])) {
    let mut bytes = disk.read(path).unwrap();
    let there = frames(&bytes);
    change(&mut bytes, &there);
    update_later_frames(&mut bytes);
    disk.write(path, 0, &bytes).unwrap();
}

/// Asserts that opening reports a forgery. Returns the reason from the error.
fn forgery_reason(disk: &SimDisk, mode: ProtectionMode) -> &'static str {
    let error = assert_refused(disk, mode.options());
    assert!(error.kind() == ErrorKind::Forged && error.kind() != ErrorKind::Key, "{error}");
    let position = error.position().unwrap();
    assert!(position.segment.is_some() && position.offset.is_some() && position.seq.is_some(), "{error}");
    let message = error.to_string();
    let all = [
        "the body of a frame does not decrypt",
        "the MAC of a frame is not valid",
        "the protection of a frame differs from that",
        "a frame names a wrong MAC for the previous frame",
    ];
    all.into_iter().find(|what| message.contains(what)).unwrap_or_else(|| panic!("{message}"))
}

#[test]
fn without_protection_a_forgery_is_not_detected() {
    let disk = small_image(PLAIN);
    forge(&disk, |bytes, frames| bytes[frames[5].start + 32] ^= 1);
    assert!(open(&disk, PLAIN.options()).is_ok(), "without protection the forgery should not be detected");
}

#[test]
fn a_changed_body_is_detected() {
    for (mode, what) in [
        (ENCRYPTED, "the body of a frame does not decrypt"),
        (CHAINED, "the MAC of a frame is not valid"),
        (BOTH, "the MAC of a frame is not valid"),
    ] {
        let disk = small_image(mode);
        forge(&disk, |bytes, frames| bytes[frames[5].end - 9] ^= 1);
        assert_eq!(forgery_reason(&disk, mode), what, "{mode:?}");
    }
}

/// Each meaningful field of a frame header is protected, even if the checksums are right.
#[test]
fn a_changed_frame_header_is_detected() {
    for mode in PROTECTED {
        for at in [16, 24, 32, 40] {
            let disk = small_image(mode);
            // the last frame, so that no other frame depends on it
            forge(&disk, |bytes, frames| bytes[frames.last().unwrap().start + at] ^= if at == 24 { 4 } else { 1 });
            forgery_reason(&disk, mode);
        }
    }
}

#[test]
fn a_removed_or_moved_frame_is_detected() {
    for mode in PROTECTED {
        // the seventh frame replaces the sixth and has its seq
        let disk = small_image(mode);
        forge(&disk, |bytes, frames| {
            let (sixth, seventh) = (frames[5].clone(), frames[6].clone());
            assert_eq!(sixth.len(), seventh.len());
            let (seq, moved) = (bytes[sixth.start + 8..sixth.start + 16].to_vec(), bytes[seventh].to_vec());
            bytes[sixth.clone()].copy_from_slice(&moved);
            bytes[sixth.start + 8..sixth.start + 16].copy_from_slice(&seq);
        });
        forgery_reason(&disk, mode);
    }
}

/// Neither the chain nor the cipher detects a rollback to an older copy, as the documentation says. `journal/durable` detects
/// it unless it is rolled back too.
#[test]
fn an_image_rolled_back_to_an_older_copy_opens() {
    for mode in PROTECTED {
        let disk = small_image(mode);
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
            assert_ne!(
                image.admin().chain_head().unwrap(),
                Some(head),
                "a chain head that is kept elsewhere should detect the rollback"
            );
        }
    }
}

#[test]
fn an_unprotected_frame_in_a_protected_segment_is_detected() {
    for mode in PROTECTED {
        let disk = small_image(mode);
        forge(&disk, |bytes, frames| {
            // nonce, tag and links become ignored bytes of the extension area
            let last = frames.last().unwrap().start;
            bytes[last + 60] = 0;
            bytes[last + 63] = 0;
        });
        assert_eq!(forgery_reason(&disk, mode), "the protection of a frame differs from that", "{mode:?}");
    }
}

/// Decisions are read before the replay, and are authenticated there too.
#[test]
fn a_forged_decision_is_detected() {
    for mode in PROTECTED {
        let disk = small_image(mode);
        forge(&disk, |bytes, frames| turn_into_decision(bytes, frames));
        forgery_reason(&disk, mode);
    }
}

/// Turns the last frame of a segment into a decision that makes an event void.
fn turn_into_decision(bytes: &mut [u8], frames: &[std::ops::Range<usize>]) {
    let last = frames.last().unwrap().start;
    bytes[last + 6] = 7;
    bytes[last + 48..last + 52].fill(0);
}

/// Regression: the error blamed the states of a pruned journal, and advised restoring one of them.
#[test]
fn a_forged_decision_is_not_blamed_on_earlier_states() {
    for mode in PROTECTED {
        let disk = SimDisk::new();
        let mut run = begin(&disk, mode.options().retention(Retention::Events(0)), Vec::new(), Seq::ZERO);
        while run.image().admin().stats().base.is_none() {
            run_commands(&mut run);
        }
        run.execute(&Request::Deposit(1, 1));
        run.close();
        let used = |path: &&PathBuf| !frames(&disk.read(path).unwrap()).is_empty();
        let all = segments(&disk);
        forge_in(&disk, all.iter().rfind(used).unwrap(), |bytes, frames| turn_into_decision(bytes, frames));
        forgery_reason(&disk, mode);
    }
}

#[test]
fn a_changed_segment_header_is_detected() {
    for mode in PROTECTED {
        for at in [88, 128, 136] {
            let disk = small_image(mode);
            let path = &segments(&disk)[0];
            let mut bytes = disk.read(path).unwrap();
            bytes[at] ^= 1;
            update_header(&mut bytes);
            disk.write(path, 0, &bytes).unwrap();
            let error = assert_refused(&disk, mode.options());
            assert_eq!(error.kind(), ErrorKind::Key, "{error}");
            assert!(error.to_string().contains("somebody without the key changed its first 4096 bytes"), "{error}");
        }
    }
}

/// The keys refuse such a header because of its kind of protection, and not because a key is wrong.
#[test]
fn an_unprotected_header_in_a_protected_image_is_reported_as_forged() {
    for mode in PROTECTED {
        let (disk, _, seq) = closed_image(mode);
        let path = &segments(&disk)[1];
        let mut bytes = disk.read(path).unwrap();
        bytes[32] = 0;
        bytes[145] = 0;
        bytes[147] = 0;
        bytes[148..156].fill(0);
        if mode.encrypted {
            bytes[56..88].fill(0); // a reader takes the seed of an encrypted header as zero before it decrypts it
        }
        let crc = crc32c::crc32c(&bytes[..4092]);
        bytes[4092..4096].copy_from_slice(&crc.to_le_bytes());
        disk.write(path, 0, &bytes).unwrap();
        let checked = check(&disk, mode);
        let [found] = &checked.findings[..] else { panic!("{checked}") };
        assert_eq!((&found.path, found.position.offset), (path, Some(0)), "{checked}");
        assert!(found.message.starts_with("the protection in the segment's header differs"), "{checked}");
        assert!(found.message.contains("somebody without the key changed these bytes"), "{checked}");
        assert_eq!((checked.events, checked.last), (seq.get(), Some(seq)), "{checked}");
    }
}

/// A snapshot is only a cache, so a forged one is skipped, and the journal is replayed.
#[test]
fn a_changed_snapshot_is_not_used() {
    for mode in PROTECTED {
        for place in ["header", "state", "digest", "cut", "not protected"] {
            let (disk, digests, seq) = closed_image(mode);
            let snapshot = snapshot_of(&disk);
            let mut bytes = disk.read(&snapshot).unwrap();
            match place {
                // the time of the snapshot, which has no effect
                "header" => bytes[80] ^= 1,
                "state" => bytes[4096 + 8 + 3] ^= 1,
                "digest" => {
                    let trailer = trailer_at(&bytes);
                    bytes[trailer + 8] ^= 1;
                }
                // the chunks end too early
                "cut" => {
                    let trailer = trailer_at(&bytes);
                    bytes.drain(4096..trailer - 8);
                    bytes[4096 + 8..4096 + 16].fill(0);
                }
                _ => remove_protection(&mut bytes),
            }
            update_snapshot(&mut bytes);
            disk.truncate(&snapshot, bytes.len() as u64).unwrap();
            disk.write(&snapshot, 0, &bytes).unwrap();

            let run = begin(&disk, mode.options(), digests, seq);
            let recovery = run.image().admin().stats().recovery;
            assert_eq!(recovery.snapshot, None, "{mode:?} {place}");
            let [(path, why)] = &recovery.unusable_snapshots[..] else { panic!("{mode:?} {place}: {recovery:?}") };
            assert_eq!(*path, snapshot);
            let mut expected =
                vec!["does not decrypt with this key", "is not valid under this key", "but keys were passed to"];
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

/// The offset after the chunks, at least the empty last one.
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

/// Turns a snapshot into an unprotected one with the image's UUID, as an attacker without the key could write it.
pub(super) fn remove_protection(bytes: &mut Vec<u8>) {
    bytes[32] = 0;
    bytes[100..112].fill(0);
    bytes[448..488].fill(0);
    let end = trailer_at(bytes) + 48;
    bytes.truncate(end);
}
