//! Damaged, missing and misplaced segments and frames.

use expect_test::expect;
use memimage::ErrorKind;
use memimage_tests::frames::{first_event, frames};

use super::{ROOT, assert_intact, assert_refused, check, ledger, open, remove, replace, segment};

/// `journal/durable` is only additional evidence, and may be deleted.
#[test]
fn an_image_without_its_durable_block_opens() {
    let (disk, state) = ledger(20, &[10]);
    remove(&disk, &format!("{ROOT}/journal/durable"));
    assert_intact(&disk, 20, state);
}

/// The error names the position of any damaged frame.
#[test]
fn a_damaged_frame_is_reported_with_segment_offset_and_event() {
    let (intact, state) = ledger(20, &[]);
    let mut damaged = 0;
    for number in 1.. {
        let Ok(bytes) = intact.read(segment(number)) else { break };
        for frame in frames(&bytes) {
            let (at, len, first_seq) = (frame.start, frame.len(), first_event(&bytes, &frame));
            let flip = |offset: usize| (at + offset, vec![bytes[at + offset] ^ 0x10]);
            for (place, bytes) in [flip(0), flip(33), flip(79), flip(len / 2), flip(len - 1), (at, vec![0; len])] {
                let disk = intact.fork();
                disk.write(segment(number), place as u64, &bytes).unwrap();
                let error = assert_refused(&disk);
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
    let disk = intact.fork();
    let frame = frames(&disk.read(segment(2)).unwrap())[3].clone();
    disk.write(segment(2), (frame.start + frame.len() / 2) as u64, &[0; 8]).unwrap();
    check(
        &assert_refused(&disk),
        expect![
            "the journal file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 7680 (event 9): a frame is missing or damaged, and a later segment has frames; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
        ],
    );
    assert_intact(&intact, 20, state);
}

/// Recovery begins in the middle of the journal, after the snapshot.
#[test]
fn a_damaged_frame_after_a_snapshot_is_reported() {
    for last in 1..=20 {
        let (intact, _) = ledger(20, &[last]);
        for number in 1.. {
            let Ok(bytes) = intact.read(segment(number)) else { break };
            for frame in frames(&bytes) {
                let (at, len, first_seq) = (frame.start, frame.len(), first_event(&bytes, &frame));
                for place in [at + 33, at + len / 2] {
                    let disk = intact.fork();
                    disk.write(segment(number), place as u64, &[bytes[place] ^ 0x10]).unwrap();
                    // damage before the snapshot may be ignored
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

/// Each segment has a header, also the preallocated one.
#[test]
fn a_damaged_header_is_reported() {
    let (intact, _) = ledger(20, &[]);
    for number in 1.. {
        if intact.read(segment(number)).is_err() {
            assert!(number > 3);
            break;
        }
        for place in [0, 8, 50, 120, 3_000, 4_095] {
            let disk = intact.fork();
            let byte = disk.read(segment(number)).unwrap()[place];
            disk.write(segment(number), place as u64, &[byte ^ 1]).unwrap();
            let error = assert_refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64);
        }
    }
    let disk = intact.fork();
    disk.write(segment(2), 0, b"junk").unwrap();
    check(
        &assert_refused(&disk),
        expect![
            "the journal file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the file does not start with the magic number of a segment; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
        ],
    );
    disk.write(segment(2), 0, b"memimage").unwrap();
    disk.write(segment(2), 100, b"junk").unwrap();
    check(
        &assert_refused(&disk),
        expect![
            "the journal file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the header's checksum is wrong; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
        ],
    );
}

/// Regression: an image without its last segment was opened without the events in it. The segment before it was sealed, and
/// recovery did not check whether later events were known to be synced.
#[test]
fn a_missing_segment_is_reported() {
    let mut texts = String::new();
    for snapshots in [&[][..], &[3], &[10], &[20]] {
        let (intact, state) = ledger(20, snapshots);
        let used: Vec<_> = (1..)
            .map_while(|number| intact.read(segment(number)).ok())
            .filter(|bytes| !frames(bytes).is_empty())
            .collect();
        assert_eq!(used.len(), 3);
        for number in 1..=used.len() {
            let disk = intact.fork();
            remove(&disk, &segment(number));
            if number == used.len() {
                // no segment is preallocated either
                remove(&disk, &segment(number + 1));
            }
            let error = assert_refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64, "{error}");
            if snapshots.is_empty() {
                texts += &format!("{error}\n");
            }
            // a segment without frames is refused too, unless a snapshot makes it unnecessary
            if number < used.len() && !snapshots.is_empty() {
                continue;
            }
            let disk = intact.fork();
            disk.write(segment(number), 4_096, &vec![0; (16 << 10) - 4_096]).unwrap();
            let error = assert_refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.position().unwrap().segment.unwrap().get(), number as u64, "{error}");
        }
        assert_intact(&intact, 20, state);
    }
    expect![[r#"
        the journal file `/ledger/journal/00000001.journal` is damaged in segment 1: the file is missing; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose
        the journal file `/ledger/journal/00000002.journal` is damaged in segment 2: the file is missing; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose
        the journal file `/ledger/journal/00000003.journal` is damaged in segment 3: this segment is missing, but `journal/durable` names segment 3 as the last one written; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose
    "#]].assert_eq(&texts);
}

/// A missing preallocated segment is created again.
#[test]
fn a_missing_preallocated_segment_is_no_loss() {
    let (disk, state) = ledger(20, &[]);
    remove(&disk, &segment(4));
    assert_intact(&disk, 20, state);
}

#[test]
fn a_segment_in_the_place_of_another_is_reported() {
    let (intact, state) = ledger(20, &[]);
    let (other, _) = ledger(20, &[]);
    let disk = intact.fork();
    let [second, third] = [2, 3].map(|number| disk.read(segment(number)).unwrap());
    replace(&disk, &segment(2), &third);
    replace(&disk, &segment(3), &second);
    let error = assert_refused(&disk);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    check(
        &error,
        expect![
            "the journal file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 0: the header belongs to segment 3; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
        ],
    );
    for number in [1, 2, 3, 4] {
        let disk = intact.fork();
        replace(&disk, &segment(number), &other.read(segment(number)).unwrap());
        let error = assert_refused(&disk);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        if number == 3 {
            check(
                &error,
                expect![
                    "the journal file `/ledger/journal/00000003.journal` is damaged in segment 3 at byte 0: this file and `/ledger/journal/00000001.journal` belong to different images, and `memimage::admin::check` shows which file is foreign; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
                ],
            );
        }
    }
    assert_intact(&intact, 20, state);
}

#[test]
fn a_segment_of_the_wrong_length_is_reported() {
    let (intact, _) = ledger(20, &[10]);
    for number in 1..=4 {
        for len in [0, 1, 4_095, 4_096, 4_097, 10_000, (16 << 10) - 1, (16 << 10) + 1, 20 << 10] {
            let disk = intact.fork();
            disk.truncate(segment(number), len).unwrap();
            let error = assert_refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            let position = error.position().unwrap();
            assert_eq!(position.segment.unwrap().get(), number as u64, "{error}");
            assert_eq!(position.offset, Some(len.min(16 << 10)), "{error}");
            match (number, len) {
                (2, 4_095) => check(
                    &error,
                    expect![
                        "the journal file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 4095: the file ends within its header; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
                    ],
                ),
                (2, 10_000) => check(
                    &error,
                    expect![
                        "the journal file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 10000: the file is 10000 bytes long, but was created with 16384 bytes; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
                    ],
                ),
                (2, 20_480) => check(
                    &error,
                    expect![
                        "the journal file `/ledger/journal/00000002.journal` is damaged in segment 2 at byte 16384: the file is 20480 bytes long, but was created with 16384 bytes; nothing was changed; help: restore the file from a backup (or copy the image again, if this is a copy that was made while the image was in use), or run `memimage::admin::check`, which lists the possible repairs and the events that each would lose"
                    ],
                ),
                _ => {}
            }
        }
    }
}

/// Regression: opening a damaged image without `journal/durable` created this file before it found the damage.
#[test]
fn a_refused_image_without_its_durable_block_is_left_unmodified() {
    let (disk, _) = ledger(20, &[]);
    remove(&disk, &format!("{ROOT}/journal/durable"));
    disk.write(segment(2), 4_100, b"junk").unwrap();
    assert_eq!(assert_refused(&disk).kind(), ErrorKind::Corrupt);
}
