//! The thread of a standby: it reads the log, and appends what it verified to the copy of the journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use memimage::{Error, ErrorKind, Model};

use super::shared::{Copying, Shared};
use crate::catch_up::apply;
use crate::entry::Entry;
use crate::failure::{failure, log_failed};
use crate::log_error::{LogError, LogErrorKind};
use crate::log_reader::LogTail;
use crate::pauses::Pauses;

/// The number of entries after which the copy is synced, so that readers see them.
const ENTRIES_PER_SYNC: u64 = 64;
/// The number of reads without news after which the end of the log is verified again.
const READS_PER_CHECK: u32 = 64;

/// Why an entry could not be taken over.
pub(super) enum StepError {
    /// The log could not be read. Another attempt may succeed.
    Unavailable(LogError),
    /// What was read from the log is damaged. Another read may return something else.
    Damaged(Error),
    /// The log no longer has what was verified. The standby answers queries, and an owner may bring the log's entries back.
    Lost(Error),
    /// The directory cannot be opened now.
    Busy,
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
            let began = Instant::now();
            let result = self.read_some(copying);
            // what was verified is shown, also if the next entry is damaged
            copying.copy.sync().map_err(StepError::Fatal)?;
            let read = result?;
            let mut progress = self.progress.lock();
            // a process that was paused has not read the log meanwhile, and perhaps its owner was paused with it
            let lease = Duration::from_millis(progress.lease_ms);
            if began.saturating_duration_since(progress.at_end) > lease / 3 && !lease.is_zero() {
                progress.reading_since = progress.reading_since.max(began);
            }
            progress.copied = copying.copy.end().seq;
            progress.term = copying.tail.header.term;
            progress.lease_ms = copying.tail.header.lease_ms;
            if read > 0 {
                progress.last_entry = Instant::now();
                // they continue what was verified
                progress.lost = None;
                is_news = true;
            }
            if read < ENTRIES_PER_SYNC {
                // an entry that was appended during the read may not have been seen
                progress.at_end = began;
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
                    apply(&mut copying.copy, &entry)
                        .map_err(|error| StepError::Fatal(self.not_applied(&entry, &error)))?;
                    copying.tail = LogTail::after(&entry, hash);
                    read += 1;
                }
                Err(error) if error.is_unavailable() => return Err(StepError::Unavailable(error)),
                Err(error) if error.kind() == LogErrorKind::Damaged => {
                    return Err(StepError::Damaged(log_failed(&error)));
                }
                Err(error) => return Err(StepError::Fatal(self.explained(&error))),
            }
        }
        Ok(read)
    }

    fn not_applied(&self, entry: &Entry, error: &Error) -> Error {
        let (position, address) = (entry.header.position, self.log.address());
        let path = self.path.display();
        failure(
            error.kind(),
            format!(
                "the entry at position {position} of `{address}` cannot be appended to the copy in `{path}`: {error}"
            ),
        )
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
fn run<M: Model>(shared: &Arc<Shared<M>>) {
    const DAMAGED_READS: u32 = 3;
    let mut pauses = Pauses::default();
    let (mut damaged, mut idle) = (0, 0);
    loop {
        let step = {
            let mut copying = shared.copying.lock();
            match &mut *copying {
                Some(copying) => shared.read_to_end(copying).and_then(|is_news| {
                    idle = if is_news { 0 } else { idle + 1 };
                    if idle % READS_PER_CHECK == READS_PER_CHECK - 1 { shared.check_end(&copying.tail) } else { Ok(()) }
                }),
                // after a promotion that has released the directory and failed
                None => match shared.open_copy() {
                    Ok(opened) => {
                        shared.progress.lock().lost = None;
                        *copying = Some(opened);
                        continue;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the copy cannot be opened again; the standby tries again");
                        shared.interrupt();
                        if error.kind() == ErrorKind::Corrupt {
                            shared.progress.lock().lost = Some(error);
                        }
                        Err(StepError::Busy)
                    }
                },
            }
        };
        let pause = match step {
            Ok(()) => {
                (pauses, damaged) = (Pauses::default(), 0);
                shared.log.settings.poll
            }
            Err(StepError::Unavailable(error)) => {
                tracing::warn!(%error, "the log cannot be read; the standby tries again");
                shared.interrupt();
                pauses.next()
            }
            Err(StepError::Lost(error)) => {
                tracing::error!(%error, "the log has lost entries; the standby waits for them");
                shared.log.settings.poll
            }
            Err(StepError::Busy) => pauses.next(),
            Err(StepError::Damaged(_)) if damaged + 1 < DAMAGED_READS => {
                damaged += 1;
                shared.interrupt();
                pauses.next()
            }
            Err(StepError::Fatal(error) | StepError::Damaged(error)) => {
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
