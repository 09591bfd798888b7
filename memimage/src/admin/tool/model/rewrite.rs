//! `rewrite` without rules: a new image with the newest version of each event.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::admin::tool::event_text::print_lost;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::Terminal;
use crate::admin::tool::verbs::Rewrite;
use crate::admin::wording::counted;
use crate::disk::absolute;
use crate::event::Model;

/// Creates a new image with the same history, each event at its newest version.
///
/// The new image is verified: both journals replay to the same state. It has the same protection, with the same keys.
#[derive(Debug)]
pub(crate) struct RewriteToNewest {
    target: TargetArguments,
    directory: PathBuf,
    carry_gaps: bool,
    dry_run: bool,
}

impl From<Rewrite> for RewriteToNewest {
    fn from(Rewrite { target, directory, carry_gaps, dry_run, .. }: Rewrite) -> RewriteToNewest {
        RewriteToNewest { target, directory, carry_gaps, dry_run }
    }
}

#[derive(Serialize)]
struct Document {
    read: u64,
    written: u64,
    /// The number of events that were upcast, by name and past version.
    upcasts: Vec<Upcasts>,
    split: u64,
    dropped: u64,
    /// The last event of the new image.
    seq: u64,
    /// The first and the last event of each recorded gap, in the numbers of the new image.
    lost: Vec<(u64, u64)>,
    digest: String,
}

#[derive(Serialize)]
struct Upcasts {
    name: String,
    version: u32,
    events: u64,
}

impl RewriteToNewest {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        if self.dry_run {
            let what =
                "without rules there is no dry run; `replay --dry-run` tells whether this program replays the journal";
            return Err(Failure::Usage(what.to_owned()));
        }
        self.target.open()?;
        let (keys, mut rewrite) =
            (self.target.keys()?, crate::admin::rewrite::Rewrite::<M>::new().carry_gaps(self.carry_gaps));
        if let Some(keys) = keys.encryption {
            rewrite = rewrite.source_encryption(keys.clone()).encryption(keys);
        }
        if let Some(keys) = keys.chain {
            rewrite = rewrite.source_chain(keys.clone()).chain(keys);
        }
        let report = rewrite.run_on(Arc::clone(self.target.disk()), &self.target.path(), &absolute(&self.directory))?;
        if terminal.is_json() {
            let upcasts = report.upcasts.iter();
            let document = Document {
                read: report.read,
                written: report.written,
                upcasts: upcasts
                    .map(|((name, version), events)| Upcasts { name: name.clone(), version: *version, events: *events })
                    .collect(),
                split: report.split,
                dropped: report.dropped,
                seq: report.seq.get(),
                lost: json::ranges(&report.gaps),
                digest: report.digest.to_string(),
            };
            json::document(terminal, &document)?;
            return Ok(Found::Nothing);
        }
        let (read, written, upcast) = (report.read, report.written, report.upcasts.values().sum::<u64>());
        terminal
            .line(format_args!("read {}, and wrote {written}; {upcast} of them were upcast", counted(read, "event")))?;
        print_lost(terminal, &json::ranges(&report.gaps))?;
        terminal.field("digest", report.digest)?;
        Ok(Found::Nothing)
    }
}
