//! Backups on the real file system: links, permissions, processes that die, files that are not shared.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use memimage::{Durability, ErrorKind, Image, Seq};
use memimage_tests::{Ledger, LedgerCommands as _, Run};

use super::extend;

fn ledger(path: &Path) -> Run {
    let image = Run::options(Durability::Synced, 512).open(path).unwrap();
    let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
    extend(&mut run, 20);
    run
}

fn all_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files
}

/// A link to a file of the image would let a repair of the backup change the image, and would make the image refuse the file as
/// soon as it has to be written.
#[test]
fn no_file_of_a_backup_is_a_file_of_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let [path, copy] = ["image", "copy"].map(|name| directory.path().join(name));
    let mut run = ledger(&path);
    run.image().admin().snapshot().unwrap();
    for _ in 0..2 {
        run.image().admin().backup(&copy).unwrap();
        for file in all_files(&path).into_iter().chain(all_files(&copy)) {
            assert_eq!(fs::metadata(&file).unwrap().nlink(), 1, "{}", file.display());
        }
        extend(&mut run, 7);
    }
    // whatever happens to the bytes of the backup, the image keeps its own
    for file in all_files(&copy) {
        let len = fs::metadata(&file).unwrap().len();
        fs::write(&file, vec![0xff; len as usize]).unwrap();
    }
    assert!(memimage::admin::check(&path).unwrap().is_sound());
    let (digests, last) = run.close();
    let image = Run::options(Durability::Synced, 512).open(&path).unwrap();
    assert_eq!(Run::begin(image, digests, last).unwrap().close().1, last);
}

#[test]
fn new_files_are_for_the_user_of_the_process_only() {
    let directory = tempfile::tempdir().unwrap();
    let [path, copy] = ["image", "copy"].map(|name| directory.path().join(name));
    ledger(&path).image().admin().backup(&copy).unwrap();
    for file in all_files(&copy) {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn links_into_the_image_are_recognised_and_a_link_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let run = ledger(&at("image"));
    symlink(at("image"), at("link")).unwrap();
    symlink(at("elsewhere"), at("dangling")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    symlink(at("empty"), at("to_empty")).unwrap();
    for (dir, found) in [
        ("image", "a place inside the source image"),
        ("image/copy", "a place inside the source image"),
        ("link", "a place inside the source image"),
        ("link/copy", "a place inside the source image"),
        ("link/snapshot/../copy", "a place inside the source image"),
        ("dangling", "a symbolic link"),
        ("to_empty", "a symbolic link"),
    ] {
        let error = run.image().admin().backup(at(dir)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{dir}: {error}");
        assert!(error.to_string().contains(found), "{dir}: {error}");
    }
    // the path of the image may be a link, and so may a parent of the backup
    symlink(directory.path(), at("up")).unwrap();
    drop(run);
    memimage::admin::backup(at("link"), at("up/copy")).unwrap();
    assert!(memimage::admin::check(at("copy")).unwrap().is_sound());
    assert!(!at("image/copy").exists());
}

#[test]
fn an_unwritable_directory_is_an_error_and_the_image_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (path, shut) = (directory.path().join("image"), directory.path().join("shut"));
    let mut run = ledger(&path);
    fs::create_dir(&shut).unwrap();
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o500)).unwrap();
    let result = run.image().admin().backup(shut.join("copy"));
    // root may write anyway
    if let Err(error) = result {
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(error.to_string().contains("help: give the user"), "{error}");
    }
    extend(&mut run, 3);
    assert_eq!(run.image().journal().durable_seq(), Seq::new(23));
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn relative_paths_and_empty_directories_are_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("image"), directory.path().join("copy"));
    fs::create_dir(&copy).unwrap();
    let run = ledger(&path);
    let dotted = directory.path().join("image/../copy");
    assert_eq!(run.image().admin().backup(dotted).unwrap().seq, Seq::new(20));
    let copy = Image::<Ledger>::open(&copy).unwrap();
    copy.deposit(1, 1).unwrap();
}

const DIR: &str = "MEMIMAGE_BACKUP_DIRECTORY";

/// The child: backs up onto the same directory again and again while it writes, until it is killed.
#[test]
#[ignore = "runs only as a child"]
fn child_that_backs_up_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    let options = Run::options(Durability::Synced, 512);
    let image = options.open(directory.join("image")).unwrap();
    loop {
        image.file(vec![7; 5_000]).unwrap();
        image.deposit(1, 1).unwrap();
        image.admin().backup(directory.join("copy")).unwrap();
    }
}

#[test]
fn a_killed_backup_leaves_a_backup_that_opens_and_continues() {
    let directory = tempfile::tempdir().unwrap();
    let [path, copy] = ["image", "copy"].map(|name| directory.path().join(name));
    let mut ended = Seq::ZERO;
    for round in 0..8u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "real::child_that_backs_up_until_it_is_killed", "--ignored", "--test-threads=1"])
            .env(DIR, directory.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(150 + 37 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        if !copy.exists() {
            continue;
        }
        let report = memimage::admin::check(&copy).unwrap();
        assert!(report.is_sound() && report.last.unwrap_or_default() >= ended, "{report}");
        let continued = memimage::admin::backup(&path, &copy).unwrap();
        assert!(continued.continued >= report.last);
        ended = continued.seq;
    }
    assert!(ended > Seq::ZERO);
    let image = Image::<Ledger>::open(&copy).unwrap();
    assert!(image.admin().stats().recovery.restored && image.journal().seq() == ended);
}

/// Whether the file system of the temporary directory has reflinks depends on the machine. Where it has, all segments but the last
/// are shared. `TMPDIR` selects the file system.
#[test]
fn finished_segments_are_shared_where_the_file_system_has_reflinks() {
    let directory = tempfile::tempdir().unwrap();
    let [path, copy] = ["image", "copy"].map(|name| directory.path().join(name));
    let mut run = ledger(&path);
    let report = run.image().admin().backup(&copy).unwrap();
    let segments = all_files(&copy.join("journal")).into_iter().filter(|file| file.extension().is_some());
    let mut lens: Vec<u64> = segments.map(|file| fs::metadata(file).unwrap().len()).collect();
    let total: u64 = lens.iter().sum();
    assert_eq!(report.bytes_shared + report.bytes_copied, total);
    if report.bytes_shared == 0 {
        println!("the file system of {} has no reflinks", directory.path().display());
    } else {
        assert_eq!(report.bytes_copied, lens.pop().unwrap(), "all segments have the same length");
        println!("{} bytes shared", report.bytes_shared);
    }
    extend(&mut run, 7);
    run.image().admin().backup(&copy).unwrap();
    let (digests, seq) = run.close();
    let image = Run::options(Durability::Synced, 512).open(&copy).unwrap();
    assert_eq!(Run::begin(image, digests, seq).unwrap().close().1, seq);
    assert!(memimage::admin::check(&path).unwrap().is_sound());
}
