//! Key rotation: by a rewrite, which may also enable or disable encryption and the chain, or by a new current key.

use memimage::admin::Rewrite;
use memimage::{ErrorKind, Retention};

use super::*;

const NEW: &str = "/new";

/// A rewrite with the keys of the source and of the target.
fn rewrite(disk: &SimDisk, from: ProtectionMode, to: ProtectionMode, keys: impl Fn(u8) -> Keys) -> Result<(), Error> {
    let rewrite = Rewrite::<Ledger>::new().segment_bytes(16 << 10);
    let mut rewrite = with_keys!(to, rewrite, keys(CIPHER), keys(CHAIN));
    if from.encrypted {
        rewrite = rewrite.source_encryption(super::keys(CIPHER));
    }
    if from.chained {
        rewrite = rewrite.source_chain(super::keys(CHAIN));
    }
    rewrite.run_with(Arc::new(disk.clone()), ROOT, NEW).map(drop)
}

#[test]
fn a_rewrite_converts_any_mode_to_any_other() {
    let modes = [PLAIN, ENCRYPTED, CHAINED, BOTH];
    for from in modes {
        let (disk, digests, seq) = closed_image(from);
        for to in modes {
            let disk = disk.fork();
            let before = files(&disk);
            let other = |store: u8| Keys::new(9, move |number| (number == 9).then(|| key(!store, 9)));
            rewrite(&disk, from, to, other).unwrap();
            let mut after = files(&disk);
            after.retain(|path, _| path.starts_with(ROOT));
            assert_eq!(changed(&before, &after), Vec::<PathBuf>::new(), "the source should not change");

            let options = || to.with(other(CIPHER), other(CHAIN));
            let image = options().open_with(Arc::new(disk.clone()), NEW).unwrap();
            let mut run = Run::begin(image, digests.clone(), seq).unwrap();
            run_commands(&mut run);
            let (digests, seq) = run.close();
            Run::begin(options().open_with(Arc::new(disk.clone()), NEW).unwrap(), digests, seq).unwrap();
            if to != PLAIN {
                let with_the_old_keys = to.options().open_with(Arc::new(disk.clone()), NEW).unwrap_err();
                assert_eq!(with_the_old_keys.kind(), ErrorKind::Key, "{with_the_old_keys}");
            }
        }
    }
}

#[test]
fn a_rewrite_without_the_keys_of_its_source_is_refused() {
    for from in PROTECTED {
        let (disk, ..) = closed_image(from);
        let before = files(&disk);
        let error = rewrite(&disk, PLAIN, BOTH, keys).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{error}");
        assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    }
}

/// New segments and snapshots use the current key, and existing ones keep theirs.
#[test]
fn an_image_continues_with_a_new_current_key() {
    for mode in PROTECTED {
        let disk = SimDisk::new();
        let mut run = begin(&disk, mode.with(older_keys(CIPHER), older_keys(CHAIN)), Vec::new(), Seq::ZERO);
        run_commands(&mut run);
        let (digests, seq) = run.close();
        let mut run = begin(&disk, mode.options(), digests, seq);
        run_commands(&mut run);
        run_commands(&mut run);
        let (digests, seq) = run.close();

        let at = if mode.encrypted { 148 } else { 152 };
        let ids: Vec<u8> = segments(&disk).iter().map(|path| disk.read(path).unwrap()[at]).collect();
        assert!(ids.is_sorted() && ids.first() == Some(&2) && ids.last() == Some(&3), "{mode:?}: {ids:?}");
        let error = assert_refused(&disk, mode.with(older_keys(CIPHER), older_keys(CHAIN)));
        assert_eq!(error.kind(), ErrorKind::Key, "the older key alone should not be enough: {error}");
        let run = begin(&disk, mode.options(), digests, seq);
        assert_eq!(run.image().admin().stats().recovery.unusable_snapshots, []);
    }
}

/// With retention, an older key is no longer needed after all its files are pruned.
#[test]
fn an_older_key_is_not_needed_after_its_files_are_pruned() {
    let disk = SimDisk::new();
    let retention = Retention::Events(0);
    let older = || BOTH.with(older_keys(CIPHER), older_keys(CHAIN)).retention(retention);
    let mut run = begin(&disk, older(), Vec::new(), Seq::ZERO);
    run_commands(&mut run);
    let (mut digests, mut seq) = run.close();
    for _ in 0..6 {
        let mut run = begin(&disk, BOTH.options().retention(retention), digests, seq);
        run_commands(&mut run);
        assert_eq!(run.image().admin().stats().retention_failure, None);
        (digests, seq) = run.close();
    }
    let newest = |store| Keys::new(3, move |number| (number == 3).then(|| key(store, number)));
    let run = begin(&disk, BOTH.with(newest(CIPHER), newest(CHAIN)), digests, seq);
    assert!(run.image().admin().stats().base.is_some());
    assert_eq!(run.image().admin().stats().recovery.unusable_snapshots, []);
}
