//! Loads and stores the state of a projection. The files have the format of the image's snapshots.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::directory::ProjectionDirectory;
use super::projector::Projector;
use crate::context::Timestamp;
use crate::digest::{Digest, DigestError, digest};
use crate::error::{Error, ErrorDetail, ErrorKind, ProjectionFault};
use crate::journal::{Identity, Timeline, Voids};
use crate::log;
use crate::panics::panic_message;
use crate::recovery::OpenedJournal;
use crate::requests::RequestLog;
use crate::seq::{Life, Seq};
use crate::shape::fingerprint;
use crate::snapshot::{LoadedSnapshot, SnapshotFile, SnapshotHeader, Snapshots};

/// The position of a state in the history of its image.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HistoryPosition {
    /// The last event handled.
    pub(super) seq: Seq,
    /// The recorded time of this event.
    pub(super) time: Timestamp,
    /// The hash of the frame with this event, which identifies the history up to it; 0 if there is no event.
    pub(super) hash: u64,
    /// The life in which this event was recorded. The id is 0 if it is not known.
    pub(super) life: Life,
    /// The newest epoch whose void events the state does not contain.
    pub(super) void_epoch: u64,
}

/// A state at which a projection continues.
pub(super) struct LoadedState<P> {
    pub(super) state: P,
    pub(super) position: HistoryPosition,
    /// The void events that the projection must skip from here on.
    pub(super) voids: Voids,
    /// The stored states that cannot be used any more, each with the reason.
    pub(super) unusable: Vec<(Seq, String)>,
}

impl HistoryPosition {
    fn of(header: &SnapshotHeader, hash: u64) -> HistoryPosition {
        let (seq, time, life) = (header.seq, header.time, header.life);
        HistoryPosition { seq, time, hash, life, void_epoch: life.epoch }
    }

    /// The life in a snapshot: the newest epoch that the state takes into account, and the id of this epoch if it is known.
    fn stored_life(&self) -> Life {
        match self.void_epoch > self.life.epoch {
            true => Life { epoch: self.void_epoch, id: 0 },
            false => self.life,
        }
    }
}

/// Loads the newest state of this version that belongs to the history of the journal; the state before the first event if there is
/// none.
///
/// # Errors
///
/// Returns an error if the directory belongs to another image or projection, or if the shape has changed without the version.
pub(super) fn load<P: Projector>(
    directory: &ProjectionDirectory,
    others: &[Snapshots],
    journal: &OpenedJournal,
) -> Result<LoadedState<P>, Error> {
    for snapshots in others {
        for (seq, path) in snapshots.list()? {
            if let Ok(file) = snapshots.open(seq, &path) {
                refuse_foreign::<P>(&file.header, directory.root(), journal)?;
            }
        }
    }
    let snapshots = directory.snapshots();
    let mut unusable = Vec::new();
    for (seq, path) in snapshots.list()? {
        let loaded = snapshots.open(seq, &path).and_then(|file| candidate::<P>(file, directory.root(), &path, journal));
        match loaded {
            Ok((state, position, voids)) => return Ok(LoadedState { state, position, voids, unusable }),
            Err(error) if matches!(error.kind(), ErrorKind::Incompatible | ErrorKind::Key) => return Err(error),
            Err(error) => {
                log::warning!(projection = P::NAME, %seq, %error, "cannot use a snapshot of a projection; an older one is tried");
                unusable.push((seq, error.in_short()));
            }
        }
    }
    let voids = journal.scan().voids_after(Seq::ZERO)?;
    Ok(LoadedState { state: P::default(), position: HistoryPosition::default(), voids, unusable })
}

/// Returns an error if a snapshot is one of another image or of another projection.
fn refuse_foreign<P: Projector>(header: &SnapshotHeader, root: &Path, journal: &OpenedJournal) -> Result<(), Error> {
    let path = root.to_owned();
    if header.identity.model != P::NAME {
        let found = header.identity.model.clone();
        return Err(ProjectionFault::OtherProjection { path, expected: P::NAME, found }.into());
    }
    if header.identity.uuid != journal.segments().identity().uuid {
        let image = journal.layout().root().to_owned();
        return Err(ProjectionFault::OtherImage { path, image }.into());
    }
    Ok(())
}

