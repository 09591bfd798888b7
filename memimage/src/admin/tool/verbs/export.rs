//! `memimage export`: the whole image as lines of JSON.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::admin::export::ExportReport;
use crate::admin::tool::event_text::print_lost;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{Terminal, hidden_progress_bar, progress_bar};
use crate::admin::wording::counted;
use crate::disk::{Disk as _, RealDisk, StagedFile, StoredFile, absolute, failed};
use crate::error::Error;
use crate::journal::enclosing_image;

/// Writes the whole image as lines of JSON, from which `import` makes an image with the same history.
///
/// Runs beside the program that has the image open. The lines are plain text, even if the image is encrypted, and contain the
/// seed of its random values. `import` verifies that they are complete.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage export bank.image | zstd > bank.jsonl.zst
  memimage export bank.image --output bank.jsonl
  memimage export bank.image | memimage import - copy.image    a copy with a UUID of its own")]
pub(crate) struct Export {
    #[command(flatten)]
    target: TargetArguments,
    /// A new file for the lines; it gets its name once it is complete. Without it, the lines go to the standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write recorded gaps: the image lacks events that a repair gave up, and an imported image will say so too.
    #[arg(long)]
    carry_gaps: bool,
}

#[derive(Serialize)]
struct Document {
    events: u64,
    /// The last event.
    seq: u64,
    base: Option<u64>,
    undecoded: u64,
    /// The first and the last event of each recorded gap.
    lost: Vec<(u64, u64)>,
}

impl Export {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let keys = self.target.keys()?;
        let export = crate::admin::export::Export::with_keys(keys).carry_gaps(self.carry_gaps);
        let Some(output) = &self.output else {
            run(export, &self.target, terminal.raw(), !terminal.is_interactive())?;
            return Ok(Found::Nothing);
        };
        let report = export_to(export, &self.target, &absolute(output))?;
        let ExportReport { events, seq, gaps, base, undecoded } = report;
        let lost = json::ranges(&gaps);
        if terminal.is_json() {
            let base = base.map(|base| base.get());
            json::document(terminal, &Document { events, seq: seq.get(), base, undecoded, lost })?;
            return Ok(Found::Nothing);
        }
        terminal.line(format_args!("exported {}, up to event {seq}", counted(events, "event")))?;
        print_lost(terminal, &lost)?;
        if let Some(base) = base {
            terminal.line(format_args!("the first events were pruned: the state after event {base} replaces them"))?;
        }
        if undecoded > 0 {
            terminal.line(format_args!("the arguments of {} are exported as bytes", counted(undecoded, "event")))?;
        }
        Ok(Found::Nothing)
    }
}

/// Exports to a new file, which gets its name once it is complete and synced.
fn export_to(
    export: crate::admin::export::Export<'static>,
    target: &TargetArguments,
    path: &Path,
) -> Result<ExportReport, Failure> {
    let disk = RealDisk;
    let refused = |what: &str, help: &str| {
        Failure::Other(format!("`{}` {what}; nothing was written; help: {help}", path.display()))
    };
    if disk.kind(path).map_err(|error| failed("inspecting", path, error))?.is_some() {
        return Err(refused("exists already", "remove it, or give the path of a new file"));
    }
    if enclosing_image(&disk, path)?.is_some() {
        return Err(refused("is inside an image", "give a path outside of it"));
    }
    let (mut report, mut export) = (None, Some(export));
    let staged = StagedFile::write(&disk, path, true, |file| {
        let export = export.take().expect("the file is written once");
        report = Some(run(export, target, FileWriter { file, offset: 0 }, true)?);
        Ok(())
    })?;
    staged.install(&disk)?;
    Ok(report.expect("the file was written"))
}

fn run(
    export: crate::admin::export::Export<'static>,
    target: &TargetArguments,
    output: impl Write,
    shows_progress: bool,
) -> Result<ExportReport, Error> {
    let bar = if shows_progress { progress_bar(0) } else { hidden_progress_bar() };
    let export = export.progress(|progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.events);
    });
    let report = export.run_on(target.disk(), &target.path(), output);
    bar.finish_and_clear();
    report
}

/// Writes a file from its start.
struct FileWriter<'a> {
    file: &'a StoredFile,
    offset: u64,
}

impl Write for FileWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes, self.offset).map_err(io::Error::other)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
