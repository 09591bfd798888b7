//! Replay gives the state of the run: in another process, from a snapshot, and from the whole journal.

use std::fs;
use std::io;

use exchange::engine::{Exchange, ExchangeList};
use exchange::load::Load;
use exchange::order::Instrument;
use exchange::request::{Answer, Request};
use exchange::run::Run;
use memimage::testing::{determinism, given};
use memimage::{Image, digest};
use tempfile::TempDir;

use crate::load::listed;

#[test]
fn replay_is_deterministic_and_places_are_rebuilt_as_they_are_kept() {
    let mut past = given::<Exchange>();
    for instrument in [1, 2] {
        past = past.event(ExchangeList { instrument: Instrument(instrument) });
    }
    let load = Load::new(3, listed(), 2);
    let mut engine = load.engine().clone();
    for request in load.take(150) {
        if matches!(engine.answer(request), Answer::Refused(_)) {
            continue;
        }
        past = match request {
            Request::Limit(order) => past.event(order),
            Request::Market(order) => past.event(order),
            Request::Cancel(cancellation) => past.event(cancellation),
        };
    }
    determinism(past);
}

#[test]
fn snapshot_and_journal_give_the_same_state() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange");
    let run = Run { orders: 3000, image: path.clone(), seed: 5, batch: 500 };
    run.execute(&mut io::sink()).unwrap();
    let image = Image::<Exchange>::open(&path).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let report = run.execute(&mut io::sink()).unwrap();

    let image = Image::<Exchange>::open(&path).unwrap();
    let recovery = image.admin().stats().recovery;
    assert_eq!(recovery.snapshot, Some(report.found));
    assert_eq!(recovery.replayed, report.seq.get() - report.found.get());
    let from_snapshot = image.query(Exchange::clone).unwrap();
    Image::close(image).unwrap();

    fs::remove_dir_all(path.join("snapshot")).unwrap();
    let image = Image::<Exchange>::open(&path).unwrap();
    assert_eq!(image.admin().stats().recovery.replayed, report.seq.get());
    let from_journal = image.query(Exchange::clone).unwrap();
    assert_eq!(from_journal, from_snapshot);
    assert_eq!(digest(&from_journal).unwrap(), report.digest);
}
