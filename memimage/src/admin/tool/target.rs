//! The image on which a verb works.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueHint;
use clap::builder::{PathBufValueParser, TypedValueParser as _, ValueParser};

use super::failure::Failure;
use super::keys::KeyArguments;
use crate::admin::keys::{GivenKeys, Task};
use crate::disk::{Disk, OverlayDisk, RealDisk, absolute};
use crate::error::Error;
use crate::history::{EventLog, JournalSource, Moment, Query};
use crate::journal::{Identity, Layout};
use crate::keys::Keyring;
use crate::recovery::OpenedJournal;
use crate::seq::{SegmentId, Seq};

const TASK: Task = Task { name: "memimage::admin::Tool", builder: "memimage::admin::Tool" };

/// The directory of an image, which exists or is to be made, and the disk on which it is.
#[derive(Clone, Debug)]
pub(crate) struct ImagePlace {
    path: PathBuf,
    disk: Arc<dyn Disk>,
}

/// The directory of an image, and its keys.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TargetArguments {
    /// The directory of the image.
    #[arg(value_parser = ImagePlace::parser(&(Arc::new(RealDisk) as Arc<dyn Disk>)), value_hint = ValueHint::AnyPath)]
    image: ImagePlace,
    #[command(flatten)]
    keys: KeyArguments,
}

/// An image that a verb reads beside its owner or without one.
pub(crate) struct Target {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) keyring: Arc<Keyring>,
    source: JournalSource,
    /// The identity of the image; `None` if no header is readable.
    pub(crate) identity: Option<Identity>,
}

impl ImagePlace {
    /// Reads the path of an image on this disk.
    pub(crate) fn parser(disk: &Arc<dyn Disk>) -> ValueParser {
        let disk = Arc::clone(disk);
        PathBufValueParser::new().map(move |path| ImagePlace { path, disk: Arc::clone(&disk) }).into()
    }

    pub(crate) fn path(&self) -> PathBuf {
        absolute(&self.path)
    }

    /// The path as the command line gives it.
    pub(crate) fn given(&self) -> &Path {
        &self.path
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }
}

impl TargetArguments {
    /// The directory of the image.
    pub(crate) fn path(&self) -> PathBuf {
        self.image.path()
    }

    /// The disk on which the image is.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        self.image.disk()
    }

    pub(crate) fn keys(&self) -> Result<GivenKeys, Failure> {
        self.keys.read()
    }

    /// Opens the image for reading, without its lock.
    pub(crate) fn open(&self) -> Result<Target, Failure> {
        Ok(Target::open(TASK, self.disk(), &self.path(), self.keys()?)?)
    }
}

impl Target {
    /// Opens the image in the directory `path` for reading, without its lock.
    pub(in crate::admin) fn open(
        task: Task,
        disk: &Arc<dyn Disk>,
        path: &Path,
        keys: GivenKeys,
    ) -> Result<Target, Error> {
        let (layout, keyring) = (Layout::new(path), keys.keyring());
        let source = JournalSource::new(disk, &layout, &keyring, None);
        let identity = source.attempt(|| {
            let survey = layout.survey(&**disk)?;
            let unlocked = task.unlock(disk, &layout, survey.image(&layout)?, &keyring)?;
            Ok(unlocked.identity().cloned())
        })?;
        Ok(Target { identity, ..Target::of(source) })
    }

    /// The image that `source` reads.
    pub(crate) fn of(source: JournalSource) -> Target {
        let (disk, layout) = (Arc::clone(source.disk()), source.layout().clone());
        Target { disk, layout, keyring: Arc::clone(source.keyring()), source, identity: None }
    }

    pub(crate) fn source(&self) -> &JournalSource {
        &self.source
    }

    /// The last event that the files prove to be synced.
    pub(crate) fn durable(&self) -> Result<Seq, Error> {
        self.source.durable("durable_seq")
    }

    /// Opens the journal, of which the events up to `durable` are read.
    pub(crate) fn journal(&self, durable: Seq) -> Result<OpenedJournal, Error> {
        self.source.open(durable)
    }

    /// Calls `read` again while it fails because the owner removed a file meanwhile.
    pub(crate) fn attempt<T>(&self, read: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        self.source.attempt(read)
    }

    /// The same image without this segment and the later ones.
    pub(crate) fn before_segment(&self, segment: SegmentId) -> Result<Target, Error> {
        let survey = self.layout.survey(&*self.disk)?;
        let later = survey.image(&self.layout)?.iter().filter(|id| **id >= segment).map(|id| self.layout.segment(*id));
        // `journal/durable` names the end of the whole journal
        let hidden = later.chain([self.layout.durable()]).collect();
        let disk: Arc<dyn Disk> = Arc::new(OverlayDisk::without(Arc::clone(&self.disk), hidden));
        let source = JournalSource::new(&disk, &self.layout, &self.keyring, None);
        Ok(Target { identity: self.identity.clone(), ..Target::of(source) })
    }

    /// The events that a query selects.
    pub(crate) fn events(&self, query: Query) -> EventLog {
        EventLog::new(self.source.clone(), query)
    }

    /// Restricts a query to the events between two moments, both included.
    pub(crate) fn between(&self, query: &mut Query, from: Option<Moment>, until: Option<Moment>) {
        match from {
            Some(Moment::Seq(seq)) => query.first = Some(seq.max(Seq::new(1))),
            Some(Moment::Time(time)) => query.since = Some(time),
            None => {}
        }
        match until {
            Some(Moment::Seq(seq)) => query.last = Some(seq),
            Some(Moment::Time(time)) => query.until = Some(time),
            None => {}
        }
    }
}
