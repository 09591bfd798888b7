//! Tests of the simulated disk: power cuts, kills, damage, operations and observers.

mod bytes;
mod faults;
mod names;
mod rot;
mod syncs;
mod variants;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use super::*;
use crate::disk::{Access, Disk, DiskFile, Lock};

fn path(name: &str) -> PathBuf {
    PathBuf::from(name)
}

/// A disk with one file whose name and bytes are synced.
fn disk_with(name: &str, bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    put(&disk, name, bytes).sync_all().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(disk.unsynced(), []);
    disk
}

fn put(disk: &SimDisk, name: &str, bytes: &[u8]) -> Box<dyn DiskFile> {
    let file = disk.create_new(Path::new(name)).unwrap();
    file.write_at(bytes, 0).unwrap();
    file
}

fn open(disk: &SimDisk, name: &str) -> Box<dyn DiskFile> {
    disk.open(Path::new(name), Access::ReadWrite).unwrap()
}

/// Every possible outcome of a power cut: the files with their bytes, for all combinations of fates.
fn outcomes(disk: &SimDisk) -> BTreeSet<Vec<(PathBuf, Vec<u8>)>> {
    let changes = disk.unsynced().len();
    assert!(changes < 12, "too many combinations: {changes} changes");
    (0..1_u32 << changes).map(|fates| files(&crash_by(disk, fates))).collect()
}

/// The disk after a power cut. The bits of `fates`, from the lowest on, determine which changes survive.
fn crash_by(disk: &SimDisk, mut fates: u32) -> SimDisk {
    disk.crash(|_| {
        let survives = fates & 1 == 1;
        fates >>= 1;
        survives
    })
}

fn files(disk: &SimDisk) -> Vec<(PathBuf, Vec<u8>)> {
    disk.files().into_iter().map(|path| (path.clone(), disk.read(path).unwrap())).collect()
}

/// An expected outcome.
fn of<const N: usize>(files: [(&str, &[u8]); N]) -> Vec<(PathBuf, Vec<u8>)> {
    files.map(|(name, bytes)| (path(name), bytes.to_vec())).to_vec()
}

#[test]
fn nothing_is_unsynced_after_a_crash() {
    let disk = SimDisk::new();
    put(&disk, "a", &[1; 2000]);
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    let crashed = disk.crash(|change| !matches!(change, Unsynced::Sector { index: 1, .. }));
    assert_eq!((crashed.unsynced(), crashed.operations()), (vec![], 0));
    assert_eq!(files(&crashed.crash(|_| false)), files(&crashed));
}

#[test]
fn the_changes_do_not_depend_on_their_fates() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("dir")).unwrap();
    put(&disk, "dir/a", &[1; 1000]);
    put(&disk, "b", &[2; 10]);
    disk.rename(Path::new("b"), Path::new("dir/b")).unwrap();
    let expected = disk.unsynced();
    for fates in 0..1 << expected.len() {
        let (mut changes, mut fates) = (Vec::new(), fates);
        _ = disk.crash(|change| {
            changes.push(change.clone());
            fates >>= 1;
            fates & 1 == 1
        });
        assert_eq!(changes, expected);
    }
}

#[test]
fn a_crash_does_not_change_the_original_disk() {
    let disk = disk_with("a", b"old");
    open(&disk, "a").write_at(b"new", 0).unwrap();
    let crashed = disk.crash(|_| false);
    open(&crashed, "a").write_at(b"xyz", 0).unwrap();
    assert_eq!((disk.read("a").unwrap(), disk.unsynced().len()), (b"new".to_vec(), 1));
}

#[test]
fn a_fork_has_all_written_data_and_its_unsynced_changes() {
    let disk = disk_with("a", b"old");
    open(&disk, "a").write_at(b"new", 0).unwrap();
    put(&disk, "b", b"");
    let fork = disk.fork();
    assert_eq!(files(&fork), of([("/a", b"new"), ("/b", b"")]));
    assert_eq!(fork.unsynced(), disk.unsynced());
    assert_eq!(fork.operations(), disk.operations());
    open(&fork, "a").sync_data().unwrap();
    assert_eq!((fork.unsynced().len(), disk.unsynced().len()), (1, 2));
}

#[test]
fn locks_end_with_the_process() {
    let disk = SimDisk::new();
    let lock = |disk: &SimDisk| matches!(disk.lock(Path::new("LOCK")).unwrap(), Lock::Held(_));
    let _guard = disk.lock(Path::new("LOCK")).unwrap();
    assert!(!lock(&disk));
    assert!(!lock(&disk.clone()), "a clone is the same disk");
    assert!(lock(&disk.fork()));
    assert!(lock(&disk.crash(|_| true)));
    assert!(lock(&disk.crash(|_| false)));
    assert!(!lock(&disk));
}

