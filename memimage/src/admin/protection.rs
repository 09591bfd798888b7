//! Refusing images that are encrypted or chained where no keys are taken.

use std::sync::Arc;

use crate::disk::Disk;
use crate::error::{Error, Kind};
use crate::journal::{Layout, Trail};
use crate::keys::Form;
use crate::seq::SegmentId;
use crate::snapshot::Snapshots;

/// Refuses the image of these segments if it is protected, for a task that takes no keys. Changes nothing.
pub(crate) fn refuse_protected(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    segments: &[SegmentId],
    task: &'static str,
) -> Result<(), Error> {
    let trail = Trail::open(disk, layout, segments)?;
    let form = match trail.identity() {
        Some(_) => trail.form(),
        // the headers of all segments are damaged, and those of snapshots may not be
        None => of_states(&Snapshots::new(disk, layout, &Arc::default()))?,
    };
    let how = match form {
        Form { cipher: None, chain: None } => return Ok(()),
        Form { cipher: Some(_), chain: None } => "encrypted",
        Form { cipher: None, chain: Some(_) } => "chained",
        Form { cipher: Some(_), chain: Some(_) } => "encrypted and chained",
    };
    Err(Error::new(Kind::Protected { path: layout.root().to_owned(), how, task }))
}

/// How the first snapshot or base is protected that is.
fn of_states(snapshots: &Snapshots) -> Result<Form, Error> {
    let states = snapshots.starts()?;
    let headers = states.iter().filter_map(|(seq, path)| snapshots.open(*seq, path).ok());
    Ok(headers.map(|file| file.header.form).find(|form| *form != Form::default()).unwrap_or_default())
}
