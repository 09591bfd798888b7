//! The conformance tests of all disks: each test runs on the real file system and on the simulated one.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::*;

/// Generates two tests for each check: one on a real disk and one on a simulated disk, each with an empty directory.
macro_rules! conformance {
    ($($check:ident)*) => {
        mod real {
            $(#[test]
            fn $check() {
                super::on_real(super::$check);
            })*
        }

        mod sim {
            $(#[test]
            fn $check() {
                super::on_sim(super::$check);
            })*
        }
    };
}

conformance! {
    written_bytes_are_read_back
    a_read_at_the_end_is_short
    a_write_beyond_the_end_leaves_zeros_before_it
    an_empty_write_changes_nothing
    an_overwritten_range_leaves_the_rest
    handles_of_one_file_share_its_bytes
    a_file_opened_for_reading_cannot_be_written
    a_file_is_created_once
    a_missing_path_is_reported_as_not_found
    a_path_through_a_file_is_reported_as_not_a_directory
    a_directory_is_not_opened_as_a_file
    a_listing_is_sorted_and_has_types_and_lengths
    the_file_type_of_a_path_is_reported
    a_rename_replaces_a_file
    a_rename_to_itself_changes_nothing
    a_rename_moves_a_directory_with_its_entries
    a_rename_over_an_entry_of_another_type_is_refused
    a_removed_file_stays_readable_through_open_handles
    a_directory_is_removed_once_it_is_empty
    a_new_file_at_an_old_name_is_another_file
    syncs_succeed_on_what_exists
    two_locks_of_a_file_exclude_each_other
    the_owner_of_a_lock_is_named
    an_unreadable_owner_is_reported_as_another_process
    locks_in_two_directories_are_independent
    a_replaced_lock_file_is_locked_once
    a_lock_reports_whether_its_file_is_still_at_the_path
    dot_components_in_paths_are_resolved
    paths_within_a_directory_are_recognized
    several_threads_can_write_at_once
}

fn on_real(check: fn(&dyn Disk, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    check(&RealDisk, dir.path());
}

fn on_sim(check: fn(&dyn Disk, &Path)) {
    let (disk, dir) = (SimDisk::new(), Path::new("/some"));
    disk.create_dir(dir).unwrap();
    check(&disk, dir);
}

fn put(disk: &dyn Disk, path: &Path, bytes: &[u8]) {
    let file = disk.create_new(path).unwrap();
    assert_eq!(file.write_at(bytes, 0).unwrap(), bytes.len());
}

fn get(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    bytes_of(&*disk.open(path, Access::Read).unwrap())
}

fn bytes_of(file: &dyn DiskFile) -> Vec<u8> {
    // The buffer is longer than the file, so that a read beyond its end is detected.
    let mut bytes = vec![0xee; file.len().unwrap() as usize + 10];
    let read = file.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(read);
    bytes
}

fn kind_of<T>(outcome: io::Result<T>) -> ErrorKind {
    outcome.err().expect("an error").kind()
}

fn held(lock: io::Result<Lock>) -> LockGuard {
    match lock.unwrap() {
        Lock::Held(guard) => guard,
        Lock::Busy { owner } => panic!("held by {owner}"),
    }
}

fn owner(lock: io::Result<Lock>) -> String {
    match lock.unwrap() {
        Lock::Held(_) => panic!("the lock was free"),
        Lock::Busy { owner } => owner,
    }
}

fn written_bytes_are_read_back(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    let text: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    put(disk, &path, &text);
    assert_eq!(get(disk, &path), text);
    assert_eq!(disk.open(&path, Access::Read).unwrap().len().unwrap(), text.len() as u64);
}

fn a_read_at_the_end_is_short(disk: &dyn Disk, dir: &Path) {
    let file = disk.create_new(&dir.join("file")).unwrap();
    file.write_at(b"hello", 0).unwrap();
    let mut bytes = [0xee; 8];
    assert_eq!(file.read_at(&mut bytes, 3).unwrap(), 2);
    assert_eq!(&bytes, b"lo\xee\xee\xee\xee\xee\xee");
    assert_eq!(file.read_at(&mut bytes, 5).unwrap(), 0);
    assert_eq!(file.read_at(&mut bytes, 1 << 40).unwrap(), 0);
    assert_eq!(file.read_at(&mut [], 0).unwrap(), 0);
}

fn a_write_beyond_the_end_leaves_zeros_before_it(disk: &dyn Disk, dir: &Path) {
    let file = disk.create_new(&dir.join("file")).unwrap();
    file.write_at(b"a", 0).unwrap();
    file.write_at(b"b", 9000).unwrap();
    assert_eq!(file.len().unwrap(), 9001);
    let bytes = bytes_of(&*file);
    assert_eq!((bytes[0], bytes[9000], bytes.len()), (b'a', b'b', 9001));
    assert!(bytes[1..9000].iter().all(|&byte| byte == 0));
}

fn an_empty_write_changes_nothing(disk: &dyn Disk, dir: &Path) {
    let file = disk.create_new(&dir.join("file")).unwrap();
    assert_eq!(file.write_at(&[], 100).unwrap(), 0);
    assert_eq!(file.len().unwrap(), 0);
}

fn an_overwritten_range_leaves_the_rest(disk: &dyn Disk, dir: &Path) {
    let file = disk.create_new(&dir.join("file")).unwrap();
    file.write_at(&[1; 10_000], 0).unwrap();
    file.write_at(&[2; 5000], 1000).unwrap();
    file.write_at(&[0; 4096], 4096).unwrap();
    let mut expected = vec![1; 10_000];
    expected[1000..6000].fill(2);
    expected[4096..8192].fill(0);
    assert_eq!(bytes_of(&*file), expected);
}

fn handles_of_one_file_share_its_bytes(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    let one = disk.create_new(&path).unwrap();
    let two = disk.open(&path, Access::ReadWrite).unwrap();
    one.write_at(b"one", 0).unwrap();
    two.write_at(b"two", 3).unwrap();
    disk.rename(&path, &dir.join("other")).unwrap();
    one.write_at(b"!", 6).unwrap();
    assert_eq!(bytes_of(&*two), b"onetwo!");
    assert_eq!(get(disk, &dir.join("other")), b"onetwo!");
}

fn a_file_opened_for_reading_cannot_be_written(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    put(disk, &path, b"as it was");
    disk.open(&path, Access::Read).unwrap().write_at(b"x", 0).unwrap_err();
    assert_eq!(get(disk, &path), b"as it was");
}

fn a_file_is_created_once(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    put(disk, &path, b"first");
    assert_eq!(kind_of(disk.create_new(&path)), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.create_dir(&path)), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.create_new(dir)), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.create_dir(dir)), ErrorKind::AlreadyExists);
    assert_eq!(get(disk, &path), b"first");
}