#[test]
fn a_file_with_neither_name_nor_handle_is_freed() {
    let disk = disk_with("a", &[1; 10_000]);
    put(&disk, "b", b"");
    let nodes = |disk: &SimDisk| disk.state().tree.nodes.len();
    let handle = open(&disk, "a");
    disk.remove(Path::new("a")).unwrap();
    disk.remove(Path::new("b")).unwrap();
    assert_eq!((nodes(&disk), nodes(&disk.fork()), nodes(&disk.crash(|_| true))), (3, 3, 1));
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!((nodes(&disk), nodes(&disk.fork())), (2, 1));
    drop(handle);
    assert_eq!(nodes(&disk), 1);
}

#[test]
fn damage_changes_both_the_written_and_the_synced_data() {
    let disk = disk_with("a", b"hello");
    disk.write("a", 1, b"E").unwrap();
    disk.write("a", 4, b"O!").unwrap();
    assert_eq!((disk.unsynced(), disk.read("a").unwrap()), (vec![], b"hEllO!".to_vec()));
    disk.truncate("a", 2).unwrap();
    assert_eq!((disk.unsynced(), disk.read("a").unwrap()), (vec![], b"hE".to_vec()));
    disk.truncate("a", 4).unwrap();
    assert_eq!(files(&disk.crash(|_| false)), of([("/a", b"hE\0\0")]));
    assert_eq!(disk.write("b", 0, b"").unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(disk.truncate("/", 0).unwrap_err().kind(), io::ErrorKind::IsADirectory);
}

#[test]
fn damage_does_not_count_as_an_operation() {
    let disk = disk_with("a", b"hello");
    let before = disk.operations();
    disk.write("a", 1, b"E").unwrap();
    disk.truncate("a", 2).unwrap();
    assert_eq!(disk.operations(), before);
}

#[test]
fn only_successful_changes_count_as_operations() {
    let disk = SimDisk::new();
    let (operations, observed) = mpsc::channel();
    disk.observe(move |operation, fork| operations.send((fork.operations(), operation.clone())).unwrap());

    disk.create_dir(Path::new("dir")).unwrap();
    disk.create_dir(Path::new("dir")).unwrap_err();
    let file = put(&disk, "dir/a", b"hello");
    disk.rename(Path::new("dir/a"), Path::new("b")).unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("dir")).unwrap();
    _ = (disk.list(Path::new("dir")).unwrap(), disk.read("b").unwrap(), open(&disk, "b").len().unwrap());
    disk.remove(Path::new("b")).unwrap();
    let _guard = disk.lock(Path::new("LOCK")).unwrap();
    _ = disk.lock(Path::new("LOCK")).unwrap();

    let [dir, file, b, lock] = ["/dir", "/dir/a", "/b", "/LOCK"].map(path);
    let expected = [
        Operation::CreateDir { path: dir.clone() },
        Operation::CreateNew { path: file.clone() },
        Operation::Write { path: file.clone(), offset: 0, len: 5 },
        Operation::Rename { from: file, to: b.clone() },
        Operation::SyncData { path: b.clone() },
        Operation::SyncAll { path: b.clone() },
        Operation::SyncDir { path: dir },
        Operation::Remove { path: b },
        Operation::Lock { path: lock },
    ];
    assert_eq!(observed.try_iter().collect::<Vec<_>>(), (1..).zip(expected).collect::<Vec<_>>());
    assert_eq!(disk.operations(), 9);
}

#[test]
fn an_observer_sees_the_disk_after_each_operation() {
    let disk = SimDisk::new();
    let (forks, observed) = mpsc::channel();
    disk.observe(move |_, fork| forks.send(fork.clone()).unwrap());
    let file = put(&disk, "a", b"1");
    file.write_at(b"2", 1).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let bytes = |disk: &SimDisk| disk.read("a").ok();
    let observed: Vec<_> = observed.try_iter().map(|fork| (bytes(&fork), bytes(&fork.crash(|_| false)))).collect();
    let some = |text: &[u8]| Some(text.to_vec());
    assert_eq!(
        observed,
        [(some(b""), None), (some(b"1"), None), (some(b"12"), None), (some(b"12"), None), (some(b"12"), some(b"12"))]
    );
}

#[test]
fn a_stopped_disk_refuses_changes_and_still_reads() {
    let disk = SimDisk::new();
    disk.stop_after(2);
    let file = put(&disk, "a", b"1");
    assert!(file.write_at(b"2", 1).unwrap_err().to_string().contains("stopped after operation 2"));
    file.sync_data().unwrap_err();
    disk.rename(Path::new("a"), Path::new("b")).unwrap_err();
    disk.lock(Path::new("LOCK")).unwrap_err();
    assert_eq!((disk.operations(), files(&disk)), (2, of([("/a", b"1")])));
    open(&disk.fork(), "a").write_at(b"2", 1).unwrap();
}

#[test]
fn a_disk_reports_the_network_file_system_that_was_set() {
    let disk = SimDisk::new();
    let network_filesystem = |disk: &SimDisk| disk.network_filesystem(Path::new("/image")).unwrap();
    assert_eq!(network_filesystem(&disk), None);
    disk.set_network_filesystem(Some("nfs4"));
    for disk in [&disk, &disk.fork(), &disk.crash(|_| true)] {
        assert_eq!(network_filesystem(disk).as_deref(), Some("nfs4"));
    }
}
