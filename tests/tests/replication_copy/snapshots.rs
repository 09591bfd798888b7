//! Copies that begin at a snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;

use memimage::disk::{Disk as _, SimDisk};
use memimage::replication::{JournalPoint, Piece, PieceReader};
use memimage::{Durability, ErrorKind, Image, Retention, Seq};
use memimage_tests::{Ledger, LedgerCommands as _, Run, SplitMix64, changed, files};

use super::{COPY, EVERYTHING, IMAGE, append_all, assert_same_bytes, digest, lock, pieces, reader, segments};

/// The place of the snapshot on the disk of a copy.
const SNAPSHOT: &str = "/snapshot";

fn options() -> memimage::Options<Ledger> {
    Run::options(Durability::Synced, 512).retention(Retention::Events(6))
}

/// Opens an image and fills it until its journal was pruned.
pub(super) fn pruned(disk: &SimDisk) -> Image<Ledger> {
    let image = options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    for _ in 0..200 {
        (0..3).for_each(|_| _ = image.file(vec![7; 5_000]).unwrap());
        if image.admin().snapshot().unwrap().pruned.is_some() {
            return image;
        }
    }
    panic!("the journal was not pruned");
}

/// The newest snapshot of an image, and its event.
fn newest_snapshot(disk: &SimDisk) -> (Seq, PathBuf) {
    let snapshots = disk.files().into_iter().filter(|path| path.extension() == Some("snapshot".as_ref()));
    let path = snapshots.max().unwrap();
    let name = path.file_stem().unwrap().to_str().unwrap();
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    (Seq::new(digits.parse().unwrap()), path)
}

/// A disk with the newest snapshot alone.
fn disk_with_snapshot(disk: &SimDisk) -> (Seq, SimDisk) {
    let (seq, path) = newest_snapshot(disk);
    let to = SimDisk::new();
    to.create_new(Path::new(SNAPSHOT)).unwrap();
    to.write(SNAPSHOT, 0, &disk.read(path).unwrap()).unwrap();
    to.open(Path::new(SNAPSHOT), memimage::disk::Access::ReadWrite).unwrap().sync_all().unwrap();
    to.sync_dir(Path::new("/")).unwrap();
    (seq, to)
}

/// The pieces from the segment on that contains the event after `seq`.
fn pieces_after(reader: &mut PieceReader, seq: Seq) -> Vec<Piece> {
    let all = pieces(reader, EVERYTHING, 16 << 10);
    let begins = |piece: &Piece| piece.head.start.offset == 0;
    let first = all.iter().rposition(|piece| begins(piece) && piece.head.start.seq <= seq).unwrap();
    all[first..].to_vec()
}

#[test]
fn a_copy_begins_at_a_snapshot() {
    let disk = SimDisk::new();
    let image = pruned(&disk);
    image.deposit(3, 4).unwrap();
    for without in [".base", ".snapshot"] {
        let (seq, to) = disk_with_snapshot(&disk);
        let mut reader = reader(&disk);
        assert!(reader.first_segment() > 1);
        let pieces = pieces_after(&mut reader, seq);
        let mut copy = lock(&to, reader.image());
        copy.begin_at(seq, Path::new(SNAPSHOT)).unwrap();
        append_all(&mut copy, &pieces);
        copy.sync().unwrap();
        assert_same_bytes(&disk, &to, copy.end());
        assert_eq!(copy.begin_at(seq, Path::new(SNAPSHOT)).unwrap_err().kind(), ErrorKind::Replaced);
        drop(copy);
        let bases: Vec<_> = to.files().into_iter().filter(|path| path.extension() == Some("base".as_ref())).collect();
        assert_eq!(bases.len(), 2);
        if without == ".base" {
            to.remove(&bases[0]).unwrap();
        }
        let copied = options().open_with(Arc::new(to.clone()), COPY).unwrap();
        assert_eq!((copied.journal().seq(), digest(&copied)), (image.journal().seq(), digest(&image)));
        copied.deposit(1, 1).unwrap();
        Image::close(copied).unwrap();
        let report = memimage::admin::check_with(Arc::new(to.fork()), COPY).unwrap();
        assert!(report.is_sound(), "{report}");
    }
}

