//! The outbox: a process sends each event to a receiver and then acknowledges it. It is killed at random moments, and so is
//! the owner beside it. The receiver, which deduplicates by key, has every event once.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use memimage::{Durability, Image, Journal, Options, Retention, Seq, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, LedgerEvent, SplitMix64, cases, seed};

const DIR: &str = "MEMIMAGE_OUTBOX";

fn options() -> Options<Ledger> {
    Image::options()
        .segment_bytes(64 << 10)
        .snapshots(SnapshotPolicy::AfterEvents(60))
        .retention(Retention::Events(0))
        .durability(Durability::Synced)
}

fn start(child: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn files() -> Option<(PathBuf, PathBuf)> {
    let dir = PathBuf::from(std::env::var_os(DIR)?);
    Some((dir.join("ledger"), dir.join("received")))
}

/// Sends a line to the receiver: the event's key, and its content.
fn send(received: &mut fs::File, key: &str, amount: u32) {
    received.write_all(format!("{key} {amount}\n").as_bytes()).unwrap();
}

/// The owner. Each deposit has the number of its event as its amount.
#[test]
#[ignore = "run by the other test of this file"]
fn owner() {
    let Some((path, _)) = files() else { return };
    let image = options().open(path).unwrap();
    loop {
        let amount = image.journal().seq().get() as u32 + 1;
        image.deposit(1, amount).unwrap();
    }
}

/// The process that sends and acknowledges.
#[test]
#[ignore = "run by the other test of this file"]
fn sender() {
    let Some((path, received)) = files() else { return };
    let mut received = OpenOptions::new().append(true).create(true).open(received).unwrap();
    let mut mailer = Journal::<Ledger>::open(path).unwrap().subscribe_as("mailer", Seq::ZERO).unwrap();
    while let Some(event) = mailer.next() {
        let event = event.unwrap();
        let Some(LedgerEvent::Deposit(deposit)) = event.event() else { panic!("{event:?}") };
        send(&mut received, &event.key().to_string(), deposit.amount);
        mailer.acknowledge(&event).unwrap();
    }
}

#[test]
fn an_outbox_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    // the subscription exists before the first event that could be pruned
    let image = options().open(&path).unwrap();
    drop(image.journal().subscribe_as("mailer", Seq::ZERO).unwrap());
    Image::close(image).unwrap();
    let mut rng = SplitMix64::new(seed(11));
    let mut owner = start("outbox::owner", dir.path());
    let mut sender = start("outbox::sender", dir.path());
    for _ in 0..cases(25) {
        std::thread::sleep(Duration::from_micros(20_000 + rng.below(80_000)));
        let (child, name) =
            if rng.once_in(3) { (&mut owner, "outbox::owner") } else { (&mut sender, "outbox::sender") };
        child.kill().unwrap();
        child.wait().unwrap();
        *child = start(name, dir.path());
    }
    for child in [&mut owner, &mut sender] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // what the killed sender did not send
    let image = options().open(&path).unwrap();
    let last = image.journal().durable_seq().get();
    let mut received = OpenOptions::new().append(true).create(true).open(dir.path().join("received")).unwrap();
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    while let Some(event) = mailer.next_timeout(Duration::ZERO).unwrap() {
        let Some(LedgerEvent::Deposit(deposit)) = event.event() else { panic!("{event:?}") };
        send(&mut received, &event.key().to_string(), deposit.amount);
        mailer.acknowledge(&event).unwrap();
    }
    let text = fs::read_to_string(dir.path().join("received")).unwrap();
    let lines = text.lines().count();
    let by_key: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(key, amount)| (key, amount.parse().unwrap()))
        .collect();
    let mut amounts: Vec<u64> = by_key.into_values().collect();
    amounts.sort_unstable();
    assert_eq!(amounts, (1..=last).collect::<Vec<u64>>(), "an event is lost or doubled");
    assert!(last > 100, "the kills came too early: {last} events");
    println!("{last} events, sent {lines} times");
}
