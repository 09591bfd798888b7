//! `memimage snapshots`: the states that the image keeps.

use clap::Args;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::report::StateFile;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{Terminal, bytes};

/// Lists the snapshots and the bases of the image, the newest first. Reads their headers only.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage snapshots bank.image")]
pub(crate) struct Snapshots {
    #[command(flatten)]
    target: TargetArguments,
}

impl Snapshots {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let documents = StateFile::list(&self.target.open()?)?;
        if terminal.is_json() {
            json::document(terminal, &documents)?;
            return Ok(Found::Nothing);
        }
        if documents.is_empty() {
            terminal.line("no snapshot: opening replays the whole journal")?;
        }
        for document in &documents {
            let StateFile { kind, seq, .. } = document;
            match (&document.error, document.bytes, &document.created) {
                (None, Some(len), Some(created)) => {
                    let version = document.model_version.unwrap_or_default();
                    let size = bytes(len);
                    terminal.line(format_args!(
                        "{kind} after event {seq}: {size}, created {created}, model version {version}"
                    ))?;
                }
                (error, ..) => {
                    let error = terminal.translated(error.as_deref().unwrap_or("its header cannot be read"));
                    terminal.line(format_args!("{kind} after event {seq}: unusable: {error}"))?;
                }
            }
        }
        Ok(Found::Nothing)
    }
}