#[test]
fn a_copy_that_cannot_begin_stays_empty() {
    let disk = SimDisk::new();
    let image = pruned(&disk);
    for _ in 0..9 {
        image.file(vec![7; 5_000]).unwrap();
    }
    let (seq, to) = disk_with_snapshot(&disk);
    let mut reader = reader(&disk);
    let all = pieces(&mut reader, EVERYTHING, 16 << 10);
    let mut copy = lock(&to, reader.image());
    let before = files(&to);
    let refused = |copy: &mut memimage::replication::JournalCopy, piece: &Piece| {
        assert_eq!(copy.append(piece).unwrap_err().kind(), ErrorKind::Replaced);
        assert!(changed(&before, &files(&to)).is_empty());
        assert!(copy.is_empty() && copy.end() == JournalPoint::START);
    };
    let begin = |piece: &&Piece| piece.head.start.offset == 0;
    refused(&mut copy, &all[0]);
    copy.begin_at(seq, Path::new(SNAPSHOT)).unwrap();
    // its first event is after the one that follows the snapshot
    let late = all.iter().filter(begin).find(|piece| piece.head.start.seq > seq).expect("a segment after the snapshot");
    refused(&mut copy, late);
    // a piece within a segment
    let mut within = late.clone();
    within.head.start.offset = 8_192;
    refused(&mut copy, &within);
    // a snapshot that is not there
    copy.begin_at(seq, Path::new("/missing")).unwrap();
    let first = all.iter().filter(begin).rfind(|piece| piece.head.start.seq <= seq).unwrap();
    copy.append(first).unwrap_err();
    copy.begin_at(seq, Path::new(SNAPSHOT)).unwrap();
    copy.append(first).unwrap();
    drop(image);
}

#[test]
fn a_crash_while_a_copy_begins_leaves_no_copy_or_one_that_opens() {
    let disk = SimDisk::new();
    let image = pruned(&disk);
    let (seq, to) = disk_with_snapshot(&disk);
    let mut reader = reader(&disk);
    let pieces = pieces_after(&mut reader, seq);
    let mut copy = lock(&to, reader.image());
    let (send, points) = channel();
    to.observe(move |operation, fork| drop(send.send((format!("{operation:?}"), fork.fork()))));
    copy.begin_at(seq, Path::new(SNAPSHOT)).unwrap();
    append_all(&mut copy, &pieces);
    let synced = copy.sync().unwrap();
    drop(copy);
    let (mut random, mut empty, mut begun) = (SplitMix64::new(3), 0, 0);
    for (operation, point) in points.try_iter() {
        for left in super::crash::left(&point, &mut random, 2) {
            let mut copy = lock(&left, reader.image());
            if copy.is_empty() {
                empty += 1;
                assert!(segments(&left, COPY).is_empty());
                copy.begin_at(seq, Path::new(SNAPSHOT)).unwrap();
            } else {
                begun += 1;
                let end = copy.end();
                drop(copy);
                let copied = options().open_with(Arc::new(left.fork()), COPY);
                let copied = copied.unwrap_or_else(|error| panic!("after {operation}: {error}"));
                assert_eq!(copied.journal().seq(), end.seq.max(seq), "after {operation}");
                drop(copied);
                copy = lock(&left, reader.image());
            }
            append_all(&mut copy, &pieces);
            assert_eq!(copy.sync().unwrap(), synced);
            assert_same_bytes(&disk, &left, copy.end());
            drop(copy);
            let copied = options().open_with(Arc::new(left.crash(|_| false)), COPY).unwrap();
            assert_eq!(digest(&copied), digest(&image), "after {operation}");
        }
    }
    assert!(empty > 5 && begun > 5, "{empty} {begun}");
}
