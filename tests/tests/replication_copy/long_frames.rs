//! A frame that is longer than a piece comes in several pieces, and is written once it is complete.

use memimage::disk::SimDisk;
use memimage::replication::Piece;
use memimage_tests::{Request, Run};

use super::{
    COPY, EVERYTHING, SYNCED, append_all, assert_same_bytes, begin, copy_of, extend, lock, pieces, reader_after,
    segments,
};

/// An image with a record of 300 KiB, the pieces of this record, and a copy without them.
fn image_and_pieces() -> (SimDisk, Run, SimDisk, Vec<Piece>) {
    let (disk, to) = (SimDisk::new(), SimDisk::new());
    let mut run = begin(&disk, SYNCED, 4);
    let end = copy_of(&disk, &to).end();
    run.execute(&Request::File(300 << 10));
    extend(&mut run, 3);
    let pieces = pieces(&mut reader_after(&disk, &end), EVERYTHING, 16 << 10);
    assert!(pieces.len() > 18, "{}", pieces.len());
    assert!(pieces.iter().all(|piece| piece.bytes.len() <= 16 << 10));
    (disk, run, to, pieces)
}

#[test]
fn an_incomplete_frame_is_never_written() {
    let (disk, run, to, pieces) = image_and_pieces();
    let mut copy = lock(&to, super::reader(&disk).image());
    let image = super::reader(&disk).image();
    for (number, piece) in pieces.iter().enumerate() {
        let before: Vec<_> = segments(&to, COPY).iter().map(|path| to.read(path).unwrap()).collect();
        copy.append(piece).unwrap();
        let after: Vec<_> = segments(&to, COPY).iter().map(|path| to.read(path).unwrap()).collect();
        let completes = piece.head.end != piece.head.start;
        assert_eq!(before != after, completes, "piece {number}: {:?}", piece.head);
        assert_same_bytes(&disk, &to, copy.end());
        if completes {
            assert_eq!(piece.head.end, copy.end());
        }
        // the end can be sought, and a copy that is opened again needs the frame from its beginning
        reader_after(&disk, &copy.end());
        if !completes {
            let end = copy.end();
            drop(copy);
            copy = lock(&to, image);
            assert_eq!(copy.end(), end);
            let begun = pieces[..=number].iter().rposition(|piece| piece.head.end != piece.head.start);
            append_all(&mut copy, &pieces[begun.map_or(0, |last| last + 1)..=number]);
        }
    }
    copy.sync().unwrap();
    drop(copy);
    let seq = run.image().journal().seq();
    assert_eq!(SYNCED.verify(&to, COPY, run.digests(), seq), Ok(seq));
}

#[test]
fn a_long_frame_can_begin_again() {
    let (disk, _run, to, pieces) = image_and_pieces();
    let mut copy = lock(&to, super::reader(&disk).image());
    let long = pieces.iter().position(|piece| piece.head.end == piece.head.start).unwrap();
    append_all(&mut copy, &pieces[..long + 4]);
    copy.append(&pieces[long + 6]).unwrap_err();
    copy.drop_incomplete();
    copy.append(&pieces[long + 4]).unwrap_err();
    let mut reader = reader_after(&disk, &copy.end());
    append_all(&mut copy, &super::pieces(&mut reader, EVERYTHING, 40_000));
    assert_same_bytes(&disk, &to, copy.end());
}

#[test]
fn a_damaged_part_of_a_long_frame_is_not_kept() {
    let (disk, _run, to, pieces) = image_and_pieces();
    let mut copy = lock(&to, super::reader(&disk).image());
    let long = pieces.iter().position(|piece| piece.head.end == piece.head.start).unwrap();
    append_all(&mut copy, &pieces[..=long]);
    let mut damaged = pieces[long + 1].clone();
    damaged.bytes[700] ^= 1;
    copy.append(&damaged).unwrap();
    let (before, end) = (memimage_tests::files(&to), copy.end());
    let refused = pieces[long + 2..].iter().find_map(|piece| copy.append(piece).err()).unwrap();
    assert_eq!(refused.kind(), memimage::ErrorKind::Corrupt, "{refused}");
    assert_eq!((memimage_tests::files(&to), copy.end()), (before, end));
    append_all(&mut copy, &pieces[long..]);
    assert_same_bytes(&disk, &to, copy.end());
}
