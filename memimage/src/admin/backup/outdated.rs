//! Removes from a continued backup what its image no longer has.

use std::path::Path;
use std::sync::Arc;

use super::copies::is_missing;
use super::source::Source;
use crate::disk::{Disk, failed, sync_dir};
use crate::error::Error;
use crate::journal::Layout;
use crate::keys::Keyring;
use crate::planted::{Bug, planted};
use crate::snapshot::Snapshots;

/// Removes the segments before those of the image, the oldest first, and then the bases and snapshots that the image no longer has.
/// The backup must be verified: from here on it needs the bases of the image. A file that the image has, but that could not be read
/// there, is kept: the one in the backup may be intact.
///
/// `source` is the image as it was copied. Its owner may have pruned the journal further since, and removed what the backup needs.
pub(super) fn remove_outdated(
    disk: &Arc<dyn Disk>,
    source: &Source,
    (image, backup): (&Layout, &Layout),
    keyring: &Arc<Keyring>,
) -> Result<(), Error> {
    let remove = |path: &Path| disk.remove(path).map_err(|error| failed("removing", path, error));
    let first = source.segments().first();
    let survey = backup.survey(&**disk)?;
    for segment in survey.image(backup)?.iter().filter(|segment| **segment < first) {
        remove(&backup.segment(*segment))?;
    }
    sync_dir(&**disk, &backup.journal())?;
    for (_, path) in Snapshots::new(disk, backup, keyring).start_candidates()? {
        let place = path.strip_prefix(backup.root()).expect("a file of the backup");
        let of_image = image.root().join(place);
        let is_copied = source.has_state(&of_image) && !planted(Bug::BackupPrunedByNewReading);
        if !is_copied && is_missing(&**disk, &of_image)? {
            remove(&path)?;
        }
    }
    sync_dir(&**disk, &backup.journal())?;
    sync_dir(&**disk, &backup.snapshots())
}
