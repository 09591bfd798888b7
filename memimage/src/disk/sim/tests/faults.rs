//! Tests of injected faults: which calls the faults strike, and which effects these calls have.

use super::*;

/// Calls `method` on the disk or the file that [`ready`] returns.
fn call(disk: &SimDisk, file: &dyn DiskFile, method: Method) -> io::Result<()> {
    let (a, b, dir) = (Path::new("/a"), Path::new("/b"), Path::new("/dir"));
    match method {
        Method::CreateNew => disk.create_new(b).map(drop),
        Method::Open => disk.open(a, Access::Read).map(drop),
        Method::CreateDir => disk.create_dir(b),
        Method::List => disk.list(dir).map(drop),
        Method::Kind => disk.kind(a).map(drop),
        Method::Rename => disk.rename(a, b),
        Method::Remove => disk.remove(a),
        Method::RemoveDir => disk.remove_dir(dir),
        Method::SyncDir => disk.sync_dir(Path::new("/")),
        Method::Lock => disk.lock(Path::new("/LOCK")).map(drop),
        Method::IsWithin => disk.is_within(a, dir).map(drop),
        Method::Owner => disk.owner(a).map(drop),
        Method::Exposed => disk.exposed(a).map(drop),
        Method::NetworkFilesystem => disk.network_filesystem(a).map(drop),
        Method::ReadAt => file.read_at(&mut [0; 4], 0).map(drop),
        Method::WriteAt => file.write_at(b"new", 0).map(drop),
        Method::SyncData => file.sync_data(),
        Method::SyncAll => file.sync_all(),
        Method::Len => file.len().map(drop),
    }
}

