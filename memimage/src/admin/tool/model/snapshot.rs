//! `snapshot`: makes a snapshot.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::target::options;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{Terminal, bytes};
use crate::event::Model;
use crate::image::Image;
use crate::options::SnapshotPolicy;
use crate::retention::{MAX_SNAPSHOTS, SnapshotSpread};

/// Opens the image, and makes a snapshot of its newest state, so that the next opening is quick. Removes no snapshot and no event.
///
/// The image must not be open: a program that has it open makes its own snapshots.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage snapshot bank.image")]
pub(crate) struct Snapshot {
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Serialize)]
struct Document {
    seq: u64,
    bytes: u64,
    verified: bool,
}

impl Snapshot {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        self.target.open()?;
        // the settings of the program are not known here, so all snapshots and requests are kept
        let options = options::<M>(&self.target)?
            .create(false)
            .snapshots(SnapshotPolicy::Manual)
            .remember(u64::MAX)
            .keep_snapshots(MAX_SNAPSHOTS, SnapshotSpread::Even);
        let image = options.open_on(Arc::clone(self.target.disk()), self.target.path())?;
        let made = image.admin().snapshot()?;
        Image::close(image)?;
        if terminal.is_json() {
            let document = Document { seq: made.seq.get(), bytes: made.bytes, verified: made.verified };
            json::document(terminal, &document)?;
            return Ok(Found::Nothing);
        }
        terminal.line(format_args!("made a snapshot after event {}: {}", made.seq, bytes(made.bytes)))?;
        Ok(Found::Nothing)
    }
}
