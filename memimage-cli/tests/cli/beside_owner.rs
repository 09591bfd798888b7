//! Beside a program that has the image open.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use memimage::{Image, Options, Retention, Seq, SnapshotPolicy};

use crate::support::{Stock, StockCommands as _, command, create, record, run};

#[test]
fn reading_beside_the_owner() {
    let directory = tempfile::tempdir().unwrap();
    let stock = Image::<Stock>::open(directory.path().join("stock.image")).unwrap();
    record(&stock);
    stock.journal().sync().unwrap();
    assert_eq!(run(directory.path(), &["log", "stock.image"]).lines().count(), 4);
    let info = run(directory.path(), &["info", "stock.image"]);
    assert!(info.contains("owner        pid "), "{info}");
    assert!(run(directory.path(), &["check", "stock.image"]).ends_with("\nsound\n"));
    assert!(run(directory.path(), &["doctor", "stock.image"]).contains("Nothing: let its owner work."));
    // what writes needs the lock
    let repair = run(directory.path(), &["void", "stock.image", "1", "--reason", "a mistake", "--yes"]);
    assert!(repair.contains("in use by") || repair.contains("is open"), "{repair}");
    assert!(repair.ends_with("exit code: Some(3)\n"), "{repair}");
    Image::close(stock).unwrap();
}

#[test]
fn following_the_owner() {
    let directory = tempfile::tempdir().unwrap();
    let stock = Image::<Stock>::open(directory.path().join("stock.image")).unwrap();
    record(&stock);
    let mut child = command(directory.path(), &["log", "stock.image", "--follow", "--json", "--limit", "40"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    for seq in 1..=4 {
        assert_eq!(next()["seq"], seq);
    }
    for seq in 5..=40 {
        stock.remove("nut".to_owned(), 0).unwrap();
        assert_eq!(next()["seq"], seq); // so the event is printed before the next one is recorded
    }
    assert!(child.wait().unwrap().success());
    Image::close(stock).unwrap();
}

#[test]
fn following_goes_on_with_the_next_owner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stock.image");
    create(&path);
    let arguments =
        ["log", "stock.image", "--follow", "--json", "--from", "2", "--where", "payload.count != 1", "--until", "11"];
    let mut child = command(directory.path(), &arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    for seq in 2..=4 {
        assert_eq!(next()["seq"], seq);
    }
    // an owner in this process and one after it, each with an event that the condition leaves out
    for first in [5, 8] {
        let stock = Image::<Stock>::open(&path).unwrap();
        stock.remove("nut".to_owned(), 1).unwrap();
        for seq in [first + 1, first + 2] {
            stock.remove("nut".to_owned(), 0).unwrap();
            assert_eq!(next()["seq"], seq);
        }
        Image::close(stock).unwrap();
    }
    let stock = Image::<Stock>::open(&path).unwrap();
    stock.remove("nut".to_owned(), 0).unwrap();
    assert_eq!(next()["seq"], 11);
    assert!(lines.next().is_none(), "no event comes twice, and the end is event 11");
    assert!(child.wait().unwrap().success());
    Image::close(stock).unwrap();
}

#[test]
fn following_an_image_without_events_and_one_that_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stock.image");
    let stock = Image::<Stock>::open(&path).unwrap();
    let mut child = command(directory.path(), &["log", "stock.image", "--follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    record(&stock);
    for seq in 1..=4 {
        let line: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["seq"], seq);
    }
    Image::close(stock).unwrap();
    std::fs::rename(&path, directory.path().join("old.image")).unwrap();
    create(&path);
    assert!(lines.next().is_none());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("was replaced while it was read"), "{errors}");
}

/// Options with small segments, of which each snapshot prunes as many as possible.
fn pruning() -> Options<Stock> {
    Image::options()
        .segment_bytes(16 << 10)
        .align_bytes(4096)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
}

fn remove(stock: &Image<Stock>, times: u32) {
    (0..times).for_each(|_| stock.remove("nut".to_owned(), 0).unwrap());
}

/// The verb has read all events that are pruned, although it was to print only the first of them.
#[test]
fn following_some_events_of_an_owner_that_prunes_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let stock: Image<Stock> = pruning().open(directory.path().join("stock.image")).unwrap();
    let arguments = ["log", "stock.image", "--follow", "--name", "deliver", "--json", "--limit", "2"];
    let mut child = command(directory.path(), &arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value { serde_json::from_str(&lines.next().expect("a line").unwrap()).unwrap() };
    stock.deliver(Vec::new(), None).unwrap();
    assert_eq!(next()["seq"], 1);
    for _ in 0..4 {
        remove(&stock, 4);
        // several times as long as the pause between two looks of the verb
        std::thread::sleep(Duration::from_millis(500));
        stock.admin().snapshot().unwrap();
    }
    assert!(stock.admin().stats().base > Some(Seq::new(2)), "nothing was pruned");
    stock.deliver(Vec::new(), None).unwrap();
    assert_eq!(next()["seq"], 18);
    assert!(child.wait().unwrap().success());
    Image::close(stock).unwrap();
}
