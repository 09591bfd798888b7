//! A run that is killed at any moment loses no acknowledged order, and the image continues.

use std::io::{BufRead, BufReader};

use exchange::bare::BareEngine;
use exchange::engine::{Exchange, ExchangeCommands as _};
use exchange::load::Load;
use exchange::order::Instrument;
use exchange::run::list_instruments;
use memimage::Image;

use crate::program::Program;

const SEED: u64 = 11;

/// The state after the first `seq` events of the run.
fn expected(seq: u64) -> Exchange {
    let image = Image::<Exchange>::in_memory().unwrap();
    list_instruments(&image).unwrap();
    let (listed, last) = (image.query(Exchange::clone).unwrap(), image.journal().seq().get());
    let mut engine = BareEngine::new(listed.clone(), last);
    for request in Load::new(SEED, listed, last) {
        if engine.seq() == seq {
            break;
        }
        engine.answer(request);
    }
    engine.exchange().clone()
}

#[test]
fn a_killed_run_loses_no_acknowledged_order() {
    for batches in [1, 3, 20] {
        let program = Program::new();
        let seed = SEED.to_string();
        let words = ["--orders", "100000000", "--batch", "100", "--seed", &seed, "--progress"];
        let mut child = program.command(&words).spawn().unwrap();
        let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
        let last = progress.by_ref().take(batches).last().unwrap().unwrap();
        child.kill().unwrap(); // SIGKILL, in the middle of a later batch
        child.wait().unwrap();

        let (_, event) = last.split_once("the event ").unwrap();
        let acknowledged: u64 = event.split(' ').next().unwrap().parse().unwrap();
        let image = Image::<Exchange>::open(program.image()).unwrap();
        let seq = image.journal().seq().get();
        assert!(seq >= acknowledged, "the image holds {seq} events, but: {last}");
        let recovered = image.query(Exchange::clone).unwrap();
        assert_eq!(recovered, expected(seq), "after {seq} events");
        Image::close(image).unwrap();

        let report = program.run(&["--orders", "500", "--batch", "100"]);
        assert!(report.contains(&format!("continued: events {} to ", seq + 1)), "{report}");
    }
}

/// A run that was killed while it listed the instruments of a new exchange.
#[test]
fn the_next_run_lists_the_missing_instruments() {
    let program = Program::new();
    let image = Image::<Exchange>::open(program.image()).unwrap();
    image.list(Instrument(2)).unwrap();
    Image::close(image).unwrap();
    program.run(&["--orders", "10"]);
    let image = Image::<Exchange>::open(program.image()).unwrap();
    assert_eq!(image.query(|exchange| exchange.books().count()).unwrap(), 4);
}
