//! Commands, snapshots and pruning at every moment of a backup. A rule runs them in the middle of each disk call of the backup,
//! so the backup holds no lock for which they wait.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::admin::{Backup, BackupReport};
use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, ErrorKind, Image, Retention, Seq};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerCommands as _, Run, with_timeout};

use super::{COPY, IMAGE, assert_sound, files_at, verify};

/// A writer: its image, and the digest after each event.
#[derive(Clone)]
struct Writer {
    image: Image<Ledger>,
    digests: Arc<Mutex<Vec<u64>>>,
}

impl Writer {
    fn open(disk: GateDisk, retention: Retention) -> Writer {
        let options = Run::options(Durability::Synced, 512).retention(retention);
        let writer = Writer { image: options.open_with(Arc::new(disk), IMAGE).unwrap(), digests: Arc::default() };
        writer.record();
        writer
    }

    fn record(&self) {
        let digest = memimage::digest(&*self.image.read_uncommitted().unwrap()).unwrap();
        self.digests.lock().unwrap().push(digest.to_u64());
    }

    /// Records events that fill more than a segment, and makes a snapshot after each half of them.
    fn write(&self) {
        for _ in 0..2 {
            for _ in 0..2 {
                self.image.file(vec![7; 5_000]).unwrap();
                self.record();
            }
            self.image.admin().snapshot().unwrap();
        }
    }
}

/// What the writer and the backup do in a test.
#[derive(Clone, Copy, Debug)]
struct Case {
    retention: Retention,
    /// Whether another program makes the backup.
    beside: bool,
    /// Whether there is an earlier backup.
    continued: bool,
    /// Whether the writer writes at each call from the chosen one on, and not at this one only.
    on: bool,
    /// How often the writer writes at a call. After three times, a pruned image has none of its earlier states.
    times: u32,
}

/// Makes a backup during whose disk call number `at` the writer writes. Returns `None` if the backup has fewer calls.
fn interleave(case: Case, at: u64) -> Option<(Result<BackupReport, Error>, Seq, Writer, SimDisk)> {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let writer = Writer::open(disk.clone(), case.retention);
    (0..3).for_each(|_| writer.write());
    let back_up = |writer: &Writer| match case.beside {
        true => Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY),
        false => writer.image.admin().backup(COPY),
    };
    if case.continued {
        back_up(&writer).unwrap();
        writer.write();
    }
    let (calls, is_inside) = (Arc::new(AtomicU64::new(0)), AtomicBool::new(false));
    let (counted, inner) = (Arc::clone(&calls), writer.clone());
    let backup_thread = std::thread::current().id();
    disk.rule(move |_| {
        if std::thread::current().id() == backup_thread && !is_inside.swap(true, Ordering::SeqCst) {
            let call = counted.fetch_add(1, Ordering::SeqCst);
            // an owner that writes at each call ends at some time
            if call == at || case.on && call > at && call < at + 60 {
                (0..case.times).for_each(|_| inner.write());
            }
            is_inside.store(false, Ordering::SeqCst);
        }
        Ok(None)
    });
    let acknowledged = writer.image.journal().durable_seq();
    let result = back_up(&writer);
    disk.remove_rule();
    (calls.load(Ordering::SeqCst) > at).then_some((result, acknowledged, writer, sim))
}

fn each_call(case: Case, step: usize) {
    for at in (0..).step_by(step) {
        let Some((result, acknowledged, writer, disk)) = interleave(case, at) else {
            assert!(at > 20, "{case:?}: {at} calls");
            return;
        };
        let what = format!("{case:?} at call {at}");
        let is_pruned_beside = case.beside && case.retention != Retention::Everything;
        let bytes = result.as_ref().ok().map(|report| report.bytes_copied);
        let seq = match result {
            Ok(report) => report.seq,
            Err(error) if is_pruned_beside && error.kind() == ErrorKind::NotApplicable => {
                if case.continued {
                    assert_sound(&disk, COPY);
                }
                continue;
            }
            Err(error) => panic!("{what}: {error}"),
        };
        if let Some(bytes) = bytes.filter(|_| !case.continued) {
            let is_counted = |name: &Path| {
                ["journal", "base", "snapshot"].iter().any(|ending| name.extension() == Some(ending.as_ref()))
            };
            let files = files_at(&disk, COPY).into_iter().filter(|(name, _)| is_counted(name));
            assert_eq!(bytes, files.map(|(_, bytes)| bytes.len() as u64).sum::<u64>(), "{what}");
        }
        assert!(seq >= acknowledged, "{what}: {acknowledged} was acknowledged, and the backup ends with event {seq}");
        let digests = writer.digests.lock().unwrap().clone();
        assert_eq!(
            verify(&disk, COPY, &digests, seq.get()).unwrap_or_else(|error| panic!("{what}: {error}")),
            seq,
            "{what}"
        );
        assert_sound(&disk, COPY);
        let last = writer.image.journal().seq();
        Image::close(writer.image).unwrap();
        assert_eq!(verify(&disk, IMAGE, &digests, last.get()).unwrap(), last, "{what}");
    }
}

