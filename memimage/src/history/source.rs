//! Where a reader of the history finds the journal, and how it learns which events are durable.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use crate::disk::{Disk, failed};
use crate::error::{Error, ErrorDetail};
use crate::journal::{DurabilityWatch, JournalTail, Layout, RecordCursor, Segments, Survey, Watermark, other_image};
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

    /// The last event executed, and the watch of durable events.
    ///
    /// # Errors
    ///
    /// Returns an error if the image is closed or poisoned, or belongs to the parent of this process.
    fn watch(&self) -> Result<(Seq, Arc<DurabilityWatch>), Error>;

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
    /// The running owner, if it is in this process; otherwise the files alone show which events are durable. Weak, so that no
    /// reader keeps the model in memory after the image was closed.
    live: Option<Weak<dyn LiveJournal>>,
    /// The UUID of the image; `None` if the reader itself verifies that it reads one image.
    uuid: Option<[u8; 16]>,
}

impl JournalSource {
    pub(crate) fn new(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        live: Option<Weak<dyn LiveJournal>>,
    ) -> JournalSource {
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        JournalSource { disk, layout, keyring, live, uuid: None }
    }

    /// The same journal. From now on, another image in its directory is an error of the kind
    /// [`Replaced`](crate::ErrorKind::Replaced).
    pub(crate) fn bound_to(self, uuid: [u8; 16]) -> JournalSource {
        JournalSource { uuid: Some(uuid), ..self }
    }

    fn refuse_other_image(&self, segments: &Segments) -> Result<(), Error> {
        match self.uuid.is_some_and(|uuid| uuid != segments.identity().uuid) {
            true => Err(other_image(&self.layout)),
            false => Ok(()),
        }
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// The running owner; `None` if the journal was opened from its files.
    ///
    /// # Errors
    ///
    /// Returns an error if the owner was in this process and was closed.
    pub(crate) fn live(&self) -> Result<Option<Arc<dyn LiveJournal>>, Error> {
        let Some(live) = &self.live else { return Ok(None) };
        live.upgrade().map(Some).ok_or_else(|| Error::new(ErrorDetail::Closed))
    }

    /// The running owner, without keeping it in memory; `None` if the journal was opened from its files.
    pub(crate) fn weak_live(&self) -> Option<&Weak<dyn LiveJournal>> {
        self.live.as_ref()
    }

    /// The watch of the running owner's durable events; `None` if no owner runs in this process.
    pub(crate) fn watch(&self) -> Option<Arc<DurabilityWatch>> {
        Some(self.live().ok()??.watch().ok()?.1)
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
        match self.live()? {
            Some(live) => live.acknowledged(call),
            None => self.attempt(|| {
                let durable = JournalTail::last_synced(&self.disk, &self.layout, &self.keyring)?;
                let survey = self.layout.survey(&*self.disk)?;
                // the header of one segment identifies the image
                let newest = survey.image(&self.layout)?.last_chunk::<1>().expect("an image has a segment");
                self.refuse_other_image(&Segments::open(&self.disk, &self.layout, newest, &self.keyring)?)?;
                Ok(durable)
            }),
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

    /// The number of void frames of the image that `journal/durable` counts; 0 if the file does not tell.
    pub(super) fn decisions(&self) -> Result<u32, Error> {
        let Some(uuid) = self.uuid else { return Ok(0) };
        Ok(self.watermark(&uuid)?.map_or(0, |watermark| watermark.decisions))
    }

    /// A reader of the frames after event `seq`.
    pub(crate) fn tail_after(&self, seq: Seq) -> Result<JournalTail, Error> {
        let tail = self.attempt(|| JournalTail::after(&self.disk, &self.layout, &self.keyring, seq))?;
        self.refuse_other_image(tail.scan().segments())?;
        Ok(tail)
    }

    /// A reader of the records after event `after`, which knows the frame with event `known`: the last durable event up to `after`.
    pub(crate) fn cursor_after(&self, after: Seq, known: Seq) -> Result<RecordCursor, Error> {
        self.attempt(|| {
            let tail = JournalTail::in_segment_of(&self.disk, &self.layout, &self.keyring, known)?;
            RecordCursor::positioned(tail, after, known)
        })
    }

    /// Returns an error if a pruning has removed event `seq`, or is about to remove it.
    ///
    /// A pruning first writes its base, and then looks at the positions of the subscriptions. So a subscription that first writes its
    /// position, and then calls this, is seen by the pruning, or sees the base.
    pub(super) fn refuse_pruned(&self, seq: Seq) -> Result<(), Error> {
        self.attempt(|| {
            let snapshots = Snapshots::new(&self.disk, &self.layout, &self.keyring);
            let Some(base) = snapshots.bases().newest_complete()?.filter(|&base| base >= seq) else { return Ok(()) };
            let journal = self.open(base)?;
            let segments = journal.segments();
            let kept = segments.first_frame(journal.scan().segment_after(base)?)?.map(|header| header.first_seq);
            match kept.filter(|&first| first > seq) {
                Some(_) => {
                    let path = self.layout.root().to_owned();
                    Err(Error::new(ErrorDetail::PrunedEvent { path, seq, first: kept }))
                }
                None => Ok(()),
            }
        })
    }

    /// Opens the journal, of which the events up to `durable` are read.
    pub(crate) fn open(&self, durable: Seq) -> Result<OpenedJournal, Error> {
        let journal = self.attempt(|| OpenedJournal::beside_owner(&self.disk, &self.layout, &self.keyring, durable))?;
        self.refuse_other_image(journal.segments())?;
        Ok(journal)
    }

    /// Like [`attempt`](JournalSource::attempt), and passes the last durable event to `read`. Each attempt asks for it again: the owner
    /// may have pruned all events up to the one that the attempt before was told.
    pub(super) fn attempt_up_to_durable<T>(
        &self,
        call: &'static str,
        read: impl Fn(Seq) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.live()?;
        self.attempt(|| read(self.durable(call)?))
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
