//! What the verbs that need the model show of a history with void events, other origins and times.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::admin::{Export, Import, Tool, Void};
use memimage::disk::SimDisk;
use memimage::{Image, Options, Seq, SnapshotPolicy, Timestamp};
use memimage_tests::{Ledger, LedgerCommands as _, changed, files, frames};
use serde_json::{Value as Json, json};

const IMAGE: &str = "/image";

fn options() -> Options<Ledger> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000_000, Ordering::Relaxed)))
}

/// What a verb writes.
#[derive(Clone, Default)]
struct Output(Rc<RefCell<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a verb that succeeds on an image, and returns its output.
fn run(disk: &SimDisk, image: &str, arguments: &[&str]) -> String {
    let (code, output) = run_to_code(disk, image, arguments);
    assert_eq!(code, 0, "{output}");
    output
}

/// Runs a verb on an image, and returns its exit code and its output.
fn run_to_code(disk: &SimDisk, image: &str, arguments: &[&str]) -> (u8, String) {
    let output = Output::default();
    let arguments = ["admin"].iter().chain(arguments).copied();
    let tool = Tool::for_model::<Ledger>().image(image);
    let code = tool.run_with(Arc::new(disk.clone()), output.clone(), arguments).unwrap();
    (code, String::from_utf8(output.0.take()).unwrap())
}

/// The seqs of the events that changed an account.
fn changes(disk: &SimDisk, arguments: &[&str]) -> Vec<u64> {
    let lines = run(disk, IMAGE, &[&["changes", "accounts", "--json"], arguments].concat());
    let seq = |line: &str| serde_json::from_str::<Json>(line).unwrap()["event"]["seq"].as_u64().unwrap();
    lines.lines().map(seq).collect()
}

/// An image with three events, each at a time of its own after the creation of the image.
fn three_deposits() -> SimDisk {
    let disk = SimDisk::new();
    let ledger = Image::<Ledger>::options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    for amount in 1..=3 {
        std::thread::sleep(Duration::from_millis(2));
        ledger.deposit(1, amount).unwrap();
    }
    Image::close(ledger).unwrap();
    disk
}

#[test]
fn a_time_selects_the_changes_at_it_and_after_it_or_up_to_it() {
    let disk = three_deposits();
    let log = run(&disk, IMAGE, &["log", "--json"]);
    let second: Json = serde_json::from_str(log.lines().nth(1).unwrap()).unwrap();
    let time = second["time"].as_str().unwrap();
    assert_eq!(changes(&disk, &["--from", time]), [2, 3]);
    assert_eq!(changes(&disk, &["--until", time]), [1, 2]);
    assert_eq!(changes(&disk, &["--until", "2999-01-01"]), [1, 2, 3]);
    assert_eq!(changes(&disk, &["--reverse"]), [3, 2, 1]);
    assert_eq!(changes(&disk, &["--reverse", "--limit", "2"]), [3, 2]);
    assert_eq!(changes(&disk, &["--limit", "2"]), [1, 2]);
}

#[test]
fn a_replay_names_the_outcomes_that_a_decision_changed() {
    let disk = SimDisk::new();
    let ledger = options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    ledger.deposit(1, 10).unwrap();
    ledger.settle(1, 5).unwrap();
    Image::close(ledger).unwrap();
    Void::new(Seq::new(1), "a mistake").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let replay: Json = serde_json::from_str(&run(&disk, IMAGE, &["replay", "--dry-run", "--json"])).unwrap();
    assert_eq!(replay["changed_outcomes"], json!([{"seq": 2, "rejected": true}]), "{replay}");
}

/// The second event draws the random values of the first one.
#[test]
fn the_origins_of_events_are_exported_imported_and_copied() {
    const MEMBER: &str = r#""origin":{"seq":1,"part":0},"#;
    let disk = SimDisk::new();
    let ledger = options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let drawn = [ledger.draw().unwrap(), ledger.draw().unwrap()];
    Image::close(ledger).unwrap();
    assert_ne!(drawn[0], drawn[1]);
    let mut lines = Vec::new();
    Export::new().run_with(Arc::new(disk.clone()), IMAGE, &mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let changed: String = lines
        .lines()
        .map(|line| match line {
            event if event.contains(r#""kind":"event","seq":2,"#) => {
                event.replace(r#""metadata":"#, &format!(r#"{MEMBER}"metadata":"#)) + "\n"
            }
            end if end.contains(r#""kind":"end""#) => end.split(r#","checksum""#).next().unwrap().to_owned() + "}\n",
            line => line.to_owned() + "\n",
        })
        .collect();
    Import::new().run_with(Arc::new(disk.clone()), changed.as_bytes(), "/copy").unwrap();
    let copy = options().open_with(Arc::new(disk.clone()), "/copy").unwrap();
    let dice = copy.query(|ledger| ledger.entries.iter().map(|entry| entry.die).collect::<Vec<_>>()).unwrap();
    Image::close(copy).unwrap();
    assert_eq!(dice, [drawn[0], drawn[0]]);
    run(&disk, "/copy", &["branch", "/branch"]);
    run(&disk, "/copy", &["rewrite", "/rewritten", "--rename-event", "draw=throw"]);
    for image in ["/copy", "/branch", "/rewritten"] {
        let again = run(&disk, image, &["export"]);
        assert_eq!(again.matches(MEMBER).count(), 1, "{image}: {again}");
    }
}

#[test]
fn a_digest_of_a_state_with_a_void_event_is_neither_exported_nor_kept_by_a_rewriting() {
    let disk = SimDisk::new();
    let ledger = options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    ledger.deposit(1, 10).unwrap();
    ledger.deposit(2, 10).unwrap();
    ledger.admin().snapshot().unwrap();
    // a digest after the last event is not copied
    ledger.deposit(3, 10).unwrap();
    Image::close(ledger).unwrap();
    let digests = |image: &str| run(&disk, image, &["export"]).matches(r#"{"kind":"digest""#).count();
    assert_eq!(digests(IMAGE), 1);
    run(&disk, IMAGE, &["rewrite", "/redacted", "--redact", "deposit.amount"]);
    assert_eq!(digests("/redacted"), 0);
    let redacted = options().open_with(Arc::new(disk.clone()), "/redacted").unwrap();
    assert_eq!(redacted.query(|ledger| ledger.accounts[&1]).unwrap(), 0);
    run(&disk, IMAGE, &["branch", "/branch"]);
    assert_eq!(digests("/branch"), 1, "a branch changes no event");
    Void::new(Seq::new(1), "a mistake").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(digests(IMAGE), 0);
}

/// A dry run replays the events on the disk of the image, and changes nothing there.
#[test]
fn a_dry_run_tells_which_outcomes_would_change() {
    let disk = SimDisk::new();
    let ledger = options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    ledger.deposit(1, 100).unwrap();
    ledger.settle(1, 60).unwrap();
    ledger.deposit(1, 50).unwrap();
    Image::close(ledger).unwrap();
    let dry_run = |expected: u8, arguments: &[&str]| {
        let before = files(&disk);
        let (code, text) = run_to_code(&disk, IMAGE, &[arguments, &["--dry-run", "--json"]].concat());
        assert_eq!((code, changed(&before, &files(&disk))), (expected, vec![]), "{text}");
        let document: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(document["replayed"], true);
        document["changed_outcomes"].clone()
    };
    let rejected = json!([{"seq": 2, "rejected": true}]);
    assert_eq!(dry_run(1, &["void", "1"]), rejected);
    assert_eq!(dry_run(0, &["void", "3"]), json!([]));
    let segment = disk.files().into_iter().find(|path| path.ends_with("00000001.journal")).unwrap();
    let bytes = disk.read(&segment).unwrap();
    let frame = frames::frames(&bytes).into_iter().find(|frame| frames::events(&bytes, frame) > 0).unwrap();
    let last = frame.end - frames::TRAILER - 1;
    disk.write(&segment, last as u64, &[bytes[last] ^ 1]).unwrap();
    let (code, text) = run_to_code(&disk, IMAGE, &["info"]);
    assert!(code == 1 && text.contains("damage"), "{text}");
    assert_eq!(dry_run(1, &["repair", "give-up=1"]), rejected);
}
