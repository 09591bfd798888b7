//! Where a reader of the history finds the journal, and how it learns which events are durable.

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Disk, failed};
use crate::error::Error;
use crate::journal::{Followers, JournalTail, Layout, Survey, Watermark};
use crate::keys::Keyring;
use crate::recovery::OpenedJournal;
use crate::seq::Seq;
use crate::snapshot::Snapshots;

/// How often a read begins again because the owner removed a file meanwhile.
const ATTEMPTS: u32 = 16;

/// The journal of a running image in this process.
pub(crate) trait LiveJournal: Send + Sync {
    /// Makes sure that every event is durable whose answer a caller may have got, and returns the last durable event.
    ///
    /// # Errors
    ///
    /// Returns an error if the image is closed or poisoned, or if the caller is inside a call on the image.
    fn acknowledged(&self, call: &'static str) -> Result<Seq, Error>;

    /// The last event executed, and the journal's followers.
    ///
    /// # Errors
    ///
    /// Returns an error if the image is closed or poisoned, or belongs to the parent of this process.
    fn followers(&self) -> Result<(Seq, Arc<Followers>), Error>;

    /// Returns an error if the caller is inside a call on the image, and therefore must not wait for events.
    fn refuse_to_wait(&self, call: &'static str) -> Result<(), Error>;

    /// Keeps all files of the image until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`acknowledged`](LiveJournal::acknowledged).
    fn keep_files(&self, call: &'static str) -> Result<Box<dyn Send + '_>, Error>;
}

/// A journal on disk, with or without its running owner.
#[derive(Clone)]
pub(crate) struct JournalSource {
    disk: Arc<dyn Disk>,
    layout: Layout,
    keyring: Arc<Keyring>,
    /// The running owner, if it is in this process; otherwise the files alone show which events are durable.
    live: Option<Arc<dyn LiveJournal>>,
}

impl JournalSource {
    pub(crate) fn new(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        live: Option<Arc<dyn LiveJournal>>,
    ) -> JournalSource {
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        JournalSource { disk, layout, keyring, live }
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// The running owner, if it is in this process.
    pub(crate) fn live(&self) -> Option<&Arc<dyn LiveJournal>> {
        self.live.as_ref()
    }

    /// The followers of the running owner; `None` if no owner runs in this process.
    pub(crate) fn followers(&self) -> Option<Arc<Followers>> {
        Some(self.live.as_ref()?.followers().ok()?.1)
    }

    /// The same journal, read from its files alone.
    pub(crate) fn without_owner(&self) -> JournalSource {
        JournalSource { live: None, ..self.clone() }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The UUID of the image.
    pub(super) fn uuid(&self) -> Result<[u8; 16], Error> {
        Ok(self.open(Seq::ZERO)?.segments().identity().uuid)
    }

    /// The watermark in `journal/durable`, if it is intact and belongs to the image with this UUID.
    pub(crate) fn watermark(&self, uuid: &[u8; 16]) -> Result<Option<Watermark>, Error> {
        self.layout.read_watermark(&*self.disk, uuid)
    }

    /// The last durable event. `call` is the name of the public function that asks.
    pub(crate) fn durable(&self, call: &'static str) -> Result<Seq, Error> {
        match &self.live {
            Some(live) => live.acknowledged(call),
            None => self.attempt(|| JournalTail::last_synced(&self.disk, &self.layout, &self.keyring)),
        }
    }

    /// The last event that an opening of the image would find; `None` if an owner is running. Without an owner, nothing but an
    /// opening proves that the last events are on disk, so this function syncs them.
    pub(crate) fn last_without_owner(&self) -> Result<Option<Seq>, Error> {
        let has_owner = || -> Result<bool, Error> {
            let lock = self.layout.lock();
            Ok(self.disk.owner(&lock).map_err(|error| failed("inspecting", &lock, error))?.is_some())
        };
        if self.live.is_some() || has_owner()? {
            return Ok(None);
        }
        let read = self.attempt(|| {
            let journal = OpenedJournal::in_use(&self.disk, &self.layout, &self.keyring, Seq::ZERO)?;
            journal.read_synced_end()
        });
        match read {
            Ok(end) => Ok(Some(end.chain.before())),
            // an owner that has started meanwhile may be writing the last frame
            Err(_) if has_owner()? => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A reader of the frames after event `seq`.
    pub(crate) fn tail_after(&self, seq: Seq) -> Result<JournalTail, Error> {
        self.attempt(|| JournalTail::after(&self.disk, &self.layout, &self.keyring, seq))
    }

    /// Opens the journal, of which the events up to `durable` are read.
    pub(crate) fn open(&self, durable: Seq) -> Result<OpenedJournal, Error> {
        self.attempt(|| OpenedJournal::beside_owner(&self.disk, &self.layout, &self.keyring, durable))
    }

    /// Calls `read` again while it fails because the owner removed a snapshot or a segment meanwhile.
    pub(crate) fn attempt<T>(&self, read: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let mut attempts = 0;
        loop {
            let before = self.files()?;
            let result = read();
            attempts += 1;
            if result.is_ok() || attempts == ATTEMPTS || self.files()? == before {
                return result;
            }
        }
    }

    /// The segments and snapshots that exist now.
    fn files(&self) -> Result<(Survey, Vec<(Seq, PathBuf)>), Error> {
        let snapshots = Snapshots::new(&self.disk, &self.layout, &self.keyring);
        Ok((self.layout.survey(&*self.disk)?, snapshots.start_candidates()?))
    }
}
