//! A run: the same requests to the bare engine and to an image, batch by batch, and the verification of what came out.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memimage::{Image, RecoveryReport, Seq, digest};

use crate::bare::BareEngine;
use crate::engine::{Exchange, ExchangeCommands};
use crate::gateway::Gateway;
use crate::ledger::{Discrepancy, Ledger};
use crate::load::Load;
use crate::order::Instrument;
use crate::report::{Counts, Report};
use crate::request::{Answer, Request};

/// The instruments of a new exchange.
const INSTRUMENTS: u16 = 4;

/// What to run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The number of requests: limit orders, market orders and cancellations.
    pub orders: u64,
    /// The image's directory. A new image is created; an existing one is continued.
    pub image: PathBuf,
    /// The seed of the load.
    pub seed: u64,
    /// The number of requests that are submitted before a wait.
    pub batch: usize,
}

/// The engines that execute a run, with what was measured so far. The buffers are kept from batch to batch, so that no
/// measurement includes their allocation.
struct Session<'a> {
    load: Load,
    requests: Vec<Request>,
    bare_answers: Vec<Answer>,
    image_answers: Vec<Answer>,
    bare: BareEngine,
    gateway: Gateway<'a>,
    ledger: Ledger,
    counts: Counts,
    bare_time: Duration,
    image_time: Duration,
}

impl Run {
    /// Runs the load, and verifies the trades, the quantities and the recovered state. Writes a line to `progress` after each
    /// batch.
    ///
    /// # Errors
    ///
    /// Returns a [`Discrepancy`] if the verification fails, and the errors of the image and of `progress`.
    pub fn execute(&self, progress: &mut dyn Write) -> Result<Report, Box<dyn Error>> {
        let image = Image::<Exchange>::open(&self.image)?;
        let found = image.journal().seq();
        list_instruments(&image)?;
        let exchange = image.query(Exchange::clone)?;
        let mut session = Session::new(&image, self, exchange);
        let mut left = self.orders;
        while left > 0 {
            let batch = left.min(self.batch as u64);
            session.run_batch(batch as usize)?;
            left -= batch;
            let (done, durable) = (self.orders - left, image.journal().durable_seq());
            writeln!(
                progress,
                "{done} of {} orders are acknowledged, and the event {durable} is durable",
                self.orders
            )?;
        }
        let seq = image.journal().seq();
        let live = image.query(Exchange::clone)?;
        session.verify(&live, seq)?;
        let Session { counts, ledger, bare_time, image_time, gateway, .. } = session;
        let acknowledgement = gateway.into_latencies().percentiles();
        Image::close(image)?;
        let recovery = recover(&self.image, &live)?;
        Ok(Report {
            image: self.image.clone(),
            found,
            seq,
            counts,
            bare_time,
            image_time,
            trades: ledger.trades(),
            volume: ledger.traded(),
            open_orders: live.open_orders(),
            acknowledgement,
            digest: digest(&live)?,
            replayed: recovery.replayed,
            recovery_time: recovery.duration,
        })
    }
}

impl<'a> Session<'a> {
    fn new(image: &'a Image<Exchange>, run: &Run, exchange: Exchange) -> Session<'a> {
        let seq = image.journal().seq().get();
        Session {
            load: Load::new(run.seed, exchange.clone(), seq),
            requests: Vec::new(),
            bare_answers: Vec::new(),
            image_answers: Vec::new(),
            ledger: Ledger::new(&exchange),
            bare: BareEngine::new(exchange, seq),
            gateway: Gateway::new(image, run.batch),
            counts: Counts::default(),
            bare_time: Duration::ZERO,
            image_time: Duration::ZERO,
        }
    }

    /// Measures a batch on the bare engine and in the image. Generating the requests and checking the answers is not measured.
    fn run_batch(&mut self, orders: usize) -> Result<(), Box<dyn Error>> {
        self.requests.clear();
        self.requests.extend(self.load.by_ref().take(orders));
        for answers in [&mut self.bare_answers, &mut self.image_answers] {
            answers.clear();
            answers.reserve(orders);
        }

        let started = now();
        self.bare_answers.extend(self.requests.iter().map(|request| self.bare.answer(*request)));
        self.bare_time += started.elapsed();

        let started = now();
        self.gateway.process(&self.requests, &mut self.image_answers)?;
        self.image_time += started.elapsed();

        if self.bare_answers != self.image_answers {
            return Err(Discrepancy("the answers of the image are not those of the bare engine".to_owned()).into());
        }
        for (request, answer) in self.requests.iter().zip(&self.image_answers) {
            self.counts.add(request, answer);
            self.ledger.enter(*request, answer)?;
        }
        Ok(())
    }

    /// Compares the state of the image with the ledger and the bare engine.
    fn verify(&self, live: &Exchange, seq: Seq) -> Result<(), Discrepancy> {
        self.ledger.verify(live)?;
        if self.bare.exchange() != live || self.bare.seq() != seq.get() {
            return Err(Discrepancy("the state of the image is not that of the bare engine".to_owned()));
        }
        Ok(())
    }
}

/// Lists the instruments that the exchange does not have: all of them if it is new, and some if the run that created it was
/// killed meanwhile.
///
/// # Errors
///
/// Returns the errors of the image.
pub fn list_instruments(image: &Image<Exchange>) -> Result<(), Box<dyn Error>> {
    for instrument in (1..=INSTRUMENTS).map(Instrument) {
        if image.query(|exchange| exchange.book(instrument).is_none())? {
            image.list(instrument)?;
        }
    }
    Ok(())
}

/// Opens the image again, and compares its state with the state before it was closed.
fn recover(path: &Path, live: &Exchange) -> Result<RecoveryReport, Box<dyn Error>> {
    let image = Image::<Exchange>::options().create(false).open(path)?;
    let recovered = image.query(Exchange::clone)?;
    if recovered != *live || digest(&recovered)? != digest(live)? {
        return Err(Discrepancy("the recovered state is not the state before the image was closed".to_owned()).into());
    }
    let recovery = image.admin().stats().recovery;
    Image::close(image)?;
    Ok(recovery)
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the time is not part of the model")]
    Instant::now()
}
