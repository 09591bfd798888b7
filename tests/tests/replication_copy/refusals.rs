//! Pieces that are damaged, missing or of another history are refused, and nothing on disk changes.

use std::sync::Arc;

use memimage::ErrorKind;
use memimage::disk::{Disk as _, SimDisk};
use memimage::replication::{JournalCopy, Piece};
use memimage_tests::{SplitMix64, cases, changed, files};

use super::{
    COPY, EVERYTHING, Mode, SYNCED, append_all, assert_same_bytes, begin, copy_of, extend, lock, reader, segments,
    small_pieces,
};

/// The image's disk, and its pieces, each with some frames of a segment.
fn image_and_pieces() -> (SimDisk, Vec<Piece>) {
    let disk = SimDisk::new();
    let (_, last) = begin(&disk, Mode { align: 512, ..SYNCED }, 24).close();
    let pieces = small_pieces(&mut reader(&disk), last);
    assert!(pieces.len() > 24);
    assert!(segments(&disk, super::IMAGE).len() > 2);
    (disk, pieces)
}

fn refused(copy: &mut JournalCopy, disk: &SimDisk, piece: &Piece, what: &str) -> ErrorKind {
    let (before, end) = (files(disk), copy.end());
    let Err(error) = copy.append(piece) else { panic!("accepted: {what}") };
    assert!(changed(&before, &files(disk)).is_empty(), "{what}: {:?}", changed(&before, &files(disk)));
    assert_eq!(copy.end(), end, "{what}");
    error.kind()
}

#[test]
fn a_piece_with_a_flipped_bit_is_refused() {
    let (owner, pieces) = image_and_pieces();
    let mut random = SplitMix64::new(1);
    let to = SimDisk::new();
    let mut copy = lock(&to, reader(&owner).image());
    for (number, piece) in pieces.iter().enumerate() {
        let mut at: Vec<usize> = (0..cases(20)).map(|_| random.below(piece.bytes.len() as u64) as usize).collect();
        // the zeros between frames, and the first bytes
        at.extend((0..piece.bytes.len()).filter(|at| at % 97 == 0 && piece.bytes[*at] == 0).take(12));
        at.extend([0, 4090, piece.bytes.len() - 1].into_iter().filter(|at| *at < piece.bytes.len()));
        for at in at {
            let mut damaged = piece.clone();
            damaged.bytes[at] ^= 1 << random.below(8);
            let what = format!("byte {at} of piece {number}");
            // a damaged header of a frame can look like the beginning of a frame that is still incomplete
            let kind = refused(&mut copy, &to, &damaged, &what);
            assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Replaced), "{what}: {kind:?}");
        }
        copy.append(piece).unwrap();
        // a damaged piece that repeats an earlier one
        let mut damaged = piece.clone();
        damaged.bytes[random.below(piece.bytes.len() as u64) as usize] ^= 1;
        refused(&mut copy, &to, &damaged, "a repeated piece");
    }
    assert_same_bytes(&owner, &to, copy.end());
}

#[test]
fn missing_and_swapped_pieces_are_refused_and_repeated_ones_accepted() {
    let (owner, pieces) = image_and_pieces();
    let to = SimDisk::new();
    let mut copy = lock(&to, reader(&owner).image());
    refused(&mut copy, &to, &pieces[1], "the second piece first");
    for (number, piece) in pieces.iter().enumerate() {
        for later in &pieces[number + 1..] {
            assert_eq!(refused(&mut copy, &to, later, "a later piece"), ErrorKind::Replaced);
        }
        copy.append(piece).unwrap();
        let before = files(&to);
        append_all(&mut copy, &pieces[..=number]);
        assert_eq!(changed(&before, &files(&to)), Vec::<std::path::PathBuf>::new());
        // a piece that states another end
        let mut other = piece.clone();
        other.head.end.hash ^= 1;
        refused(&mut copy, &to, &other, "a wrong hash at the end");
    }
    // pieces of other sizes repeat the same bytes
    append_all(&mut copy, &super::pieces(&mut reader(&owner), EVERYTHING, 50_000));
    assert_same_bytes(&owner, &to, copy.end());
}

