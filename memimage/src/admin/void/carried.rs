//! Records the decisions of an image in a copy of its history.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::session::VoidSession;
use crate::disk::Disk;
use crate::error::Error;
use crate::journal::{FrameKind, Layout, ShapeTable, VoidMark};
use crate::keys::Keyring;
use crate::recovery::{RequiredEnd, SettledJournal, WritableJournal};

/// Records the decisions in the image at `layout`, which no other process can open, and syncs them. They belong to a new epoch, so that
/// the recorded outcomes of all events after a void one no longer count. Returns the error if the next segment, which proves that the
/// decisions were synced, could not be created.
pub(in crate::admin) fn carry_over(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    keyring: &Arc<Keyring>,
    decisions: &[VoidMark],
) -> Result<Option<String>, Error> {
    let Some(newest) = decisions.last() else { return Ok(None) };
    let opened = WritableJournal::open(disk, layout, keyring, None, RequiredEnd::Proven)?;
    let scan = opened.journal.scan();
    let (mut table, mut align_shift) = (ShapeTable::default(), 0);
    let end = scan.read(scan.segments().first(), |segment, frame| {
        align_shift = frame.header.align_shift;
        if frame.header.kind == FrameKind::Shapes {
            let added = table.add(scan.rows(segment, frame)?);
            added.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let end = end.expect("it is read to its end");
    let SettledJournal { journal, durable_file, .. } = opened.settle(&end)?;
    let session = VoidSession { journal, keyring: Arc::clone(keyring) };
    let marks: Vec<Vec<u8>> = decisions.iter().map(VoidMark::encode).collect();
    let (_, unproven) = session.record(&marks, newest.time, &end, &table, durable_file, align_shift)?;
    Ok(unproven)
}
