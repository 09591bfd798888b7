//! An image that was imported from the export of another one has the same history and the same state.

mod damaged_lines;
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

/// The lines without the checksum in the last one, so that an import accepts changes.
fn unchecked(lines: &str) -> String {
    let (before, checksum) = lines.rsplit_once(r#","checksum":""#).expect("an export has a checksum");
    assert_eq!(checksum.len(), 16 + "\"}\n".len(), "{checksum}");
    format!("{before}}}\n")
}

/// Exports the image at [`IMAGE`], imports the lines at [`COPY`], and verifies that the two images do not differ: their states, and their
/// lines except for the header and the checksum, which covers the header. Returns the reports.
#[track_caller]
fn assert_copied<M: Model>(disk: &SimDisk) -> (ExportReport, ImportReport) {
    let (exported, lines) = export(disk, IMAGE).unwrap();
    let imported = import(disk, &lines).unwrap_or_else(|error| panic!("{error}"));
    assert!(check_with(Arc::new(disk.clone()), COPY).unwrap().is_sound());
    let (again, copied) = export(disk, COPY).unwrap();
    assert_eq!(again, exported);
    let body = |lines: &str| unchecked(lines).split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&copied), body(&lines));
    assert_eq!((imported.events, imported.seq, imported.base), (exported.events, exported.seq, exported.base));
    assert_eq!(state::<M>(disk, COPY), state::<M>(disk, IMAGE));
    (exported, imported)
}