fn candidate<P: Projector>(
    file: SnapshotFile,
    root: &Path,
    path: &Path,
    journal: &OpenedJournal,
) -> Result<(P, HistoryPosition, Voids), Error> {
    let refused = |what: &str| Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what: what.to_owned() });
    let header = file.header.clone();
    refuse_foreign::<P>(&header, root, journal)?;
    if header.model_version != P::VERSION {
        return Err(refused("it has another version than its directory"));
    }
    if header.fingerprint != fingerprint(P::SHAPE).to_u64() {
        let (path, name, version) = (root.to_owned(), P::NAME, P::VERSION);
        return Err(ProjectionFault::ChangedShape { path, name, version }.into());
    }
    let (voids, timeline) = journal.scan().voids_and_timeline(header.seq, None)?;
    if voids.invalidates(header.seq, header.life.epoch) {
        return Err(refused("an event that it contains became void later"));
    }
    if let Some(what) = missing_in_history(&header, &timeline, journal)? {
        return Err(refused(&what));
    }
    let loaded = catch_unwind(AssertUnwindSafe(|| {
        let LoadedSnapshot { state, trailer, .. } = file.load::<P>()?;
        Ok((digest(&state).map(Digest::to_u64), state, trailer))
    }));
    let loaded = loaded.unwrap_or_else(|panic| Err(refused(&format!("loading it panicked: {}", panic_message(panic)))));
    let (found, state, trailer) = loaded?;
    if let Some(what) = timeline.link_conflict(trailer.link) {
        return Err(refused(&what));
    }
    if found.ok() != Some(trailer.digest) {
        return Err(refused("the state that it loads differs from the state that was written"));
    }
    Ok((state, HistoryPosition::of(&header, trailer.link), voids))
}

/// Why the last event of a snapshot is not in the history of the journal, if its frame is missing.
fn missing_in_history(
    header: &SnapshotHeader,
    timeline: &Timeline,
    journal: &OpenedJournal,
) -> Result<Option<String>, Error> {
    if timeline.has_event() || header.seq == Seq::ZERO {
        return Ok(None);
    }
    let last = journal.scan().last_event()?;
    if last < header.seq {
        return Ok(Some(format!(
            "the journal ends with event {last}: it was repaired, or restored from an older backup"
        )));
    }
    // the frame was pruned, or is damaged; if the next events are damaged too, reading them reports it
    let segments = journal.segments();
    if let Some(first) = segments.first_frame(segments.first())?
        && first.decisions > 0
        && first.life.epoch > header.life.epoch
    {
        return Ok(Some(
            "an event that it contains may have become void in the part of the journal that was pruned".to_owned(),
        ));
    }
    let conflict = (header.life.id != 0).then(|| journal.segments().life_conflict(header.life));
    Ok(conflict.flatten())
}

/// Writes the state to a snapshot, loads it once, and gives it its name. The caller's thread may wait for the disk.
pub(super) fn store<P: Projector>(
    snapshots: &Snapshots,
    state: &P,
    position: &HistoryPosition,
    image: [u8; 16],
) -> Result<(), Error> {
    let stored = catch_unwind(AssertUnwindSafe(|| try_store(snapshots, state, position, image)));
    stored.unwrap_or_else(|panic| {
        let what = format!("its serialization panicked: {}", panic_message(panic));
        Err(not_stored::<P>(what, "correct the `Serialize` and `Deserialize` of its types"))
    })
}

fn try_store<P: Projector>(
    snapshots: &Snapshots,
    state: &P,
    position: &HistoryPosition,
    image: [u8; 16],
) -> Result<(), Error> {
    let no_digest = |error: DigestError| {
        let help = match error.is_too_deep() {
            true => {
                "keep the parts of a recursive type in a `Vec` or a map, and let them refer to each other by index or key"
            }
            false => "make its `Serialize` write the structure that its `Shape` describes",
        };
        not_stored::<P>(error.to_string(), help)
    };
    let written = digest(state).map_err(no_digest)?.to_u64();
    let header = SnapshotHeader {
        identity: Identity { uuid: image, seed: Default::default(), parent: None, model: P::NAME.to_owned() },
        life: position.stored_life(),
        seq: position.seq,
        time: position.time,
        created: Timestamp::wall_clock(),
        model_version: P::VERSION,
        fingerprint: fingerprint(P::SHAPE).to_u64(),
        key_ids: Default::default(),
        prefix: Default::default(),
        has_requests: false,
        requests_since: Seq::ZERO,
    };
    let staged = snapshots.write(header, written, (state, &RequestLog::default()), || Ok(position.hash))?;
    let loaded = snapshots.load::<P>(&staged).and_then(|loaded| {
        let difference = match loaded {
            Err(what) => what,
            Ok(loaded) if digest(&loaded).map_err(no_digest)?.to_u64() == written => return Ok(()),
            Ok(_) => "the state that it loads differs from the state that was written".to_owned(),
        };
        Err(not_stored::<P>(
            difference,
            "make the `Deserialize` of each type in it return the value that `Serialize` wrote",
        ))
    });
    match loaded {
        Ok(()) => snapshots.install(&staged),
        Err(error) => {
            snapshots.discard(&staged);
            Err(error)
        }
    }
}

fn not_stored<P: Projector>(what: String, help: &'static str) -> Error {
    ProjectionFault::NotStored { name: P::NAME, what, help }.into()
}
