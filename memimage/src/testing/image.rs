//! Real images in tests. The files are copied into memory, so the image on disk stays unchanged.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::model_under_test::{StartState, encoded};
use super::or_panic;
use super::recorded_event::RecordedEvent;
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

/// The path of the copy on its simulated disk.
const ROOT: &str = "image";

/// Opens a copy of the image at `path`, and calls `check` with it.
///
/// Use this function for fixtures that are whole images, created by an older program and committed. The files are copied into
/// memory. The fixture stays unchanged and no lock is taken, so several tests can use one fixture at the same time.
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
/// Panics if there is no image of this model at `path`, if this program cannot open the image, or if the image is encrypted or
/// chained.
#[track_caller]
pub fn golden_image<M: Model>(path: impl AsRef<Path>, check: impl FnOnce(&Image<M>)) {
    let path = path.as_ref();
    let disk = or_panic(copy(path));
    let image = or_panic(open::<M>(&disk, "golden_image").map_err(|error| cannot_open(path, &error)));
    check(&image);
}

fn open<M: Model>(disk: &Arc<dyn Disk>, task: &'static str) -> Result<Image<M>, Error> {
    let layout = Layout::new(Path::new(ROOT));
    if let Survey::Image(segments) = layout.survey(&**disk)? {
        refuse_protected(disk, &layout, &segments, task)?;
    }
    Image::options().create(false).snapshots(SnapshotPolicy::Manual).open_on(Arc::clone(disk), ROOT)
}

fn cannot_open(path: &Path, error: &Error) -> String {
    format!("a copy of the image `{}` in memory cannot be opened: {error}", path.display())
}

/// Copies a directory into memory.
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

/// The start state and the events of an image.
pub(super) fn history<M: Model>(path: &Path) -> Result<(StartState, Vec<RecordedEvent>), String> {
    let disk = copy(path)?;
    // open and close the copy first, so that recovery checks it and repairs a torn write at its end
    let closed = open::<M>(&disk, "given_image").and_then(Image::close);
    let history = closed.and_then(|()| read::<M>(&disk)).map_err(|error| cannot_open(path, &error))?;
    let ImageHistory { seed, start, events } = history;
    Ok((StartState { seed, state: Some(encoded(&start.model)?), last: start.last, time: start.time }, events))
}

/// The history that a journal contains.
struct ImageHistory<M> {
    seed: Seed,
    /// The state before the first event.
    start: Recovered<M>,
    events: Vec<RecordedEvent>,
}

fn read<M: Model>(disk: &Arc<dyn Disk>) -> Result<ImageHistory<M>, Error> {
    let layout = Layout::new(Path::new(ROOT));
    let journal = OpenedJournal::open(disk, &layout, &Arc::default(), Some(M::NAME))?;
    let (scan, segments) = (journal.scan(), journal.segments());
    let dispatch = match dispatch_of::<M>(&journal) {
        Ok(dispatch) => dispatch,
        Err(_) => unreachable!("the image was opened before"),
    };
    let start = beginning::<M>(&journal, &dispatch)?;
    let voids = scan.voids(segments.first())?;
    let mut events = Vec::new();
    scan.read(segments.first(), |segment, frame| {
        if frame.header.kind == FrameKind::Events {
            let body = scan.body(segment, frame)?;
            for record in records(&body, frame.header.first_seq, frame.header.count, frame.header.time) {
                let record = record.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
                if record.seq <= start.last {
                    continue;
                }
                let action = match voids.has(record.seq) {
                    true => ReplayAction::Dropped,
                    false => dispatch.action(record.event, M::EVENTS).expect("the image was opened before"),
                };
                let (name, version, shape, payload) = match action {
                    ReplayAction::Event(route) => {
                        let payload = body[record.payload].to_vec();
                        (route.event.name(), route.event.version(), route.shape.clone(), payload)
                    }
                    ReplayAction::Dropped => (DROPPED, 1, ShapeTree::of(<()>::SHAPE), Vec::new()),
                };
                events.push(RecordedEvent {
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
    Ok(ImageHistory { seed: segments.identity().seed, start, events })
}

/// The oldest state from which the journal has all events: genesis, or the base of a pruned journal.
fn beginning<M: Model>(journal: &OpenedJournal, dispatch: &Dispatch) -> Result<Recovered<M>, Error> {
    let (segments, snapshots) = (journal.segments(), journal.snapshots());
    let at = |seq| {
        let goal = RecoveryGoal {
            until: Some(seq),
            newest_snapshot: Some(seq),
            verify_digests: true,
            trust_upcasters: true,
            ..RecoveryGoal::default()
        };
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
    // this call is made for its error, which lists the bases and snapshots, and why each is unusable
    at(Seq::ZERO)
}
