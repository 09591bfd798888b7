//! Tests of ready-made power cuts and of their reduction.

use super::*;

/// A disk with five unsynced changes: two sectors in each of two files, and the rename of one of these files.
fn disk_with_unsynced_changes() -> SimDisk {
    let disk = SimDisk::new();
    for name in ["a", "b"] {
        put(&disk, name, &[1; 1024]).sync_all().unwrap();
    }
    disk.sync_dir(Path::new("/")).unwrap();
    open(&disk, "b").write_at(&[2; 512], 0).unwrap();
    open(&disk, "a").write_at(&[2; 1024], 0).unwrap();
    disk.rename(Path::new("a"), Path::new("c")).unwrap();
    open(&disk, "b").write_at(&[2; 512], 512).unwrap();
    assert_eq!(disk.unsynced().len(), 5);
    disk
}

/// The fates of all changes in the order of [`SimDisk::unsynced`]: `.` lost, `k` kept, `g` garbage.
fn fates(disk: &SimDisk, crash: &Crash) -> String {
    let left = disk.crash_by(crash);
    let changes = disk.unsynced();
    let fate = |change: &Unsynced| match change {
        Unsynced::Renamed { .. } => {
            if left.read("c").is_ok() {
                'k'
            } else {
                '.'
            }
        }
        Unsynced::Sector { path, index, .. } => {
            let bytes = left.read(path).or_else(|_| left.read("a")).unwrap();
            match &bytes[*index as usize * 512..][..512] {
                bytes if bytes == [1; 512] => '.',
                bytes if bytes == [2; 512] => 'k',
                _ => 'g',
            }
        }
        change => panic!("{change}"),
    };
    changes.iter().map(fate).collect()
}

#[test]
fn each_variant_has_the_expected_fates() {
    let disk = disk_with_unsynced_changes();
    let descriptions: Vec<_> = disk.unsynced().iter().map(Unsynced::to_string).collect();
    assert_eq!(
        descriptions,
        ["rename of /a to /c", "sector at 0 of /c", "sector at 512 of /c", "sector at 0 of /b", "sector at 512 of /b"]
    );
    let expected = [
        (Crash::Nothing, "....."),
        (Crash::Everything, "kkkkk"),
        (Crash::Only(2), "..k.."),
        (Crash::AllBut(0), ".kkkk"),
        (Crash::NamesOnly, "k...."),
        (Crash::BytesOnly, ".kkkk"),
        (Crash::Prefix(0), "....."),
        (Crash::Prefix(1), "...k."),
        (Crash::Prefix(3), ".kkk."),
        (Crash::Prefix(4), "kkkk."),
        (Crash::Prefix(5), "kkkkk"),
    ];
    for (crash, fate) in expected {
        assert_eq!(fates(&disk, &crash), fate, "{crash:?}");
    }
}

#[test]
fn the_seed_determines_subsets_and_garbage() {
    let disk = disk_with_unsynced_changes();
    let all =
        |crash: fn(u64) -> Crash| -> BTreeSet<String> { (0..3000).map(|seed| fates(&disk, &crash(seed))).collect() };
    assert_eq!(all(Crash::Subset).len(), 32, "every subset occurs");
    // each changed sector contained non-zero bytes before, so `Garbage` leaves garbage in none of them
    assert_eq!(all(Crash::Garbage), all(Crash::Subset));
    let anywhere = all(Crash::GarbageAnywhere);
    assert!(anywhere.len() > 100, "{}", anywhere.len());
    assert!(anywhere.contains("kgggg") && anywhere.iter().all(|fates| !fates.starts_with('g')));
    assert_eq!(files(&disk.crash_by(&Crash::Subset(9))), files(&disk.crash_by(&Crash::Subset(9))));
}

#[test]
fn garbage_occurs_only_in_sectors_of_zeros() {
    let disk = disk_with("a", &[0; 1024]);
    disk.write("a", 600, b"synced").unwrap();
    open(&disk, "a").write_at(&[2; 2000], 0).unwrap();
    let is_garbage = |bytes: &[u8], old: &[u8]| bytes != old && bytes != &[2; 2000][..bytes.len()];
    let synced = disk.crash(|_| false).read("a").unwrap();
    let mut garbage = [0; 4];
    for seed in 0..300 {
        let bytes = disk.crash_by(&Crash::Garbage(seed)).read("a").unwrap();
        for (sector, count) in bytes.chunks(512).zip(&mut garbage) {
            let at = sector.as_ptr() as usize - bytes.as_ptr() as usize;
            let old = synced.get(at..at + 512).unwrap_or(&[0; 512]);
            *count += u32::from(is_garbage(sector, &old[..sector.len().min(old.len())]));
        }
    }
    assert!(garbage[0] > 30 && garbage[1] == 0 && garbage[2] > 30 && garbage[3] > 30, "{garbage:?}");
}

