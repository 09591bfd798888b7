//! Calls that fail or fall short, which they are, and what they have done all the same.

use super::*;

/// Calls one method on what [`ready`] left.
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

/// What is seen, and all that a power cut may leave of it.
fn look(disk: &SimDisk) -> impl PartialEq + std::fmt::Debug + use<> {
    let dirs = ["/b", "/dir"].map(|path| disk.kind(Path::new(path)).unwrap());
    (files(disk), dirs, disk.unsynced(), outcomes(disk))
}

#[test]
fn every_method_can_fail_without_having_done_anything() {
    for method in Method::ALL {
        let (disk, file) = ready();
        let (before, operations) = (look(&disk), disk.operations());
        disk.inject(Fault::error(io::ErrorKind::TimedOut).on(&[method]));
        assert_eq!(call(&disk, &*file, method).unwrap_err().kind(), io::ErrorKind::TimedOut, "{method:?}");
        assert_eq!((look(&disk), disk.operations()), (before, operations), "{method:?}");
        call(&disk, &*file, method).unwrap();
        assert_eq!(disk.strikes(), 1, "{method:?}");
    }
}

#[test]
fn every_method_can_fail_and_have_done_all() {
    for method in Method::ALL {
        let ((disk, file), (well, other)) = (ready(), ready());
        disk.inject(Fault::io().on(&[method]).effect(Effect::Everything));
        call(&disk, &*file, method).unwrap_err();
        call(&well, &*other, method).unwrap();
        assert_eq!(look(&disk), look(&well), "{method:?}");
        assert_eq!(disk.operations(), well.operations(), "{method:?}");
        let counts = disk.operations() > ready().0.operations();
        assert_eq!(counts, method.is_change(), "{method:?}");
    }
}

#[test]
fn a_lock_that_could_not_be_taken_is_not_held() {
    let disk = SimDisk::new();
    disk.inject(Fault::io().on(&[Method::Lock]).effect(Effect::Everything));
    disk.lock(Path::new("LOCK")).unwrap_err();
    assert_eq!(disk.files(), [path("/LOCK")]);
    assert!(matches!(disk.lock(Path::new("LOCK")).unwrap(), Lock::Held(_)));
}

#[test]
fn a_change_that_fails_is_done_or_not_by_the_seed() {
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
fn a_write_that_fails_may_have_written_a_part() {
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
    assert_eq!(written, [0, 1, 2].into(), "less than all");
}

#[test]
fn short_transfers_are_of_one_byte_at_least_and_not_of_all() {
    let disk = disk_with("a", b"hello");
    disk.inject(Fault::short().from(1).seed(5));
    let file = open(&disk, "a");
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let mut bytes = [0; 5];
        let read = file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes[..read], b"hello"[..read]);
        seen.insert(read);
    }
    assert_eq!(seen, (1..5).collect());
    let written = file.write_at(b"HELLO", 0).unwrap();
    assert_eq!(disk.read("a").unwrap(), [&b"HELLO"[..written], &b"hello"[written..]].concat());
    assert_eq!(file.write_at(b"h", 0).unwrap(), 1, "one byte cannot be short");
}

#[test]
fn an_interruption_does_nothing_and_is_for_reads_and_writes() {
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

/// Which of ten reads fail.
fn struck(fault: Fault) -> Vec<u32> {
    let disk = disk_with("a", b"x");
    disk.inject(fault.on(&[Method::ReadAt]));
    let file = open(&disk, "a");
    (1..=10).filter(|_| file.read_at(&mut [0], 0).is_err()).collect()
}

#[test]
fn a_fault_strikes_when_it_is_told_to() {
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
fn a_fault_strikes_on_the_paths_it_is_told_to() {
    let disk = SimDisk::new();
    disk.inject(Fault::io().path(".b").from(1));
    put(&disk, "x.a", b"x").sync_all().unwrap();
    assert!(disk.create_new(Path::new("x.b")).is_err());
    assert!(disk.rename(Path::new("x.a"), Path::new("x.b")).is_err(), "the second path of a rename");
    assert_eq!(disk.strikes(), 2);
}

#[test]
fn of_two_faults_the_first_strikes_and_both_count() {
    let disk = disk_with("a", b"x");
    disk.inject(Fault::error(io::ErrorKind::TimedOut).nth(2));
    disk.inject(Fault::io().from(2));
    let results: Vec<_> = (0..3).map(|_| disk.list(Path::new("/")).err().map(|error| error.kind())).collect();
    assert_eq!(results[..2], [None, Some(io::ErrorKind::TimedOut)]);
    assert!(results[2].is_some_and(|kind| kind != io::ErrorKind::TimedOut));
}

#[test]
fn a_healed_disk_and_the_next_process_meet_no_fault() {
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
fn the_trace_tells_what_was_done_what_failed_and_what_struck() {
    let disk = disk_with("a", b"old");
    disk.inject(Fault::full().nth(1));
    let file = open(&disk, "a");
    file.write_at(b"new", 9).unwrap_err();
    file.write_at(b"new", 9).unwrap();
    file.read_at(&mut [0; 3], 0).unwrap();
    disk.rename(Path::new("b"), Path::new("c")).unwrap_err();
    let crashed = disk.fork().crash(|asked| matches!(asked, Unsynced::Sector { .. }));
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
