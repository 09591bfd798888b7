//! Describes the protection of an image (encryption, a chain, or both), and reads the headers of snapshots and bases. An
//! operation that takes no keys refuses a protected image.

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;
use crate::journal::{Identity, Layout};
use crate::keys::{KeyIds, Keyring};
use crate::seq::Seq;
use crate::snapshot::{SnapshotFile, SnapshotHeader, Snapshots};

/// Returns an error if the image with these segments is encrypted or chained. `task` is an operation that takes no keys.
/// Changes nothing.
#[cfg(feature = "testing")]
pub(crate) fn refuse_protected(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    segments: &[crate::seq::SegmentId],
    task: &'static str,
) -> Result<(), Error> {
    let key_ids = crate::journal::Headers::read(&**disk, layout, segments, &[])?.key_ids();
    if key_ids == KeyIds::default() {
        return Ok(());
    }
    let (path, without) = (layout.root().to_owned(), "takes no keys");
    let help = "create an unprotected copy with `memimage::admin::Rewrite`, which takes the keys, and use that";
    let help = help.to_owned();
    Err(Error::new(crate::error::ErrorDetail::Protected { path, how: how(key_ids), task, without, help }))
}

/// The description of a protection in messages.
pub(super) fn how(key_ids: KeyIds) -> &'static str {
    match key_ids {
        KeyIds { cipher: None, chain: None } => "not protected",
        KeyIds { cipher: Some(_), chain: None } => "encrypted",
        KeyIds { cipher: None, chain: Some(_) } => "chained",
        KeyIds { cipher: Some(_), chain: Some(_) } => "encrypted and chained",
    }
}

/// The intact headers of snapshots and bases, newest first.
pub(super) struct StateHeaders {
    found: Vec<(Seq, PathBuf, SnapshotHeader)>,
}

impl StateHeaders {
    pub(super) fn read(disk: &Arc<dyn Disk>, layout: &Layout) -> Result<StateHeaders, Error> {
        let snapshots = Snapshots::new(disk, layout, &Arc::default());
        let mut found = Vec::new();
        for (seq, path) in snapshots.start_candidates()? {
            if let Ok(file) = snapshots.open(seq, &path) {
                found.push((seq, path, file.header));
            }
        }
        Ok(StateHeaders { found })
    }

    pub(super) fn identities(&self) -> Vec<Identity> {
        self.found.iter().map(|(.., header)| header.identity.clone()).collect()
    }

    /// The protection of the newest protected snapshot or base.
    pub(super) fn key_ids(&self) -> KeyIds {
        let mut key_ids = self.found.iter().map(|(.., header)| header.key_ids);
        key_ids.find(|key_ids| *key_ids != KeyIds::default()).unwrap_or_default()
    }

    /// Finds the newest intact snapshot or base of this image. Returns the identity in this file, with the seed decrypted, and
    /// the ids of the keys that verified the file.
    pub(super) fn intact(
        &self,
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        uuid: &[u8; 16],
    ) -> Result<Option<(Identity, KeyIds)>, Error> {
        let snapshots = Snapshots::new(disk, layout, keyring);
        let own =
            self.found.iter().filter(|(.., header)| header.identity.uuid == *uuid && keyring.matches(header.key_ids));
        for (seq, path, header) in own {
            if let Ok(identity) = snapshots.open(*seq, path).and_then(SnapshotFile::identity) {
                return Ok(Some((identity, header.key_ids)));
            }
        }
        Ok(None)
    }
}
