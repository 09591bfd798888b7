//! Check, repair and void with keys: their reports, and that wrong keys change nothing. `operations/` tests the effects of
//! repairs, and crashes during them, for all protection modes.

use memimage::ErrorKind;
use memimage::admin::{Check, CheckReport, Repair, RepairAction, RepairReport, Severity, Void, VoidReport};
use memimage_tests::LedgerCommands as _;
use memimage_tests::checksums::{next_link, update_frame, update_frame_checksums, update_snapshot};
use memimage_tests::frames::frames;

use super::forgery::{remove_protection, small_image, snapshot_of};
use super::*;

pub(super) fn check(disk: &SimDisk, mode: ProtectionMode) -> CheckReport {
    check_with(disk, mode, keys(CIPHER), keys(CHAIN)).unwrap_or_else(|error| panic!("{error}"))
}

fn check_with(disk: &SimDisk, mode: ProtectionMode, cipher: Keys, chain: Keys) -> Result<CheckReport, Error> {
    let operations = disk.operations();
    let checked = with_keys!(mode, Check::new(), cipher, chain).run_with(Arc::new(disk.clone()), ROOT);
    assert_eq!(disk.operations(), operations, "a check changes nothing");
    checked
}

fn repair(disk: &SimDisk, mode: ProtectionMode, action: RepairAction) -> Result<RepairReport, Error> {
    with_keys!(mode, Repair::new(action), keys(CIPHER), keys(CHAIN)).run_with(Arc::new(disk.clone()), ROOT)
}

fn void(disk: &SimDisk, mode: ProtectionMode, seq: u64) -> Result<VoidReport, Error> {
    let void = Void::new(Seq::new(seq), "a mistake");
    with_keys!(mode, void, keys(CIPHER), keys(CHAIN)).run_with(Arc::new(disk.clone()), ROOT)
}

/// Asserts that check, repair and void refuse these keys and change nothing. Returns the errors.
fn assert_all_refuse(disk: &SimDisk, mode: ProtectionMode, keys: impl Fn() -> (Keys, Keys)) -> Vec<String> {
    let (before, operations) = (files(disk), disk.operations());
    let on = || -> Arc<dyn Disk> { Arc::new(disk.clone()) };
    let mut errors = Vec::new();
    let mut assert_refused = |task: &str, outcome: Result<(), Error>| {
        let error = outcome.expect_err(task);
        assert!(error.kind() == ErrorKind::Key && error.kind() != ErrorKind::Forged, "{task}: {error}");
        assert_eq!((changed(&before, &files(disk)), disk.operations()), (Vec::<PathBuf>::new(), operations), "{task}");
        errors.push(error.to_string());
    };
    let (cipher, chain) = keys();
    assert_refused("check", check_with(disk, mode, cipher, chain).map(drop));
    for action in [
        RepairAction::TornTail,
        RepairAction::SuspectTail,
        RepairAction::CutFrom(Seq::new(1)),
        RepairAction::BeginAt(Seq::new(1)),
        RepairAction::Snapshots,
        RepairAction::Base,
    ] {
        let (cipher, chain) = keys();
        assert_refused("repair", with_keys!(mode, Repair::new(action), cipher, chain).run_with(on(), ROOT).map(drop));
    }
    let (cipher, chain) = keys();
    let void = Void::new(Seq::new(1), "a mistake");
    assert_refused("void", with_keys!(mode, void, cipher, chain).run_with(on(), ROOT).map(drop));
    errors
}

fn only(number: u32, store: u8) -> Keys {
    Keys::new(number, move |asked| (asked == number).then(|| key(store, number)))
}

/// An image with events under key 2 and then under key 3.
fn rotated(mode: ProtectionMode) -> (SimDisk, Vec<u64>, Seq) {
    let disk = SimDisk::new();
    let mut run = begin(&disk, mode.with(older_keys(CIPHER), older_keys(CHAIN)), Vec::new(), Seq::ZERO);
    run_commands(&mut run);
    let (digests, seq) = run.close();
    let mut run = begin(&disk, mode.options(), digests, seq);
    run_commands(&mut run);
    let (digests, seq) = run.close();
    (disk, digests, seq)
}

