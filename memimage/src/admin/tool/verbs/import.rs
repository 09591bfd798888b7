//! `memimage import`: an image from the lines of an export.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::admin::import::ImportReport;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::keys::KeyArguments;
use crate::admin::tool::target::ImagePlace;
use crate::admin::tool::terminal::{Terminal, progress_bar, raw_input};
use crate::admin::wording::counted;
use crate::disk::{Disk, RealDisk, text_file};
use crate::value::text::hex;

/// Makes an image from the lines that `export` wrote, perhaps changed. Verifies every line before the image exists.
///
/// The new image has a UUID of its own, and the exported image as its parent. It is encrypted and chained with the given keys, and
/// without keys it is not protected. Who changes events must remove the lines of the kind `digest`, with which replay compares the
/// state, and the member `checksum` of the last line.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage import bank.jsonl copy.image
  zstdcat bank.jsonl.zst | memimage import - copy.image
  memimage export bank.image | jq -c 'select(.kind != \"digest\") | del(.metadata.actor, .checksum)' | memimage import - copy.image")]
pub(crate) struct Import {
    /// The file with the lines, or `-` for the standard input.
    file: PathBuf,
    /// The directory of the new image: it does not exist yet, or is empty.
    #[arg(value_parser = ImagePlace::parser(&(Arc::new(RealDisk) as Arc<dyn Disk>)), value_hint = ValueHint::AnyPath)]
    directory: ImagePlace,
    #[command(flatten)]
    keys: KeyArguments,
}

#[derive(Serialize)]
struct Document {
    uuid: String,
    parent: ParentDocument,
    events: u64,
    /// The last event.
    seq: u64,
    base: Option<u64>,
}

#[derive(Serialize)]
struct ParentDocument {
    uuid: String,
    seq: u64,
}

impl Import {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let ImportReport { uuid, parent, events, seq, base } = self.import()?;
        if terminal.is_json() {
            let parent = ParentDocument { uuid: hex(&parent.uuid), seq: parent.seq.get() };
            let base = base.map(|base| base.get());
            json::document(terminal, &Document { uuid: hex(&uuid), parent, events, seq: seq.get(), base })?;
            return Ok(Found::Nothing);
        }
        terminal.line(format_args!("imported {}, up to event {seq}", counted(events, "event")))?;
        if let Some(base) = base {
            terminal.line(format_args!("the state after event {base} replaces the events that were pruned"))?;
        }
        Ok(Found::Nothing)
    }

    fn import(&self) -> Result<ImportReport, Failure> {
        let bar = progress_bar(0);
        let import = crate::admin::import::Import::with_keys(self.keys.read()?).progress(|progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.events);
        });
        let (disk, directory) = (self.directory.disk(), self.directory.path());
        let report = match self.file == Path::new("-") {
            true => import.run_on(disk, raw_input(), &directory),
            false => import.run_on(disk, text_file::open(&self.file)?, &directory),
        };
        bar.finish_and_clear();
        Ok(report?)
    }
}
