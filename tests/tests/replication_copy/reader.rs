//! The reader of pieces, beside the owner.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::disk::{Disk as _, SimDisk};
use memimage::replication::{JournalPoint, Piece, PieceLimit, PieceReader, Sought};
use memimage::{Durability, ErrorKind, Image, Seq};
use memimage_tests::{Ledger, LedgerCommands as _, LedgerDeposit, Request, SplitMix64, wait_until, with_timeout};

use super::{EVERYTHING, IMAGE, Mode, SYNCED, begin, extend, pieces, reader, reader_after, segments};

#[test]
fn a_point_is_found_ahead_or_of_another_history() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, SYNCED, 20);
    let mut points = vec![JournalPoint::START];
    let mut whole = reader(&disk);
    while let Some(piece) = whole.next(EVERYTHING, 16 << 10).unwrap() {
        assert_eq!(piece.head.end, whole.point());
        points.push(piece.head.end);
    }
    let earlier = disk.fork();
    extend(&mut run, 9);
    let rest = pieces(&mut whole, EVERYTHING, 16 << 10);
    for point in &points {
        let mut from = reader_after(&disk, point);
        assert_eq!(from.point(), *point);
        pieces(&mut from, EVERYTHING, 30_000);
        assert_eq!(from.point(), whole.point());
        for wrong in [
            JournalPoint { hash: point.hash ^ 1, ..*point },
            JournalPoint { seq: point.seq.next(), ..*point },
            JournalPoint { offset: point.offset.saturating_sub(8), ..*point },
        ] {
            if *point != JournalPoint::START {
                assert_eq!(reader(&disk).seek(&wrong).unwrap(), Sought::Diverged, "{wrong:?}");
            }
        }
    }
    for piece in &rest {
        let sought = reader(&earlier).seek(&piece.head.end).unwrap();
        assert_eq!(sought, Sought::Behind, "{:?}", piece.head);
    }
    let beyond = JournalPoint { segment: 99, ..whole.point() };
    assert_eq!(reader(&disk).seek(&beyond).unwrap(), Sought::Behind);
}

/// The other history has a frame that reaches beyond the point.
#[test]
fn a_longer_frame_in_the_place_of_a_point_is_another_history() {
    let disk = SimDisk::new();
    begin(&disk, SYNCED, 2).close();
    let twin = disk.fork();
    let open = |disk: &SimDisk| SYNCED.options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let (image, other) = (open(&disk), open(&twin));
    image.deposit(1, 1).unwrap();
    other.file(vec![1; 4_000]).unwrap();
    let mut whole = reader(&disk);
    pieces(&mut whole, EVERYTHING, 16 << 10);
    assert_eq!(reader(&twin).seek(&whole.point()).unwrap(), Sought::Diverged);
}

#[test]
fn no_frame_beyond_the_limit_is_returned() {
    let disk = SimDisk::new();
    let run = begin(&disk, SYNCED, 30);
    let (last, mut random) = (run.image().journal().seq(), SplitMix64::new(2));
    let mut whole = reader(&disk);
    for seq in 0..=last.get() {
        let limit = Seq::new(seq);
        for piece in pieces(&mut whole, PieceLimit::Event(limit), 16 << 10) {
            assert!(piece.head.end.seq <= limit, "{:?}", piece.head);
        }
        assert_eq!(whole.point().seq, limit, "each event has a frame");
        let mut other = reader(&disk);
        pieces(&mut other, PieceLimit::Event(limit), random.below(100_000) as usize);
        assert_eq!(other.point().seq, limit);
    }
}

#[test]
fn nothing_unsynced_is_shown_and_at_rest_everything_synced() {
    for align in [8, 512, 4096] {
        let disk = SimDisk::new();
        let mode = Mode { durability: Durability::Buffered, align, ..SYNCED };
        let mut run = begin(&disk, mode, 0);
        let (mut synced, mut random) = (reader(&disk), SplitMix64::new(u64::from(align)));
        let mut shown = Vec::new();
        for round in 0..60 {
            match random.below(7) {
                0 => run.sync(),
                1 => run.execute(&Request::File(20_000)),
                _ => extend(&mut run, 1 + random.below(3)),
            }
            for piece in pieces(&mut synced, PieceLimit::Synced, 16 << 10) {
                // a power cut that keeps nothing unsynced keeps the frames of the piece
                let left = disk.crash(|_| false);
                let path = super::segment(IMAGE, piece.head.start.segment);
                let (from, bytes) = (piece.head.start.offset as usize, left.read(path).unwrap_or_default());
                assert!(
                    bytes.get(from..from + piece.bytes.len()) == Some(&piece.bytes[..]),
                    "align {align}, round {round}: {:?} is not synced",
                    piece.head
                );
                shown.push(piece);
            }
            assert!(synced.point().seq <= run.image().journal().durable_seq());
        }
        run.sync();
        let seq = run.image().journal().seq();
        wait_until("the synced events are shown", || {
            shown.extend(pieces(&mut synced, PieceLimit::Synced, 16 << 10));
            synced.point().seq == seq
        });
        assert_bytes(&disk, &shown);
    }
}