fn a_missing_path_is_reported_as_not_found(disk: &dyn Disk, dir: &Path) {
    let missing = dir.join("missing");
    let within = missing.join("file");
    for path in [&missing, &within] {
        assert_eq!(kind_of(disk.open(path, Access::Read)), ErrorKind::NotFound);
        assert_eq!(kind_of(disk.open(path, Access::ReadWrite)), ErrorKind::NotFound);
        assert_eq!(kind_of(disk.list(path)), ErrorKind::NotFound);
        assert_eq!(kind_of(disk.sync_dir(path)), ErrorKind::NotFound);
        assert_eq!(kind_of(disk.remove(path)), ErrorKind::NotFound);
        assert_eq!(kind_of(disk.rename(path, &dir.join("other"))), ErrorKind::NotFound);
        assert_eq!(disk.kind(path).unwrap(), None);
    }
    put(disk, &dir.join("file"), b"");
    assert_eq!(kind_of(disk.create_new(&within)), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.create_dir(&within)), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.lock(&within)), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.rename(&dir.join("file"), &within)), ErrorKind::NotFound);
}

fn a_path_through_a_file_is_reported_as_not_a_directory(disk: &dyn Disk, dir: &Path) {
    let file = dir.join("file");
    put(disk, &file, b"");
    let within = file.join("name");
    assert_eq!(kind_of(disk.create_new(&within)), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.open(&within, Access::Read)), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.kind(&within)), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.list(&file)), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.sync_dir(&file)), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.rename(&file, &within)), ErrorKind::NotADirectory);
}

fn a_directory_is_not_opened_as_a_file(disk: &dyn Disk, dir: &Path) {
    let below = dir.join("below");
    disk.create_dir(&below).unwrap();
    assert_eq!(kind_of(disk.open(&below, Access::Read)), ErrorKind::IsADirectory);
    assert_eq!(kind_of(disk.open(&below, Access::ReadWrite)), ErrorKind::IsADirectory);
    disk.remove(&below).unwrap_err();
    disk.lock(&below).unwrap_err();
    assert_eq!(disk.kind(&below).unwrap(), Some(FileType::Dir));
}

fn a_listing_is_sorted_and_has_types_and_lengths(disk: &dyn Disk, dir: &Path) {
    assert_eq!(disk.list(dir).unwrap(), []);
    put(disk, &dir.join("b"), b"12345");
    put(disk, &dir.join("C"), b"");
    disk.create_dir(&dir.join("a")).unwrap();
    put(disk, &dir.join("a").join("below"), b"not listed");
    let entry = |name: &str, kind, len| Entry { name: name.into(), kind, len };
    let expected = [entry("C", FileType::File, 0), entry("a", FileType::Dir, 0), entry("b", FileType::File, 5)];
    assert_eq!(disk.list(dir).unwrap(), expected);
}

