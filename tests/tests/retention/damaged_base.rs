//! Damage to one copy of the base of a pruned journal, and to both.

use std::io;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Retention, Seq};
use memimage_tests::{DiskMethod, GateDisk};

use super::{LedgerHistory, bases, damage, damage_state, options, remove, snapshots};

#[test]
fn a_damaged_copy_of_the_base_is_repaired_from_the_other() {
    let mut history = LedgerHistory::new();
    let intact = history.add_snapshots(Retention::Events(0), 8).disk.clone();
    for without_snapshots in [false, true] {
        for at in 0..2 {
            for lost in [false, true] {
                let disk = intact.fork();
                let copies = bases(&disk);
                match lost {
                    true => remove(&disk, &copies[at..=at]),
                    false => damage_state(&disk, &copies[at]),
                }
                if without_snapshots {
                    remove(&disk, &snapshots(&disk));
                }
                let run = history.recover(&disk, Retention::Events(0)).unwrap();
                let unusable = run.image().admin().stats().recovery.unusable_snapshots;
                let [(path, _)] = &unusable[..] else { panic!("one report of one copy: {unusable:?}") };
                assert_eq!(*path, copies[at]);
                for path in &copies {
                    assert_eq!(disk.read(path).unwrap(), intact.read(path).unwrap());
                }
                assert!(disk.crash(|_| false).read(&copies[at]).is_ok(), "the repaired copy is synced");
            }
        }
    }
}

#[test]
fn with_both_copies_damaged_a_snapshot_becomes_the_base() {
    let mut history = LedgerHistory::new();
    let intact = history.add_snapshots(Retention::Events(0), 8).disk.clone();
    let lost: [&dyn Fn(&SimDisk); 3] = [
        &|disk| bases(disk).iter().for_each(|path| damage(disk, path)),
        &|disk| bases(disk).iter().for_each(|path| damage_state(disk, path)),
        &|disk| remove(disk, &bases(disk)),
    ];
    for lose in lost {
        let disk = intact.fork();
        lose(&disk);
        let run = history.recover(&disk, Retention::Events(0)).unwrap();
        assert_eq!(run.image().admin().stats().base, Some(Seq::new(80)), "the newest snapshot");
        run.close();
        remove(&disk, &snapshots(&disk));
        history.recover(&disk, Retention::Events(0)).unwrap();

        let disk = intact.fork();
        lose(&disk);
        remove(&disk, &snapshots(&disk));
        let error = history.assert_refused(&disk);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let disk = intact.fork();
    bases(&disk).iter().for_each(|path| damage(&disk, path));
    remove(&disk, &snapshots(&disk));
    expect_test::expect![[r#"
        the journal was pruned and begins with `/ledger/journal/00000008.journal`, but no snapshot or base has a usable state from which to replay it; nothing was changed; help: restore one of these files from a backup:
          - `/ledger/journal/00000000000000000070.1.base`: the header's checksum is wrong
          - `/ledger/journal/00000000000000000070.2.base`: the header's checksum is wrong"#]]
    .assert_eq(&history.assert_refused(&disk).to_string());
}

#[test]
fn a_base_copy_that_cannot_be_repaired_on_a_full_disk_does_not_prevent_opening() {
    let mut history = LedgerHistory::new();
    let intact = history.add_snapshots(Retention::Events(0), 8).disk.clone();
    let full = |disk: &SimDisk| {
        let disk = GateDisk::new(disk.clone());
        disk.fail(DiskMethod::Write, ".base.tmp", io::ErrorKind::StorageFull);
        options(Retention::Events(0)).open_with(Arc::new(disk), "/ledger")
    };
    let disk = intact.fork();
    damage(&disk, &bases(&disk)[0]);
    assert_eq!(full(&disk).unwrap().journal().seq(), history.seq);
    // opening with only a snapshot would weaken the retention
    damage(&disk, &bases(&disk)[1]);
    assert_eq!(full(&disk).unwrap_err().kind(), ErrorKind::StorageFull);
    history.recover(&disk, Retention::Events(0)).unwrap();
}
