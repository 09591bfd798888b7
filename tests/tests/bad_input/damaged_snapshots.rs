//! Damaged and missing snapshots, which lose no data.

use std::path::Path;

use expect_test::expect;
use memimage::Image;
use memimage_tests::LedgerCommands;

use super::{assert_intact, ledger, open, options, remove, replace, snapshot, state};

#[test]
fn a_damaged_snapshot_is_skipped() {
    let (intact, expected) = ledger(20, &[10, 16]);
    let [older, newer] = [10, 16].map(|seq| intact.read(snapshot(seq)).unwrap());
    let flipped = |at: usize| {
        let mut bytes = newer.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut version = newer.clone();
    version[8] = 2;
    let crc = crc32c::crc32c(&version[..4092]);
    version[4092..4096].copy_from_slice(&crc.to_le_bytes());
    let (other, _) = ledger(16, &[16]);
    let mut texts = String::new();
    for (case, bytes) in [
        ("magic", flipped(0)),
        ("header", flipped(64)),
        ("chunk's header", flipped(4_096)),
        ("chunk", flipped(4_110)),
        ("trailer", flipped(newer.len() - 1)),
        ("empty", Vec::new()),
        ("cut in the header", newer[..100].to_vec()),
        ("cut in the state", newer[..4_110].to_vec()),
        ("cut in the trailer", newer[..newer.len() - 1].to_vec()),
        ("longer", [&newer[..], b"junk"].concat()),
        ("newer format", version),
        ("of another event", older.clone()),
        ("of another image", other.read(snapshot(16)).unwrap()),
    ] {
        let disk = intact.fork();
        replace(&disk, &snapshot(16), &bytes);
        let image = open(&disk).unwrap_or_else(|error| panic!("{case}: {error}"));
        let recovery = image.admin().stats().recovery;
        assert_eq!((recovery.snapshot.map(|seq| seq.get()), recovery.replayed), (Some(10), 10), "{case}");
        assert_eq!((image.journal().seq().get(), state(&image)), (20, expected), "{case}");
        let [(path, why)] = &recovery.unusable_snapshots[..] else { panic!("{case}: {recovery:?}") };
        assert_eq!(path, Path::new(&snapshot(16)));
        texts += &format!("{case}: {why}\n");
        Image::close(image).unwrap();
        assert_eq!(disk.read(snapshot(16)).unwrap(), bytes, "{case}");

        // both snapshots are damaged, so the complete journal is replayed
        replace(&disk, &snapshot(10), &bytes[..bytes.len() / 2]);
        let image = open(&disk).unwrap_or_else(|error| panic!("{case}: {error}"));
        let recovery = image.admin().stats().recovery;
        assert_eq!((recovery.snapshot, recovery.replayed, recovery.unusable_snapshots.len()), (None, 20, 2), "{case}");
        assert_eq!((image.journal().seq().get(), state(&image)), (20, expected), "{case}");
        // a new snapshot is used
        image.admin().snapshot().unwrap();
        Image::close(image).unwrap();
        assert_eq!(open(&disk).unwrap().admin().stats().recovery.snapshot.map(|seq| seq.get()), Some(20), "{case}");
    }
    expect![[r#"
        magic: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file does not start with the magic number of a snapshot; help: run `memimage::admin::check`, which says whether the image needs this file
        header: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the header's checksum is wrong; help: run `memimage::admin::check`, which says whether the image needs this file
        chunk's header: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the checksum of the chunk that ends at byte 4118 is wrong; help: run `memimage::admin::check`, which says whether the image needs this file
        chunk: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the checksum of the chunk that ends at byte 4119 is wrong; help: run `memimage::admin::check`, which says whether the image needs this file
        trailer: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the trailer's checksum is wrong; help: run `memimage::admin::check`, which says whether the image needs this file
        empty: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends within its header; help: run `memimage::admin::check`, which says whether the image needs this file
        cut in the header: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends within its header; help: run `memimage::admin::check`, which says whether the image needs this file
        cut in the state: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends too early, at byte 4110; help: run `memimage::admin::check`, which says whether the image needs this file
        cut in the trailer: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file ends too early, at byte 4174; help: run `memimage::admin::check`, which says whether the image needs this file
        longer: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file has bytes after its trailer; help: run `memimage::admin::check`, which says whether the image needs this file
        newer format: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file has a newer format; help: run `memimage::admin::check`, which says whether the image needs this file
        of another event: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the header names event 10; help: run `memimage::admin::check`, which says whether the image needs this file
        of another image: the snapshot `/ledger/snapshot/00000000000000000016.snapshot` cannot be used: the file belongs to another image; help: run `memimage::admin::check`, which says whether the image needs this file
    "#]].assert_eq(&texts);
}

#[test]
fn without_snapshots_everything_is_replayed() {
    let (disk, expected) = ledger(20, &[10, 16]);
    for seq in [10, 16] {
        remove(&disk, &snapshot(seq));
    }
    let image = open(&disk).unwrap();
    let recovery = image.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed, recovery.unusable_snapshots.len()), (None, 20, 0));
    assert_eq!(state(&image), expected);
    Image::close(image).unwrap();
    assert_intact(&disk, 20, expected);

    // the snapshot directory is not needed either
    let dir = tempfile::tempdir().unwrap();
    let image = options().open(dir.path()).unwrap();
    (0..5).for_each(|_| _ = image.file(vec![7; 1_000]).unwrap());
    image.admin().snapshot().unwrap();
    let expected = state(&image);
    Image::close(image).unwrap();
    std::fs::remove_dir_all(dir.path().join("snapshot")).unwrap();
    std::fs::remove_dir_all(dir.path().join("quarantine")).unwrap();
    let image = options().open(dir.path()).unwrap();
    assert_eq!((state(&image), image.admin().stats().recovery.replayed), (expected, 5));
    image.admin().snapshot().unwrap();
}