/// The writer writes at one of the backup's calls.
fn once(retention: Retention, beside: bool, continued: bool) {
    let times = if retention == Retention::Everything { 1 } else { 3 };
    with_timeout(move || each_call(Case { retention, beside, continued, on: false, times }, 5));
}

#[test]
fn commands_and_snapshots_go_on_during_a_new_backup() {
    once(Retention::Everything, false, false);
    once(Retention::Everything, true, false);
}

#[test]
fn commands_and_snapshots_go_on_while_a_backup_is_continued() {
    once(Retention::Everything, false, true);
    once(Retention::Everything, true, true);
}

#[test]
fn pruning_does_not_break_a_new_backup() {
    once(Retention::Events(4), false, false);
    once(Retention::Events(4), true, false);
}

#[test]
fn pruning_does_not_break_a_continued_backup() {
    once(Retention::Events(4), false, true);
    once(Retention::Events(4), true, true);
}

#[test]
fn pruning_at_each_call_does_not_break_a_backup_of_the_running_image() {
    with_timeout(|| {
        each_call(Case { retention: Retention::Events(4), beside: false, continued: false, on: true, times: 1 }, 50);
    });
}

/// Another backup to the same directory, at each call of the first one, is refused, or one of them is continued by the other.
#[test]
fn one_of_two_backups_to_the_same_directory_is_refused() {
    let (mut refused, mut made) = (0, 0);
    for (is_there, continued) in [(false, false), (true, false), (false, true)] {
        for at in (0..).step_by(5) {
            let sim = SimDisk::new();
            let disk = GateDisk::new(sim.clone());
            let writer = Writer::open(disk.clone(), Retention::Everything);
            writer.write();
            if is_there {
                sim.create_dir(Path::new(COPY)).unwrap();
            }
            let back_up = |disk: &GateDisk| Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY);
            if continued {
                back_up(&disk).unwrap();
                writer.write();
            }
            let (calls, inner) = (AtomicU64::new(0), GateDisk::new(sim.clone()));
            let other: Arc<Mutex<Option<Result<BackupReport, Error>>>> = Arc::default();
            let result_of_other = Arc::clone(&other);
            // the owner's threads make calls too
            let backup_thread = std::thread::current().id();
            disk.rule(move |_| {
                if std::thread::current().id() == backup_thread && calls.fetch_add(1, Ordering::SeqCst) == at {
                    *result_of_other.lock().unwrap() = Some(back_up(&inner));
                }
                Ok(None)
            });
            let (first, last) = (back_up(&disk), writer.image.journal().seq());
            disk.remove_rule();
            let Some(other) = other.lock().unwrap().take() else {
                assert!(at > 30, "{at} calls");
                break;
            };
            for result in [first, other] {
                match result {
                    Ok(report) => assert_eq!(report.seq, last),
                    Err(error) => {
                        refused += 1;
                        assert_eq!(error.kind(), ErrorKind::Locked, "call {at}, {is_there} {continued}: {error}");
                    }
                }
            }
            made += 1;
            let digests = writer.digests.lock().unwrap().clone();
            assert_eq!(verify(&sim, COPY, &digests, last.get()), Ok(last), "call {at}");
            assert_sound(&sim, COPY);
            let names: Vec<_> = files_at(&sim, COPY).into_iter().map(|(name, _)| name).collect();
            assert!(!names.contains(&"BACKING-UP".into()), "call {at}: {names:?}");
        }
    }
    assert!(refused > made / 2 && refused < made, "{refused} of {made}");
}

/// While a backup of the running image copies, the image removes nothing. The next snapshot after it does.
#[test]
fn pruning_waits_for_a_backup_of_the_running_image() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let writer = Writer::open(disk.clone(), Retention::Events(4));
    (0..3).for_each(|_| writer.write());
    let (inner, is_inside) = (writer.clone(), AtomicBool::new(false));
    disk.trace();
    disk.rule(move |call| {
        if call.is(DiskMethod::CreateNew, "00000000000000000012.snapshot.tmp")
            && !is_inside.swap(true, Ordering::SeqCst)
        {
            (0..4).for_each(|_| inner.write());
        }
        Ok(None)
    });
    let removed = || {
        let trace = disk.trace();
        trace.into_iter().filter(|call| call.method == DiskMethod::Remove && call.path.starts_with(IMAGE)).count()
    };
    writer.image.admin().backup(COPY).unwrap();
    assert!(writer.image.journal().seq() > Seq::new(20));
    disk.remove_rule();
    assert_eq!(removed(), 0);
    writer.write();
    assert!(removed() > 3);
    assert!(sim.kind(Path::new(COPY)).unwrap().is_some());
    assert_sound(&sim, IMAGE);
}
