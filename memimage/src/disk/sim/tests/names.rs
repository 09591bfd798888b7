//! Directory entries after a power cut.

use super::*;

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
fn a_file_created_and_removed_may_be_there_after_all() {
    let disk = SimDisk::new();
    put(&disk, "a", b"x").sync_all().unwrap();
    disk.remove(Path::new("a")).unwrap();
    assert_eq!(outcomes(&disk), [of([]), of([("/a", b"x")])].into());
}

#[test]
fn changes_synced_together_keep_their_order() {
    let disk = SimDisk::new();
    put(&disk, "a", b"x").sync_all().unwrap();
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk), [of([("/b", b"x")])].into());
}

#[test]
fn changes_left_by_another_directorys_sync_keep_their_order() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("dir")).unwrap();
    put(&disk, "a", b"x").sync_all().unwrap();
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    disk.sync_dir(Path::new("dir")).unwrap();
    assert_eq!(files(&disk.crash(|_| true)), of([("/b", b"x")]));
}

#[test]
fn a_directory_sync_takes_along_the_older_changes_that_its_own_build_on() {
    let disk = SimDisk::new();
    for dir in ["one", "two", "three"] {
        disk.create_dir(Path::new(dir)).unwrap();
    }
    disk.sync_dir(Path::new("/")).unwrap();
    put(&disk, "one/a", b"x").sync_all().unwrap();
    disk.rename(Path::new("one/a"), Path::new("two/b")).unwrap();
    disk.rename(Path::new("two/b"), Path::new("three/c")).unwrap();
    disk.sync_dir(Path::new("three")).unwrap();
    assert_eq!(outcomes(&disk), [of([("/three/c", b"x")])].into());
}

#[test]
fn a_rename_to_itself_leaves_no_doubt() {
    let disk = disk_with("a", b"");
    disk.rename(Path::new("a"), Path::new("a")).unwrap();
    assert_eq!(disk.unsynced(), []);
}

#[test]
fn bytes_in_doubt_are_named_by_what_the_file_is_called_now() {
    let disk = disk_with("a", b"old");
    open(&disk, "a").write_at(b"new", 0).unwrap();
    disk.create_dir(Path::new("dir")).unwrap();
    disk.rename(Path::new("a"), Path::new("dir/a")).unwrap();
    disk.rename(Path::new("dir"), Path::new("moved")).unwrap();
    assert_eq!(disk.unsynced().pop(), Some(Unsynced::Sector { path: path("/moved/a"), index: 0, fresh: false }));
    disk.remove(Path::new("moved/a")).unwrap();
    assert_eq!(disk.unsynced().pop(), Some(Unsynced::Sector { path: path("/a"), index: 0, fresh: false }));
}

#[test]
fn nothing_is_asked_about_a_file_that_is_removed_for_good() {
    let disk = disk_with("a", b"old");
    let handle = open(&disk, "a");
    disk.remove(Path::new("a")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    handle.write_at(b"new", 0).unwrap();
    assert_eq!(disk.unsynced(), []);
}

#[test]
fn a_file_renamed_away_is_not_lost_to_the_next_one_of_its_name() {
    let disk = disk_with("a", b"old");
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    disk.rename(Path::new("b"), Path::new("c")).unwrap();
    put(&disk, "b", b"2").sync_all().unwrap();
    put(&disk, "a", b"1").sync_all().unwrap();
    let outcomes = outcomes(&disk);
    assert!(outcomes.iter().all(|files| files.iter().any(|(_, bytes)| bytes == b"old")), "{outcomes:?}");
    assert!(outcomes.contains(&of([("/a", b"1"), ("/b", b"old")])));
    assert!(outcomes.contains(&of([("/a", b"old")])));
}
