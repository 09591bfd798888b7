//! The thread that copies the owner's snapshots to the log, and removes what the log need not keep.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use memimage::{Seq, Timestamp};

use crate::appender::now;
use crate::entry::{Content, Id};
use crate::journal_source::JournalSource;
use crate::log::{Log, LogSettings};
use crate::log_error::LogError;
use crate::log_reader::{entry_at, first_position};
use crate::log_snapshots::{self, SnapshotHead, SnapshotName};
use crate::remote_log::Engine;
use crate::segment_starts::SegmentStarts;
use crate::shipping_status::ShippingStatus;

/// How often the thread looks for a new snapshot.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many times it looks before it asks the engine to maintain itself.
const MAINTAIN_EVERY: u32 = 10;

/// A running thread. Dropping it ends the thread.
pub(crate) struct SnapshotShipper {
    stop: Option<Sender<()>>,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SnapshotShipper {
    /// Starts the thread. Without a thread, no snapshots are copied: that is reported, and harms no event.
    pub(crate) fn start(log: &Log, owner: &JournalSource, image: Id, starts: &SegmentStarts) -> SnapshotShipper {
        let (stop, stopped) = channel();
        let is_stopping = Arc::new(AtomicBool::new(false));
        let task = SnapshotTask {
            engine: Arc::clone(&log.engine),
            settings: log.settings.clone(),
            status: Arc::clone(&log.status),
            directory: owner.path().to_owned(),
            starts: starts.clone(),
            is_stopping: Arc::clone(&is_stopping),
            image,
            newest: None,
        };
        let spawned =
            std::thread::Builder::new().name("memimage-snapshot-shipper".to_owned()).spawn(move || task.run(&stopped));
        let thread = spawned
            .inspect_err(
                |error| tracing::warn!(%error, "no thread can be started, so no snapshot is copied to the log"),
            )
            .ok();
        SnapshotShipper { stop: Some(stop), is_stopping, thread }
    }
}

impl Drop for SnapshotShipper {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct SnapshotTask {
    engine: Engine,
    settings: LogSettings,
    status: Arc<ShippingStatus>,
    /// The directory of the image.
    directory: PathBuf,
    starts: SegmentStarts,
    /// Whether the owner ends, so that a copy in progress is given up.
    is_stopping: Arc<AtomicBool>,
    image: Id,
    /// The last event in the newest snapshot of the log; `None` before the log was asked.
    newest: Option<Seq>,
}

impl SnapshotTask {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut looks = 0;
        loop {
            let result = self.step(looks);
            let failure =
                result.inspect_err(|error| tracing::warn!(%error, "a snapshot could not be copied to the log")).err();
            self.status.update(|status| {
                status.snapshot_failure = failure.map(|error| error.to_string());
                status.snapshot_looks += 1;
            });
            looks += 1;
            match stopped.recv_timeout(INTERVAL) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
        }
    }

    fn step(&mut self, looks: u32) -> Result<(), LogError> {
        if self.settings.ships_snapshots {
            self.ship_newest()?;
        }
        if looks % MAINTAIN_EVERY == MAINTAIN_EVERY - 1 {
            self.engine.maintain()?;
        }
        Ok(())
    }

    /// Copies the newest snapshot to the log, if the log has all its events, and does not have it.
    fn ship_newest(&mut self) -> Result<(), LogError> {
        let known = match self.newest {
            Some(known) => known,
            None => {
                let newest = log_snapshots::list(&self.engine)?.first().map_or(Seq::ZERO, |name| name.seq);
                *self.newest.insert(newest)
            }
        };
        let shipped = self.status.get().shipped;
        let Some((seq, path)) = newest_state(&self.directory, shipped) else { return Ok(()) };
        if seq <= known {
            return Ok(());
        }
        let Some((_, start)) = self.starts.for_state_after(&self.engine, seq)? else { return Ok(()) };
        let file = match File::open(&path) {
            // the owner has removed it, because there is a newer one
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                let message = format!("`{}` cannot be opened: {error}", path.display());
                return Err(LogError::new(crate::LogErrorKind::Refused, message));
            }
            Ok(file) => file,
        };
        let (entry, _) = entry_at(&self.engine, start.position)?;
        let time = recorded_time(&self.engine, seq)?.map_or_else(now, |time| time.max(now()));
        let name = SnapshotName { seq, position: start.position, time };
        let head = SnapshotHead {
            seq,
            position: start.position,
            previous: start.previous,
            log_id: entry.header.log_id,
            image: self.image,
        };
        log_snapshots::put(&self.engine, &name, &head, file, &self.is_stopping)?;
        self.newest = Some(seq);
        self.status.update(|status| status.snapshot = Some(seq));
        tracing::info!(%seq, log = self.engine.address(), "copied a snapshot to the log");
        match self.settings.retain {
            Some(age) => prune(&self.engine, now(), age).map(drop),
            None => Ok(()),
        }
    }
}

