//! Damaged, missing and misplaced segments and frames.

use expect_test::expect;
use memimage::ErrorKind;
use memimage_tests::frames::{first_event, frames};

use super::{ROOT, check, is_well, ledger, open, refused, remove, replace, segment};

/// `journal/durable` only adds certainty, and may be deleted.
#[test]
fn an_image_without_its_durable_block_opens() {
    let (disk, state) = ledger(20, &[10]);
    remove(&disk, &format!("{ROOT}/journal/durable"));
    is_well(&disk, 20, state);
}

/// Whatever frame is damaged, in whatever way, the error names its place.
#[test]
fn a_damaged_frame_is_named_by_segment_offset_and_event() {
    let (whole, state) = ledger(20, &[]);
    let mut damaged = 0;
    for number in 1.. {
        let Ok(bytes) = whole.read(segment(number)) else { break };
        for frame in frames(&bytes) {
            let (at, len, first_seq) = (frame.start, frame.len(), first_event(&bytes, &frame));
            let flip = |offset: usize| (at + offset, vec![bytes[at + offset] ^ 0x10]);
            for (place, bytes) in [flip(0), flip(33), flip(79), flip(len / 2), flip(len - 1), (at, vec![0; len])] {
                let disk = whole.fork();
                disk.write(segment(number), place as u64, &bytes).unwrap();
                let error = refused(&disk);
                let position = error.position().unwrap();
                let found =
                    (position.segment.unwrap().get(), position.offset.unwrap(), position.seq.map(|seq| seq.get()));
                assert!(error.kind() == ErrorKind::Corrupt, "{error}");
                assert_eq!(found, (number as u64, at as u64, Some(first_seq)), "byte {place}: {error}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 120, "{damaged}");
    let disk = whole.fork();
    let frame = frames(&disk.read(segment(2)).unwrap())[3].clone();
    disk.write(segment(2), (frame.start + frame.len() / 2) as u64, &[0; 8]).unwrap();
    check(
        &refused(&disk),
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 7680 where event 9 belongs: a frame is missing or damaged, and a later segment has frames; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
        ],
    );
    is_well(&whole, 20, state);
}

/// So is one after a snapshot, where reading begins in the middle of the journal.
#[test]
fn a_damaged_frame_after_a_snapshot_is_named() {
    for last in 1..=20 {
        let (whole, _) = ledger(20, &[last]);
        for number in 1.. {
            let Ok(bytes) = whole.read(segment(number)) else { break };
            for frame in frames(&bytes) {
                let (at, len, first_seq) = (frame.start, frame.len(), first_event(&bytes, &frame));
                for place in [at + 33, at + len / 2] {
                    let disk = whole.fork();
                    disk.write(segment(number), place as u64, &[bytes[place] ^ 0x10]).unwrap();
                    // what the snapshot makes superfluous may be damaged or not
                    let Err(error) = open(&disk) else {
                        assert!(first_seq <= last + 1, "event {first_seq} after a snapshot of {last}");
                        continue;
                    };
                    let position = error.position().unwrap();
                    assert_eq!(position.seq.map(|seq| seq.get()), Some(first_seq), "{last}: {error}");
                    assert_eq!(position.segment.unwrap().get(), number as u64, "{last}: {error}");
                }
            }
        }
    }
}

/// A header is at the start of each segment, of one that stands ready too.
#[test]
fn a_damaged_header_is_named() {
    let (whole, _) = ledger(20, &[]);
    for number in 1.. {
        if whole.read(segment(number)).is_err() {
            assert!(number > 3);
            break;
        }
        for place in [0, 8, 50, 120, 3_000, 4_095] {
            let disk = whole.fork();
            let byte = disk.read(segment(number)).unwrap()[place];
            disk.write(segment(number), place as u64, &[byte ^ 1]).unwrap();
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64);
        }
    }
    let disk = whole.fork();
    disk.write(segment(2), 0, b"junk").unwrap();
    check(
        &refused(&disk),
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the file does not start with the magic number of a segment; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
        ],
    );
    disk.write(segment(2), 0, b"memimage").unwrap();
    disk.write(segment(2), 100, b"junk").unwrap();
    check(
        &refused(&disk),
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the header's checksum is wrong; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
        ],
    );
}

