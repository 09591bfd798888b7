//! Tests of directory entries after a power cut.

use super::*;

#[test]
fn a_synced_file_whose_name_was_never_synced_disappears() {
    let disk = SimDisk::new();
    put(&disk, "a", b"bytes").sync_all().unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Created { path: path("/a") }]);
    assert_eq!(outcomes(&disk), [of([]), of([("/a", b"bytes")])].into());
}

#[test]
fn a_synced_name_does_not_make_the_bytes_durable() {
    let disk = SimDisk::new();
    put(&disk, "a", b"bytes");
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(disk.crash(|_| false).read("a").unwrap(), b"");
}

#[test]
fn an_unsynced_rename_leaves_the_old_or_the_new_file() {
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
fn a_rename_may_survive_without_the_bytes_that_it_publishes() {
    let disk = disk_with("live", b"old");
    put(&disk, "tmp", b"new");
    disk.rename(Path::new("tmp"), Path::new("live")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(disk.crash(|_| false).read("live").unwrap(), b"");
}

#[test]
fn a_surviving_rename_implies_the_creation_of_its_file() {
    let disk = SimDisk::new();
    put(&disk, "tmp", b"new").sync_all().unwrap();
    disk.rename(Path::new("tmp"), Path::new("live")).unwrap();
    assert_eq!(outcomes(&disk), [of([]), of([("/tmp", b"new")]), of([("/live", b"new")])].into());
}

#[test]
fn a_file_never_has_two_names_after_a_crash() {
    let disk = disk_with("a", b"x");
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    disk.rename(Path::new("b"), Path::new("c")).unwrap();
    assert_eq!(outcomes(&disk), ["/a", "/b", "/c"].map(|name| of([(name, b"x")])).into());
}

#[test]
fn an_unsynced_removal_may_be_lost() {
    let disk = disk_with("a", b"back");
    disk.remove(Path::new("a")).unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Removed { path: path("/a") }]);
    assert_eq!(outcomes(&disk), [of([]), of([("/a", b"back")])].into());
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk), [of([])].into());
}

#[test]
fn a_lost_removal_restores_the_synced_bytes() {
    let disk = disk_with("a", b"old");
    open(&disk, "a").write_at(b"new", 0).unwrap();
    disk.remove(Path::new("a")).unwrap();
    assert_eq!(outcomes(&disk), [of([]), of([("/a", b"old")]), of([("/a", b"new")])].into());
}

#[test]
fn names_in_two_directories_are_synced_separately() {
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
fn a_lost_directory_takes_its_entries_along() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("dir")).unwrap();
    put(&disk, "dir/a", b"synced").sync_all().unwrap();
    disk.sync_dir(Path::new("dir")).unwrap();
    let crashed = disk.crash(|_| false);
    assert_eq!((crashed.files(), crashed.kind(Path::new("dir")).unwrap()), (vec![], None));
    assert_eq!(files(&disk.crash(|_| true)), of([("/dir/a", b"synced")]));
}

#[test]
fn a_sync_of_either_directory_makes_a_rename_durable() {
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
fn a_cycle_of_surviving_directory_moves_does_no_harm() {
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
fn a_removed_new_file_may_exist_after_a_crash() {
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
fn the_sync_of_another_directory_keeps_the_order_of_changes() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("dir")).unwrap();
    put(&disk, "a", b"x").sync_all().unwrap();
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    disk.sync_dir(Path::new("dir")).unwrap();
    assert_eq!(files(&disk.crash(|_| true)), of([("/b", b"x")]));
}

#[test]
fn a_directory_sync_includes_the_older_changes_it_depends_on() {
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
fn a_rename_to_itself_is_not_a_change() {
    let disk = disk_with("a", b"");
    disk.rename(Path::new("a"), Path::new("a")).unwrap();
    assert_eq!(disk.unsynced(), []);
}

#[test]
fn unsynced_bytes_are_reported_with_the_current_path() {
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
fn a_durably_removed_file_has_no_unsynced_changes() {
    let disk = disk_with("a", b"old");
    let handle = open(&disk, "a");
    disk.remove(Path::new("a")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    handle.write_at(b"new", 0).unwrap();
    assert_eq!(disk.unsynced(), []);
}

#[test]
fn a_new_file_does_not_replace_a_file_whose_rename_was_lost() {
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