/// The recorded time of an event, or of a later one in the same entry; `None` if the log no longer has it. The clock of the image may have been
/// ahead of that of this machine, and set back since. Without the keys, the time may be somewhat earlier: then a restoration to a time in between
/// fails, and says so.
fn recorded_time(engine: &Engine, seq: Seq) -> Result<Option<Timestamp>, LogError> {
    let bounds = engine.bounds()?;
    let position = first_position(engine, (bounds.first, bounds.end), |entry| entry.point().seq >= seq)?;
    if position >= bounds.end {
        return Ok(None);
    }
    let entry = entry_at(engine, position)?.0;
    match entry.content {
        Content::Piece(piece) => Ok(Some(piece.last_event_time(&entry.header.image).unwrap_or(piece.head.time))),
        Content::Claim(_) | Content::Heartbeat(_) => Ok(None),
    }
}

/// What a log no longer keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    /// The number of snapshots that were removed.
    pub(crate) snapshots: usize,
    /// The position of the first entry that is kept.
    pub(crate) first: u64,
}

/// Removes the snapshots and entries that no restore to a time within `age` needs. Keeps the newest snapshot, and the one before that time.
pub(crate) fn prune(engine: &Engine, now: Timestamp, age: Duration) -> Result<Pruned, LogError> {
    let Some(plan) = plan_pruning(engine, now, age)? else { return Ok(Pruned::default()) };
    // the snapshots first: one without its entries could not be used
    for name in &plan.snapshots {
        engine.remove_snapshot(&name.text())?;
    }
    engine.prune(plan.first)?;
    Ok(Pruned { snapshots: plan.snapshots.len(), first: plan.first })
}

/// What is to be removed from a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PruningPlan {
    pub(crate) snapshots: Vec<SnapshotName>,
    /// The position of the first entry that is kept.
    pub(crate) first: u64,
    /// The newest snapshot that is older than all times that are kept.
    pub(crate) oldest: SnapshotName,
}

/// What [`prune`] would remove; `None` if no snapshot is old enough.
pub(crate) fn plan_pruning(engine: &Engine, now: Timestamp, age: Duration) -> Result<Option<PruningPlan>, LogError> {
    let mut names = log_snapshots::list(engine)?;
    let micros = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
    let oldest_time = Timestamp::from_micros(now.as_micros().saturating_sub(micros));
    // newest first: the first one that is old enough is the start of all restores to later times
    let Some(kept) = names.iter().position(|name| name.time <= oldest_time) else { return Ok(None) };
    let (oldest, snapshots) = (names[kept], names.split_off(kept + 1));
    let first = names.iter().map(|name| name.position).min().unwrap_or(1);
    Ok(Some(PruningPlan { snapshots, first, oldest }))
}

/// The newest snapshot or base in the directory of an image whose events are all in the log.
fn newest_state(directory: &Path, shipped: Seq) -> Option<(Seq, PathBuf)> {
    let list = |dir: PathBuf, ending: &str| -> Vec<(Seq, PathBuf)> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let parsed = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((Seq::new(name.strip_suffix(ending)?.parse().ok()?), entry.path()))
        });
        parsed.collect()
    };
    let mut states = list(directory.join("snapshot"), ".snapshot");
    states.extend(list(directory.join("journal"), ".1.base"));
    states.retain(|(seq, _)| *seq <= shipped);
    states.into_iter().max()
}
