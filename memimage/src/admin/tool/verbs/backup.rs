//! `memimage backup`: a copy of an image, in use or not.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{Terminal, bytes};
use crate::disk::absolute;

/// Makes a verified backup of the image, in use or not; onto an earlier backup, it adds what is new.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage backup bank.image /backups/bank")]
pub(crate) struct Backup {
    #[command(flatten)]
    target: TargetArguments,
    /// The directory of the backup: a new one, an empty one, or an earlier backup of the same image.
    directory: PathBuf,
}

#[derive(Serialize)]
struct Document {
    /// The last event in the backup.
    seq: u64,
    events: u64,
    /// The last event of the earlier backup.
    continued: Option<u64>,
    bytes_copied: u64,
    bytes_shared: u64,
    bytes_reused: u64,
    seconds: f64,
}

impl Backup {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let backup = crate::admin::backup::Backup::with_keys(self.target.keys()?);
        let report = backup.run_on(self.target.disk(), &self.target.path(), &absolute(&self.directory))?;
        if terminal.is_json() {
            let document = Document {
                seq: report.seq.get(),
                events: report.events,
                continued: report.continued.map(|seq| seq.get()),
                bytes_copied: report.bytes_copied,
                bytes_shared: report.bytes_shared,
                bytes_reused: report.bytes_reused,
                seconds: report.duration.as_secs_f64(),
            };
            json::document(terminal, &document)?;
            return Ok(Found::Nothing);
        }
        let (copied, seconds) = (bytes(report.bytes_copied), report.duration.as_secs_f64());
        match report.continued {
            Some(before) => terminal.line(format_args!(
                "the backup now goes up to event {}, before to event {before}; {copied} copied in {seconds:.1} s",
                report.seq
            ))?,
            None => {
                terminal.line(format_args!("backed up to event {}; {copied} copied in {seconds:.1} s", report.seq))?;
            }
        }
        Ok(Found::Nothing)
    }
}