#[test]
fn a_check_of_a_sound_image_reports_a_valid_chain() {
    for mode in PROTECTED {
        let (disk, digests, seq) = closed_image(mode);
        let checked = check(&disk, mode);
        assert!(checked.worst().is_none(), "{checked}");
        assert_eq!((checked.first, checked.last, checked.events), (Some(Seq::new(1)), Some(seq), seq.get()));
        assert_eq!(checked.snapshots.len(), 1, "{checked}");
        assert_eq!(checked.encryption, if mode.encrypted { vec![3] } else { Vec::new() });
        assert_eq!(checked.chain, if mode.chained { vec![3] } else { Vec::new() });
        let run = begin(&disk, mode.options(), digests, seq);
        assert_eq!(checked.chain_head, run.image().admin().chain_head().unwrap());
        run.close();
        let report = checked.to_string();
        assert_eq!(report.contains("\n  encrypted under key 3\n"), mode.encrypted, "{report}");
        let holds = format!("\n  chained under key 3; the chain is valid up to event {seq}, with the link ");
        assert_eq!(report.contains(&holds), mode.chained, "{report}");
    }
}

#[test]
fn operations_with_wrong_keys_are_refused_and_change_nothing() {
    for mode in PROTECTED {
        let (disk, ..) = closed_image(mode);
        let missing = assert_all_refuse(&disk, mode, || (only(2, CIPHER), only(2, CHAIN)));
        assert!(missing.iter().all(|error| error.contains("it needs key 3 of ")), "{missing:?}");
        let other = assert_all_refuse(&disk, mode, || (keys(!CIPHER), keys(!CHAIN)));
        assert!(
            other.iter().all(|error| error.contains("key 3 of") && error.contains("does not match key")),
            "{other:?}"
        );
    }
    let (disk, ..) = closed_image(BOTH);
    let other = assert_all_refuse(&disk, BOTH, || (keys(CIPHER), keys(!CHAIN)));
    assert!(other.iter().all(|error| error.contains("does not match key 3 of `chain`")), "{other:?}");
    let other = assert_all_refuse(&disk, BOTH, || (keys(!CIPHER), keys(CHAIN)));
    assert!(other.iter().all(|error| error.contains("does not match key 3 of `encryption`")), "{other:?}");
    for (mode, what) in [(ENCRYPTED, "pass key 3 to `chain`"), (CHAINED, "pass key 3 to `encryption`")] {
        let one = assert_all_refuse(&disk, mode, || (keys(CIPHER), keys(CHAIN)));
        assert!(one.iter().all(|error| error.contains(what)), "{one:?}");
    }
    let (disk, ..) = closed_image(PLAIN);
    for mode in PROTECTED {
        let needless = assert_all_refuse(&disk, mode, || (keys(CIPHER), keys(CHAIN)));
        assert!(needless.iter().all(|error| error.contains("help: do not pass them")), "{needless:?}");
    }
}

/// Nothing is written without the current key, even if all keys for reading are available.
#[test]
fn without_a_current_key_only_a_check_runs() {
    for mode in PROTECTED {
        let (disk, digests, seq) = closed_image(mode);
        let newer = |store| Keys::new(4, move |number| (number == 3).then(|| key(store, 3)));
        assert!(check_with(&disk, mode, newer(CIPHER), newer(CHAIN)).unwrap().is_sound());
        let (before, operations) = (files(&disk), disk.operations());
        let on = || -> Arc<dyn Disk> { Arc::new(disk.clone()) };
        let repair =
            with_keys!(mode, Repair::new(RepairAction::TornTail), newer(CIPHER), newer(CHAIN)).run_with(on(), ROOT);
        let void = with_keys!(mode, Void::new(seq, "a mistake"), newer(CIPHER), newer(CHAIN)).run_with(on(), ROOT);
        for error in [repair.unwrap_err(), void.unwrap_err()] {
            assert!(error.kind() == ErrorKind::Key && error.to_string().contains("it needs key 4 of "), "{error}");
        }
        assert_eq!((changed(&before, &files(&disk)), disk.operations()), (Vec::<PathBuf>::new(), operations));
        begin(&disk, mode.options(), digests, seq);
    }
}

