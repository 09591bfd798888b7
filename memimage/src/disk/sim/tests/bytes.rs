//! Tests of sectors and lengths after a power cut.

use super::*;

#[test]
fn synced_bytes_under_a_synced_name_survive() {
    let disk = disk_with("a", b"safe");
    assert_eq!(outcomes(&disk), [of([("/a", b"safe")])].into());
}

#[test]
fn each_unsynced_sector_is_lost_or_kept_independently() {
    let disk = disk_with("a", &[1; 1200]);
    open(&disk, "a").write_at(&[2; 1200], 0).unwrap();
    let sector = |index| Unsynced::Sector { path: path("/a"), index, fresh: false };
    assert_eq!(disk.unsynced(), [sector(0), sector(1), sector(2)]);
    assert_eq!(outcomes(&disk).len(), 8);

    let crashed = disk.crash(|change| *change == sector(1));
    let bytes = crashed.read("a").unwrap();
    assert_eq!((&bytes[..512], &bytes[512..1024], &bytes[1024..]), (&[1; 512][..], &[2; 512][..], &[1; 176][..]));
}

#[test]
fn a_kept_sector_includes_its_older_writes() {
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
fn a_sync_covers_only_earlier_writes() {
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
fn a_sector_overwritten_with_equal_bytes_is_not_unsynced() {
    let disk = disk_with("a", &[1; 1024]);
    open(&disk, "a").write_at(&[1; 1024], 0).unwrap();
    assert_eq!(disk.unsynced(), []);
}

#[test]
fn an_unsynced_file_may_lose_all_its_length() {
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
fn zeros_that_extend_a_file_are_an_unsynced_length() {
    let disk = disk_with("a", b"");
    open(&disk, "a").write_at(&[0; 2048], 0).unwrap();
    assert_eq!(disk.unsynced(), [Unsynced::Length { path: path("/a"), synced: 0, written: 2048 }]);
    assert_eq!(disk.crash(|_| true).read("a").unwrap(), [0; 2048]);
    assert_eq!(disk.crash(|_| false).read("a").unwrap(), b"");
}
