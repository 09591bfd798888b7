//! The option of an image that names its log.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::acknowledge::Acknowledge;
use super::replicate::{Claimed, LockedDirectory, Replicate, error};
use crate::error::{Error, ErrorKind};

/// The log of an image to be opened. The clones share one engine.
#[derive(Clone)]
pub(crate) struct ReplicationOption {
    engine: Arc<Mutex<Option<Box<dyn Replicate>>>>,
    pub(crate) acknowledge: Acknowledge,
}

impl ReplicationOption {
    pub(crate) fn new(engine: Box<dyn Replicate>, acknowledge: Acknowledge) -> ReplicationOption {
        ReplicationOption { engine: Arc::new(Mutex::new(Some(engine))), acknowledge }
    }

    /// Asks the engine, if it was not used up, whether the image in the directory may use the log, before anything is created.
    pub(crate) fn admit(&self, path: &Path) -> Result<(), Error> {
        self.engine.lock().as_ref().map_or(Ok(()), |engine| engine.admit(path))
    }

    /// Claims the log.
    ///
    /// # Errors
    ///
    /// Fails if the engine fails, or if it can be used once, and an earlier opening with these options has used it: without its log, the image must not be opened.
    pub(crate) fn claim(&self, directory: &LockedDirectory) -> Result<Box<dyn Claimed>, Error> {
        let engine = {
            let mut slot = self.engine.lock();
            let engine = slot.take();
            *slot = engine.as_ref().and_then(|engine| engine.again());
            engine
        };
        let engine = engine.ok_or_else(|| {
            let message = format!(
                "the log of the image `{}` was used by an earlier opening or promotion, and can be used once; nothing was changed; help: give \
                 the log once more, with `Options::replicate` or `promote_replicated`",
                directory.path().display()
            );
            error(ErrorKind::Replication, message)
        })?;
        engine.claim(directory, self.acknowledge)
    }
}