#[test]
fn all_keys_of_an_image_are_needed_and_a_missing_one_is_reported() {
    for mode in PROTECTED {
        let (disk, ..) = rotated(mode);
        let checked = check(&disk, mode);
        assert!(checked.worst().is_none(), "{checked}");
        assert_eq!(checked.encryption, if mode.encrypted { vec![2, 3] } else { Vec::new() });
        assert_eq!(checked.chain, if mode.chained { vec![2, 3] } else { Vec::new() });
        assert_eq!(checked.to_string().contains("encrypted under keys 2, 3\n"), mode.encrypted, "{checked}");

        let newest = assert_all_refuse(&disk, mode, || (only(3, CIPHER), only(3, CHAIN)));
        assert!(newest.iter().all(|error| error.contains("it needs key 2 of ")), "{newest:?}");
        let oldest = assert_all_refuse(&disk, mode, || (only(2, CIPHER), only(2, CHAIN)));
        assert!(oldest.iter().all(|error| error.contains("it needs key 3 of ")), "{oldest:?}");
        // the newer key is right, and the older one is wrong
        let half = |store: u8| Keys::new(3, move |number| Some(key(if number == 3 { store } else { !store }, number)));
        let half = assert_all_refuse(&disk, mode, || (half(CIPHER), half(CHAIN)));
        assert!(
            half.iter().all(|error| error.contains("key 2 of") && error.contains("does not match key")),
            "{half:?}"
        );
    }
}

/// Only a snapshot may be written with a key. It is not moved to the quarantine, because the snapshot or the key may be wrong.
#[test]
fn a_key_that_only_a_snapshot_uses_must_be_right() {
    for mode in PROTECTED {
        let disk = SimDisk::new();
        let mut run = begin(&disk, mode.with(older_keys(CIPHER), older_keys(CHAIN)), Vec::new(), Seq::ZERO);
        run.execute(&Request::Deposit(1, 1));
        let (digests, seq) = run.close();
        let run = begin(&disk, mode.options(), digests, seq);
        run.image().admin().snapshot().unwrap();
        run.close();
        assert!(check(&disk, mode).worst().is_none());

        let before = files(&disk);
        let wrong = |store: u8| Keys::new(2, move |number| Some(key(if number == 2 { store } else { !store }, number)));
        for (keys, what) in
            [(&wrong as &dyn Fn(u8) -> Keys, "the file does not match"), (&older_keys, "it needs key 3 of ")]
        {
            let checked = check_with(&disk, mode, keys(CIPHER), keys(CHAIN)).unwrap_err();
            let repair = with_keys!(mode, Repair::new(RepairAction::Snapshots), keys(CIPHER), keys(CHAIN));
            for error in [checked, repair.run_with(Arc::new(disk.clone()), ROOT).unwrap_err()] {
                assert!(error.kind() == ErrorKind::Key && error.to_string().contains(what), "{error}");
                assert!(error.to_string().contains(".snapshot` cannot be read"), "{error}");
            }
        }
        assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    }
}

/// Changes a frame of the first segment and updates its checksums. Returns its offset and its event.
fn forge_alone(disk: &SimDisk, frame: usize) -> (u64, u64) {
    let path = &segments(disk)[0];
    let mut bytes = disk.read(path).unwrap();
    let frame = frames(&bytes)[frame].clone();
    bytes[frame.end - 9] ^= 1;
    update_frame_checksums(&mut bytes, frame.clone());
    disk.write(path, 0, &bytes).unwrap();
    (frame.start as u64, u64::from_le_bytes(bytes[frame.start + 8..frame.start + 16].try_into().unwrap()))
}

