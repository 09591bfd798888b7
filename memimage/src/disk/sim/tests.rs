//! What a power cut and a kill leave, a test each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use super::*;

fn path(name: &str) -> PathBuf {
    PathBuf::from(name)
}

/// A disk with one file, name and bytes synced.
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

/// Every outcome that a power cut may have: the files with their bytes, by all combinations of answers.
fn outcomes(disk: &SimDisk) -> BTreeSet<Vec<(PathBuf, Vec<u8>)>> {
    let asked = disk.unsynced().len();
    assert!(asked < 12, "too many to try: {asked}");
    (0..1_u32 << asked).map(|answers| files(&crash_by(disk, answers))).collect()
}

fn crash_by(disk: &SimDisk, mut answers: u32) -> SimDisk {
    disk.crash(|_| {
        let survives = answers & 1 == 1;
        answers >>= 1;
        survives
    })
}

fn files(disk: &SimDisk) -> Vec<(PathBuf, Vec<u8>)> {
    disk.files().into_iter().map(|path| (path.clone(), disk.read(path).unwrap())).collect()
}

/// One outcome, written shortly.
fn of<const N: usize>(files: [(&str, &[u8]); N]) -> Vec<(PathBuf, Vec<u8>)> {
    files.map(|(name, bytes)| (path(name), bytes.to_vec())).to_vec()
}

#[test]
fn synced_bytes_under_a_synced_name_survive() {
    let disk = disk_with("a", b"safe");
    assert_eq!(outcomes(&disk), [of([("/a", b"safe")])].into());
}

#[test]
fn each_unsynced_sector_is_lost_or_kept_by_itself() {
    let disk = disk_with("a", &[1; 1200]);
    open(&disk, "a").write_at(&[2; 1200], 0).unwrap();
    let sector = |index| Unsynced::Sector { path: path("/a"), index };
    assert_eq!(disk.unsynced(), [sector(0), sector(1), sector(2)]);
    assert_eq!(outcomes(&disk).len(), 8);

    let crashed = disk.crash(|asked| *asked == sector(1));
    let bytes = crashed.read("a").unwrap();
    assert_eq!((&bytes[..512], &bytes[512..1024], &bytes[1024..]), (&[1; 512][..], &[2; 512][..], &[1; 176][..]));
}

#[test]
fn a_sector_is_kept_with_the_bytes_it_shares_with_older_writes() {
    let disk = disk_with("a", &[1; 512]);
    let file = open(&disk, "a");
    file.write_at(&[2; 10], 100).unwrap();
    file.write_at(&[3; 10], 200).unwrap();
    assert_eq!(disk.unsynced().len(), 1);
    let kept = disk.crash(|_| true).read("a").unwrap();
    assert_eq!((kept[99], kept[100], kept[200], kept[210]), (1, 2, 3, 1));
    assert_eq!(disk.crash(|_| false).read("a").unwrap(), [1; 512]);
}

#[test]
fn a_sync_ends_the_doubt_about_what_was_written_before_it_only() {
    let disk = disk_with("a", &[1; 1024]);
    let file = open(&disk, "a");
    file.write_at(&[2; 512], 0).unwrap();
    file.sync_data().unwrap();
    file.write_at(&[3; 512], 512).unwrap();
    let bytes = disk.crash(|_| false).read("a").unwrap();
    assert_eq!((bytes[0], bytes[512]), (2, 1));
}

#[test]
fn a_sync_through_one_handle_covers_writes_through_another() {
    let disk = disk_with("a", &[1; 512]);
    open(&disk, "a").write_at(&[2; 512], 0).unwrap();
    disk.open(Path::new("a"), Access::Read).unwrap().sync_data().unwrap();
    assert_eq!(disk.unsynced(), []);
}

#[test]
fn a_sector_written_with_the_bytes_it_had_is_not_asked_about() {
    let disk = disk_with("a", &[1; 1024]);
    open(&disk, "a").write_at(&[1; 1024], 0).unwrap();
    assert_eq!(disk.unsynced(), []);
}

#[test]
fn a_file_never_synced_may_lose_all_its_length() {
    let disk = disk_with("a", b"");
    open(&disk, "a").write_at(&[2; 600], 0).unwrap();
    let mut first = vec![0; 600];
    first[..512].fill(2);
    let mut second = vec![0; 600];
    second[512..].fill(2);
    let expected = [
        of([("/a", b"")]),
        of([("/a", &[2; 512])]),
        of([("/a", &first)]),
        of([("/a", &second)]),
        of([("/a", &[2; 600])]),
        of([("/a", &[0; 600])]),
    ];
    assert_eq!(outcomes(&disk), expected.into());
}

