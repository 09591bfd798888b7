//! Operations without keys refuse a protected image before they change anything, and the error names the help.

use std::panic::{AssertUnwindSafe, catch_unwind};

use expect_test::expect;
use memimage::admin::{Repair, RepairAction, Void, check_with};
use memimage::testing::{given_image, golden_image};
use memimage::{ErrorKind, disk::SimDisk};

use memimage_tests::frames::u32_at;

use super::forgery::forge;
use super::*;

/// Runs each operation on a disk. Returns the results with the names.
fn run_operations(disk: &SimDisk) -> Vec<(&'static str, Result<(), Error>)> {
    let on = || -> Arc<dyn Disk> { Arc::new(disk.clone()) };
    let mut run_operations = vec![("check", check_with(on(), ROOT).map(drop))];
    for action in [
        RepairAction::TornTail,
        RepairAction::SuspectTail,
        RepairAction::CutFrom(Seq::new(1)),
        RepairAction::BeginAt(Seq::new(1)),
        RepairAction::Snapshots,
        RepairAction::Base,
    ] {
        run_operations.push(("repair", Repair::new(action).run_with(on(), ROOT).map(drop)));
    }
    run_operations.push(("void", Void::new(Seq::new(1), "a mistake").run_with(on(), ROOT).map(drop)));
    run_operations
}

#[track_caller]
fn assert_all_refuse(disk: &SimDisk, mode_name: &str) {
    let (before, operations) = (files(disk), disk.operations());
    for (task, outcome) in run_operations(disk) {
        let error = outcome.expect_err(task);
        assert!(error.kind() == ErrorKind::Key && error.kind() != ErrorKind::NotApplicable, "{task}: {error}");
        let message = format!(
            "the image `/ledger` is {mode_name}, but `memimage::admin::{task}` was given no keys; nothing was changed; help: use \
             `memimage::admin::"
        );
        assert!(error.to_string().starts_with(&message), "{error}");
    }
    assert_eq!(changed(&before, &files(disk)), Vec::<PathBuf>::new());
    assert_eq!(disk.operations(), operations);
}

fn mode_name(mode: ProtectionMode) -> &'static str {
    match (mode.encrypted, mode.chained) {
        (true, true) => "encrypted and chained",
        (true, false) => "encrypted",
        (false, true) => "chained",
        (false, false) => unreachable!("a protected mode"),
    }
}

#[test]
fn check_repair_and_void_refuse_a_protected_image_without_keys() {
    for mode in PROTECTED {
        let (disk, digests, seq) = closed_image(mode);
        assert_all_refuse(&disk, mode_name(mode));
        begin(&disk, mode.options(), digests, seq);
    }
}

/// Without keys, damage cannot be told from a forgery, so it must not be repaired.
#[test]
fn a_damaged_protected_image_is_refused_without_keys() {
    for mode in PROTECTED {
        let (disk, ..) = closed_image(mode);
        let all = segments(&disk);
        disk.write(&all[0], 4096 + 100, &[0xA5; 8]).unwrap();
        assert_all_refuse(&disk, mode_name(mode));
        disk.write(&all[0], 0, &[0xA5; 8]).unwrap();
        assert_all_refuse(&disk, mode_name(mode));
        // all segment headers are damaged, but the header of the snapshot shows the protection
        all.iter().for_each(|path| disk.write(path, 0, &[0xA5; 8]).unwrap());
        assert_all_refuse(&disk, mode_name(mode));
    }
}

#[test]
fn the_error_names_the_help() {
    let (disk, ..) = closed_image(BOTH);
    let error = check_with(Arc::new(disk), ROOT).unwrap_err();
    expect!["the image `/ledger` is encrypted and chained, but `memimage::admin::check` was given no keys; nothing was changed; help: use `memimage::admin::Check`, and pass key 3 to `encryption` and key 3 to `chain`"]
    .assert_eq(&error.to_string());
}

#[test]
fn an_unprotected_image_is_checked_without_keys() {
    let (disk, digests, seq) = closed_image(BOTH);
    let rewrite = memimage::admin::Rewrite::<Ledger>::new();
    let rewrite = rewrite.source_encryption(keys(CIPHER)).source_chain(keys(CHAIN));
    rewrite.run_with(Arc::new(disk.clone()), ROOT, "/plain").unwrap();
    let checked = check_with(Arc::new(disk.clone()), "/plain").unwrap();
    assert!(checked.is_sound(), "{checked}");
    let image = PLAIN.options().open_with(Arc::new(disk), "/plain").unwrap();
    Run::begin(image, digests, seq).unwrap();
}

#[test]
fn a_protected_golden_image_is_refused() {
    for mode in PROTECTED {
        let (disk, ..) = closed_image(mode);
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &PathBuf| directory.path().join(path.strip_prefix("/").unwrap());
        let before = files(&disk);
        for (path, bytes) in &before {
            std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            std::fs::write(at(path), bytes).unwrap();
        }
        let root = directory.path().join("ledger");
        let golden = catch_unwind(AssertUnwindSafe(|| {
            golden_image::<Ledger>(&root, |_| panic!("the image should not be opened"));
        }));
        let given = catch_unwind(AssertUnwindSafe(|| drop(given_image::<Ledger>(&root))));
        for (task, outcome) in [("golden_image", golden), ("given_image", given)] {
            let panic = outcome.expect_err(task);
            let message = panic.downcast_ref::<String>().unwrap();
            let expected = format!("is {}, but `{task}` takes no keys", mode_name(mode));
            assert!(message.contains(&expected) && message.contains(root.to_str().unwrap()), "{message}");
        }
        for (path, bytes) in &before {
            assert_eq!(&std::fs::read(at(path)).unwrap(), bytes, "{}", path.display());
        }
    }
}

/// In an unprotected image, a protected frame is damage.
#[test]
fn a_protected_frame_in_an_unprotected_image_is_reported() {
    for (at, head) in [(64, 120u16), (67, 144)] {
        let disk = SimDisk::new();
        let mut run = begin(&disk, PLAIN.options(), Vec::new(), Seq::ZERO);
        run.execute(&Request::Deposit(1, 1_000));
        run.execute(&Request::File(300));
        run.execute(&Request::Deposit(2, 1_000));
        run.close();
        forge(&disk, |bytes, frames| {
            let file =
                frames.iter().map(|frame| frame.start).find(|at| bytes[at + 6] == 1 && u32_at(bytes, at + 56) > 200);
            let frame = file.unwrap();
            // a part of the body becomes the extension area of the header
            let body = u32_at(bytes, frame + 56) - u32::from(head - 80);
            bytes[frame + 4..frame + 6].copy_from_slice(&head.to_le_bytes());
            bytes[frame + 52..frame + 56].copy_from_slice(&body.to_le_bytes());
            bytes[frame + 56..frame + 60].copy_from_slice(&body.to_le_bytes());
            bytes[frame + at] = 1;
        });
        assert_eq!(assert_refused(&disk, PLAIN.options()).kind(), ErrorKind::Forged);
        let before = files(&disk);
        let checked = check_with(Arc::new(disk.clone()), ROOT).unwrap();
        let [found] = &checked.findings[..] else { panic!("{checked}") };
        assert_eq!(found.position.seq, Some(Seq::new(2)));
        assert!(
            found.message.starts_with("the protection of a frame differs from that in the segment's header"),
            "{checked}"
        );
        assert_eq!(checked.repairs()[0].action, RepairAction::CutFrom(Seq::new(2)), "{checked}");
        assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    }
}