/// Opening begins with the snapshot and does not notice the forgery; a check reads everything and reports its position.
#[test]
fn a_forgery_before_a_snapshot_is_reported_with_its_position() {
    for mode in PROTECTED {
        let disk = small_image(mode);
        let image = open(&disk, mode.options()).unwrap();
        image.admin().snapshot().unwrap();
        image.deposit(1, 1).unwrap();
        let seq = image.journal().seq();
        Image::close(image).unwrap();
        let (offset, event) = forge_alone(&disk, 5);
        let checked = check(&disk, mode);
        let [found] = &checked.findings[..] else { panic!("{checked}") };
        assert_eq!((found.severity, &found.path), (Severity::Damage, &segments(&disk)[0]), "{checked}");
        assert_eq!(found.position.segment.map(|segment| segment.get()), Some(1));
        assert_eq!((found.position.offset, found.position.seq), (Some(offset), Some(Seq::new(event))), "{checked}");
        assert!(found.message.contains("somebody without the key changed these bytes"), "{checked}");
        assert!(found.help.contains("find out who changed the file"), "{checked}");
        assert_eq!(checked.chain_head, None, "{checked}");
        assert_eq!(checked.to_string().contains("the chain is not valid"), mode.chained, "{checked}");
        let offers: Vec<_> = checked.repairs().iter().map(|option| option.action).collect();
        assert!(offers.contains(&RepairAction::CutFrom(Seq::new(event))), "{checked}");

        // the owner of the key may give up the forged events, or begin the journal at a later state
        let cut = disk.fork();
        assert_eq!(repair(&cut, mode, RepairAction::CutFrom(Seq::new(event))).unwrap().lost.unwrap().last, seq);
        assert!(check(&cut, mode).is_sound(), "{}", check(&cut, mode));
        assert_eq!(open(&cut, mode.options()).unwrap().journal().seq().get(), event - 1);
        let begin = *offers.iter().find(|action| matches!(action, RepairAction::BeginAt(_))).unwrap();
        repair(&disk, mode, begin).unwrap();
        let checked = check(&disk, mode);
        assert!(checked.is_sound() && checked.base.is_some(), "{checked}");
        assert_eq!(checked.chain_head.is_some(), mode.chained);
        open(&disk, mode.options()).unwrap();
    }
}

/// Other headers with the same key show that a header is forged. The check reports it, and reads the frames after it by their
/// own fields.
#[test]
fn a_forged_or_damaged_header_is_reported_and_later_frames_are_read() {
    for mode in PROTECTED {
        for forged in [true, false] {
            let (disk, _, seq) = closed_image(mode);
            let path = &segments(&disk)[1];
            let mut bytes = disk.read(path).unwrap();
            bytes[136] ^= 1;
            if forged {
                let crc = crc32c::crc32c(&bytes[..4092]);
                bytes[4092..4096].copy_from_slice(&crc.to_le_bytes());
            }
            disk.write(path, 0, &bytes).unwrap();
            let checked = check(&disk, mode);
            let [found] = &checked.findings[..] else { panic!("{checked}") };
            assert_eq!((&found.path, found.position.offset), (path, Some(0)), "{checked}");
            assert_eq!(found.message.contains("somebody without the key changed these bytes"), forged, "{checked}");
            assert_eq!((checked.events, checked.last), (seq.get(), Some(seq)), "{checked}");
            assert_eq!(checked.chain_head.is_some(), mode.chained && !forged, "the frames are linked: {checked}");
        }
    }
}

