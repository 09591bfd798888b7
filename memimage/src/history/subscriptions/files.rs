//! The files of named subscriptions: `subscription/NAME/LOCK`, which the subscriber holds, and `subscription/NAME/acknowledged`.

use std::sync::Arc;

use crate::context::Timestamp;
use crate::disk::{Access, Disk, Lock, LockGuard, StagedFile, StoredFile, failed, sync_dir};
use crate::error::{Error, ErrorDetail, SubscriptionError};
use crate::journal::{ACKNOWLEDGEMENT_LEN, Acknowledgement, Layout, Slot, SubscriptionPaths, is_subscription_name};
use crate::log;
use crate::seq::Seq;

/// A named subscription, as [`Journal::subscriptions`](crate::Journal::subscriptions) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// The name of the subscription.
    pub name: String,
    /// The last acknowledged event; `None` if the file with the position is damaged.
    pub acknowledged: Option<Seq>,
    /// When the subscriber acknowledged last, or began, by the wall clock.
    pub acknowledged_at: Option<Timestamp>,
    /// The process that has the subscription now, such as `pid 4711 (bank)`.
    pub subscriber: Option<String>,
}

/// The named subscription that needs the oldest event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubscriptionHold {
    pub(crate) name: String,
    /// The events after this one are still needed.
    pub(crate) acknowledged: Seq,
}

/// The files of a named subscription.
#[derive(Clone, Debug)]
pub(super) struct SubscriptionFiles {
    disk: Arc<dyn Disk>,
    layout: Layout,
    name: String,
    pub(super) paths: SubscriptionPaths,
}

impl SubscriptionFiles {
    /// Fails if a subscription cannot have this name.
    pub(super) fn new(disk: &Arc<dyn Disk>, layout: &Layout, name: &str) -> Result<SubscriptionFiles, Error> {
        if !is_subscription_name(name) {
            let what = match name.len() {
                0 => "it is empty".to_owned(),
                1..=64 => "it has other characters than the allowed ones".to_owned(),
                len => format!("it has {len} bytes"),
            };
            let name = name.chars().take(64).collect();
            return Err(error(SubscriptionError::Name { name, what }));
        }
        let (disk, layout) = (Arc::clone(disk), layout.clone());
        let paths = layout.subscription(name);
        Ok(SubscriptionFiles { disk, layout, name: name.to_owned(), paths })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// Takes the subscription for this subscriber. Creates the directories if they are missing.
    pub(super) fn lock(&self) -> Result<LockGuard, Error> {
        self.layout.survey(self.disk())?;
        for (dir, parent) in
            [(self.layout.subscriptions(), self.layout.root()), (self.paths.dir.clone(), &self.layout.subscriptions())]
        {
            match self.disk().create_dir(&dir) {
                Ok(()) => sync_dir(self.disk(), parent)?,
                // another subscriber may not have synced it yet
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("creating", &dir, error)),
            }
        }
        self.try_lock()
    }

    fn try_lock(&self) -> Result<LockGuard, Error> {
        let path = &self.paths.lock;
        match self.disk().lock(path).map_err(|error| failed("locking", path, error))? {
            Lock::Held(guard) => Ok(guard),
            Lock::Busy { owner } => {
                let path = self.layout.root().to_owned();
                Err(error(SubscriptionError::InUse { path, name: self.name.clone(), owner }))
            }
        }
    }

    /// The acknowledged position and its slot; `None` if the subscription does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the file is damaged, or belongs to another image.
    pub(super) fn read(&self, uuid: &[u8; 16]) -> Result<Option<(Acknowledgement, Slot)>, Error> {
        let Some(file) = self.open(Access::Read)? else { return Ok(None) };
        self.read_from(&file, uuid).map(Some)
    }

    fn read_from(&self, file: &StoredFile, uuid: &[u8; 16]) -> Result<(Acknowledgement, Slot), Error> {
        let mut bytes = [0; ACKNOWLEDGEMENT_LEN];
        let read = file.read_up_to(&mut bytes, 0)?;
        Acknowledgement::decode_file(&bytes[..read], uuid).ok_or_else(|| {
            let (path, name) = (self.paths.acknowledged.clone(), self.name.clone());
            error(SubscriptionError::Damaged { path, name })
        })
    }

