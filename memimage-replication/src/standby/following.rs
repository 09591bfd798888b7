//! The thread of a standby: it reads the log, and appends what it verified to the copy of the journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use memimage::{Error, ErrorKind, Model};

use super::shared::{Copying, Shared};
use crate::catch_up::apply;
use crate::failure::{failure, log_failed};
use crate::log_error::{LogError, LogErrorKind};
use crate::log_reader::LogTail;
use crate::pauses::Pauses;

/// The number of entries after which the copy is synced, so that readers see them.
const ENTRIES_PER_SYNC: u64 = 64;

/// Why an entry could not be taken over.
pub(super) enum StepError {
    /// The log could not be read. Another attempt may succeed.
    Unavailable(LogError),
    /// The standby cannot go on.
    Fatal(Error),
}

impl<M: Model> Shared<M> {
    pub(super) fn start(self: &Arc<Self>) -> Result<(), Error> {
        self.progress.lock().is_stopping = false;
        let shared = Arc::clone(self);
        let thread =
            std::thread::Builder::new().name("memimage-standby".to_owned()).spawn(move || run(&shared)).map_err(
                |error| failure(ErrorKind::Replication, format!("the thread of a standby cannot be started: {error}")),
            )?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// Reads the log up to its end. Returns whether there were new entries.
    pub(super) fn read_to_end(&self, copying: &mut Copying) -> Result<bool, StepError> {
        let mut is_news = false;
        loop {
            let result = self.read_some(copying);
            // what was verified is shown, also if the next entry is damaged
            copying.copy.sync().map_err(StepError::Fatal)?;
            let now = Instant::now();
            let read = result?;
            let mut progress = self.progress.lock();
            progress.copied = copying.copy.end().seq;
            progress.term = copying.tail.header.term;
            progress.lease_ms = copying.tail.header.lease_ms;
            if read > 0 {
                progress.last_entry = now;
                is_news = true;
            }
            if read < ENTRIES_PER_SYNC {
                progress.at_end = now;
                return Ok(is_news);
            }
            if progress.is_stopping {
                return Ok(is_news);
            }
        }
    }

    /// Takes over some entries. Returns their number.
    fn read_some(&self, copying: &mut Copying) -> Result<u64, StepError> {
        let mut read = 0;
        while read < ENTRIES_PER_SYNC {
            match copying.reader.next() {
                Ok(None) => break,
                Ok(Some((entry, hash))) => {
                    apply(&mut copying.copy, &entry).map_err(StepError::Fatal)?;
                    copying.tail = LogTail::after(&entry, hash);
                    read += 1;
                }
                Err(error) if error.is_unavailable() => return Err(StepError::Unavailable(error)),
                Err(error) => return Err(StepError::Fatal(self.explained(&error))),
            }
        }
        Ok(read)
    }

    /// Explains why the log cannot be read on.
    fn explained(&self, error: &LogError) -> Error {
        if error.kind() == LogErrorKind::Pruned {
            return failure(
                ErrorKind::Pruned,
                format!(
                    "the log was pruned beyond the copy in `{}`: {error}; help: move the directory away, and open the standby again: it \
                     begins with the newest snapshot",
                    self.path.display()
                ),
            );
        }
        log_failed(error)
    }
}

/// Follows the log until the standby ends. Damage is believed only if several reads find it.
fn run<M: Model>(shared: &Shared<M>) {
    const DAMAGED_READS: u32 = 3;
    let mut pauses = Pauses::default();
    let mut damaged = 0;
    loop {
        let step = {
            let mut copying = shared.copying.lock();
            let Some(copying) = &mut *copying else { return };
            shared.read_to_end(copying)
        };
        let pause = match step {
            Ok(_) => {
                (pauses, damaged) = (Pauses::default(), 0);
                shared.log.settings.poll
            }
            Err(StepError::Unavailable(error)) => {
                tracing::warn!(%error, "the log cannot be read; the standby tries again");
                shared.interrupt();
                pauses.next()
            }
            Err(StepError::Fatal(error)) if error.kind() == ErrorKind::Corrupt && damaged + 1 < DAMAGED_READS => {
                damaged += 1;
                shared.interrupt();
                pauses.next()
            }
            Err(StepError::Fatal(error)) => {
                tracing::error!(%error, path = %shared.path.display(), "the standby stopped");
                shared.end(error);
                return;
            }
        };
        if shared.pause(pause) {
            return;
        }
    }
}

impl<M: Model> Shared<M> {
    /// Records that a read failed: what the owner did meanwhile is unknown.
    fn interrupt(&self) {
        let far = Instant::now() + Duration::from_millis(1);
        self.progress.lock().reading_since = far;
    }

    /// How long the log has shown no new entry although it was read all the time, to within `gap`.
    pub(super) fn silence(&self, gap: Duration) -> Option<Duration> {
        let progress = self.progress.lock();
        let now = Instant::now();
        // a thread that did not run has read nothing
        if now.saturating_duration_since(progress.at_end) > gap {
            return None;
        }
        let since = progress.last_entry.max(progress.reading_since);
        Some(progress.at_end.saturating_duration_since(since))
    }
}