#[test]
fn a_grown_file_keeps_its_synced_bytes() {
    let disk = disk_with("a", b"synced");
    open(&disk, "a").write_at(b" and more", 6).unwrap();
    let expected =
        [of([("/a", b"synced")]), of([("/a", b"synced and more")]), of([("/a", b"synced\0\0\0\0\0\0\0\0\0")])];
    assert_eq!(outcomes(&disk), expected.into());
}

#[test]
fn zeros_that_extend_a_file_are_in_doubt_by_its_length() {
    let disk = disk_with("a", b"");
    open(&disk, "a").write_at(&[0; 2048], 0).unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Length { path: path("/a"), synced: 0, written: 2048 }]);
    assert_eq!(disk.crash(|_| true).read("a").unwrap(), [0; 2048]);
    assert_eq!(disk.crash(|_| false).read("a").unwrap(), []);
}

#[test]
fn a_synced_file_whose_name_was_never_synced_disappears() {
    let disk = SimDisk::new();
    put(&disk, "a", b"bytes").sync_all().unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Created { path: path("/a") }]);
    assert_eq!(outcomes(&disk), [of([]), of([("/a", b"bytes")])].into());
}

#[test]
fn a_synced_name_does_not_save_the_bytes() {
    let disk = SimDisk::new();
    put(&disk, "a", b"bytes");
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(disk.crash(|_| false).read("a").unwrap(), b"");
}

#[test]
fn a_rename_without_a_directory_sync_is_old_or_new() {
    let disk = disk_with("live", b"old");
    put(&disk, "tmp", b"new").sync_all().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk.rename(Path::new("tmp"), Path::new("live")).unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Renamed { from: path("/tmp"), to: path("/live") }]);
    let expected = [of([("/live", b"old"), ("/tmp", b"new")]), of([("/live", b"new")])];
    assert_eq!(outcomes(&disk), expected.into());
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk), [of([("/live", b"new")])].into());
}

#[test]
fn a_rename_may_outlive_the_bytes_it_was_meant_to_publish() {
    let disk = disk_with("live", b"old");
    put(&disk, "tmp", b"new");
    disk.rename(Path::new("tmp"), Path::new("live")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(disk.crash(|_| false).read("live").unwrap(), b"");
}

#[test]
fn a_rename_that_survives_brings_a_file_whose_creation_was_in_doubt() {
    let disk = SimDisk::new();
    put(&disk, "tmp", b"new").sync_all().unwrap();
    disk.rename(Path::new("tmp"), Path::new("live")).unwrap();
    assert_eq!(outcomes(&disk), [of([]), of([("/tmp", b"new")]), of([("/live", b"new")])].into());
}

#[test]
fn a_node_never_has_two_names_whatever_is_lost() {
    let disk = disk_with("a", b"x");
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    disk.rename(Path::new("b"), Path::new("c")).unwrap();
    assert_eq!(outcomes(&disk), ["/a", "/b", "/c"].map(|name| of([(name, b"x")])).into());
}

#[test]
fn a_removal_without_a_directory_sync_may_come_back() {
    let disk = disk_with("a", b"back");
    disk.remove(Path::new("a")).unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Removed { path: path("/a") }]);
    assert_eq!(outcomes(&disk), [of([]), of([("/a", b"back")])].into());
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk), [of([])].into());
}

#[test]
fn a_removed_file_comes_back_with_its_synced_bytes() {
    let disk = disk_with("a", b"old");
    open(&disk, "a").write_at(b"new", 0).unwrap();
    disk.remove(Path::new("a")).unwrap();
    assert_eq!(outcomes(&disk), [of([]), of([("/a", b"old")]), of([("/a", b"new")])].into());
}

#[test]
fn names_of_two_directories_are_synced_apart() {
    let disk = SimDisk::new();
    for name in ["one", "two"] {
        disk.create_dir(Path::new(name)).unwrap();
    }
    disk.sync_dir(Path::new("/")).unwrap();
    put(&disk, "one/a", b"");
    put(&disk, "two/b", b"");
    disk.sync_dir(Path::new("two")).unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Created { path: path("/one/a") }]);
}

#[test]
fn what_is_in_a_lost_directory_is_lost() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("dir")).unwrap();
    put(&disk, "dir/a", b"synced").sync_all().unwrap();
    disk.sync_dir(Path::new("dir")).unwrap();
    let crashed = disk.crash(|_| false);
    assert_eq!((crashed.files(), crashed.kind(Path::new("dir")).unwrap()), (vec![], None));
    assert_eq!(files(&disk.crash(|_| true)), of([("/dir/a", b"synced")]));
}