fn the_file_type_of_a_path_is_reported(disk: &dyn Disk, dir: &Path) {
    put(disk, &dir.join("file"), b"");
    assert_eq!(disk.kind(dir).unwrap(), Some(FileType::Dir));
    assert_eq!(disk.kind(&dir.join("file")).unwrap(), Some(FileType::File));
    assert_eq!(disk.kind(Path::new("/")).unwrap(), Some(FileType::Dir));
    assert_eq!(disk.kind(Path::new("")).unwrap(), Some(FileType::Dir));
}

fn a_rename_replaces_a_file(disk: &dyn Disk, dir: &Path) {
    let (new, old) = (dir.join("new"), dir.join("old"));
    put(disk, &old, b"the old one");
    put(disk, &new, b"the new one");
    let reader = disk.open(&old, Access::Read).unwrap();
    disk.rename(&new, &old).unwrap();
    assert_eq!(disk.kind(&new).unwrap(), None);
    assert_eq!(get(disk, &old), b"the new one");
    assert_eq!(bytes_of(&*reader), b"the old one");
    assert_eq!(disk.list(dir).unwrap().len(), 1);
}

fn a_rename_to_itself_changes_nothing(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    put(disk, &path, b"here");
    disk.rename(&path, &path).unwrap();
    assert_eq!(get(disk, &path), b"here");
    disk.create_dir(&dir.join("below")).unwrap();
    disk.rename(&dir.join("below"), &dir.join("below")).unwrap();
}

fn a_rename_moves_a_directory_with_its_entries(disk: &dyn Disk, dir: &Path) {
    let (from, to, empty) = (dir.join("from"), dir.join("to"), dir.join("empty"));
    disk.create_dir(&from).unwrap();
    put(disk, &from.join("file"), b"within");
    disk.rename(&from, &to).unwrap();
    assert_eq!(disk.kind(&from).unwrap(), None);
    assert_eq!(get(disk, &to.join("file")), b"within");
    disk.create_dir(&empty).unwrap();
    disk.rename(&to, &empty).unwrap();
    assert_eq!(get(disk, &empty.join("file")), b"within");
}

fn a_rename_over_an_entry_of_another_type_is_refused(disk: &dyn Disk, dir: &Path) {
    let (file, one, two) = (dir.join("file"), dir.join("one"), dir.join("two"));
    put(disk, &file, b"");
    for dir in [&one, &two] {
        disk.create_dir(dir).unwrap();
        put(disk, &dir.join("within"), b"");
    }
    assert_eq!(kind_of(disk.rename(&file, &one)), ErrorKind::IsADirectory);
    assert_eq!(kind_of(disk.rename(&one, &file)), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.rename(&one, &two)), ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind_of(disk.rename(&one, &one.join("below"))), ErrorKind::InvalidInput);
    assert_eq!(disk.list(dir).unwrap().len(), 3);
}

fn a_directory_is_removed_once_it_is_empty(disk: &dyn Disk, dir: &Path) {
    let (path, file) = (dir.join("below"), dir.join("below/file"));
    disk.create_dir(&path).unwrap();
    disk.create_new(&file).unwrap();
    assert_eq!(kind_of(disk.remove_dir(&path)), ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind_of(disk.remove_dir(&file)), ErrorKind::NotADirectory);
    disk.remove(&file).unwrap();
    disk.remove_dir(&path).unwrap();
    assert_eq!(disk.kind(&path).unwrap(), None);
    assert_eq!(kind_of(disk.remove_dir(&path)), ErrorKind::NotFound);
}

fn a_removed_file_stays_readable_through_open_handles(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    put(disk, &path, b"still here");
    let open = disk.open(&path, Access::ReadWrite).unwrap();
    disk.remove(&path).unwrap();
    assert_eq!(disk.kind(&path).unwrap(), None);
    disk.sync_dir(dir).unwrap();
    open.write_at(b"STILL", 0).unwrap();
    open.sync_data().unwrap();
    assert_eq!(bytes_of(&*open), b"STILL here");
}

fn a_new_file_at_an_old_name_is_another_file(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    put(disk, &path, b"old");
    let old = disk.open(&path, Access::Read).unwrap();
    disk.remove(&path).unwrap();
    put(disk, &path, b"new one");
    assert_eq!(bytes_of(&*old), b"old");
    assert_eq!(get(disk, &path), b"new one");
}

fn syncs_succeed_on_what_exists(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("file");
    let file = disk.create_new(&path).unwrap();
    file.write_at(b"text", 0).unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    // Recovery syncs files that it opened for reading.
    disk.open(&path, Access::Read).unwrap().sync_all().unwrap();
    disk.sync_dir(dir).unwrap();
    disk.sync_dir(Path::new("")).unwrap();
}

