//! The public reader of an image without its program.

use std::fmt;
use std::ops::RangeBounds;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::filter::{Condition, Subject};
use super::keys::read;
use super::moment::MomentArgument;
use super::report::{EventShape, ImageInfo, StateFile};
use super::target::Target;
use crate::admin::check::{CheckReport, check_on};
use crate::admin::keys::{GivenKeys, Task};
use crate::context::Timestamp;
use crate::disk::{Disk, RealDisk, absolute};
use crate::error::Error;
use crate::event::Model;
use crate::history::{EventLog, Journal, LoggedEvent, Moment, Query};
use crate::keys::Keys;
use crate::seq::Seq;

const TASK: Task =
    Task { name: "memimage::admin::ImageReader::open", builder: "memimage::admin::ImageReader::open_with" };

/// Reads an image without its program: its events as they were recorded, their shapes, and what the image keeps. It takes no lock, and
/// works beside the owner of the image or without one. It never shows a state, which only the program can decode.
///
/// Every call looks at the files again. [`From`] makes a reader of a [`Journal`].
pub struct ImageReader {
    target: Target,
}

impl ImageReader {
    /// Opens the image in the directory `path`, which is neither encrypted nor chained.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no image at the path, or if the image needs keys.
    pub fn open(path: impl AsRef<Path>) -> Result<ImageReader, Error> {
        ImageReader::open_with(path, ImageKeys::default())
    }

    /// Opens the image in the directory `path` with its keys.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no image at the path, or if the keys are missing or wrong.
    pub fn open_with(path: impl AsRef<Path>, keys: ImageKeys) -> Result<ImageReader, Error> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Ok(ImageReader { target: Target::open(TASK, &disk, &absolute(path.as_ref()), keys.0)? })
    }

    /// The directory of the image.
    pub fn path(&self) -> &Path {
        self.target.layout.root()
    }

    /// The last durable event. In the process of the owner, this first makes all events durable whose answers were returned.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal cannot be read, or if the owner in this process has closed the image.
    pub fn durable_seq(&self) -> Result<Seq, Error> {
        self.target.durable()
    }

    /// Like [`durable_seq`](ImageReader::durable_seq), but never makes the owner sync. So it can be called often.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`durable_seq`](ImageReader::durable_seq).
    pub fn synced_seq(&self) -> Result<Seq, Error> {
        match self.target.source().live()? {
            Some(live) => Ok(live.watch()?.1.durable()),
            None => self.target.durable(),
        }
    }

    /// The last event before or at a moment.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Journal::at`]: the moment lies before the image was created, in the future, or in the pruned part of the
    /// journal.
    pub fn seq_at(&self, moment: impl Into<Moment>) -> Result<Seq, Error> {
        let (moment, source) = (moment.into(), self.target.source());
        let durable = self.durable_seq()?;
        source.attempt(|| moment.resolve(&source.open(durable)?, durable))
    }

    /// The durable events with seqs in this range, in order. Without a start, begins with the first event that was not pruned.
    pub fn events(&self, range: impl RangeBounds<Seq>) -> EventLog {
        self.log(range, false)
    }

    /// Like [`events`](ImageReader::events), the newest first.
    pub fn events_newest_first(&self, range: impl RangeBounds<Seq>) -> EventLog {
        self.log(range, true)
    }

    fn log(&self, range: impl RangeBounds<Seq>, newest_first: bool) -> EventLog {
        let mut query = Query { newest_first, ..Query::default() };
        query.set_range(range);
        self.target.events(query)
    }

    /// What the image is. Reads headers only.
    ///
    /// # Errors
    ///
    /// Returns an error if the image cannot be read.
    pub fn info(&self) -> Result<ImageInfo, Error> {
        ImageInfo::read(&self.target)
    }

    /// The events that the journal declares, with their shapes.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal cannot be read.
    pub fn shapes(&self) -> Result<Vec<EventShape>, Error> {
        EventShape::list(&self.target)
    }

    /// The snapshots and bases, the newest first. Reads their headers only.
    ///
    /// # Errors
    ///
    /// Returns an error if the directories cannot be read. A file that cannot be read is listed with its error.
    pub fn states(&self) -> Result<Vec<StateFile>, Error> {
        StateFile::list(&self.target)
    }

    /// Reads the whole image, and reports damage: see [`check`](crate::admin::check()).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`check`](crate::admin::check()).
    pub fn check(&self) -> Result<CheckReport, Error> {
        check_on(&self.target.disk, self.path(), &self.target.keyring)
    }
}

impl<M: Model> From<&Journal<M>> for ImageReader {
    fn from(journal: &Journal<M>) -> ImageReader {
        ImageReader { target: Target::of(journal.source().clone()) }
    }
}

impl fmt::Debug for ImageReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageReader").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// The keys of a protected image, for a command line: from files, or from the variables `MEMIMAGE_ENCRYPTION_KEYS` and
/// `MEMIMAGE_CHAIN_KEYS`; never from an argument, which other users can see.
#[derive(Clone, Debug, Default)]
pub struct ImageKeys(GivenKeys);

impl ImageKeys {
    /// Reads the keys of the encryption and of the chain. Without a file, the variable is read; without both, there is no key.
    ///
    /// The text has lines of a number and 64 hexadecimal digits. The key with the highest number is the current one.
    ///
    /// # Errors
    ///
    /// Returns a message if a file cannot be read, or if a line is no key.
    pub fn read(encryption: Option<&Path>, chain: Option<&Path>) -> Result<ImageKeys, String> {
        let keys = read(encryption, chain).map_err(|failure| failure.to_string())?;
        Ok(ImageKeys(keys))
    }

    /// The keys of the encryption, for [`Options::encryption`](crate::Options::encryption).
    pub fn encryption(&self) -> Option<Keys> {
        self.0.encryption.clone()
    }

    /// The keys of the chain, for [`Options::chain`](crate::Options::chain).
    pub fn chain(&self) -> Option<Keys> {
        self.0.chain.clone()
    }
}

/// A condition on an event, such as `payload.account == 7 && !rejected`. `memimage log --help` explains the language.
#[derive(Clone, Debug)]
pub struct EventCondition(Condition);

impl EventCondition {
    /// Whether an event fulfils this condition. A comparison with a path that the event does not have is false, except `!=`, and `==
    /// none`.
    pub fn is_met_by(&self, event: &LoggedEvent) -> bool {
        let payload = event.recorded().value().ok();
        self.0.is_met_by(&Subject::of(event, payload.as_ref()))
    }
}

/// The error is a message of three lines that points at the place.
impl FromStr for EventCondition {
    type Err = String;

    fn from_str(text: &str) -> Result<EventCondition, String> {
        text.parse().map(EventCondition).map_err(|error: super::syntax::SyntaxError| error.to_string())
    }
}

/// Reads a moment that a person wrote: an event's seq, a time in RFC 3339, a local time, or a time ago such as `1h30m ago`.
///
/// # Errors
///
/// Returns a message that names these forms.
pub fn parse_moment(text: &str) -> Result<Moment, String> {
    text.parse().map(|MomentArgument(moment)| moment)
}

/// A recorded time as RFC 3339 in UTC, with microseconds.
pub fn format_time(time: Timestamp) -> String {
    time.to_string()
}
