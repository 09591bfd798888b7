//! Interprets the input as the lines of an export.

use std::sync::Arc;

use memimage::admin::{Export, Import, ImportReport, Void};
use memimage::disk::{Disk, SimDisk};
use memimage::{Error, Seq};

use super::fixed_image::{FixedImage, ROOT, disk_of, open, options, pruned, unpruned};

/// Imports the lines, exports the image, and does both once more with the lines of this export.
///
/// # Panics
///
/// If a refused import leaves a file, if the image has other events than the lines, or if the two exports differ by more than the
/// identity of the image.
pub fn import(input: &[u8]) {
    let disk = SimDisk::new();
    let report = match import_to(&disk, input) {
        Ok(report) => report,
        Err(error) => {
            assert!(disk.files().is_empty(), "a refused import left {:?}: {error}", disk.files());
            return;
        }
    };
    let lines = export_from(&disk);
    let count = |lines: &[u8], kind: &str| {
        lines.split(|byte| *byte == b'\n').filter(|line| has_kind(line, kind)).count() as u64
    };
    assert_eq!(count(&lines, "event"), report.events);
    for kind in ["event", "void", "gap", "time"] {
        assert_eq!(count(&lines, kind), count(input, kind), "lines of the kind `{kind}`");
    }
    let other = SimDisk::new();
    import_to(&other, &lines).expect("the lines were exported");
    assert_eq!(text(body(&export_from(&other))), text(body(&lines)));
    // the program may refuse the image, because its events are others
    drop(open(&disk, options().create(false)));
}

fn import_to(disk: &SimDisk, lines: &[u8]) -> Result<ImportReport, Error> {
    Import::new().run_with(Arc::new(disk.clone()), lines, ROOT)
}

fn export_from(disk: &SimDisk) -> Vec<u8> {
    let mut lines = Vec::new();
    Export::new().carry_gaps(true).run_with(Arc::new(disk.clone()), ROOT, &mut lines).expect("the image was imported");
    lines
}

/// Whether a line has the member `kind` with this value.
fn has_kind(line: &[u8], kind: &str) -> bool {
    let line: Result<serde_json::Value, _> = serde_json::from_slice(line);
    line.is_ok_and(|line| line["kind"] == kind)
}

/// The lines without the header, which identifies the image, and without the checksum, which covers the header.
fn body(lines: &[u8]) -> &[u8] {
    let start = lines.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    without_checksum(&lines[start..])
}

/// The lines up to the checksum in the last one.
fn without_checksum(lines: &[u8]) -> &[u8] {
    const MEMBER: &[u8] = b",\"checksum\":";
    let at = lines.windows(MEMBER.len()).rposition(|window| window == MEMBER);
    &lines[..at.expect("an export has a checksum")]
}

fn text(lines: &[u8]) -> String {
    String::from_utf8_lossy(lines).into_owned()
}

/// These lines with a gap in place of an event.
fn with_gap(lines: &[u8], seq: u64) -> Vec<u8> {
    let lines = text(lines);
    let event = lines.lines().find(|line| line.contains(&format!(r#""kind":"event","seq":{seq},"#)));
    let decision = r#""time":"2026-11-30T12:00:00.000000Z","reason":"lost","by":null"#;
    let gap = format!(r#"{{"kind":"gap","first":{seq},"last":{seq},{decision}}}"#);
    let lines = lines.replace(event.expect("the event was exported"), &gap);
    let (before, end) = lines.rsplit_once('}').expect("an export has an end");
    format!(r#"{before},"gaps":1}}{end}"#).into_bytes()
}

/// Exports of a complete journal, of one with void events, of both with a gap, and of a pruned one, with and without their checksums. With
/// a checksum, only an input that is no modified seed is of use.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let exported = |image: &FixedImage, voids: &[u64]| {
        let disk = disk_of(&image.files);
        for seq in voids {
            let path: Arc<dyn Disk> = Arc::new(disk.clone());
            Void::new(Seq::new(*seq), "a mistake").run_with(path, ROOT).expect("a void event");
        }
        export_from(&disk)
    };
    let complete = exported(unpruned(), &[]);
    let [unpruned, void, pruned] = [&complete, &exported(unpruned(), &[3, 7]), &exported(pruned(), &[])]
        .map(|lines| [without_checksum(lines), b"}\n"].concat());
    let seeds = vec![with_gap(&unpruned, 1), with_gap(&void, 5), unpruned, void, pruned, complete];
    for seed in &seeds {
        import_to(&SimDisk::new(), seed).expect("a seed is an export");
    }
    seeds
}
