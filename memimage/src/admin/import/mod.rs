//! Makes an image from the lines of an [`export`](super::export()).

// each module uses only the modules above it
mod report;
mod messages;
mod line;
mod header;
mod items;
mod image;

use std::fmt;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

pub use report::{ImportProgress, ImportReport};

use super::check::check_on;
use super::keys::GivenKeys;
use super::seq_range::SeqRange;
use crate::disk::{Disk, RealDisk, absolute};
use crate::entropy::random_uuid;
use crate::error::{Error, ErrorDetail, ExportError};
use crate::history::Parent;
use crate::journal::{Identity, Layout};
use crate::keys::{Keyring, Keys};
use crate::log;
use crate::new_image::{StagingDir, StagingTask, vacant};
use image::NewImage;
use items::Items;

/// The staging directory of an import.
const STAGING: StagingTask = StagingTask {
    name: "import",
    ending: ".importing",
    marker: "IMPORTING",
    text: "An import is creating an image in this directory. If no such process is running, the import was interrupted: run it \
           again, or remove the directory.\n",
    extra: None,
};

/// Makes an image at `target` from the lines that [`export`](super::export()) wrote. Needs no model.
///
/// A program that opens the new image gets the state of the exported image: the events have the same seqs, times, metadata,
/// outcomes, origins and random values, void events are void, and requests that were executed are not executed again. The recorded
/// digests are taken over, so an opening of the image reveals a difference.
///
/// - The new image has a new UUID. Its headers record the exported image as its parent.
/// - A program may change the lines: arguments, metadata and outcomes of events, for example. Then remove the lines of the kind
///   `digest`, with which replay compares the state, and the member `checksum` of the last line. Seqs, names, versions and shapes must stay as they are, or agree.
/// - Each line is verified before the image exists: its form, the shape of the arguments, and the order of the lines, and then the
///   checksum of all lines, so that an export that was cut off or damaged is refused. Then the new image is read and verified as by [`check`](super::check()).
/// - The image is made in a directory beside `target`, named `.NAME.importing`, or inside of `target`, if this is an empty directory.
///   A rename moves it to `target`. After a crash, `target` has no image or a complete one. If the import fails, it removes the
///   directory.
/// - The recorded outcomes of the events behind a recorded gap are not compared with those of a replay: they may be those of states with the
///   lost events.
/// - Memory use does not depend on the number of events, apart from decisions and digests behind a recorded gap.
///
/// # Errors
///
/// - The text is not a complete export, or its lines contradict each other
///   ([`ErrorKind::InvalidExport`](crate::ErrorKind::InvalidExport)). The error has the line and the column in bytes, both counted
///   from 1.
/// - `target` exists and is not an empty directory ([`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists)).
/// - Another import to `target` is running ([`ErrorKind::Locked`](crate::ErrorKind::Locked)).
/// - `target` is on a network file system ([`ErrorKind::NetworkFileSystem`](crate::ErrorKind::NetworkFileSystem)).
/// - `input` returns an error, or a file cannot be written.
///
/// If only the last step fails (the sync of the parent directory), the image at `target` is complete. If any other step fails,
/// there is no image at `target`.
pub fn import(input: impl BufRead, target: impl AsRef<Path>) -> Result<ImportReport, Error> {
    Import::new().run(input, target)
}

/// An import with options; see [`import()`].
#[must_use = "nothing is imported until `run` is called"]
pub struct Import<'a> {
    keys: GivenKeys,
    allow_network: bool,
    progress: Box<dyn FnMut(ImportProgress) + 'a>,
}

impl<'a> Import<'a> {
    /// Creates an import with default options, like [`import()`].
    #[expect(clippy::new_without_default, reason = "a default does not suggest an operation that is yet to run")]
    pub fn new() -> Import<'a> {
        Import::with_keys(GivenKeys::default())
    }

    /// Creates an import of a protected image.
    pub(super) fn with_keys(keys: GivenKeys) -> Import<'a> {
        Import { keys, allow_network: false, progress: Box::new(|_| {}) }
    }

    /// Encrypts the new image; see [`Options::encryption`](crate::Options::encryption).
    pub fn encryption(mut self, keys: Keys) -> Import<'a> {
        self.keys.encryption = Some(keys);
        self
    }

    /// Chains the new image; see [`Options::chain`](crate::Options::chain).
    pub fn chain(mut self, keys: Keys) -> Import<'a> {
        self.keys.chain = Some(keys);
        self
    }

    /// Sets whether the image may be on a network file system; see [`Options::allow_network`](crate::Options::allow_network).
    pub fn allow_network(mut self, allow: bool) -> Import<'a> {
        self.allow_network = allow;
        self
    }

    /// Calls `progress` after each thousand events, and after the last event.
    pub fn progress(mut self, progress: impl FnMut(ImportProgress) + 'a) -> Import<'a> {
        self.progress = Box::new(progress);
        self
    }

    /// Makes the image at `target`.
    ///
    /// # Errors
    ///
    /// The errors of [`import()`].
    pub fn run(self, input: impl BufRead, target: impl AsRef<Path>) -> Result<ImportReport, Error> {
        self.run_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), input, &absolute(target.as_ref()))
    }

    /// Like [`run`](Import::run), on any [`Disk`].
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Import::run).
    #[cfg(feature = "sim")]
    pub fn run_with(
        self,
        disk: Arc<dyn Disk>,
        input: impl BufRead,
        target: impl AsRef<Path>,
    ) -> Result<ImportReport, Error> {
        self.run_on(&disk, input, target.as_ref())
    }

    pub(in crate::admin) fn run_on(
        self,
        disk: &Arc<dyn Disk>,
        input: impl BufRead,
        target: &Path,
    ) -> Result<ImportReport, Error> {
        let Import { keys, allow_network, mut progress } = self;
        let keyring = keys.keyring();
        vacant(&**disk, target, &STAGING)?;
        if !allow_network {
            Layout::new(target).refuse_network(&**disk)?;
        }
        // before anything is created
        let (header, mut items) = Items::open(input)?;
        let parent = Parent { uuid: header.uuid, seq: header.last };
        let (uuid, model) = (random_uuid()?, header.model.clone());
        let identity = Identity { uuid, seed: header.seed, parent: Some((parent.uuid, parent.seq)), model };
        let staging = StagingDir::take(disk, target, &STAGING)?;
        let image = NewImage { disk, layout: staging.layout(), keyring: &keyring, identity };
        image.write(&header, &mut items, &mut progress)?;
        refuse_damage(disk, staging.layout(), &keyring)?;
        staging.finish()?;
        let gaps = items.into_gaps();
        let events = header.last.next().get() - header.first.get() - gaps.iter().map(SeqRange::events).sum::<u64>();
        log::info!(to = %target.display(), events, "imported an image");
        Ok(ImportReport { uuid, parent, events, seq: header.last, gaps, base: header.base().map(|base| base.seq) })
    }
}

/// Returns an error if a check finds damage in the new image.
fn refuse_damage(disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Result<(), Error> {
    let report = check_on(disk, layout.root(), keyring)?;
    match report.first_damage() {
        Some(finding) => {
            let at = finding.position.seq.map_or_else(String::new, |seq| format!("event {seq}: "));
            Err(Error::new(ErrorDetail::Export(ExportError::Damaged { what: format!("{at}{}", finding.message) })))
        }
        None => Ok(()),
    }
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import")
            .field("keys", &self.keys)
            .field("allow_network", &self.allow_network)
            .finish_non_exhaustive()
    }
}
