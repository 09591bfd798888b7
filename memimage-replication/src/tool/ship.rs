//! `memimage ship`: ships the journal of an image beside its running owner.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use serde::Serialize;

use super::command::{Verb, document, line, open};
use super::failure::{Failure, Found};
use super::span;
use crate::log::Log;
use crate::shipping_status::LogStatus;
use crate::sidecar::Sidecar;

/// How often the verb looks for a signal, and for a failure to report.
const LOOK: Duration = Duration::from_millis(200);

/// Ships the journal of an image to a log on other machines, until it is interrupted.
///
/// Works beside the program that has the image open, without the program and without keys: the log has the bytes of the journal, encrypted
/// if the image is. Only events that are synced are shipped. While the log cannot be reached, it waits; after a restart it goes on where
/// it was. It ends with an error when another owner has taken over the log.
///
/// A log belongs to one directory, and one process ships it. A program that ships its own journal (`Options::replicate`) needs no `ship` to
/// the same log; a second process is refused, also with --take-over.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  memimage ship bank.image --to s3://backups/bank --retain 30d
  memimage ship bank.image --to nats://10.0.0.1:4222/bank?sync_interval=always
  memimage ship bank.image --to file:///mnt/backup/bank --once")]
pub(super) struct Ship {
    /// The directory of the image.
    #[arg(value_name = "IMAGE", required = true)]
    image: Option<PathBuf>,
    /// The log: s3://BUCKET/PREFIX, gs://…, az://…, file:///DIRECTORY, or nats://HOST:PORT/STREAM?sync_interval=always. Credentials come from the environment.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Append an entry at least every third of this time, such as 3s, so that readers see that this process lives.
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    lease: Option<Duration>,
    /// Remove entries and snapshots that no restoration to a time within this span needs, such as 30d. Without it, all are kept.
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    retain: Option<Duration>,
    /// The name of this owner in the messages of others. Without it, the name of the host and the number of the process.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Do not copy the snapshots of the image.
    #[arg(long)]
    no_snapshots: bool,
    /// Take a log that belongs to another directory. Its owner can append nothing from then on.
    #[arg(long)]
    take_over: bool,
    /// End once all synced events and the newest snapshot are in the log.
    #[arg(long)]
    once: bool,
    /// With --once: print JSON.
    #[arg(long, requires = "once")]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    log: String,
    term: u64,
    /// The last event in the log.
    seq: u64,
    /// The last event in the newest snapshot that this run has copied.
    snapshot: Option<u64>,
}

impl Verb for Ship {
    const IMAGE: Option<&'static str> = Some("image");

    fn preset(&mut self, image: &Path) {
        self.image.get_or_insert_with(|| image.to_owned());
    }

    fn run(self) -> Result<Found, Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
            .map_err(|error| Failure::Refused(format!("the handler of interruptions cannot be set: {error}")))?;
        let log = self.log()?;
        let image = self.image.expect("clap demands it, or the program has preset it");
        let sidecar = Sidecar::start(log.clone(), &image)?;
        let LogStatus { term, shipped, .. } = sidecar.status();
        let address = log.address().to_owned();
        if !self.json {
            let image = image.display();
            line(format_args!("shipping {image} to {address}, in term {term}, after event {shipped}"))?;
        }
        if self.once {
            sidecar.ship_all()?;
        } else {
            watch(&sidecar, &interrupted)?;
        }
        let status = sidecar.stop()?;
        let (seq, snapshot) = (status.shipped.get(), status.snapshot.map(|seq| seq.get()));
        if let Some(failure) = &status.snapshot_failure {
            eprintln!("warning: {failure}");
        }
        match self.json {
            true => document(&Document { log: address, term, seq, snapshot })?,
            false => line(format_args!("the log has the events up to {seq}"))?,
        }
        Ok(Found::Nothing)
    }
}

impl Ship {
    fn log(&self) -> Result<Log, Failure> {
        let mut log = open(&self.to)?.ship_snapshots(!self.no_snapshots).take_over(self.take_over);
        if let Some(lease) = self.lease {
            log = log.lease(lease);
        }
        if let Some(age) = self.retain {
            log = log.retain(age);
        }
        if let Some(name) = &self.name {
            log = log.name(name);
        }
        Ok(log)
    }
}

/// Reports failures of the log, until an interruption or an error that ends the shipping.
fn watch(sidecar: &Sidecar, interrupted: &AtomicBool) -> Result<(), Failure> {
    let (mut failure, mut snapshot_failure) = (None, None);
    while !interrupted.load(Ordering::Relaxed) {
        if let Some(error) = sidecar.wait(LOOK) {
            return Err(error.into());
        }
        let status = sidecar.status();
        report(&mut failure, status.failure, "the log can be reached again");
        report(&mut snapshot_failure, status.snapshot_failure, "snapshots are copied again");
    }
    Ok(())
}

/// Reports a failure when it begins and when it ends.
fn report(before: &mut Option<String>, now: Option<String>, ended: &str) {
    match (&before, &now) {
        (None, Some(failure)) => eprintln!("warning: {failure}; it is tried again"),
        (Some(_), None) => eprintln!("{ended}"),
        _ => {}
    }
    *before = now;
}