fn two_locks_of_a_file_exclude_each_other(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("LOCK");
    let first = held(disk.lock(&path));
    assert_eq!(disk.kind(&path).unwrap(), Some(FileType::File));
    owner(disk.lock(&path));
    owner(disk.lock(&path));
    drop(first);
    assert_eq!(disk.kind(&path).unwrap(), Some(FileType::File), "the file stays");
    let second = held(disk.lock(&path));
    owner(disk.lock(&path));
    drop(second);
    _ = held(disk.lock(&path));
}

fn the_owner_of_a_lock_is_named(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("LOCK");
    let _guard = held(disk.lock(&path));
    let owner = owner(disk.lock(&path));
    assert!(owner.starts_with(&format!("pid {} (memimage", std::process::id())), "{owner}");
    assert_eq!(get(disk, &path), format!("{owner}\n").into_bytes());
}

fn an_unreadable_owner_is_reported_as_another_process(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("LOCK");
    put(disk, &path, b"");
    let _guard = held(disk.lock(&path));
    let file = disk.open(&path, Access::ReadWrite).unwrap();
    file.write_at(&[0xff; 1000], 0).unwrap();
    assert_eq!(owner(disk.lock(&path)), "another process");
}

fn locks_in_two_directories_are_independent(disk: &dyn Disk, dir: &Path) {
    let [one, two] = ["one", "two"].map(|name| dir.join(name));
    disk.create_dir(&one).unwrap();
    disk.create_dir(&two).unwrap();
    let _one = held(disk.lock(&one.join("LOCK")));
    let _two = held(disk.lock(&two.join("LOCK")));
}

fn a_replaced_lock_file_is_locked_once(disk: &dyn Disk, dir: &Path) {
    let path = dir.join("LOCK");
    let old = held(disk.lock(&path));
    disk.remove(&path).unwrap();
    // a disk that also locks the directory reports that the lock is busy
    let new = disk.lock(&path).unwrap();
    drop(old);
    let _held = match new {
        Lock::Held(guard) => guard,
        Lock::Busy { .. } => held(disk.lock(&path)),
    };
    owner(disk.lock(&path));
}

fn a_lock_reports_whether_its_file_is_still_at_the_path(disk: &dyn Disk, dir: &Path) {
    let (image, away) = (dir.join("image"), dir.join("away"));
    disk.create_dir(&image).unwrap();
    let lock = held(disk.lock(&image.join("LOCK")));
    let watch = lock.watch().expect("both disks support the check");
    assert!(watch().unwrap());
    disk.rename(&image, &away).unwrap();
    assert!(!watch().unwrap(), "the directory was moved");
    disk.create_dir(&image).unwrap();
    let _other = held(disk.lock(&image.join("LOCK")));
    assert!(!watch().unwrap(), "another lock file is at the path");
    disk.remove(&image.join("LOCK")).unwrap();
    disk.remove_dir(&image).unwrap();
    disk.rename(&away, &image).unwrap();
    assert!(watch().unwrap(), "the directory was moved back");
}

fn dot_components_in_paths_are_resolved(disk: &dyn Disk, dir: &Path) {
    disk.create_dir(&dir.join("below")).unwrap();
    put(disk, &dir.join("./below/../file"), b"found");
    assert_eq!(get(disk, &dir.join("file")), b"found");
    assert_eq!(disk.list(&dir.join("below/..")).unwrap().len(), 2);
}

fn paths_within_a_directory_are_recognized(disk: &dyn Disk, dir: &Path) {
    let (below, beside) = (dir.join("below"), dir.join("below-not"));
    for dir in [&below, &beside] {
        disk.create_dir(dir).unwrap();
    }
    put(disk, &below.join("file"), b"");
    for within in ["below", "below/file", "below/new", "below/new/newer", "below-not/../below/new", "below/."] {
        assert!(disk.is_within(&dir.join(within), &below).unwrap(), "{within}");
    }
    for outside in ["", "below-not", "below-not/new", "new", "below/..", "below/../new"] {
        assert!(!disk.is_within(&dir.join(outside), &below).unwrap(), "{outside}");
    }
    assert!(disk.is_within(&below.join("new"), &beside.join("../below")).unwrap());
    assert_eq!(kind_of(disk.is_within(&below, &dir.join("missing")).map(drop)), ErrorKind::NotFound);
}

fn several_threads_can_write_at_once(disk: &dyn Disk, dir: &Path) {
    let file = disk.create_new(&dir.join("file")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let file = &*file;
            scope.spawn(move || {
                for round in 0..100 {
                    file.write_at(&[thread + 1; 100], (round * 4 + u64::from(thread)) * 100).unwrap();
                    file.sync_data().unwrap();
                }
            });
        }
    });
    let expected: Vec<u8> = (0..400).flat_map(|block| [block as u8 % 4 + 1; 100]).collect();
    assert_eq!(bytes_of(&*file), expected);
}