#[test]
fn a_piece_that_states_a_wrong_end_is_not_written() {
    let (owner, pieces) = image_and_pieces();
    let to = SimDisk::new();
    let mut copy = lock(&to, reader(&owner).image());
    for piece in &pieces {
        let mut other = piece.clone();
        other.head.end.hash ^= 1;
        refused(&mut copy, &to, &other, "a wrong hash");
        let mut shorter = piece.clone();
        shorter.bytes.truncate(piece.bytes.len().saturating_sub(600));
        refused_or_incomplete(&mut copy, &to, &shorter);
        copy.append(piece).unwrap();
    }
}

/// A piece that ends too early is refused, or its last frame is taken for an incomplete one.
fn refused_or_incomplete(copy: &mut JournalCopy, disk: &SimDisk, piece: &Piece) {
    let before = files(disk);
    if copy.append(piece).is_err() {
        assert!(changed(&before, &files(disk)).is_empty());
    }
}

#[test]
fn pieces_of_another_image_or_timeline_are_refused() {
    let (owner, pieces) = image_and_pieces();
    let (other, of_other) = image_and_pieces();
    let to = SimDisk::new();
    let mut copy = copy_of(&owner, &to);
    for piece in &of_other {
        assert_eq!(refused(&mut copy, &to, piece, "another image"), ErrorKind::Replaced);
    }
    drop(copy);
    let before = files(&to);
    let locked = JournalCopy::lock_with(Arc::new(to.clone()), COPY, reader(&other).image());
    assert_eq!(locked.unwrap_err().kind(), ErrorKind::Replaced);
    assert!(changed(&before, &files(&to)).is_empty());
    let empty = SimDisk::new();
    let mut copy = lock(&empty, reader(&owner).image());
    refused(&mut copy, &empty, &of_other[0], "another image first");
    copy.append(&pieces[0]).unwrap();

    // two owners continue copies of the same directory
    let twin = owner.fork();
    let owners = [&owner, &twin].map(|disk| {
        let image = SYNCED.options().open_with(Arc::new(disk.clone()), super::IMAGE).unwrap();
        let digests = vec![super::digest(&image); image.journal().seq().get() as usize + 1];
        let mut run = memimage_tests::Run::begin(image, digests, memimage::Seq::ZERO).unwrap();
        extend(&mut run, 6);
        let (_, last) = run.close();
        small_pieces(&mut reader(disk), last)
    });
    for begun in [false, true] {
        let to = SimDisk::new();
        let mut copy = lock(&to, reader(&owner).image());
        let same = owners[0].iter().zip(&owners[1]).take_while(|(own, other)| own == other).count();
        assert!(same > 1 && same < owners[0].len());
        append_all(&mut copy, &owners[0][..if begun { owners[0].len() } else { same }]);
        if begun {
            for piece in &owners[1][same..] {
                assert_eq!(refused(&mut copy, &to, piece, "another timeline"), ErrorKind::Replaced);
            }
        } else {
            append_all(&mut copy, &owners[1]);
            assert_same_bytes(&twin, &to, copy.end());
        }
    }
}

#[test]
fn a_copy_that_lost_synced_frames_is_refused() {
    let (owner, _) = image_and_pieces();
    let to = SimDisk::new();
    let copy = copy_of(&owner, &to);
    let (image, end) = (reader(&owner).image(), copy.end());
    drop(copy);
    let path = super::segment(COPY, end.segment);
    let bytes = to.read(&path).unwrap();
    let last = memimage_tests::frames::frames(&bytes).pop().unwrap();
    to.write(&path, last.start as u64 + 20, &[0xA5; 9]).unwrap();
    // the seal or the shapes have no events; the frame before them is not damaged then
    let before = files(&to);
    match JournalCopy::lock_with(Arc::new(to.clone()), COPY, image) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(changed(&before, &files(&to)).is_empty());
        }
        Ok(copy) => assert_eq!(copy.end().seq, end.seq),
    }
}

#[test]
fn the_base_of_an_image_without_segments_is_not_removed() {
    let disk = SimDisk::new();
    let image = super::snapshots::pruned(&disk);
    let uuid = reader(&disk).image();
    drop(image);
    for path in segments(&disk, super::IMAGE) {
        disk.remove(&path).unwrap();
    }
    for snapshots in [true, false] {
        let disk = disk.fork();
        if !snapshots {
            disk.files()
                .iter()
                .filter(|path| path.extension() == Some("snapshot".as_ref()))
                .for_each(|path| disk.remove(path).unwrap());
        }
        let before = files(&disk);
        JournalCopy::lock_with(Arc::new(disk.clone()), super::IMAGE, uuid).unwrap_err();
        assert!(changed(&before, &files(&disk)).is_empty());
    }
}
