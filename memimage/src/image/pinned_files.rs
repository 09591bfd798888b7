//! Pins the files of a running image: while a pin exists, the image removes no segment, snapshot or base, so that another part of
//! the library can copy them without holding a lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::core::Shared;
use crate::disk::{Disk, absolute};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::Layout;
use crate::keys::Keyring;
use crate::seq::Seq;

/// The files of a running image, pinned until this value is dropped.
pub(crate) struct PinnedFiles<'a> {
    pub(crate) disk: &'a Arc<dyn Disk>,
    pub(crate) layout: &'a Layout,
    pub(crate) keyring: &'a Arc<Keyring>,
    /// The last event that was synced when the files were pinned.
    pub(crate) durable: Seq,
    /// Whether the image may be on a network file system.
    pub(crate) allow_network: bool,
    pins: &'a AtomicUsize,
}

impl Drop for PinnedFiles<'_> {
    fn drop(&mut self) {
        self.pins.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<M: Model> Shared<M> {
    /// Pins the files, and syncs every executed event. `call` is the caller's operation, for error messages.
    pub(super) fn pin_files(&self, call: &'static str) -> Result<PinnedFiles<'_>, Error> {
        drop(self.enter_to_wait(call)?);
        if self.layout.is_in_memory() {
            return Err(Error::new(ErrorDetail::NoFiles { call }));
        }
        self.refuse_if_ended()?;
        self.journal.sync()?;
        {
            // files are removed only while this lock is held exclusively, so no removal is in progress when the pin begins
            let _shared = self.files.read();
            self.pins.fetch_add(1, Ordering::SeqCst);
        }
        let Shared { disk, layout, keyring, allow_network, pins, .. } = self;
        Ok(PinnedFiles { disk, layout, keyring, durable: self.journal.durable(), allow_network: *allow_network, pins })
    }

    /// Whether no file may be removed. The caller holds the lock `files` exclusively, unless it only asks whether to prepare a
    /// removal.
    pub(super) fn is_pinned(&self) -> bool {
        self.pins.load(Ordering::SeqCst) > 0
    }
}

impl PinnedFiles<'_> {
    /// The path that the program means by `path`: relative paths are relative to the same directory as the path of the image.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        match self.layout.root().is_absolute() {
            true => absolute(path),
            false => path.to_owned(),
        }
    }
}
