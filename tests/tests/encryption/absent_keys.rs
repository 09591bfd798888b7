//! Operations without keys: each refuses a protected image before it changes anything, and says what to do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use expect_test::expect;
use memimage::admin::{Repair, RepairAction, Void, check_with};
use memimage::testing::{given_image, golden_image};
use memimage::{ErrorKind, disk::SimDisk};

use memimage_tests::frames::u32_at;

use super::forgery::forge;
use super::*;

/// Each task on a disk, by its name.
fn tasks(disk: &SimDisk) -> Vec<(&'static str, Result<(), Error>)> {
    let on = || -> Arc<dyn Disk> { Arc::new(disk.clone()) };
    let mut tasks = vec![("check", check_with(on(), ROOT).map(drop))];
    for choice in [
        RepairAction::TornTail,
        RepairAction::SuspectTail,
        RepairAction::CutFrom(Seq::new(1)),
        RepairAction::BeginAt(Seq::new(1)),
        RepairAction::Snapshots,
        RepairAction::Base,
    ] {
        tasks.push(("repair", Repair::new(choice).run_with(on(), ROOT).map(drop)));
    }
    tasks.push(("void", Void::new(Seq::new(1), "a mistake").run_with(on(), ROOT).map(drop)));
    tasks
}

#[track_caller]
fn all_refuse(disk: &SimDisk, how: &str) {
    let (before, operations) = (files(disk), disk.operations());
    for (task, outcome) in tasks(disk) {
        let error = outcome.expect_err(task);
        assert!(error.kind() == ErrorKind::Key && error.kind() != ErrorKind::NotApplicable, "{task}: {error}");
        let said = format!(
            "the image `/ledger` is {how}, and `memimage::admin::{task}` was given no keys; nothing was changed; help: use \
             `memimage::admin::"
        );
        assert!(error.to_string().starts_with(&said), "{error}");
    }
    assert_eq!(changed(&before, &files(disk)), Vec::<PathBuf>::new());
    assert_eq!(disk.operations(), operations);
}

fn how(mode: Mode) -> &'static str {
    match (mode.encrypted, mode.chained) {
        (true, true) => "encrypted and chained",
        (true, false) => "encrypted",
        (false, true) => "chained",
        (false, false) => unreachable!("it is protected"),
    }
}

#[test]
fn check_repair_and_void_refuse_a_protected_image_without_keys() {
    for mode in PROTECTED {
        let (disk, digests, seq) = lived(mode);
        all_refuse(&disk, how(mode));
        begin(&disk, mode.options(), digests, seq);
    }
}

/// What damage says must not be repaired by who cannot tell it from a forgery.
#[test]
fn damage_makes_no_difference() {
    for mode in PROTECTED {
        let (disk, ..) = lived(mode);
        let all = segments(&disk);
        disk.write(&all[0], 4096 + 100, &[0xA5; 8]).unwrap();
        all_refuse(&disk, how(mode));
        disk.write(&all[0], 0, &[0xA5; 8]).unwrap();
        all_refuse(&disk, how(mode));
        // no header of a segment is left, and that of the snapshot still tells
        all.iter().for_each(|path| disk.write(path, 0, &[0xA5; 8]).unwrap());
        all_refuse(&disk, how(mode));
    }
}

#[test]
fn the_error_says_what_to_do() {
    let (disk, ..) = lived(BOTH);
    let error = check_with(Arc::new(disk), ROOT).unwrap_err();
    expect!["the image `/ledger` is encrypted and chained, and `memimage::admin::check` was given no keys; nothing was changed; help: use `memimage::admin::Check`, and pass key 3 to `encryption` and key 3 to `chain`"]
    .assert_eq(&error.to_string());
}

#[test]
fn without_protection_it_is_checked_without_keys() {
    let (disk, digests, seq) = lived(BOTH);
    let rewrite = memimage::admin::Rewrite::<Ledger>::new();
    let rewrite = rewrite.source_encryption(keys(CIPHER)).source_chain(keys(CHAIN));
    rewrite.run_with(Arc::new(disk.clone()), ROOT, "/plain").unwrap();
    let checked = check_with(Arc::new(disk.clone()), "/plain").unwrap();
    assert!(checked.is_sound(), "{checked}");
    let image = PLAIN.options().open_with(Arc::new(disk), "/plain").unwrap();
    Run::begin(image, digests, seq).unwrap();
}

#[test]
fn golden_images_have_no_keys() {
    for mode in PROTECTED {
        let (disk, ..) = lived(mode);
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &PathBuf| directory.path().join(path.strip_prefix("/").unwrap());
        let before = files(&disk);
        for (path, bytes) in &before {
            std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            std::fs::write(at(path), bytes).unwrap();
        }
        let root = directory.path().join("ledger");
        let golden = catch_unwind(AssertUnwindSafe(|| golden_image::<Ledger>(&root, |_| panic!("it was opened"))));
        let given = catch_unwind(AssertUnwindSafe(|| drop(given_image::<Ledger>(&root))));
        for (task, outcome) in [("golden_image", golden), ("given_image", given)] {
            let panic = outcome.expect_err(task);
            let said = panic.downcast_ref::<String>().unwrap();
            let expected = format!("is {}, and `{task}` takes no keys", how(mode));
            assert!(said.contains(&expected) && said.contains(root.to_str().unwrap()), "{said}");
        }
        for (path, bytes) in &before {
            assert_eq!(&std::fs::read(at(path)).unwrap(), bytes, "{}", path.display());
        }
    }
}

/// A frame that is protected as no other is: in an image without protection it is damage like any other, and not looked into.
#[test]
fn a_protected_frame_among_others_is_reported() {
    for (at, head) in [(64, 120u16), (67, 144)] {
        let disk = SimDisk::new();
        let mut run = begin(&disk, PLAIN.options(), Vec::new(), Seq::ZERO);
        run.ask(&Ask::Deposit(1, 1_000));
        run.ask(&Ask::File(300));
        run.ask(&Ask::Deposit(2, 1_000));
        run.close();
        forge(&disk, |bytes, frames| {
            let file =
                frames.iter().map(|frame| frame.start).find(|at| bytes[at + 6] == 1 && u32_at(bytes, at + 56) > 200);
            let frame = file.unwrap();
            // so much of the body becomes an extension area
            let body = u32_at(bytes, frame + 56) - u32::from(head - 80);
            bytes[frame + 4..frame + 6].copy_from_slice(&head.to_le_bytes());
            bytes[frame + 52..frame + 56].copy_from_slice(&body.to_le_bytes());
            bytes[frame + 56..frame + 60].copy_from_slice(&body.to_le_bytes());
            bytes[frame + at] = 1;
        });
        assert_eq!(refused(&disk, PLAIN.options()).kind(), ErrorKind::Forged);
        let before = files(&disk);
        let checked = check_with(Arc::new(disk.clone()), ROOT).unwrap();
        let [found] = &checked.findings[..] else { panic!("{checked}") };
        assert_eq!(found.position.seq, Some(Seq::new(2)));
        assert!(found.message.starts_with("its protection differs from that in the segment's header"), "{checked}");
        assert_eq!(checked.repairs()[0].action, RepairAction::CutFrom(Seq::new(2)), "{checked}");
        assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    }
}