fn ready() -> (SimDisk, Box<dyn DiskFile>) {
    let disk = disk_with("a", b"old");
    disk.create_dir(Path::new("dir")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let file = open(&disk, "a");
    file.write_at(b"odd", 0).unwrap();
    put(&disk, "c", b"");
    (disk, file)
}

/// The visible state of the disk, and all possible outcomes of a power cut.
fn snapshot(disk: &SimDisk) -> impl PartialEq + std::fmt::Debug + use<> {
    let dirs = ["/b", "/dir"].map(|path| disk.kind(Path::new(path)).unwrap());
    (files(disk), dirs, disk.unsynced(), outcomes(disk))
}

#[test]
fn every_method_can_fail_without_effect() {
    for method in Method::ALL {
        let (disk, file) = ready();
        let (before, operations) = (snapshot(&disk), disk.operations());
        disk.inject(Fault::error(io::ErrorKind::TimedOut).on(&[method]));
        assert_eq!(call(&disk, &*file, method).unwrap_err().kind(), io::ErrorKind::TimedOut, "{method:?}");
        assert_eq!((snapshot(&disk), disk.operations()), (before, operations), "{method:?}");
        call(&disk, &*file, method).unwrap();
        assert_eq!(disk.strikes(), 1, "{method:?}");
    }
}

#[test]
fn every_method_can_fail_with_full_effect() {
    for method in Method::ALL {
        let ((disk, file), (healthy, other)) = (ready(), ready());
        disk.inject(Fault::io().on(&[method]).effect(Effect::Everything));
        call(&disk, &*file, method).unwrap_err();
        call(&healthy, &*other, method).unwrap();
        assert_eq!(snapshot(&disk), snapshot(&healthy), "{method:?}");
        assert_eq!(disk.operations(), healthy.operations(), "{method:?}");
        let counts = disk.operations() > ready().0.operations();
        assert_eq!(counts, method.is_change(), "{method:?}");
    }
}

#[test]
fn a_failed_lock_call_does_not_hold_the_lock() {
    let disk = SimDisk::new();
    disk.inject(Fault::io().on(&[Method::Lock]).effect(Effect::Everything));
    disk.lock(Path::new("LOCK")).unwrap_err();
    assert_eq!(disk.files(), [path("/LOCK")]);
    assert!(matches!(disk.lock(Path::new("LOCK")).unwrap(), Lock::Held(_)));
}

#[test]
fn the_seed_decides_whether_a_failed_change_has_an_effect() {
    let done: BTreeSet<bool> = (0..20)
        .map(|seed| {
            let disk = disk_with("a", b"");
            disk.inject(Fault::io().on(&[Method::Rename]).effect(Effect::Part).seed(seed));
            disk.rename(Path::new("a"), Path::new("b")).unwrap_err();
            disk.files() == [path("/b")]
        })
        .collect();
    assert_eq!(done, [false, true].into());
}

#[test]
fn a_failed_write_may_write_a_part() {
    let written: BTreeSet<usize> = (0..60)
        .map(|seed| {
            let disk = disk_with("a", b"");
            disk.inject(Fault::full().effect(Effect::Part).seed(seed));
            assert_eq!(open(&disk, "a").write_at(b"new", 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
            let bytes = disk.read("a").unwrap();
            assert_eq!(bytes, b"new"[..bytes.len()]);
            bytes.len()
        })
        .collect();
    assert_eq!(written, [0, 1, 2].into(), "never all bytes");
}

#[test]
fn a_short_transfer_is_at_least_one_byte_and_never_complete() {
    let disk = disk_with("a", b"hello");
    disk.inject(Fault::short().from(1).seed(5));
    let file = open(&disk, "a");
    let mut lengths = BTreeSet::new();
    for _ in 0..60 {
        let mut bytes = [0; 5];
        let read = file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes[..read], b"hello"[..read]);
        lengths.insert(read);
    }
    assert_eq!(lengths, (1..5).collect());
    let written = file.write_at(b"HELLO", 0).unwrap();
    assert_eq!(disk.read("a").unwrap(), [&b"HELLO"[..written], &b"hello"[written..]].concat());
    assert_eq!(file.write_at(b"h", 0).unwrap(), 1, "one byte cannot be short");
}

#[test]
fn an_interruption_has_no_effect_and_strikes_only_reads_and_writes() {
    for method in Method::ALL {
        let (disk, file) = ready();
        disk.inject(Fault::interrupted().from(1));
        let struck = matches!(method, Method::ReadAt | Method::WriteAt);
        match call(&disk, &*file, method) {
            Err(error) => assert!(struck && error.kind() == io::ErrorKind::Interrupted, "{method:?}: {error}"),
            Ok(()) => assert!(!struck, "{method:?}"),
        }
        if struck {
            assert_eq!(disk.read("a").unwrap(), b"odd");
        }
    }
}

/// Reads ten times, and returns the numbers of the reads that fail.
fn struck(fault: Fault) -> Vec<u32> {
    let disk = disk_with("a", b"x");
    disk.inject(fault.on(&[Method::ReadAt]));
    let file = open(&disk, "a");
    (1..=10).filter(|_| file.read_at(&mut [0], 0).is_err()).collect()
}

#[test]
fn a_fault_strikes_by_its_schedule() {
    assert_eq!(struck(Fault::io()), [1]);
    assert_eq!(struck(Fault::io().nth(4)), [4]);
    assert_eq!(struck(Fault::io().from(8)), [8, 9, 10]);
    assert_eq!(struck(Fault::io().every(4)), [4, 8]);
    assert_eq!(struck(Fault::io().nth(11)), [0; 0]);
    let some = struck(Fault::io().one_in(3).seed(2));
    assert!((1..9).contains(&some.len()), "{some:?}");
    assert_eq!(some, struck(Fault::io().one_in(3).seed(2)));
}

#[test]
fn a_fault_strikes_only_matching_paths() {
    let disk = SimDisk::new();
    disk.inject(Fault::io().path(".b").from(1));
    put(&disk, "x.a", b"x").sync_all().unwrap();
    assert!(disk.create_new(Path::new("x.b")).is_err());
    assert!(disk.rename(Path::new("x.a"), Path::new("x.b")).is_err(), "the second path of a rename");
    assert_eq!(disk.strikes(), 2);
}

#[test]
fn with_two_faults_the_first_strikes_and_both_count_the_call() {
    let disk = disk_with("a", b"x");
    disk.inject(Fault::error(io::ErrorKind::TimedOut).nth(2));
    disk.inject(Fault::io().from(2));
    let results: Vec<_> = (0..3).map(|_| disk.list(Path::new("/")).err().map(|error| error.kind())).collect();
    assert_eq!(results[..2], [None, Some(io::ErrorKind::TimedOut)]);
    assert!(results[2].is_some_and(|kind| kind != io::ErrorKind::TimedOut));
}

#[test]
fn a_healed_disk_and_its_copies_have_no_faults() {
    let disk = disk_with("a", b"x");
    disk.inject(Fault::io().from(1));
    disk.list(Path::new("/")).unwrap_err();
    for disk in [disk.fork(), disk.crash(|_| false)] {
        disk.list(Path::new("/")).unwrap();
    }
    disk.heal();
    disk.list(Path::new("/")).unwrap();
    assert_eq!(disk.strikes(), 1);
}

#[test]
fn the_trace_lists_changes_failures_and_faults() {
    let disk = disk_with("a", b"old");
    disk.inject(Fault::full().nth(1));
    let file = open(&disk, "a");
    file.write_at(b"new", 9).unwrap_err();
    file.write_at(b"new", 9).unwrap();
    file.read_at(&mut [0; 3], 0).unwrap();
    disk.rename(Path::new("b"), Path::new("c")).unwrap_err();
    let crashed = disk.fork().crash(|change| matches!(change, Unsynced::Sector { .. }));
    let expected = "     1 CreateNew /a
     2 WriteAt /a 0+3
     3 SyncAll /a
     4 SyncDir /
     5 WriteAt /a 9+3: no storage space, injected, nothing done
     5 WriteAt /a 9+3
     6 Rename /b to /c: entity not found
       killed
       power cut: 1 of 2 unsynced survive
";
    assert_eq!(crashed.trace().to_string(), expected);
    for _ in 0..100 {
        file.sync_data().unwrap();
    }
    assert_eq!(disk.trace().to_string().lines().count(), 32);
}
