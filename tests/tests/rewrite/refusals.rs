//! Rewrites that are refused or fail, and the files that they leave.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use memimage::admin::{Rewrite, RewriteStep};
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image};
use memimage_tests::{DiskMethod, GateDisk, changed, files};

use super::model_versions::{first, second};
use super::{NEW, OLD, count_files, open, options, rewrite, source_image};

/// Asserts that a rewrite fails and changes nothing. Returns the error.
fn assert_refused(disk: &SimDisk, from: &str, to: &str) -> memimage::Error {
    let before = files(disk);
    let error = rewrite::<second::Desk>(disk, from, to).unwrap_err();
    assert_eq!(changed(&before, &files(disk)), Vec::<std::path::PathBuf>::new(), "{error}");
    error
}

fn put(disk: &SimDisk, path: &str) {
    disk.create_new(Path::new(path)).unwrap().write_at(b"mine", 0).unwrap();
}

#[test]
fn existing_files_at_the_target_stay() {
    let disk = source_image(None);
    disk.create_dir(Path::new("/full")).unwrap();
    for file in ["/file", "/full/file"] {
        put(&disk, file);
    }
    for (target, expected) in [
        ("/file", "no image can be created at `/file`: the path leads to a file"),
        ("/full", "a directory that is not empty"),
        (OLD, "a place inside the source image"),
        ("/old/new", "a place inside the source image"),
        ("/", "not empty"),
    ] {
        let error = assert_refused(&disk, OLD, target);
        assert!(error.kind() == ErrorKind::AlreadyExists && error.to_string().contains(expected), "{error}");
    }
    rewrite::<second::Desk>(&disk, OLD, NEW).unwrap();
    assert_eq!(assert_refused(&disk, OLD, NEW).kind(), ErrorKind::AlreadyExists);
}

#[test]
fn a_foreign_directory_with_the_temporary_name_stays() {
    let disk = source_image(None);
    disk.create_dir(Path::new("/.new.rewriting")).unwrap();
    put(&disk, "/.new.rewriting/LOCK");
    disk.create_dir(Path::new("/.new.rewriting/journal")).unwrap();
    let error = assert_refused(&disk, OLD, NEW);
    assert!(error.kind() == ErrorKind::AlreadyExists && error.to_string().contains("`/.new.rewriting`"), "{error}");
    // with only a lock file, the directory is a leftover of a crash
    disk.remove_dir(Path::new("/.new.rewriting/journal")).unwrap();
    rewrite::<second::Desk>(&disk, OLD, NEW).unwrap();
}

