//! A disk that is full at any moment: no acknowledged event is lost, no operation is half done, and all operations succeed once
//! there is space.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use memimage::admin::rewrite;
use memimage::{Error, ErrorKind, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, differences, tear_last_frame, tree};

use super::{child, dir, run, unshared};

const PAGE: u64 = 4096;
const NOTHING: &[PathBuf] = &[];

/// A small file system that a filler file keeps full except for some pages.
struct Volume {
    root: PathBuf,
    filler: File,
    /// The filler's length.
    taken: u64,
}

impl Volume {
    fn new(root: &Path) -> Volume {
        let filler = OpenOptions::new().create(true).append(true).open(root.join("filler")).unwrap();
        Volume { root: root.to_owned(), filler, taken: 0 }
    }

    /// Fills the file system except for `pages`.
    fn leave(&mut self, pages: u64) {
        let page = [1; PAGE as usize];
        // a sync makes blocks available that the file system has not yet freed
        for _ in 0..2 {
            while let Ok(written) = self.filler.write(&page) {
                self.taken += written as u64;
            }
            self.filler.sync_all().unwrap();
        }
        self.give(pages);
    }

    /// Frees some pages.
    fn give(&mut self, pages: u64) {
        self.taken = self.taken.saturating_sub(pages * PAGE);
        self.filler.set_len(self.taken).unwrap();
        self.filler.sync_all().unwrap();
    }

    fn image(&self) -> PathBuf {
        self.root.join("image")
    }
}

fn options() -> Options<Ledger> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

#[track_caller]
fn assert_full(error: &Error) {
    assert!(error.kind() == ErrorKind::StorageFull && !error.is_poisoned(), "{error}");
}

/// Runs an image on a volume with `pages` free pages, and frees a page after each refusal. Returns the number of refused
/// openings, commands, snapshots and repairs.
fn run_on_full_volume(volume: &mut Volume, pages: u64) -> [u32; 4] {
    let [mut opens, mut commands, mut snapshots, mut repairs] = [0; 4];
    let path = volume.image();
    volume.leave(pages);
    let open = || options().retention(Retention::Events(5)).open(&path);
    let mut image = loop {
        match open() {
            Ok(image) => break image,
            Err(error) => assert_full(&error),
        }
        opens += 1;
        volume.give(1);
    };
    let (mut model, mut before_last) = (Ledger::default(), Ledger::default());
    for event in 0_u32..48 {
        let bytes = vec![event as u8; 1_500];
        while let Err(error) = image.file(bytes.clone()) {
            assert_full(&error);
            assert!(image.query(|found| *found == model).unwrap(), "a refused command should have no effect");
            commands += 1;
            volume.give(1);
        }
        before_last = model.clone();
        model.file(bytes);
        assert!(image.query(|found| *found == model).unwrap());
        if event % 10 == 5
            && let Err(error) = image.admin().snapshot()
        {
            // a snapshot is only a cache, and pruning waits for the next one
            assert_full(&error);
            snapshots += 1;
        }
        if event % 7 == 6 {
            // an existing image opens on a completely full disk
            volume.leave(0);
            Image::close(image).unwrap();
            image = open().unwrap_or_else(|error| panic!("after {event}: {error}"));
            assert!(image.query(|found| *found == model).unwrap());
        }
    }
    Image::close(image).unwrap();

    // a torn write, and no space for its copy in the quarantine
    tear_last_frame(&path);
    volume.leave(0);
    let before = tree(&path);
    let image = loop {
        match open() {
            Ok(image) => break image,
            Err(error) => assert_full(&error),
        }
        assert_eq!(differences(&before, &tree(&path)), NOTHING, "a refused opening should change nothing");
        repairs += 1;
        volume.give(1);
    };
    assert!(image.admin().stats().recovery.quarantined.is_some());
    assert!(image.query(|found| *found == before_last).unwrap());
    volume.give(100);
    image.file(vec![0; 1_500]).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    fs::remove_dir_all(&path).unwrap();
    [opens, commands, snapshots, repairs]
}

/// Asserts that a rewrite without space leaves no files.
fn rewrite_without_space(volume: &mut Volume) {
    let (source, target) = (volume.image(), volume.root.join("target"));
    volume.give(100);
    let image = options().open(&source).unwrap();
    for _ in 0..20 {
        image.file(vec![5; 1_500]).unwrap();
    }
    Image::close(image).unwrap();
    let before = tree(&source);
    let mut refused = 0;
    for pages in 0.. {
        volume.leave(pages);
        match rewrite::<Ledger>(&source, &target) {
            Ok(_) => break,
            Err(error) => assert_full(&error),
        }
        assert!(!target.exists() && !volume.root.join(".target.rewriting").exists());
        assert_eq!(differences(&before, &tree(&source)), NOTHING, "the rewrite should not change the source");
        refused += 1;
    }
    assert!(refused > 3, "{refused}");
    Image::close(options().open(&target).unwrap()).unwrap();
}

/// Runs on a small volume, which is mounted at the directory.
#[test]
#[ignore = "run by the other tests of this file"]
fn image_on_a_small_volume() {
    let Some(root) = dir() else { return };
    let mut volume = Volume::new(&root);
    let mut refusals = [0; 4];
    for pages in (0..12).chain([20, 45]) {
        let refused = run_on_full_volume(&mut volume, pages);
        for (sum, count) in refusals.iter_mut().zip(refused) {
            *sum += count;
        }
    }
    println!("refused {refusals:?} times: to open, a command, a snapshot, to repair");
    assert!(refusals.iter().all(|count| *count > 0), "each kind of operation should be refused: {refusals:?}");
    rewrite_without_space(&mut volume);
}

#[test]
fn a_full_tmpfs_loses_no_events() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=2m,mode=700 tmpfs "$DIR""#;
    let child = child("full_disk::image_on_a_small_volume", dir.path(), script);
    run("a full tmpfs in a user namespace", &mut unshared(&["--user", "--map-root-user", "--mount"], &child));
}

#[test]
fn a_full_ext4_loses_no_events() {
    if !super::is_root() {
        println!("skipped: a full ext4: only root may mount one from a file");
        return;
    }
    // in memory if possible, because syncs of a real disk are slow
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    fs::create_dir(dir.path().join("volume")).unwrap();
    let script =
        r#"truncate -s 4M "$DIR.ext4" && mke2fs -q -F -t ext4 -m 0 "$DIR.ext4" && mount -o loop "$DIR.ext4" "$DIR""#;
    let child = child("full_disk::image_on_a_small_volume", &dir.path().join("volume"), script);
    run("a full ext4 from a file", &mut unshared(&["--mount"], &child));
}
