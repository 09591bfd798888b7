//! Images with a history: pruned, protected, in use, begun with a given state.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::{Export, Import, Rewrite, Void};
use memimage::disk::{Disk as _, Fault, SimDisk};
use memimage::{Durability, ErrorKind, Image, Key, Keys, Metadata, Options, Retention, Seq, digest};
use memimage_tests::{Ledger, LedgerCommands as _, Run};

use super::{COPY, IMAGE, assert_copied, export, import, options, state, unchecked};

fn open(disk: &SimDisk, path: &str, options: Options<Ledger>) -> Image<Ledger> {
    options.open_with(Arc::new(disk.clone()), path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn pruning() -> Options<Ledger> {
    Run::options(Durability::Synced, 512).retention(Retention::Events(0))
}

/// Adds events, each with a request key.
fn add(ledger: &Image<Ledger>, numbers: std::ops::Range<u32>) {
    for number in numbers {
        ledger.with(Metadata::actor("ada")).once(format!("request {number}")).deposit(number % 3, number).unwrap();
        ledger.draw().unwrap();
        ledger.file(vec![number as u8; 900]).unwrap();
    }
}

/// An image whose first events were pruned.
fn pruned() -> SimDisk {
    let disk = SimDisk::new();
    let ledger = open(&disk, IMAGE, pruning());
    for round in 0..6 {
        add(&ledger, 10 * round..10 * round + 10);
        ledger.admin().snapshot().unwrap();
        assert_eq!(ledger.admin().stats().retention_failure, None);
    }
    add(&ledger, 60..63);
    Image::close(ledger).unwrap();
    disk
}

#[test]
fn a_pruned_image() {
    let disk = pruned();
    let (exported, imported) = assert_copied::<Ledger>(&disk);
    let base = exported.base.expect("the image is pruned");
    assert!(exported.events < exported.seq.get(), "{exported:?}");
    assert_eq!(imported.base, Some(base));

    // requests from before the base and from after it are answered, and not executed again
    let copy = open(&disk, COPY, pruning());
    let (seq, before) = (copy.journal().seq(), copy.query(|ledger| digest(ledger).unwrap()).unwrap());
    let original = open(&disk, IMAGE, pruning());
    for number in [0, 3, 30, 62] {
        let answer =
            |ledger: &Image<Ledger>| ledger.once(format!("request {number}")).deposit(number % 3, number).unwrap();
        assert_eq!(answer(&copy), answer(&original), "request {number}");
    }
    assert_eq!((copy.journal().seq(), copy.query(|ledger| digest(ledger).unwrap()).unwrap()), (seq, before));
    // the past states of both are the same, from the base on
    let last = copy.journal().seq();
    for seq in [base, base.next(), last] {
        let past = |ledger: &Image<Ledger>| digest(&*ledger.journal().at(seq).unwrap()).unwrap();
        assert_eq!(past(&copy), past(&original), "event {seq}");
    }
    let mut past = copy.journal().at(base).unwrap();
    past.seek(last).unwrap();
    assert_eq!(digest(&*past).unwrap(), before);
    // the copy goes on, and prunes
    for round in 7..40 {
        add(&copy, 10 * round..10 * round + 10);
        copy.admin().snapshot().unwrap();
        assert_eq!(copy.admin().stats().retention_failure, None);
    }
    Image::close(copy).unwrap();
    assert!(export(&disk, COPY).unwrap().0.base > Some(base));
}

/// Without the digest after it, the last event in the base is in the middle of a frame.
#[test]
fn a_pruned_image_without_its_digests() {
    let disk = pruned();
    let (exported, lines) = export(&disk, IMAGE).unwrap();
    import(&disk, &unchecked(&without_digests(&lines))).unwrap();
    let (base, last) = (exported.base.unwrap(), exported.seq);
    let [expected, found] = [IMAGE, COPY].map(|path| {
        let ledger = open(&disk.fork(), path, pruning());
        let mut past = ledger.journal().at(base).unwrap();
        let at_base = digest(&*past).unwrap();
        past.seek(last).unwrap();
        (at_base, digest(&*past).unwrap())
    });
    assert_eq!(found, expected);
}

fn without_digests(lines: &str) -> String {
    lines.lines().filter(|line| !line.contains(r#""kind":"digest""#)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_pruned_image_with_void_events() {
    let disk = pruned();
    let (exported, _) = export(&disk, IMAGE).unwrap();
    for seq in [exported.seq.get() - 5, exported.seq.get()] {
        Void::new(Seq::new(seq), "a mistake").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    }
    let ledger = open(&disk, IMAGE, pruning());
    add(&ledger, 80..82);
    Image::close(ledger).unwrap();
    assert_copied::<Ledger>(&disk);
}

/// The base contains the decision, and the journal still has the event.
#[test]
fn a_base_that_is_newer_than_a_void_event() {
    let disk = pruned();
    let last = export(&disk, IMAGE).unwrap().0.seq;
    Void::new(last, "a mistake").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let ledger = open(&disk, IMAGE, pruning());
    ledger.admin().snapshot().unwrap();
    ledger.deposit(1, 1).unwrap();
    ledger.admin().snapshot().unwrap();
    Image::close(ledger).unwrap();
    let (exported, _) = assert_copied::<Ledger>(&disk);
    assert!(exported.base >= Some(last), "{exported:?}");
    assert!(export(&disk, COPY).unwrap().1.contains(r#"{"kind":"void""#));
}

#[test]
fn an_image_without_events() {
    let disk = SimDisk::new();
    Image::close(open(&disk, IMAGE, options(1))).unwrap();
    let (exported, _) = assert_copied::<Ledger>(&disk);
    assert_eq!((exported.events, exported.seq), (0, Seq::ZERO));
}

#[test]
fn an_image_that_began_with_a_given_state() {
    let disk = SimDisk::new();
    let given = Ledger { filed: 7, accounts: [(1, -3)].into(), ..Ledger::default() };
    let ledger = open(&disk, IMAGE, options(1).genesis(given));
    add(&ledger, 0..3);
    Image::close(ledger).unwrap();
    assert_copied::<Ledger>(&disk);
    let filed = |path| open(&disk.fork(), path, options(1)).query(|ledger| ledger.filed).unwrap();
    assert_eq!((filed(COPY), filed(IMAGE)), (7 + 2_700, 7 + 2_700));
}

#[test]
fn a_rewritten_image() {
    let disk = SimDisk::new();
    let ledger = open(&disk, "/old", options(1));
    add(&ledger, 0..5);
    Image::close(ledger).unwrap();
    Void::new(Seq::new(2), "a mistake").run_with(Arc::new(disk.clone()), "/old").unwrap();
    Rewrite::<Ledger>::new().run_with(Arc::new(disk.clone()), "/old", IMAGE).unwrap();
    let lines = export(&disk, IMAGE).unwrap().1;
    assert!(lines.contains("memimage.dropped") && lines.contains(r#""parent":{"uuid""#), "{lines}");
    assert_copied::<Ledger>(&disk);
}

/// A decision at the end of the journal is exported, too, though no event follows it.
#[test]
fn an_image_in_use_whose_last_event_is_void() {
    let disk = SimDisk::new();
    let ledger = open(&disk, IMAGE, options(1));
    add(&ledger, 0..3);
    let last = ledger.journal().seq();
    Image::close(ledger).unwrap();
    Void::new(last, "a mistake").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let ledger = open(&disk, IMAGE, options(1));
    let expected = ledger.query(|ledger| digest(ledger).unwrap()).unwrap();
    let (exported, lines) = export(&disk, IMAGE).unwrap();
    import(&disk, &lines).unwrap();
    assert_eq!((exported.seq, state::<Ledger>(&disk, COPY)), (last, expected));
    drop(ledger);
}

#[test]
fn a_protected_image_is_exported_with_its_keys_and_imported_with_others() {
    let keys = |byte: u8| Keys::new(1, move |number| (number == 1).then(|| Key::new([byte; 32])));
    let disk = SimDisk::new();
    let ledger = open(&disk, IMAGE, pruning().encryption(keys(1)).chain(keys(2)));
    for round in 0..4 {
        add(&ledger, 10 * round..10 * round + 10);
        ledger.admin().snapshot().unwrap();
    }
    let expected = ledger.query(|ledger| digest(ledger).unwrap()).unwrap();
    Image::close(ledger).unwrap();
    assert_eq!(export(&disk, IMAGE).unwrap_err().kind(), ErrorKind::Key);
    let mut lines = Vec::new();
    let export = Export::new().encryption(keys(1)).chain(keys(2));
    let report = export.run_with(Arc::new(disk.clone()), IMAGE, &mut lines).unwrap();
    assert!(report.base.is_some());
    let import = Import::new().encryption(keys(3)).chain(keys(4));
    import.run_with(Arc::new(disk.clone()), &lines[..], COPY).unwrap();
    let without = pruning().open_with(Arc::new(disk.clone()), COPY);
    assert_eq!(without.unwrap_err().kind(), ErrorKind::Key);
    let copy = open(&disk, COPY, pruning().encryption(keys(3)).chain(keys(4)));
    assert_eq!(copy.query(|ledger| digest(ledger).unwrap()).unwrap(), expected);
}

/// A digest that was recorded does not agree with a changed event, so the opening reports the change.
#[test]
fn a_recorded_digest_reveals_a_changed_event() {
    let disk = SimDisk::new();
    let ledger = open(&disk, IMAGE, options(1));
    ledger.deposit(1, 41).unwrap();
    ledger.admin().snapshot().unwrap();
    ledger.deposit(1, 1).unwrap();
    ledger.admin().snapshot().unwrap();
    Image::close(ledger).unwrap();
    let lines = export(&disk, IMAGE).unwrap().1;
    assert!(lines.contains(r#"{"kind":"digest""#), "{lines}");
    let changed = unchecked(&lines).replace(r#""amount":41"#, r#""amount":42"#);
    import(&disk, &changed).unwrap();
    let error = options::<Ledger>(1).open_with(Arc::new(disk.fork()), COPY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");

    let without = without_digests(&changed);
    let disk = disk.fork();
    let target = "/without digests";
    Import::new().run_with(Arc::new(disk.clone()), without.as_bytes(), target).unwrap();
    assert_eq!(open(&disk, target, options(1)).query(|ledger| ledger.accounts[&1]).unwrap(), 43);
}

/// The outcome of event 2 may differ on replay, because an event before it became void later. Those of the events after the decision may
/// not.
#[test]
fn the_outcomes_of_events_after_a_decision_are_compared() {
    let disk = SimDisk::new();
    let ledger = open(&disk, IMAGE, options(1));
    ledger.deposit(1, 10).unwrap();
    ledger.settle(1, 5).unwrap();
    Image::close(ledger).unwrap();
    Void::new(Seq::new(1), "a mistake").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let ledger = open(&disk, IMAGE, options(1 << 30));
    ledger.settle(1, 5).unwrap_err();
    ledger.deposit(2, 10).unwrap();
    Image::close(ledger).unwrap();
    assert_copied::<Ledger>(&disk);

    let lines = unchecked(&export(&disk, IMAGE).unwrap().1);
    let with_outcome = |seq: u64, from: bool, to: bool| {
        let is_event = |line: &&str| line.contains(&format!(r#""kind":"event","seq":{seq},"#));
        let event = lines.lines().find(is_event).unwrap();
        let changed = event.replace(&format!(r#""rejected":{from}"#), &format!(r#""rejected":{to}"#));
        assert_ne!(changed, event);
        let disk = SimDisk::new();
        import(&disk, &lines.replace(event, &changed)).unwrap();
        options::<Ledger>(1 << 40).open_with(Arc::new(disk), COPY).map(drop).map_err(|error| error.kind())
    };
    assert_eq!(with_outcome(2, false, true), Ok(()), "the replay decides");
    assert_eq!(with_outcome(3, true, false), Err(ErrorKind::Diverged));
    assert_eq!(with_outcome(4, false, true), Err(ErrorKind::Diverged));
}

/// Whatever fails, there is no image at the path, or a complete one, and the next import succeeds.
#[test]
fn after_an_import_that_fails_there_is_no_image_or_a_complete_one() {
    let exported = pruned();
    Void::new(Seq::new(180), "a mistake").run_with(Arc::new(exported.clone()), IMAGE).unwrap();
    let lines = export(&exported, IMAGE).unwrap().1;
    let expected = state::<Ledger>(&exported, IMAGE);
    let mut failures = 0;
    for call in (1..).step_by(13) {
        let disk = SimDisk::new();
        disk.inject(Fault::io().nth(call));
        let imported = import(&disk, &lines);
        let is_over = disk.strikes() == 0;
        disk.heal();
        if imported.is_err() {
            failures += 1;
            let left: Vec<_> = disk.files().into_iter().filter(|path| !path.starts_with(COPY)).collect();
            assert!(left.is_empty(), "call {call}: {left:?}");
            if !disk.files().is_empty() {
                assert_eq!(state::<Ledger>(&disk, COPY), expected, "call {call}");
                continue;
            }
            import(&disk, &lines).unwrap();
        }
        assert_eq!(state::<Ledger>(&disk, COPY), expected, "call {call}");
        if is_over {
            break;
        }
    }
    assert!(failures > 10, "{failures} failures");
}

/// A power cut at any moment leaves no image at the path, or a complete one.
#[test]
fn after_a_power_cut_there_is_no_image_or_a_complete_one() {
    let exported = pruned();
    let lines = export(&exported, IMAGE).unwrap().1;
    let expected = state::<Ledger>(&exported, IMAGE);
    let disk = SimDisk::new();
    import(&disk, &lines).unwrap();
    let operations = disk.operations();
    for stop in (1..operations).step_by(11) {
        let disk = SimDisk::new();
        disk.stop_after(stop);
        let _ = import(&disk, &lines);
        for kept in [false, true] {
            let after = disk.crash(|_| kept);
            if after.files().iter().any(|file| file.starts_with("/copy/journal")) {
                assert_eq!(state::<Ledger>(&after, COPY), expected, "after {stop} operations");
            } else {
                import(&after, &lines).unwrap_or_else(|error| panic!("after {stop} operations: {error}"));
            }
        }
    }
}

/// In a directory that exists, the parts of an image get their names one after the other.
#[test]
fn after_a_power_cut_an_existing_directory_has_no_image_or_a_complete_one() {
    let exported = pruned();
    let lines = export(&exported, IMAGE).unwrap().1;
    let expected = state::<Ledger>(&exported, IMAGE);
    let with_directory = || {
        let disk = SimDisk::new();
        disk.create_dir(Path::new(COPY)).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk
    };
    let disk = with_directory();
    let before = disk.operations();
    import(&disk, &lines).unwrap();
    let operations = disk.operations();
    // the names are given at the end
    let names_from = operations.saturating_sub(12).max(before);
    let mut complete = 0;
    for stop in (before..names_from).step_by(17).chain(names_from..=operations) {
        let disk = with_directory();
        disk.stop_after(stop);
        let _ = import(&disk, &lines);
        let names = disk.unsynced().iter().filter(|change| change.is_name()).count();
        // all changes are lost, or all are kept, or all but one of a name
        for lost in 0..names + 2 {
            let mut name = 0;
            let after = disk.crash(|change| {
                name += usize::from(change.is_name());
                lost <= names && !(change.is_name() && name == lost)
            });
            if after.files().iter().any(|file| file.starts_with("/copy/journal")) {
                complete += 1;
                assert_eq!(state::<Ledger>(&after, COPY), expected, "after {stop} operations, without name {lost}");
            } else {
                import(&after, &lines).unwrap_or_else(|error| panic!("after {stop} operations: {error}"));
            }
        }
    }
    assert!(complete > 3, "{complete}");
}

/// Nothing but the journal itself proves the last events then.
#[test]
fn an_export_after_a_kill_has_all_events_that_were_answered() {
    let disk = SimDisk::new();
    let ledger = open(&disk, IMAGE, options(1));
    add(&ledger, 0..3);
    let last = ledger.journal().seq();
    let killed = disk.crash(|_| true);
    drop(ledger);
    assert_eq!(export(&killed, IMAGE).unwrap().0.seq, last);
}