#[test]
fn a_path_without_an_image_or_with_an_image_of_another_model_is_refused() {
    let disk = source_image(None);
    let error = assert_refused(&disk, "/nothing", NEW);
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    disk.create_dir(Path::new("/empty")).unwrap();
    assert_eq!(assert_refused(&disk, "/empty", NEW).kind(), ErrorKind::NotFound);
    let error = rewrite::<memimage_tests::Ledger>(&disk, OLD, NEW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    let error = Rewrite::<second::Desk>::new().align_bytes(3).run_with(Arc::new(disk), OLD, NEW).unwrap_err();
    assert!(error.to_string().contains("align"), "{error}");
}

#[test]
fn a_pruned_journal_is_refused() {
    use first::DeskCommands as _;
    use memimage::Retention;
    let disk = source_image(None);
    let image: Image<first::Desk> =
        options().retention(Retention::Events(0)).open_with(Arc::new(disk.clone()), OLD).unwrap();
    for _ in 0..3 {
        image.deposit(1, "m".repeat(9_000)).unwrap();
        image.admin().snapshot().unwrap();
    }
    Image::close(image).unwrap();
    assert!(disk.read("/old/journal/00000001.journal").is_err(), "the journal should be pruned");
    let error = assert_refused(&disk, OLD, NEW);
    assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
    // a journal whose first segment is missing is damaged
    let disk = source_image(None);
    disk.remove(Path::new("/old/journal/00000001.journal")).unwrap();
    let error = assert_refused(&disk, OLD, NEW);
    assert!(error.kind() == ErrorKind::Corrupt, "{error}");
}

#[test]
fn an_image_is_locked_while_it_is_open_or_being_rewritten() {
    let disk = source_image(None);
    let image: Image<first::Desk> = options().open_with(Arc::new(disk.clone()), OLD).unwrap();
    let error = rewrite::<second::Desk>(&disk, OLD, NEW).unwrap_err();
    assert!(error.kind() == ErrorKind::Locked && error.to_string().contains("/old"), "{error}");
    Image::close(image).unwrap();

    let other = Arc::new(disk.clone());
    let mut tried = 0;
    let opens = Rewrite::<second::Desk>::new()
        .progress(|_| {
            let error = options::<first::Desk>().open_with(Arc::clone(&other) as Arc<dyn Disk>, OLD).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            tried += 1;
        })
        .run_with(Arc::new(disk), OLD, NEW);
    opens.unwrap();
    assert!(tried > 0);
}

#[test]
fn a_network_file_system_is_refused_unless_it_is_allowed() {
    let disk = source_image(None);
    disk.set_network_filesystem(Some("nfs4"));
    assert!(assert_refused(&disk, OLD, NEW).to_string().contains("nfs4"));
    Rewrite::<second::Desk>::new().allow_network(true).run_with(Arc::new(disk), OLD, NEW).unwrap();
}

#[test]
fn a_damaged_source_is_refused_and_a_torn_write_is_ignored() {
    let disk = source_image(None);
    let journal = "/old/journal/00000001.journal";
    let bytes = disk.read(journal).unwrap();
    // the frame of the first event
    let second = bytes[4096..].chunks(512).position(|sector| sector[6] == 1).unwrap() * 512 + 4096;
    disk.write(journal, second as u64 + 90, &[bytes[second + 90] ^ 1]).unwrap();
    let error = assert_refused(&disk, OLD, NEW);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    let disk = source_image(None);
    let active = (1..9).map(|number| format!("/old/journal/{number:08}.journal"));
    let is_used = |path: &String| disk.read(path).is_ok_and(|bytes| bytes[4096..].iter().any(|&byte| byte != 0));
    let active = active.take_while(is_used).last().unwrap();
    let bytes = disk.read(&active).unwrap();
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    // only a header was written, and its second half is in a zero sector
    disk.write(&active, (end as u64 + 1).next_multiple_of(512) + 480, memimage_tests::frames::MAGIC).unwrap();
    let before = files(&disk);
    let rewritten = rewrite::<second::Desk>(&disk, OLD, NEW);
    let left: Vec<_> = changed(&before, &files(&disk)).into_iter().filter(|path| path.starts_with(OLD)).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new(), "the source should not be repaired");
    assert!(rewritten.unwrap().torn);
    let image = open::<second::Desk>(&disk, OLD);
    assert!(image.admin().stats().recovery.quarantined.is_some());
    assert_eq!(
        image.read_uncommitted().unwrap().notes,
        open::<second::Desk>(&disk, NEW).read_uncommitted().unwrap().notes
    );
}

