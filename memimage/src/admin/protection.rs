//! The protection of an image, and the refusal of a protected image by a task that takes no keys.

use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;
use crate::journal::Layout;
use crate::keys::Form;
use crate::snapshot::Snapshots;

/// Refuses the image with these segments if it is protected, for a task that takes no keys. Changes nothing.
#[cfg(feature = "testing")]
pub(crate) fn refuse_protected(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    segments: &[crate::seq::SegmentId],
    task: &'static str,
) -> Result<(), Error> {
    let form = crate::journal::Headers::read(&**disk, layout, segments)?.form();
    if form == Form::default() {
        return Ok(());
    }
    let (path, without) = (layout.root().to_owned(), "takes no keys");
    let mend = "create an unprotected copy with `memimage::admin::Rewrite`, which takes the keys, and use that";
    let mend = mend.to_owned();
    Err(Error::new(crate::error::Kind::Protected { path, how: how(form), task, without, mend }))
}

/// The description of a form of protection.
pub(super) fn how(form: Form) -> &'static str {
    match form {
        Form { cipher: None, chain: None } => "not protected",
        Form { cipher: Some(_), chain: None } => "encrypted",
        Form { cipher: None, chain: Some(_) } => "chained",
        Form { cipher: Some(_), chain: Some(_) } => "encrypted and chained",
    }
}

/// The protection of the first protected snapshot or base.
pub(super) fn of_states(disk: &Arc<dyn Disk>, layout: &Layout) -> Result<Form, Error> {
    let snapshots = Snapshots::new(disk, layout, &Arc::default());
    let states = snapshots.starts()?;
    let headers = states.iter().filter_map(|(seq, path)| snapshots.open(*seq, path).ok());
    Ok(headers.map(|file| file.header.form).find(|form| *form != Form::default()).unwrap_or_default())
}
