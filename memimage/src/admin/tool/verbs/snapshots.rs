//! `memimage snapshots`: the states that the image keeps.

use clap::Args;
use serde::Serialize;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::moment::rfc3339;
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::{Terminal, bytes};
use crate::error::Error;
use crate::seq::Seq;

/// Lists the snapshots and the bases of the image, the newest first. Reads their headers only.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage snapshots bank.image")]
pub(crate) struct Snapshots {
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Serialize)]
struct Document {
    path: String,
    kind: &'static str,
    seq: u64,
    bytes: Option<u64>,
    created: Option<String>,
    /// The recorded time of the last event in the state.
    time: Option<String>,
    model_version: Option<u32>,
    /// Why the header cannot be read.
    error: Option<String>,
}

impl Snapshots {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let target = self.target.open()?;
        let documents = target.attempt(|| documents(&target))?;
        if terminal.is_json() {
            json::document(terminal, &documents)?;
            return Ok(Found::Nothing);
        }
        if documents.is_empty() {
            terminal.line("no snapshot: opening replays the whole journal")?;
        }
        for document in &documents {
            let Document { kind, seq, .. } = document;
            match (&document.error, document.bytes, &document.created) {
                (None, Some(len), Some(created)) => {
                    let version = document.model_version.unwrap_or_default();
                    let size = bytes(len);
                    terminal.line(format_args!(
                        "{kind} after event {seq}: {size}, created {created}, model version {version}"
                    ))?;
                }
                (error, ..) => {
                    let error = error.as_deref().unwrap_or("its header cannot be read");
                    terminal.line(format_args!("{kind} after event {seq}: unusable: {error}"))?;
                }
            }
        }
        Ok(Found::Nothing)
    }
}

fn documents(target: &Target) -> Result<Vec<Document>, Error> {
    let snapshots = crate::snapshot::Snapshots::new(&target.disk, &target.layout, &target.keyring);
    let bases = snapshots.bases().list()?;
    let mut documents = Vec::new();
    for (seq, path) in snapshots.start_candidates()? {
        let kind = if bases.iter().any(|(_, base)| *base == path) { "base" } else { "snapshot" };
        let document = Document {
            path: path.display().to_string(),
            kind,
            seq: seq.get(),
            bytes: None,
            created: None,
            time: None,
            model_version: None,
            error: None,
        };
        documents.push(match snapshots.open(seq, &path) {
            Ok(file) => Document {
                bytes: Some(file.len()),
                created: Some(rfc3339(file.header.created)),
                time: (seq > Seq::ZERO).then(|| rfc3339(file.header.time)),
                model_version: Some(file.header.model_version),
                ..document
            },
            // the owner removed the file since it was listed
            Err(error) if error.is_missing() => return Err(error),
            Err(error) => Document { error: Some(error.to_string()), ..document },
        });
    }
    Ok(documents)
}