/// A nondeterministic body, which counts its calls in the process.
mod nondeterministic_body {
    use std::sync::atomic::{AtomicU64, Ordering};

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    static RUNS: AtomicU64 = AtomicU64::new(0);

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub struct Counter {
        pub runs: u64,
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub fn run(&mut self) {
            self.runs = RUNS.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn a_nondeterministic_body_is_found() {
    use nondeterministic_body::CounterCommands as _;
    let disk = SimDisk::new();
    let image: Image<nondeterministic_body::Counter> = options().open_with(Arc::new(disk.clone()), OLD).unwrap();
    image.run().unwrap();
    Image::close(image).unwrap();
    let before = files(&disk);
    let error = rewrite::<nondeterministic_body::Counter>(&disk, OLD, NEW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    assert!(error.to_string().contains("a second replay of the original gives another state"), "{error}");
    assert_eq!(changed(&before, &files(&disk)), Vec::<std::path::PathBuf>::new());
    assert_eq!(disk.list(Path::new("/")).unwrap().len(), 1, "the temporary directory should be removed");
}

/// The number of calls of the upcaster in [`nondeterministic_upcaster`].
static UPCASTER_CALLS: AtomicU32 = AtomicU32::new(0);

/// An upcaster that returns another event when it converts the fifth event for the second time, while it is written.
mod nondeterministic_upcaster {
    use std::sync::atomic::Ordering;

    use memimage::{Model, Recorded, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 2)]
    pub struct Desk {
        pub drawer: u64,
    }

    #[derive(Deserialize, Shape)]
    struct FeeV1;

    #[memimage::upcast]
    fn fee(_: FeeV1, recorded: &Recorded<'_>) -> DeskFee {
        let again = recorded.seq().get() == 5 && super::UPCASTER_CALLS.fetch_add(1, Ordering::SeqCst) == 1;
        DeskFee { cents: if again { 9 } else { 1 } }
    }

    #[memimage::commands]
    impl Desk {
        #[command(version = 2, history(FeeV1))]
        pub fn fee(&mut self, cents: u64) {
            self.drawer += cents;
        }
    }
}

#[test]
fn a_nondeterministic_upcaster_is_found_with_its_event() {
    use first::DeskCommands as _;
    let disk = SimDisk::new();
    let image: Image<first::Desk> = options().open_with(Arc::new(disk.clone()), OLD).unwrap();
    (0..9).for_each(|_| image.fee().unwrap());
    Image::close(image).unwrap();
    let error = rewrite::<nondeterministic_upcaster::Desk>(&disk, OLD, NEW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    assert!(
        error.to_string().contains("the states first differ after event 5; the cause: an upcaster is not"),
        "{error}"
    );
    assert_eq!(error.position().and_then(|position| position.seq).map(u64::from), Some(5));
    assert_eq!(disk.list(Path::new("/")).unwrap().len(), 1, "the temporary directory should be removed");
    // the upcaster is deterministic from now on
    rewrite::<nondeterministic_upcaster::Desk>(&disk, OLD, NEW).unwrap();
}

#[test]
fn a_panic_in_the_progress_callback_leaves_no_files() {
    for step in [RewriteStep::Rebuild, RewriteStep::Write, RewriteStep::Verify] {
        let disk = source_image(None);
        let before = files(&disk);
        let rewriting = || {
            let rewrite = Rewrite::<second::Desk>::new().progress(|progress| {
                if progress.step == step {
                    std::panic::resume_unwind(Box::new("no more"));
                }
            });
            rewrite.run_with(Arc::new(disk.clone()), OLD, NEW)
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(rewriting)).unwrap_err();
        assert_eq!(changed(&before, &files(&disk)), Vec::<std::path::PathBuf>::new(), "{step:?}");
        rewrite::<second::Desk>(&disk, OLD, NEW).unwrap();
    }
}

#[test]
fn a_failed_disk_leaves_no_image_and_the_next_attempt_works() {
    for (act, ending) in [
        (DiskMethod::CreateDir, "journal"),
        (DiskMethod::Write, "00000002.journal.tmp"),
        (DiskMethod::Write, "00000001.journal"),
        (DiskMethod::SyncData, "00000001.journal"),
        (DiskMethod::Rename, "00000002.journal"),
        (DiskMethod::SyncDir, ".new.rewriting/journal"),
        (DiskMethod::Rename, "new"),
        (DiskMethod::CreateNew, "REWRITING"),
    ] {
        let disk = source_image(None);
        let gate = GateDisk::new(disk.clone());
        gate.rule(move |call| {
            let fails = call.is(act, ending) && !call.path.starts_with(OLD);
            if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(None) }
        });
        let rewriting = || Rewrite::<second::Desk>::new().segment_bytes(16 << 10);
        let error = rewriting().run_with(Arc::new(gate.clone()), OLD, NEW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{act:?} {ending}: {error}");
        assert_eq!(count_files(&disk, NEW), 0, "{act:?} {ending}");
        assert_eq!(count_files(&disk, "/.new.rewriting"), 0, "{act:?} {ending}");
        gate.remove_rule();
        rewriting().run_with(Arc::new(gate), OLD, NEW).unwrap_or_else(|error| panic!("{act:?} {ending}: {error}"));
    }
}