/// While the owner never rests, and each frame is longer than a piece.
#[test]
fn synced_frames_are_shown_while_the_owner_writes() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, SYNCED, 0);
    let mut synced = reader(&disk);
    for _ in 0..12 {
        run.execute(&Request::File(20_000));
    }
    // as if the block was not written since the image was opened
    disk.write(format!("{IMAGE}/journal/durable"), 0, &[0; 64]).unwrap();
    pieces(&mut synced, PieceLimit::Synced, 16 << 10);
    assert_eq!(synced.point().seq, Seq::new(11), "the last frame proves the one before it");
}

/// Asserts that the pieces are the segments of the image, up to their end.
fn assert_bytes(disk: &SimDisk, pieces: &[Piece]) {
    let mut files: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for piece in pieces {
        let file = files.entry(piece.head.start.segment).or_default();
        assert_eq!(file.len() as u64, piece.head.start.offset, "a gap or a repetition: {:?}", piece.head);
        file.extend_from_slice(&piece.bytes);
    }
    for (number, bytes) in files {
        let segment = disk.read(super::segment(IMAGE, number)).unwrap();
        assert!(segment[..bytes.len()] == bytes[..], "segment {number}");
    }
}

fn race(durability: Durability, limit: impl Fn(&Image<Ledger>) -> PieceLimit) {
    let disk = SimDisk::new();
    let mode = Mode { durability, ..SYNCED };
    let image = mode.options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let done = AtomicBool::new(false);
    let (mut whole, mut read, mut random) = (reader(&disk), Vec::new(), SplitMix64::new(8));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..40u32 {
                let pending: Vec<_> =
                    (0..12).map(|_| image.submit(LedgerDeposit { account: round % 7, amount: 1 }).unwrap()).collect();
                image.file(vec![round as u8 | 1; (round as usize * 911) % 19_000]).unwrap();
                pending.into_iter().for_each(|pending| _ = pending.wait().unwrap());
            }
            image.journal().sync().unwrap();
            done.store(true, Ordering::SeqCst);
        });
        loop {
            let is_last = done.load(Ordering::SeqCst);
            let now = limit(&image);
            let found = pieces(&mut whole, now, random.below(40_000) as usize);
            if let PieceLimit::Event(seq) = now {
                assert!(found.is_empty() && whole.point().seq <= seq || whole.point().seq == seq, "{now:?}");
            }
            read.extend(found);
            if is_last && whole.point().seq == image.journal().seq() {
                break;
            }
        }
    });
    assert!(read.len() > 20);
    assert_bytes(&disk, &read);
}

#[test]
fn a_reader_beside_a_writer_reads_its_files() {
    with_timeout(|| {
        race(Durability::Synced, |image| PieceLimit::Event(image.journal().written_seq()));
        race(Durability::Buffered, |image| PieceLimit::Event(image.journal().durable_seq()));
        race(Durability::Synced, |_| PieceLimit::Synced);
        race(Durability::Buffered, |_| PieceLimit::Synced);
    });
}

#[test]
fn a_reader_of_pruned_segments_is_told_so() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, SYNCED, 3);
    let mut early = reader(&disk);
    early.next(EVERYTHING, 16 << 10).unwrap().unwrap();
    let (point, mut before) = (early.point(), reader(&disk));
    extend(&mut run, 1);
    run.close();
    let image = super::snapshots::pruned(&disk);
    let error = loop {
        match early.next(EVERYTHING, 16 << 10) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the pruned events are missed"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
    assert_eq!(before.next(EVERYTHING, 16 << 10).unwrap_err().kind(), ErrorKind::Pruned);
    assert_eq!(before.seek(&point).unwrap_err().kind(), ErrorKind::Pruned);
    assert_eq!(reader(&disk).seek(&point).unwrap_err().kind(), ErrorKind::Pruned);
    drop(image);
}

/// Replaces the bytes of the image on `disk` by those on another one.
fn replace(disk: &SimDisk, by: &SimDisk) {
    for path in segments(disk, IMAGE) {
        disk.remove(&path).unwrap();
    }
    for path in segments(by, IMAGE) {
        disk.create_new(&path).unwrap();
        disk.write(&path, 0, &by.read(&path).unwrap()).unwrap();
    }
}

#[test]
fn a_reader_of_a_replaced_or_cut_journal_is_told_so() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, SYNCED, 8);
    let earlier = disk.fork();
    extend(&mut run, 12);
    run.close();
    let other = SimDisk::new();
    begin(&other, SYNCED, 30).close();
    // another owner continues the earlier journal
    let branched = earlier.fork();
    let image = SYNCED.options().open_with(Arc::new(branched.clone()), IMAGE).unwrap();
    (0..9).for_each(|_| _ = image.file(vec![3; 5_000]).unwrap());
    Image::close(image).unwrap();
    for (by, what) in [(&earlier, "cut"), (&other, "another image"), (&branched, "another timeline")] {
        let disk = disk.fork();
        let mut at_end = reader(&disk);
        pieces(&mut at_end, EVERYTHING, 16 << 10);
        let mut half: PieceReader = reader(&disk);
        while half.point().seq <= Seq::new(10) {
            half.next(EVERYTHING, 16 << 10).unwrap().unwrap();
        }
        replace(&disk, by);
        for reader in [&mut at_end, &mut half] {
            let found = reader.next(EVERYTHING, 16 << 10);
            let error = found.err().unwrap_or_else(|| panic!("{what}: {:?} is taken for the end", reader.point()));
            assert_eq!(error.kind(), ErrorKind::Replaced, "{what}: {error}");
        }
    }
}