#[test]
fn a_rename_between_directories_is_synced_by_either() {
    for synced in ["/one", "/two"] {
        let disk = SimDisk::new();
        disk.create_dir(Path::new("one")).unwrap();
        disk.create_dir(Path::new("two")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        put(&disk, "one/a", b"x").sync_all().unwrap();
        disk.rename(Path::new("one/a"), Path::new("two/a")).unwrap();
        disk.sync_dir(Path::new(synced)).unwrap();
        assert_eq!(outcomes(&disk), [of([("/two/a", b"x")])].into(), "{synced} synced");
    }
}

#[test]
fn directories_moved_into_each_other_by_what_is_left_are_lost_without_harm() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("a")).unwrap();
    disk.create_dir(Path::new("b")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk.rename(Path::new("a"), Path::new("b/a")).unwrap();
    disk.rename(Path::new("b/a"), Path::new("a")).unwrap();
    disk.rename(Path::new("b"), Path::new("a/b")).unwrap();
    for answers in 0..8 {
        assert!(crash_by(&disk, answers).list(Path::new("/")).unwrap().len() <= 2);
    }
}

#[test]
fn nothing_is_in_doubt_after_a_crash() {
    let disk = SimDisk::new();
    put(&disk, "a", &[1; 2000]);
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    let crashed = disk.crash(|asked| !matches!(asked, Unsynced::Sector { index: 1, .. }));
    assert_eq!((crashed.unsynced(), crashed.operations()), (vec![], 0));
    assert_eq!(files(&crashed.crash(|_| false)), files(&crashed));
}

#[test]
fn the_questions_do_not_depend_on_the_answers() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("dir")).unwrap();
    put(&disk, "dir/a", &[1; 1000]);
    put(&disk, "b", &[2; 10]);
    disk.rename(Path::new("b"), Path::new("dir/b")).unwrap();
    let expected = disk.unsynced();
    for answers in 0..1 << expected.len() {
        let (mut asked, mut answers) = (Vec::new(), answers);
        _ = disk.crash(|question| {
            asked.push(question.clone());
            answers >>= 1;
            answers & 1 == 1
        });
        assert_eq!(asked, expected);
    }
}

#[test]
fn a_crash_leaves_the_disk_it_was_taken_of_alone() {
    let disk = disk_with("a", b"old");
    open(&disk, "a").write_at(b"new", 0).unwrap();
    let crashed = disk.crash(|_| false);
    open(&crashed, "a").write_at(b"xyz", 0).unwrap();
    assert_eq!((disk.read("a").unwrap(), disk.unsynced().len()), (b"new".to_vec(), 1));
}

#[test]
fn a_killed_process_leaves_all_it_wrote_and_the_doubt_about_it() {
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
fn a_file_with_neither_name_nor_handle_is_forgotten() {
    let disk = disk_with("a", &[1; 10_000]);
    let nodes = |disk: &SimDisk| disk.state().tree.nodes.len();
    let handle = open(&disk, "a");
    disk.remove(Path::new("a")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!((nodes(&disk), nodes(&disk.fork())), (2, 1));
    drop(handle);
    assert_eq!(nodes(&disk), 1);
}

#[test]
fn damage_is_done_to_what_is_written_and_to_what_is_synced() {
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
fn damage_is_no_operation() {
    let disk = disk_with("a", b"hello");
    let before = disk.operations();
    disk.write("a", 1, b"E").unwrap();
    disk.truncate("a", 2).unwrap();
    assert_eq!(disk.operations(), before);
}

#[test]
fn every_change_is_an_operation_and_what_fails_or_reads_is_none() {
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
fn an_observer_sees_the_disk_as_it_is_after_each_operation() {
    let disk = SimDisk::new();
    let (forks, observed) = mpsc::channel();
    disk.observe(move |_, fork| forks.send(fork.clone()).unwrap());
    let file = put(&disk, "a", b"1");
    file.write_at(b"2", 1).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let bytes = |disk: &SimDisk| disk.read("a").ok();
    let seen: Vec<_> = observed.try_iter().map(|fork| (bytes(&fork), bytes(&fork.crash(|_| false)))).collect();
    let some = |text: &[u8]| Some(text.to_vec());
    assert_eq!(
        seen,
        [(some(b""), None), (some(b"1"), None), (some(b"12"), None), (some(b"12"), None), (some(b"12"), some(b"12"))]
    );
}

#[test]
fn a_stopped_disk_changes_no_more_and_is_still_read() {
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
fn a_disk_is_as_remote_as_it_is_told_to_be() {
    let disk = SimDisk::new();
    let answer = |disk: &SimDisk| disk.network_filesystem(Path::new("/image")).unwrap();
    assert_eq!(answer(&disk), None);
    disk.set_network_filesystem(Some("nfs4"));
    for disk in [&disk, &disk.fork(), &disk.crash(|_| true)] {
        assert_eq!(answer(disk).as_deref(), Some("nfs4"));
    }
}