    /// Opens the file with the position; `None` if it does not exist.
    pub(super) fn open(&self, access: Access) -> Result<Option<StoredFile>, Error> {
        match StoredFile::open(self.disk(), &self.paths.acknowledged, access) {
            Err(error) if error.is_missing() => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Creates the file with the position. The caller holds the lock.
    pub(super) fn create(&self, position: &Acknowledgement, uuid: &[u8; 16]) -> Result<(), Error> {
        let file = position.encode_file(uuid);
        let staged =
            StagedFile::write(self.disk(), &self.paths.acknowledged, true, |staged| staged.write_all(&file, 0))?;
        staged.install(self.disk())?;
        self.sync_names()
    }

    /// Makes the names of the file and its directories survive a power cut: a process may have been killed before it synced them.
    pub(super) fn sync_names(&self) -> Result<(), Error> {
        sync_dir(self.disk(), &self.paths.dir)?;
        sync_dir(self.disk(), &self.layout.subscriptions())?;
        sync_dir(self.disk(), self.layout.root())
    }

    /// Removes the file of a subscription that could not be created, so that it keeps no events from being pruned. The caller holds
    /// the lock.
    pub(super) fn remove_unused(&self) {
        if let Err(error) = self.remove_position() {
            log::warning!(%error, name = self.name, "a subscription that could not be created was not removed; it keeps events from being pruned");
        }
    }

    /// Removes the file with the position. Returns whether it existed. The caller holds the lock.
    fn remove_position(&self) -> Result<bool, Error> {
        let path = &self.paths.acknowledged;
        if self.disk().kind(path).map_err(|error| failed("inspecting", path, error))?.is_none() {
            return Ok(false);
        }
        self.disk().remove(path).map_err(|error| failed("removing", path, error))?;
        sync_dir(self.disk(), &self.paths.dir)?;
        Ok(true)
    }

    /// Removes the subscription. Returns whether it existed.
    pub(super) fn remove(&self) -> Result<bool, Error> {
        let dir = &self.paths.dir;
        if self.disk().kind(dir).map_err(|error| failed("inspecting", dir, error))?.is_none() {
            return Ok(false);
        }
        let _guard = self.try_lock()?;
        self.remove_position()
    }

    fn info(&self, uuid: &[u8; 16]) -> Result<Option<SubscriptionInfo>, Error> {
        let position = match self.read(uuid) {
            Ok(None) => return Ok(None),
            Ok(Some((position, _))) => Some(position),
            Err(error) if error.is_damaged_subscription() => None,
            Err(error) => return Err(error),
        };
        let path = &self.paths.lock;
        Ok(Some(SubscriptionInfo {
            name: self.name.clone(),
            acknowledged: position.map(|position| position.seq),
            acknowledged_at: position.map(|position| position.time),
            subscriber: self.disk().owner(path).map_err(|error| failed("inspecting", path, error))?,
        }))
    }

    /// The named subscriptions of an image, by name.
    pub(super) fn list(disk: &Arc<dyn Disk>, layout: &Layout) -> Result<Vec<SubscriptionFiles>, Error> {
        let names = layout.subscription_names(&**disk)?;
        names.iter().map(|name| SubscriptionFiles::new(disk, layout, name)).collect()
    }
}

impl SubscriptionInfo {
    /// The named subscriptions of an image, by name.
    pub(crate) fn list(disk: &Arc<dyn Disk>, layout: &Layout, uuid: &[u8; 16]) -> Result<Vec<SubscriptionInfo>, Error> {
        let all = SubscriptionFiles::list(disk, layout)?;
        all.iter().filter_map(|files| files.info(uuid).transpose()).collect()
    }
}

impl SubscriptionHold {
    /// The named subscription that needs the oldest event; `None` if there are no named subscriptions. After this call, no crash
    /// can make a subscription need an older event: its position is synced. A subscription whose file is damaged needs all events.
    pub(crate) fn find(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        uuid: &[u8; 16],
    ) -> Result<Option<SubscriptionHold>, Error> {
        let mut oldest: Option<SubscriptionHold> = None;
        for files in SubscriptionFiles::list(disk, layout)? {
            let Some(file) = files.open(Access::Read)? else { continue };
            let acknowledged = match files.read_from(&file, uuid) {
                Ok((position, _)) => {
                    // the subscriber does not sync its writes
                    file.sync_data()?;
                    position.seq
                }
                Err(error) if error.is_damaged_subscription() => Seq::ZERO,
                Err(error) => return Err(error),
            };
            if oldest.as_ref().is_none_or(|oldest| acknowledged < oldest.acknowledged) {
                oldest = Some(SubscriptionHold { name: files.name, acknowledged });
            }
        }
        Ok(oldest)
    }
}

pub(super) fn error(error: SubscriptionError) -> Error {
    Error::new(ErrorDetail::Subscription(error))
}
