//! Backups of encrypted and chained images: the files are copied as they are, and verified with the keys.

use std::sync::Arc;

use memimage::admin::{Backup, Check};
use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image, Key, Keys};
use memimage_tests::protection::{BOTH, CHAINED, ENCRYPTED, PLAIN, ProtectionMode};
use memimage_tests::{Ledger, LedgerCommands as _, Run, with_keys};

use super::{COPY, IMAGE, exists, files_at};

fn open(disk: &SimDisk, mode: ProtectionMode, path: &str) -> Image<Ledger> {
    with_keys!(mode, Run::options(Durability::Synced, 512)).open_with(Arc::new(disk.clone()), path).unwrap()
}

#[test]
fn a_protected_image_is_backed_up_as_it_is() {
    for mode in [ENCRYPTED, CHAINED, BOTH] {
        let disk = SimDisk::new();
        let ledger = open(&disk, mode, IMAGE);
        let write = || {
            for _ in 0..7 {
                ledger.file(vec![7; 5_000]).unwrap();
            }
        };
        for _ in 0..2 {
            write();
            ledger.admin().snapshot().unwrap();
            write();
            assert_eq!(ledger.admin().backup(COPY).unwrap().seq, ledger.journal().durable_seq());
        }
        write();
        let beside = with_keys!(mode, Backup::new()).run_with(Arc::new(disk.clone()), IMAGE, COPY).unwrap();
        let of_image = files_at(&disk, IMAGE);
        for (name, bytes) in files_at(&disk, COPY).into_iter().filter(|(name, _)| name.starts_with("journal/0")) {
            assert!(of_image.contains(&(name.clone(), bytes)), "{}", name.display());
        }
        let check = |path| with_keys!(mode, Check::new()).run_with(Arc::new(disk.fork()), path).unwrap();
        let (of_copy, of_image) = (check(COPY), check(IMAGE));
        assert_eq!(of_copy.chain_head, of_image.chain_head);
        assert_eq!((&of_copy.encryption, &of_copy.chain), (&of_image.encryption, &of_image.chain));
        let copy = open(&disk, mode, COPY);
        assert_eq!(copy.journal().seq(), beside.seq);
    }
}

#[test]
fn missing_and_wrong_keys_are_refused_and_leave_nothing() {
    let other = || Keys::one(Key::new([9; 32]));
    for (mode, given) in [(ENCRYPTED, PLAIN), (CHAINED, PLAIN), (BOTH, ENCRYPTED), (PLAIN, BOTH)] {
        let disk = SimDisk::new();
        open(&disk, mode, IMAGE).deposit(1, 1).unwrap();
        let error = with_keys!(given, Backup::new()).run_with(Arc::new(disk.clone()), IMAGE, COPY).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{error}");
        if given == PLAIN {
            assert!(error.to_string().contains("memimage::admin::Backup"), "{error}");
        }
        if mode != PLAIN {
            let wrong = with_keys!(mode, Backup::new(), other(), other());
            let error = wrong.run_with(Arc::new(disk.clone()), IMAGE, COPY).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Key, "{error}");
        }
        assert!(!exists(&disk, COPY) && !exists(&disk, "/.copy.backing-up"));
    }
}