#[test]
fn garbage_is_torn_or_ones_or_random_and_never_beyond_the_end() {
    let disk = disk_with("a", b"");
    open(&disk, "a").write_at(&[2; 700], 0).unwrap();
    let (mut torn, mut ones, mut other) = (0, 0, 0);
    for seed in 0..200 {
        let crashed = disk.crash(|change| match change {
            Unsynced::Sector { index: 1, .. } => Fate::Garbage(seed),
            _ => Fate::Lost,
        });
        let bytes = crashed.read("a").unwrap();
        assert_eq!((bytes.len(), &bytes[..512]), (700, &[0; 512][..]));
        let new = bytes[512..].iter().take_while(|&&byte| byte == 2).count();
        match &bytes[512..] {
            garbage if garbage[new..].iter().all(|&byte| byte == 0) => torn += 1,
            garbage if garbage.iter().all(|&byte| byte == 0xFF) => ones += 1,
            _ => other += 1,
        }
        // a later write beyond the end does not bring garbage back
        open(&crashed, "a").write_at(&[3], 1500).unwrap();
        assert_eq!(crashed.read("a").unwrap()[700..1500], [0; 800]);
    }
    assert!(torn > 20 && ones > 20 && other > 60, "{torn} {ones} {other}");
}

#[test]
fn all_variants_are_distinct() {
    assert_eq!(Crash::all(0, 0..5), [Crash::Nothing]);
    assert_eq!(Crash::all(1, 0..0), [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly]);
    let all = Crash::all(5, 3..5);
    assert_eq!(all.len(), 4 + 10 + 4 + 4);
    assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
}

#[test]
fn shrinking_keeps_only_the_changes_that_matter() {
    let disk = disk_with_unsynced_changes();
    // returns `true` if the first sectors of both files are lost
    let fails = |left: SimDisk| {
        let first = |name: &str| left.read(name).map(|bytes| bytes[0]);
        first("b").unwrap() == 1 && first("c").or_else(|_| first("a")).unwrap() == 1
    };
    let shrunk = disk.shrink(&Crash::Nothing, fails);
    let text = "all unsynced changes are kept, except\n  lost: sector at 0 of /c\n  lost: sector at 0 of /b";
    assert_eq!(shrunk.to_string(), text);
    assert!(fails(disk.crash(|change| shrunk.fate(change))));
    // fails if the rename is kept
    let shrunk = disk.shrink(&Crash::Everything, |left| left.read("c").is_ok());
    assert_eq!(shrunk.to_string(), "all unsynced changes are kept");
    let shrunk = disk.shrink(&Crash::Only(0), |left| left.read("c").is_ok() && left.read("c").unwrap()[0] == 1);
    assert_eq!(shrunk.to_string(), "all unsynced changes are kept, except\n  lost: sector at 0 of /c");
    let shrunk = disk.shrink(&Crash::Only(0), |left| left.read("c").is_ok_and(|bytes| bytes == [1; 1024]));
    assert_eq!(shrunk.to_string(), "all unsynced changes are lost, except\n  kept: rename of /a to /c");
}

#[test]
fn shrinking_keeps_the_seed_of_garbage() {
    let disk = disk_with("a", b"");
    open(&disk, "a").write_at(&[2; 4096], 0).unwrap();
    let fails = |left: &SimDisk| left.read("a").unwrap().get(..512).is_some_and(|bytes| bytes[5] > 2);
    let crash = (0..).map(Crash::Garbage).find(|crash| fails(&disk.crash_by(crash))).unwrap();
    let shrunk = disk.shrink(&crash, |left| fails(&left));
    assert!(
        matches!(shrunk.exceptions[..], [(Unsynced::Sector { index: 0, fresh: true, .. }, Fate::Garbage(_))]),
        "{shrunk}"
    );
}
