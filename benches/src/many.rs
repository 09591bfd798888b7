//! `many`: what many images in one process cost.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memimage::{Image, Model, Shape};
use serde::{Deserialize, Serialize};

use crate::measure::{self, Latencies, Quantiles, process};
use crate::number;
use crate::report;
use crate::report::table;
use crate::workspace::Workspace;

/// The options of `many`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Prints one line of JSON for each phase
    #[arg(long)]
    json: bool,
    /// The number of images
    #[arg(long, default_value_t = 1000, value_parser = number::count())]
    images: usize,
    #[command(flatten)]
    workspace: Workspace,
}

/// A small model.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Counter {
    count: u64,
}

#[memimage::commands]
impl Counter {
    #[command]
    fn add(&mut self) {
        self.count += 1;
    }
}

/// The figures of one phase: images are created, or opened again.
#[derive(Serialize)]
struct Phase {
    phase: &'static str,
    /// The number of images that are open at once.
    images: usize,
    /// The duration of one opening or creation. Each image also executes a command, which is not included.
    #[serde(flatten)]
    duration: Quantiles,
    handles_per_image: f64,
    threads_per_image: f64,
    memory_bytes_per_image: f64,
    /// The space on the disk of one image, as `du` counts it.
    disk_bytes_per_image: f64,
    /// The error that ended the phase before all images were open.
    error: Option<String>,
}

/// How long the images rest before their handles and threads are counted. The threads of an image end after two seconds.
const REST: Duration = Duration::from_secs(4);

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let directory = arguments.workspace.create()?;
    let created = measure("create", arguments.images, directory.path())?;
    let opened = measure("open", created.images, directory.path())?;
    let phases = [created, opened];
    if arguments.json {
        report::print_json(&phases)?;
    } else {
        print(&phases)?;
    }
    match phases.iter().find_map(|phase| Some((phase, phase.error.as_ref()?))) {
        None => Ok(()),
        Some((phase, error)) => bail!(
            "{} of {} images were open when one failed: {error}\nhelp: an image needs {:.0} open files, and `ulimit -n` limits \
             their number",
            phase.images,
            arguments.images,
            phase.handles_per_image.ceil()
        ),
    }
}

/// Opens images until all are open or one fails, and closes them at the end.
fn measure(phase: &'static str, wanted: usize, directory: &Path) -> Result<Phase> {
    let before = Resources::now()?;
    let mut latencies = measure::latencies();
    let mut images = Vec::new();
    let mut error = None;
    while images.len() < wanted && error.is_none() {
        match open(&path(directory, images.len()), &mut latencies) {
            Ok(image) => images.push(image),
            Err(failure) => error = Some(format!("image {}: {failure}", images.len() + 1)),
        }
    }
    std::thread::sleep(REST);
    // when all handles are in use, the directories in /proc cannot be read
    let spare = if error.is_some() { images.pop() } else { None };
    spare.map_or(Ok(()), Image::close)?;
    let count = images.len();
    let after = Resources::now()?;
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / count.max(1) as f64;
    let disk = (0..count).map(|image| process::disk_bytes(&path(directory, image))).sum::<Result<u64>>()?;
    let result = Phase {
        phase,
        images: count,
        duration: Quantiles::of(&latencies).context("no image was opened")?,
        handles_per_image: each(before.handles, after.handles),
        threads_per_image: each(before.threads, after.threads),
        memory_bytes_per_image: each(before.memory, after.memory),
        disk_bytes_per_image: disk as f64 / count.max(1) as f64,
        error,
    };
    for image in images {
        Image::close(image)?;
    }
    Ok(result)
}

fn path(directory: &Path, image: usize) -> PathBuf {
    directory.join(format!("{image}.image"))
}

/// Opens one image, and executes a command.
fn open(path: &Path, latencies: &mut Latencies) -> Result<Image<Counter>> {
    let started = Instant::now();
    let image = Image::<Counter>::open(path)?;
    measure::record(latencies, started.elapsed());
    image.add()?;
    Ok(image)
}

/// What this process uses.
struct Resources {
    handles: u64,
    threads: u64,
    memory: u64,
}

impl Resources {
    fn now() -> Result<Resources> {
        let (handles, threads) = (process::handles()?, process::threads()?);
        Ok(Resources { handles, threads, memory: process::resident_bytes()? })
    }
}

fn print(phases: &[Phase]) -> Result<()> {
    let header = [
        "",
        "images",
        "p50 ms",
        "p99 ms",
        "longest ms",
        "handles each",
        "threads each",
        "KiB of memory",
        "KiB on disk",
    ];
    let row = |phase: &Phase| {
        let Quantiles { p50_us, p99_us, max_us, .. } = phase.duration;
        let mut row = vec![phase.phase.to_owned(), phase.images.to_string()];
        row.extend([p50_us, p99_us, max_us].map(|us| format!("{:.2}", us / 1e3)));
        row.extend([phase.handles_per_image, phase.threads_per_image].map(|each| format!("{each:.2}")));
        row.extend(
            [phase.memory_bytes_per_image, phase.disk_bytes_per_image].map(|each| format!("{:.0}", each / 1024.0)),
        );
        row
    };
    report::print(|output| table::write_columns(output, &header, &phases.iter().map(row).collect::<Vec<_>>()))
}
