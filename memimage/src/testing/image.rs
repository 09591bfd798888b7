//! Real images in tests: read into memory, so that what stands on disk stays as it is.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::entry::Entry;
use super::stage::{Start, encoded};
use super::sure;
use crate::admin::refuse_protected;
use crate::context::Seed;
use crate::disk::{Disk, SimDisk};
use crate::error::Error;
use crate::event::Model;
use crate::image::Image;
use crate::journal::{FrameKind, Layout, Survey, records};
use crate::options::SnapshotPolicy;
use crate::recovery::{DROPPED, Dispatch, OpenedJournal, Recovered, RecoveryGoal, ReplayAction, dispatch_of, recover};
use crate::seq::Seq;
use crate::shape::{Shape, ShapeTree};

/// Where the copy stands on its disk.
const ROOT: &str = "image";

/// Opens a copy of the image at `path`, and lets `check` look at it.
///
/// For fixtures that are whole images, made once by an older program and committed. The files are copied into memory, so
/// the fixture stays as it is, and no lock is taken: many tests can use one at a time.
///
/// ```
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     #[command]
/// #     fn add(&mut self) -> u64 { self.count += 1; self.count }
/// # }
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("counter.image");
/// # let counter = Image::<Counter>::open(&path)?;
/// # counter.add()?;
/// # Image::close(counter)?;
/// use memimage::testing::golden_image;
///
/// // path = "tests/fixtures/counter.image"
/// golden_image::<Counter>(&path, |counter| {
///     assert_eq!(counter.query(|counter| counter.count).unwrap(), 1);
///     assert_eq!(counter.add().unwrap(), 2); // in the copy
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If there is no image of this model at `path`, or this program cannot open it; if it is encrypted or chained, since this takes
/// no keys.
#[track_caller]
pub fn golden_image<M: Model>(path: impl AsRef<Path>, check: impl FnOnce(&Image<M>)) {
    let path = path.as_ref();
    let disk = sure(copy(path));
    let image = sure(open::<M>(&disk, "golden_image").map_err(|error| refused(path, &error)));
    check(&image);
}

fn open<M: Model>(disk: &Arc<dyn Disk>, task: &'static str) -> Result<Image<M>, Error> {
    let layout = Layout::new(Path::new(ROOT));
    if let Survey::Image(segments) = layout.survey(&**disk)? {
        refuse_protected(disk, &layout, &segments, task)?;
    }
    Image::options().create(false).snapshots(SnapshotPolicy::Manual).open_on(Arc::clone(disk), ROOT)
}

fn refused(path: &Path, error: &Error) -> String {
    format!("a copy in memory of the image `{}` cannot be opened: {error}", path.display())
}

/// A copy of a directory in memory.
fn copy(path: &Path) -> Result<Arc<dyn Disk>, String> {
    let disk = SimDisk::new();
    copy_dir(path, &disk, Path::new(ROOT))
        .map_err(|error| format!("the image `{}` cannot be read: {error}", path.display()))?;
    Ok(Arc::new(disk))
}

fn copy_dir(from: &Path, disk: &SimDisk, to: &Path) -> std::io::Result<()> {
    disk.create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_dir(&from, disk, &to)?;
        } else {
            let (file, bytes) = (disk.create_new(&to)?, fs::read(&from)?);
            let mut written = 0;
            while written < bytes.len() {
                written += file.write_at(&bytes[written..], written as u64)?;
            }
            file.sync_all()?;
        }
    }
    disk.sync_dir(to)
}

/// All that an image holds: where it began, and its events.
pub(super) fn past<M: Model>(path: &Path) -> Result<(Start, Vec<Entry>), String> {
    let disk = copy(path)?;
    // recovery judges it first, and mends the end
    let closed = open::<M>(&disk, "given_image").and_then(Image::close);
    let past = closed.and_then(|()| read::<M>(&disk)).map_err(|error| refused(path, &error))?;
    let Past { seed, began, entries } = past;
    Ok((Start { seed, state: Some(encoded(&began.model)?), last: began.last, time: began.time }, entries))
}

/// What stands in a journal.
struct Past<M> {
    seed: Seed,
    /// Before its first event.
    began: Recovered<M>,
    entries: Vec<Entry>,
}

fn read<M: Model>(disk: &Arc<dyn Disk>) -> Result<Past<M>, Error> {
    let layout = Layout::new(Path::new(ROOT));
    let journal = OpenedJournal::open(disk, &layout, &Arc::default(), Some(M::NAME))?;
    let (scan, segments) = (journal.scan(), journal.segments());
    let dispatch = match dispatch_of::<M>(&journal) {
        Ok(dispatch) => dispatch,
        Err(_) => unreachable!("it was opened"),
    };
    let began = beginning::<M>(&journal, &dispatch)?;
    let voids = scan.voids(segments.first())?;
    let mut entries = Vec::new();
    scan.read(segments.first(), |segment, frame| {
        if frame.header.kind == FrameKind::Events {
            let body = scan.body(segment, frame)?;
            for record in records(&body, frame.header.first_seq, frame.header.count, frame.header.time) {
                let record = record.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
                if record.seq <= began.last {
                    continue;
                }
                let action = match voids.has(record.seq) {
                    true => ReplayAction::Dropped,
                    false => dispatch.action(record.event, M::EVENTS).expect("it was opened"),
                };
                let (name, version, shape, payload) = match action {
                    ReplayAction::Event(way) => {
                        let payload = body[record.payload].to_vec();
                        (way.event.name(), way.event.version(), way.shape.clone(), payload)
                    }
                    ReplayAction::Dropped => (DROPPED, 1, ShapeTree::of(<()>::SHAPE), Vec::new()),
                };
                entries.push(Entry {
                    name: name.to_owned(),
                    version,
                    shape: Arc::new(shape),
                    payload,
                    outcome: record.outcome,
                    origin: record.origin,
                    time: record.time,
                    metadata: record.metadata,
                });
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Past { seed: segments.identity().seed, began, entries })
}

/// The oldest state from which all of the events since are there: genesis, or the base of a journal that was pruned.
fn beginning<M: Model>(journal: &OpenedJournal, dispatch: &Dispatch) -> Result<Recovered<M>, Error> {
    let (segments, snapshots) = (journal.segments(), journal.snapshots());
    let at = |seq| {
        let goal =
            RecoveryGoal { until: Some(seq), newest_snapshot: Some(seq), verify_digests: true, trust_upcasters: true };
        recover::<M>(journal, dispatch, goal)
    };
    if segments.starts_at_genesis() {
        return at(Seq::ZERO);
    }
    for (seq, _) in snapshots.start_candidates()?.into_iter().rev() {
        if segments.reaches(seq)?
            && let Ok(recovered) = at(seq)
        {
            return Ok(recovered);
        }
    }
    // says what there is, and why it cannot be used
    at(Seq::ZERO)
}
