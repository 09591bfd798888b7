//! Which protection an image has: encryption, a chain, or both. A task that takes no keys refuses a protected image.

use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;
use crate::journal::Layout;
use crate::keys::KeyIds;
use crate::snapshot::Snapshots;

/// Returns an error if the image with these segments is encrypted or chained. For a task that takes no keys. Changes nothing.
#[cfg(feature = "testing")]
pub(crate) fn refuse_protected(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    segments: &[crate::seq::SegmentId],
    task: &'static str,
) -> Result<(), Error> {
    let key_ids = crate::journal::Headers::read(&**disk, layout, segments)?.key_ids();
    if key_ids == KeyIds::default() {
        return Ok(());
    }
    let (path, without) = (layout.root().to_owned(), "takes no keys");
    let help = "create an unprotected copy with `memimage::admin::Rewrite`, which takes the keys, and use that";
    let help = help.to_owned();
    Err(Error::new(crate::error::ErrorDetail::Protected { path, how: how(key_ids), task, without, help }))
}

/// The description of a form of protection.
pub(super) fn how(key_ids: KeyIds) -> &'static str {
    match key_ids {
        KeyIds { cipher: None, chain: None } => "not protected",
        KeyIds { cipher: Some(_), chain: None } => "encrypted",
        KeyIds { cipher: None, chain: Some(_) } => "chained",
        KeyIds { cipher: Some(_), chain: Some(_) } => "encrypted and chained",
    }
}

/// The protection of the first protected snapshot or base.
pub(super) fn of_states(disk: &Arc<dyn Disk>, layout: &Layout) -> Result<KeyIds, Error> {
    let snapshots = Snapshots::new(disk, layout, &Arc::default());
    let states = snapshots.start_candidates()?;
    let headers = states.iter().filter_map(|(seq, path)| snapshots.open(*seq, path).ok());
    Ok(headers.map(|file| file.header.key_ids).find(|key_ids| *key_ids != KeyIds::default()).unwrap_or_default())
}
