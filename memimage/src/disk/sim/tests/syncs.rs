//! Tests of failing syncs and of later syncs.

use super::*;

fn fail(disk: &SimDisk, method: Method, effect: Effect) {
    disk.inject(Fault::io().on(&[method]).effect(effect));
}

/// The bytes of `a` after a power cut in which no unsynced change survives, and after one in which all survive.
fn after_a_cut(disk: &SimDisk) -> [Vec<u8>; 2] {
    [false, true].map(|survives| disk.crash(|_| survives).read("a").unwrap())
}

#[test]
fn a_failed_sync_without_effect_leaves_all_data_unsynced() {
    let disk = disk_with("a", b"old");
    let file = open(&disk, "a");
    file.write_at(b"new", 0).unwrap();
    fail(&disk, Method::SyncData, Effect::Nothing);
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
    assert_eq!(after_a_cut(&disk), [b"old", b"new"]);
    file.sync_data().unwrap();
    assert_eq!(after_a_cut(&disk), [b"new", b"new"]);
}

#[test]
fn a_failed_sync_with_full_effect_makes_all_data_durable() {
    let disk = disk_with("a", b"old");
    let file = open(&disk, "a");
    file.write_at(b"newer", 0).unwrap();
    fail(&disk, Method::SyncAll, Effect::Everything);
    file.sync_all().unwrap_err();
    assert_eq!((disk.unsynced(), after_a_cut(&disk)), (vec![], [b"newer", b"newer"].map(Vec::from)));
}

/// PostgreSQL developers found this behaviour in 2018: after a failed fsync, the next fsync succeeded, and the page cache
/// contained the bytes, but the disk did not contain them.
#[test]
fn data_dropped_by_a_failed_sync_is_readable_but_lost_after_a_power_cut() {
    let disk = disk_with("a", b"old");
    let file = open(&disk, "a");
    file.write_at(b"new", 0).unwrap();
    fail(&disk, Method::SyncData, Effect::Dropped);
    file.sync_data().unwrap_err();
    file.sync_data().unwrap();
    let reopened = disk.fork();
    open(&reopened, "a").sync_all().unwrap();
    for disk in [&disk, &reopened] {
        assert_eq!((disk.read("a").unwrap(), disk.unsynced()), (b"new".to_vec(), vec![]));
        assert_eq!(after_a_cut(disk), [b"old", b"old"]);
    }
}

#[test]
fn dropped_data_is_synced_after_it_is_written_again() {
    let disk = disk_with("a", b"old");
    let file = open(&disk, "a");
    file.write_at(b"new", 0).unwrap();
    fail(&disk, Method::SyncData, Effect::Dropped);
    file.sync_data().unwrap_err();
    file.write_at(b"new", 0).unwrap();
    assert_eq!(after_a_cut(&disk), [b"old", b"new"]);
    file.sync_data().unwrap();
    assert_eq!(after_a_cut(&disk), [b"new", b"new"]);
}

#[test]
fn only_unsynced_sectors_are_dropped() {
    let disk = disk_with("a", &[1; 1536]);
    let file = open(&disk, "a");
    file.write_at(&[2; 512], 0).unwrap();
    fail(&disk, Method::SyncData, Effect::Dropped);
    file.sync_data().unwrap_err();
    file.write_at(&[3; 512], 512).unwrap();
    file.sync_data().unwrap();
    file.write_at(&[4; 512], 1024).unwrap();
    let [lost, kept] = after_a_cut(&disk);
    assert_eq!((lost[0], lost[512], lost[1024]), (1, 3, 1));
    assert_eq!((kept[0], kept[512], kept[1024]), (1, 3, 4));
    assert_eq!(disk.unsynced().len(), 1);
}

#[test]
fn a_file_may_keep_its_length_when_its_bytes_were_dropped() {
    let disk = disk_with("a", b"");
    let file = open(&disk, "a");
    file.write_at(&[2; 600], 0).unwrap();
    fail(&disk, Method::SyncData, Effect::Dropped);
    file.sync_data().unwrap_err();
    assert_eq!(after_a_cut(&disk), [vec![], vec![0; 600]]);
    file.sync_data().unwrap();
    assert_eq!(after_a_cut(&disk), [vec![0; 600], vec![0; 600]]);
}

#[test]
fn a_failed_sync_may_have_a_partial_effect() {
    let seen: BTreeSet<Vec<u8>> = (0..40)
        .map(|seed| {
            let disk = disk_with("a", &[1; 1024]);
            let file = open(&disk, "a");
            file.write_at(&[2; 1024], 0).unwrap();
            disk.inject(Fault::io().on(&[Method::SyncData]).effect(Effect::Part).seed(seed));
            file.sync_data().unwrap_err();
            assert_eq!(disk.unsynced(), [], "sectors that did not reach the disk are dropped");
            let bytes = disk.crash(|_| true).read("a").unwrap();
            vec![bytes[0], bytes[512]]
        })
        .collect();
    assert_eq!(seen, [[1, 1], [1, 2], [2, 1], [2, 2]].map(Vec::from).into());
}

#[test]
fn a_failed_directory_sync_without_effect_can_be_retried() {
    let disk = SimDisk::new();
    put(&disk, "a", b"").sync_all().unwrap();
    fail(&disk, Method::SyncDir, Effect::Nothing);
    disk.sync_dir(Path::new("/")).unwrap_err();
    assert_eq!(disk.unsynced().len(), 1);
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(files(&disk.crash(|_| false)), of([("/a", b"")]));
}

#[test]
fn names_dropped_by_a_failed_sync_are_visible_but_lost_after_a_power_cut() {
    let disk = disk_with("live", b"old");
    put(&disk, "tmp", b"new").sync_all().unwrap();
    disk.rename(Path::new("tmp"), Path::new("live")).unwrap();
    fail(&disk, Method::SyncDir, Effect::Dropped);
    disk.sync_dir(Path::new("/")).unwrap_err();
    let reopened = disk.fork();
    reopened.sync_dir(Path::new("/")).unwrap();
    put(&reopened, "later", b"").sync_all().unwrap();
    reopened.sync_dir(Path::new("/")).unwrap();
    assert_eq!(files(&reopened), of([("/later", b""), ("/live", b"new")]));
    assert_eq!(outcomes(&reopened), [of([("/later", b""), ("/live", b"old")])].into());
}

#[test]
fn syncing_a_reused_name_makes_the_dropped_rename_durable() {
    let disk = disk_with("a", b"1");
    disk.rename(Path::new("a"), Path::new("b")).unwrap();
    fail(&disk, Method::SyncDir, Effect::Dropped);
    disk.sync_dir(Path::new("/")).unwrap_err();
    assert_eq!(outcomes(&disk), [of([("/a", b"1")])].into());
    put(&disk, "a", b"2").sync_all().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(outcomes(&disk), [of([("/a", b"2"), ("/b", b"1")])].into());
}
