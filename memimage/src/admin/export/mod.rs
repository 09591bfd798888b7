//! Exports an image as lines of JSON, from which [`import`](super::import()) makes an image.

// each module uses only the modules above it
mod report;
pub(in crate::admin) mod time;
pub(in crate::admin) mod lines;
mod base;
mod exporter;

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub use report::{ExportProgress, ExportReport};

use super::keys::{GivenKeys, Task};
use crate::disk::{Disk, RealDisk, absolute};
use crate::error::Error;
use crate::history::JournalSource;
use crate::journal::Layout;
use crate::keys::Keys;

const TASK: Task = Task { name: "memimage::admin::export", builder: "memimage::admin::Export" };

/// Writes the image at `path` to `output`, as lines of JSON in the form that
/// [CLI.md](https://docs.rs/crate/memimage/latest/source/docs/CLI.md) defines. Needs no model and no lock: it works beside a
/// program that has the image open.
///
/// The lines have everything from which [`import`](super::import()) makes an image with the same history: the events with their
/// times, metadata, outcomes and origins, the shapes of their arguments, the decisions that made events void, the corrections of
/// recorded time, the recorded digests, the random seed, and the state before the first event. If the image was pruned, the state
/// that replaces the pruned events is written, with the answers of its requests. Snapshots, named subscriptions and the quarantine
/// are left out.
///
/// The arguments of an event are written as JSON if this JSON reads back as the same bytes, and otherwise as bytes.
///
/// The export is neither encrypted nor chained, even if the image is, and it contains the random seed. It begins with the first
/// event in the journal and ends with an event that is on disk. Memory use does not depend on the number of events.
///
/// ```
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds.
/// #     #[command]
/// #     fn add(&mut self, number: u32) { self.count += u64::from(number); }
/// # }
/// # let directory = tempfile::tempdir().unwrap();
/// # let (path, copy) = (directory.path().join("image"), directory.path().join("copy"));
/// # Image::<Counter>::open(&path)?.add(5)?;
/// let mut lines = Vec::new();
/// memimage::admin::export(&path, &mut lines)?;
/// let report = memimage::admin::import(&lines[..], &copy)?;
/// assert_eq!(report.events, 1);
/// # assert_eq!(Image::<Counter>::open(&copy)?.query(|counter| counter.count)?, 5);
/// # Ok::<(), memimage::Error>(())
/// ```
///
/// # Errors
///
/// - There is no image at `path`, or it is damaged ([`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt)).
/// - The image is encrypted or chained ([`ErrorKind::Key`](crate::ErrorKind::Key)). Use an [`Export`] with the image's keys.
/// - The owner of the image pruned events before they were read ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)).
/// - Events are lost in a recorded gap ([`ErrorKind::LostEvents`](crate::ErrorKind::LostEvents)). See [`Export::carry_gaps`].
/// - `output` returns an error. What was written before then is no complete export, and an import refuses it.
pub fn export(path: impl AsRef<Path>, output: impl Write) -> Result<ExportReport, Error> {
    Export::new().run(path, output)
}

/// An export with options; see [`export()`].
#[must_use = "nothing is written until `run` is called"]
pub struct Export<'a> {
    keys: GivenKeys,
    carries_gaps: bool,
    progress: Box<dyn FnMut(ExportProgress) + 'a>,
}

impl<'a> Export<'a> {
    /// Creates an export without keys, like [`export()`].
    #[expect(clippy::new_without_default, reason = "a default does not suggest an operation that is yet to run")]
    pub fn new() -> Export<'a> {
        Export::with_keys(GivenKeys::default())
    }

    /// Creates an export with keys.
    pub(super) fn with_keys(keys: GivenKeys) -> Export<'a> {
        Export { keys, carries_gaps: false, progress: Box::new(|_| {}) }
    }

    /// Sets the keys under which the image is encrypted; see [`Options::encryption`](crate::Options::encryption).
    pub fn encryption(mut self, keys: Keys) -> Export<'a> {
        self.keys.encryption = Some(keys);
        self
    }

    /// Sets the keys of the image's chain; see [`Options::chain`](crate::Options::chain).
    pub fn chain(mut self, keys: Keys) -> Export<'a> {
        self.keys.chain = Some(keys);
        self
    }

    /// Sets whether the recorded gaps of the image are exported, each as a line with the events that are lost and with the decision.
    /// By default, an image with such a gap is refused.
    ///
    /// An image that is imported from such an export tells about the gaps as this one does. Its state is replayed without the lost events,
    /// even if a snapshot of this image has their effect. If a digest was recorded of a state with their effect, opening the imported
    /// image reports the difference; [`Options::verify_digests(false)`](crate::Options::verify_digests) accepts it.
    pub fn carry_gaps(mut self, carry: bool) -> Export<'a> {
        self.carries_gaps = carry;
        self
    }

    /// Calls `progress` after each batch of events.
    pub fn progress(mut self, progress: impl FnMut(ExportProgress) + 'a) -> Export<'a> {
        self.progress = Box::new(progress);
        self
    }

    /// Exports the image at `path`.
    ///
    /// # Errors
    ///
    /// The errors of [`export()`]; also [`ErrorKind::Key`](crate::ErrorKind::Key) if a key is missing or wrong, or if keys were
    /// given for a protection that the image does not have.
    pub fn run(self, path: impl AsRef<Path>, output: impl Write) -> Result<ExportReport, Error> {
        self.run_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), &absolute(path.as_ref()), output)
    }

    /// Like [`run`](Export::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Export::run).
    #[cfg(feature = "sim")]
    pub fn run_with(
        self,
        disk: Arc<dyn Disk>,
        path: impl AsRef<Path>,
        output: impl Write,
    ) -> Result<ExportReport, Error> {
        self.run_on(&disk, path.as_ref(), output)
    }

    pub(in crate::admin) fn run_on(
        mut self,
        disk: &Arc<dyn Disk>,
        path: &Path,
        mut output: impl Write,
    ) -> Result<ExportReport, Error> {
        let (layout, keyring) = (Layout::new(path), self.keys.keyring());
        let source = JournalSource::new(disk, &layout, &keyring, None);
        source.attempt(|| {
            let survey = layout.survey(&**disk)?;
            TASK.unlock(disk, &layout, survey.image(&layout)?, &keyring).map(drop)
        })?;
        exporter::export(&source, self.carries_gaps, &mut output, &mut self.progress)
    }
}

impl fmt::Debug for Export<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("keys", &self.keys)
            .field("carries_gaps", &self.carries_gaps)
            .finish_non_exhaustive()
    }
}