/// Once an image whose last segment was gone was opened without the events in it: the segment before was sealed in
/// order, and nothing asked whether more was known to be synced.
#[test]
fn a_missing_segment_is_named() {
    let mut texts = String::new();
    for snapshots in [&[][..], &[3], &[10], &[20]] {
        let (whole, state) = ledger(20, snapshots);
        let used: Vec<_> = (1..)
            .map_while(|number| whole.read(segment(number)).ok())
            .filter(|bytes| !frames(bytes).is_empty())
            .collect();
        assert_eq!(used.len(), 3);
        for number in 1..=used.len() {
            let disk = whole.fork();
            remove(&disk, &segment(number));
            if number == used.len() {
                // nor does one stand ready after it
                remove(&disk, &segment(number + 1));
            }
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64, "{error}");
            if snapshots.is_empty() {
                texts += &format!("{error}\n");
            }
            // nor if it is there and holds nothing, unless a snapshot makes it superfluous
            if number < used.len() && !snapshots.is_empty() {
                continue;
            }
            let disk = whole.fork();
            disk.write(segment(number), 4_096, &vec![0; (16 << 10) - 4_096]).unwrap();
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64, "{error}");
        }
        is_well(&whole, 20, state);
    }
    expect![[r#"
        the journal's file `/ledger/journal/00000001.journal` is damaged in segment 1: its file is missing; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose
        the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2: its file is missing; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose
        the journal's file `/ledger/journal/00000003.journal` is damaged in segment 3 at byte 4096 where event 14 belongs: the segment is missing or empty, and events that belong there are known to have been synced; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose
    "#]].assert_eq(&texts);
}

/// The one that stands ready is made again.
#[test]
fn a_missing_segment_that_was_never_used_is_no_loss() {
    let (disk, state) = ledger(20, &[]);
    remove(&disk, &segment(4));
    is_well(&disk, 20, state);
}

#[test]
fn a_segment_in_anothers_place_is_named() {
    let (whole, state) = ledger(20, &[]);
    let (other, _) = ledger(20, &[]);
    let disk = whole.fork();
    let [second, third] = [2, 3].map(|number| disk.read(segment(number)).unwrap());
    replace(&disk, &segment(2), &third);
    replace(&disk, &segment(3), &second);
    let error = refused(&disk);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    check(
        &error,
        expect![
            "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the file is segment 3 by its header; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
        ],
    );
    for number in [1, 2, 3, 4] {
        let disk = whole.fork();
        replace(&disk, &segment(number), &other.read(segment(number)).unwrap());
        let error = refused(&disk);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        if number == 3 {
            check(
                &error,
                expect![
                    "the journal's file `/ledger/journal/00000003.journal` is damaged in segment 3 at byte 0: this file and `/ledger/journal/00000001.journal` are of different images, and `memimage::admin::check` shows which of them is foreign; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
                ],
            );
        }
    }
    is_well(&whole, 20, state);
}

#[test]
fn a_segment_of_another_length_is_named() {
    let (whole, _) = ledger(20, &[10]);
    for number in 1..=4 {
        for len in [0, 1, 4_095, 4_096, 4_097, 10_000, (16 << 10) - 1, (16 << 10) + 1, 20 << 10] {
            let disk = whole.fork();
            disk.truncate(segment(number), len).unwrap();
            let error = refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            let position = error.position().unwrap();
            assert_eq!(position.segment.unwrap().get(), number as u64, "{error}");
            assert_eq!(position.offset, Some(len.min(16 << 10)), "{error}");
            match (number, len) {
                (2, 4_095) => check(
                    &error,
                    expect![
                        "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 4095: the file ends within its header; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
                    ],
                ),
                (2, 10_000) => check(
                    &error,
                    expect![
                        "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 10000: the file is 10000 bytes long, and was created with 16384; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
                    ],
                ),
                (2, 20_480) => check(
                    &error,
                    expect![
                        "the journal's file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 16384: the file is 20480 bytes long, and was created with 16384; nothing was changed; help: restore the file from a copy, or run `memimage::admin::check`, which says which events each repair would lose"
                    ],
                ),
                _ => {}
            }
        }
    }
}

/// An image is damaged, and a small file besides that may be deleted is missing: once that was made before the damage was
/// found.
#[test]
fn a_refused_image_without_its_durable_block_is_left_unmodified() {
    let (disk, _) = ledger(20, &[]);
    remove(&disk, &format!("{ROOT}/journal/durable"));
    disk.write(segment(2), 4_100, b"junk").unwrap();
    assert_eq!(refused(&disk).kind(), ErrorKind::Corrupt);
}