/// A frame without protection, and a frame from a diverged copy.
#[test]
fn foreign_frames_are_reported() {
    for mode in PROTECTED {
        let disk = small_image(mode);
        let path = &segments(&disk)[0];
        let mut bytes = disk.read(path).unwrap();
        let frame = frames(&bytes)[5].clone();
        bytes[frame.start + 60] = 0;
        bytes[frame.start + 63] = 0;
        update_frame_checksums(&mut bytes, frame);
        disk.write(path, 0, &bytes).unwrap();
        let checked = check(&disk, mode);
        assert!(checked.findings[0].message.starts_with("the protection of a frame differs from that"), "{checked}");
        assert_eq!(checked.findings.len(), 1, "{checked}");
    }
    // a copy that diverges after the fifth frame
    let disk = small_image(CHAINED);
    let other = disk.fork();
    for (disk, amount) in [(&disk, 1), (&other, 2)] {
        let image = open(disk, CHAINED.options()).unwrap();
        image.deposit(1, amount).unwrap();
        image.deposit(2, 1).unwrap();
        Image::close(image).unwrap();
    }
    let path = &segments(&disk)[0];
    let (mut bytes, others) = (disk.read(path).unwrap(), other.read(path).unwrap());
    let (ours, theirs) = (frames(&bytes), frames(&others));
    let [.., before, last] = &ours[..] else { panic!("{ours:?}") };
    let [.., theirs] = &theirs[..] else { panic!("{theirs:?}") };
    let previous = next_link(&bytes[before.clone()]);
    bytes[last.clone()].copy_from_slice(&others[theirs.clone()]);
    update_frame(&mut bytes, last.clone(), previous);
    disk.write(path, 0, &bytes).unwrap();
    let checked = check(&disk, CHAINED);
    let [found] = &checked.findings[..] else { panic!("{checked}") };
    assert_eq!(found.position.offset, Some(last.start as u64), "{checked}");
    assert!(found.message.contains("somebody without the key changed these bytes"), "{checked}");
}

#[test]
fn a_forged_snapshot_is_reported_and_moved_to_the_quarantine() {
    for mode in PROTECTED {
        let (disk, digests, seq) = closed_image(mode);
        let snapshot = snapshot_of(&disk);
        let mut bytes = disk.read(&snapshot).unwrap();
        bytes[4096 + 8 + 3] ^= 1;
        update_snapshot(&mut bytes);
        disk.write(&snapshot, 0, &bytes).unwrap();
        let checked = check(&disk, mode);
        let [found] = &checked.findings[..] else { panic!("{checked}") };
        assert_eq!((found.severity, &found.path), (Severity::Warning, &snapshot), "{checked}");
        assert!(found.message.contains("so somebody without the key changed the file"), "{checked}");
        assert_eq!(checked.repairs()[0].action, RepairAction::Snapshots);

        // the same for an unprotected snapshot
        let plain = disk.fork();
        remove_protection(&mut bytes);
        update_snapshot(&mut bytes);
        plain.truncate(&snapshot, bytes.len() as u64).unwrap();
        plain.write(&snapshot, 0, &bytes).unwrap();
        assert!(
            check(&plain, mode).findings[0]
                .message
                .contains("the protection of the file differs from that of the image")
        );

        repair(&disk, mode, RepairAction::Snapshots).unwrap();
        assert!(check(&disk, mode).worst() <= Some(Severity::Note), "{}", check(&disk, mode));
        begin(&disk, mode.options(), digests, seq);
    }
}

/// A decision is a link of the chain like any other frame. The next segment is written with the current key.
#[test]
fn a_decision_is_protected_like_all_other_frames() {
    for mode in PROTECTED {
        let disk = SimDisk::new();
        let mut run = begin(&disk, mode.with(older_keys(CIPHER), older_keys(CHAIN)), Vec::new(), Seq::ZERO);
        (0..4).for_each(|account| run.execute(&Request::Deposit(account, 100)));
        run.close();
        let voided = void(&disk, mode, 2).unwrap();
        assert_eq!((voided.name.as_str(), voided.already), ("deposit", false));
        let checked = check(&disk, mode);
        assert!(checked.is_sound() && checked.voids.len() == 1 && checked.voids[0].seq == Seq::new(2), "{checked}");
        assert_eq!(checked.chain_head.is_some(), mode.chained, "{checked}");
        assert!(void(&disk, mode, 2).unwrap().already);
        let image = open(&disk, mode.options()).unwrap();
        assert_eq!(image.read_uncommitted().unwrap().accounts.keys().copied().collect::<Vec<_>>(), [0, 2, 3]);
        Image::close(image).unwrap();

        let last = disk.read(segments(&disk).last().unwrap()).unwrap();
        let number = last[if mode.encrypted { 148 } else { 152 }];
        assert_eq!(number, 3, "the new segment should use the current key");
    }
}

