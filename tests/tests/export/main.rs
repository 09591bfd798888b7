//! An image that was imported from the export of another one has the same history and the same state.

mod histories;
mod shapes;

use std::sync::Arc;

use memimage::admin::{Export, ExportReport, Import, ImportReport, check_with};
use memimage::disk::SimDisk;
use memimage::{Digest, Error, Image, Model, Options, SnapshotPolicy, Timestamp, digest};

const IMAGE: &str = "/image";
const COPY: &str = "/copy";

/// Options with small segments, manual snapshots, and a deterministic clock that begins at `start` microseconds.
fn options<M: Model>(start: u64) -> Options<M> {
    let clock = std::sync::atomic::AtomicU64::new(start);
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, std::sync::atomic::Ordering::Relaxed)))
}

fn export(disk: &SimDisk, path: &str) -> Result<(ExportReport, String), Error> {
    let mut lines = Vec::new();
    let report = Export::new().run_with(Arc::new(disk.clone()), path, &mut lines)?;
    Ok((report, String::from_utf8(lines).unwrap()))
}

fn import(disk: &SimDisk, lines: &str) -> Result<ImportReport, Error> {
    Import::new().run_with(Arc::new(disk.clone()), lines.as_bytes(), COPY)
}

/// The state to which a copy of the image opens.
#[track_caller]
fn state<M: Model>(disk: &SimDisk, path: &str) -> Digest {
    let opened = options::<M>(1 << 40).open_with(Arc::new(disk.fork()), path);
    let image = opened.unwrap_or_else(|error| panic!("{path}: {error}"));
    image.query(|model| digest(model).unwrap()).unwrap()
}

/// Exports the image at [`IMAGE`], imports the lines at [`COPY`], and verifies that the two images do not differ: their states, and
/// their lines except for the header. Returns the reports.
///
/// An import writes the decisions that events are void after all events, so their lines, and those of later digests, may move.
#[track_caller]
fn assert_copied<M: Model>(disk: &SimDisk) -> (ExportReport, ImportReport) {
    let (exported, lines) = export(disk, IMAGE).unwrap();
    let imported = import(disk, &lines).unwrap_or_else(|error| panic!("{error}"));
    assert!(check_with(Arc::new(disk.clone()), COPY).unwrap().is_sound());
    let (again, copied) = export(disk, COPY).unwrap();
    assert_eq!(again, exported);
    let sorted = |lines: &str| {
        let mut sorted: Vec<String> = lines.lines().skip(1).map(str::to_owned).collect();
        sorted.sort_unstable();
        sorted
    };
    assert_eq!(sorted(&copied), sorted(&lines));
    if !lines.contains(r#"{"kind":"void""#) {
        assert_eq!(copied.split_once('\n').unwrap().1, lines.split_once('\n').unwrap().1);
    }
    assert_eq!((imported.events, imported.seq, imported.base), (exported.events, exported.seq, exported.base));
    assert_eq!(state::<M>(disk, COPY), state::<M>(disk, IMAGE));
    (exported, imported)
}
