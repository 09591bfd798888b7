//! `memimage import`: an image from the lines of an export.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::admin::import::ImportReport;
use crate::admin::tool::event_text::print_lost;
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
    /// The first and the last event of each recorded gap.
    lost: Vec<(u64, u64)>,
}

#[derive(Serialize)]
struct ParentDocument {
    uuid: String,
    seq: u64,
}

impl Import {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let ImportReport { uuid, parent, events, seq, gaps, base } = self.import(terminal.invocation().program())?;
        let lost = json::ranges(&gaps);
        if terminal.is_json() {
            let parent = ParentDocument { uuid: hex(&parent.uuid), seq: parent.seq.get() };
            let base = base.map(|base| base.get());
            json::document(terminal, &Document { uuid: hex(&uuid), parent, events, seq: seq.get(), base, lost })?;
            return Ok(Found::Nothing);
        }
        terminal.line(format_args!("imported {}, up to event {seq}", counted(events, "event")))?;
        print_lost(terminal, &lost)?;
        if let Some(base) = base {
            terminal.line(format_args!("the state after event {base} replaces the events that were pruned"))?;
        }
        Ok(Found::Nothing)
    }

    fn import(&self, program: &str) -> Result<ImportReport, Failure> {
        let bar = progress_bar(0);
        let import = crate::admin::import::Import::with_keys(self.keys.read()?).progress(|progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.events);
        });
        let (disk, directory) = (self.directory.disk(), self.directory.path());
        let report = match self.file == Path::new("-") {
            true => {
                let mut input = raw_input();
                self.refuse_packed(program, &mut input).map(|()| import.run_on(disk, input, &directory))
            }
            false => {
                self.refuse_other_entries(program)?;
                let mut input = text_file::open(&self.file)?;
                self.refuse_packed(program, &mut input).map(|()| import.run_on(disk, input, &directory))
            }
        };
        bar.finish_and_clear();
        Ok(report??)
    }

    /// Returns an error if there is no file, or if it is a directory.
    fn refuse_other_entries(&self, program: &str) -> Result<(), Failure> {
        let path = self.file.display();
        let help =
            format!("give the file that `{program} export IMAGE --output FILE` wrote, or `-` for the standard input");
        match text_file::is_directory(&self.file) {
            Some(false) => Ok(()),
            None => Err(Failure::Other(format!("there is no file `{path}`; no image was created; help: {help}"))),
            Some(true) => Err(Failure::Other(format!(
                "`{path}` is a directory, and no export; no image was created; help: {help}; to copy an image, use \
                 `{program} backup` or `{program} branch`"
            ))),
        }
    }

    /// Returns an error if the input is packed.
    fn refuse_packed(&self, program: &str, input: &mut impl BufRead) -> Result<(), Failure> {
        // an input that cannot be read fails again, and import reports it
        let Ok(begin) = input.fill_buf() else { return Ok(()) };
        let Some((_, format, unpack)) = PACKED.iter().find(|(magic, ..)| begin.starts_with(magic)) else {
            return Ok(());
        };
        let (what, unpacked) = match self.file == Path::new("-") {
            true => ("the standard input".to_owned(), format!("… | {unpack}")),
            false => (format!("`{}`", self.file.display()), format!("{unpack} {}", self.file.display())),
        };
        let new = self.directory.given().display();
        Err(Failure::Other(format!(
            "{what} is packed with {format}; no image was created; help: unpack it first: `{unpacked} | {program} import - {new}`"
        )))
    }
}

/// The first bytes of packed files, with the names of their formats and the commands that unpack them.
const PACKED: [(&[u8], &str, &str); 5] = [
    (&[0x1f, 0x8b], "gzip", "zcat"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstdcat"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz", "xzcat"),
    (b"BZh", "bzip2", "bzcat"),
    (b"PK\x03\x04", "zip", "unzip -p"),
];