/// All events are damaged, so the repair begins a segment with the current key.
#[test]
fn a_repair_writes_with_the_current_key() {
    for mode in PROTECTED {
        let disk = SimDisk::new();
        let mut run = begin(&disk, mode.with(older_keys(CIPHER), older_keys(CHAIN)), Vec::new(), Seq::ZERO);
        (0..4).for_each(|account| run.execute(&Request::Deposit(account, 100)));
        run.image().admin().snapshot().unwrap();
        let (digests, seq) = run.close();
        let twin = disk.fork();
        let path = &segments(&disk)[0];
        disk.write(path, 4096 + 100, &[0xA5; 8]).unwrap();
        let durable = disk.read(path).unwrap().len() as u64 - 4096;
        disk.write(path, 4096 + 512, &vec![0; durable as usize - 512]).unwrap();
        repair(&disk, mode, RepairAction::BeginAt(seq)).unwrap();
        let checked = check(&disk, mode);
        assert!(checked.is_sound() && checked.base == Some(seq), "{checked}");
        assert_eq!(checked.chain_head.is_some(), mode.chained, "{checked}");
        let number = disk.read(segments(&disk).last().unwrap()).unwrap()[if mode.encrypted { 148 } else { 152 }];
        assert_eq!(number, 3);
        // the seed is kept, so the same random numbers are drawn
        let drawn = [&disk, &twin].map(|disk| {
            // a command that waits for a segment reads the clock again
            let options = mode.options().clock(|| memimage::Timestamp::from_micros(9_000_000));
            let mut run = begin(disk, options, digests.clone(), seq);
            run.execute(&Request::Draw(Some(7)));
            run_commands(&mut run);
            run.close()
        });
        assert_eq!(drawn[0], drawn[1]);
        assert!(check(&disk, mode).is_sound());
    }
}

/// Without an intact header, the frames show whether a key is right.
#[test]
fn a_key_whose_headers_are_all_damaged_must_be_right() {
    for mode in PROTECTED {
        let (disk, _, seq) = rotated(mode);
        let number = |path: &PathBuf| disk.read(path).unwrap()[if mode.encrypted { 148 } else { 152 }];
        let older: Vec<PathBuf> = segments(&disk).into_iter().filter(|path| number(path) == 2).collect();
        older.iter().for_each(|path| disk.write(path, 200, &[disk.read(path).unwrap()[200] ^ 1]).unwrap());
        let checked = check(&disk, mode);
        let found: Vec<_> = checked.findings.iter().map(|found| found.path.clone()).collect();
        assert_eq!((found, checked.events), (older, seq.get()), "{checked}");

        let half = |store: u8| Keys::new(3, move |number| Some(key(if number == 3 { store } else { !store }, number)));
        let wrong = check_with(&disk, mode, half(CIPHER), half(CHAIN)).unwrap_err();
        assert!(
            wrong.kind() == ErrorKind::Key && wrong.to_string().contains("move the file out of the image"),
            "{wrong}"
        );
        assert!(wrong.to_string().contains("00000001.journal"), "{wrong}");
        let missing = check_with(&disk, mode, only(3, CIPHER), only(3, CHAIN)).unwrap_err();
        assert!(missing.kind() == ErrorKind::Key && missing.to_string().contains("it needs key 2 of "), "{missing}");
    }
}
