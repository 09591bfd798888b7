//! `memimage restore`: an image from a log, as of any event or time.

use std::path::{Path, PathBuf};

use clap::Parser;
use memimage::Moment;
use memimage::admin::{format_time, parse_moment};
use serde::Serialize;

use super::command::{KeyArguments, Verb, document, line, open_existing};
use super::failure::{Failure, Found};

/// Restores an image from a log, as of any event or time that the log still has.
///
/// Every entry is verified, and the image is checked as by `memimage check` before it gets its name: after an error there is nothing at the
/// target. The image has a history of its own from then on: it does not own the log, and can be shipped to another one.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  memimage restore bank.image --from s3://backups/bank
  memimage restore before.image --from s3://backups/bank --until 1234
  memimage restore before.image --from s3://backups/bank --until \"2026-11-30 12:00\"")]
pub(super) struct Restore {
    /// The directory of the new image: it must not exist, or be empty.
    target: PathBuf,
    /// The log: s3://BUCKET/PREFIX, gs://…, az://…, file:///DIRECTORY, or nats://HOST:PORT/STREAM?sync_interval=always.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The last moment of the image: the number (seq) of an event, a time such as 2026-11-30T12:00:00Z or "2026-11-30 12:00" (local time), or a
    /// time ago such as "1h30m ago". Without it, or with a time after the last event, the image has all events of the log.
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    keys: KeyArguments,
}

#[derive(Serialize)]
struct Document {
    path: String,
    seq: u64,
    time: Option<String>,
    events: u64,
    snapshot: Option<u64>,
    position: u64,
}

impl Verb for Restore {
    const IMAGE: Option<&'static str> = None;

    fn preset(&mut self, _: &Path) {}

    fn run(self) -> Result<Found, Failure> {
        let mut restore = crate::Restore::new();
        if let Some(moment) = self.until {
            restore = restore.until(moment);
        }
        let keys = self.keys.read()?;
        if let Some(keys) = keys.encryption() {
            restore = restore.encryption(keys);
        }
        if let Some(keys) = keys.chain() {
            restore = restore.chain(keys);
        }
        let report = restore.run(&open_existing(&self.from)?, &self.target)?;
        let time = report.time.map(format_time);
        if self.json {
            document(&Document {
                path: self.target.display().to_string(),
                seq: report.seq.get(),
                time,
                events: report.events,
                snapshot: report.snapshot.map(|seq| seq.get()),
                position: report.position,
            })?;
        } else {
            let recorded = time.map_or_else(String::new, |time| format!(", which was recorded at {time}"));
            let (seq, target) = (report.seq, self.target.display());
            line(format_args!("restored {target} up to event {seq}{recorded}"))?;
        }
        Ok(Found::Nothing)
    }
}
