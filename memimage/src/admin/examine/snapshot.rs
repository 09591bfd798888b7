//! Examines the snapshots and bases of an image, and determines which are usable.

use std::collections::HashSet;
use std::path::PathBuf;

use super::content::{JournalContent, state_decodes};
use super::messages;
use crate::error::{Error, ErrorKind};
use crate::journal::{DigestMark, SalvageSource};
use crate::keys::{KeyIds, Keyring};
use crate::seq::{Life, Seq};
use crate::snapshot::{LoadedSnapshot, SnapshotFile, SnapshotHeader, Snapshots, Trailer};

/// The largest state, in bytes, that an examination decodes; decoding a state needs many times as much memory. If a state is
/// larger, an examination verifies only the checksums.
const DECODED: u64 = 4 << 20;

/// An examined snapshot or copy of a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExaminedSnapshot {
    /// The snapshot contains the state after this event.
    pub(crate) seq: Seq,
    pub(crate) path: PathBuf,
    pub(crate) is_base: bool,
    /// Whether the name and header of the file prove that the journal was synced up to `seq`.
    pub(crate) is_evidence: bool,
    /// The reason why the snapshot is not usable; `None` if it is usable.
    pub(crate) defect: Option<String>,
    /// Whether the snapshot belongs to this image and its current timeline, and would be usable if it were intact.
    pub(super) is_current: bool,
    /// Whether the file has correct checksums but is not valid under its key.
    pub(super) is_forged: bool,
    /// The ids of the keys in the file's header.
    pub(super) key_ids: KeyIds,
    life: Life,
}

impl ExaminedSnapshot {
    /// Reads the headers of all snapshots and bases, newest first.
    pub(super) fn all(snapshots: &Snapshots, source: &SalvageSource) -> Result<Vec<ExaminedSnapshot>, Error> {
        let mut examined = Vec::new();
        let bases: HashSet<PathBuf> = snapshots.bases().list()?.into_iter().map(|(_, path)| path).collect();
        for (seq, path) in snapshots.start_candidates()? {
            let is_base = bases.contains(&path);
            let mut snapshot = ExaminedSnapshot::unread(seq, path, is_base);
            match snapshots.open(seq, &snapshot.path) {
                Ok(file) => snapshot.header(&file.header, source),
                // the process that has the image open has just removed this file, so a newer snapshot exists
                Err(error) if error.is_missing() => continue,
                // even after an I/O error, the file is evidence: a snapshot gets its name only after the journal is synced up
                // to the snapshot's seq, and nothing indicates that the file belongs to another image
                Err(error) => {
                    (snapshot.is_evidence, snapshot.defect) = (error.is_io(), Some(error.in_short()));
                }
            }
            examined.push(snapshot);
        }
        Ok(examined)
    }

    fn unread(seq: Seq, path: PathBuf, is_base: bool) -> ExaminedSnapshot {
        ExaminedSnapshot {
            seq,
            path,
            is_base,
            is_evidence: false,
            defect: None,
            is_current: true,
            is_forged: false,
            key_ids: KeyIds::default(),
            life: Life::default(),
        }
    }

    /// Whether recovery can start from this snapshot.
    pub(crate) fn is_usable(&self) -> bool {
        self.defect.is_none()
    }

    fn header(&mut self, header: &SnapshotHeader, source: &SalvageSource) {
        (self.life, self.key_ids) = (header.life, header.key_ids);
        match source.identity() {
            Some(identity) if identity.uuid == header.identity.uuid => match source.life_conflict(header.life) {
                Some(conflict) => self.exclude(conflict),
                None => self.is_evidence = true,
            },
            Some(_) => self.exclude(messages::of_another_image().to_owned()),
            None => self.exclude(messages::unidentified().to_owned()),
        }
    }

    /// Marks the snapshot as unusable for a reason other than damage, such as another image, another timeline, or a later void
    /// decision.
    fn exclude(&mut self, defect: String) {
        (self.is_current, self.defect) = (false, Some(defect));
    }

    /// Reads and verifies the whole snapshot.
    ///
    /// # Errors
    ///
    /// Returns an error if a key is missing, because the snapshot may be intact.
    pub(super) fn read(
        &mut self,
        snapshots: &Snapshots,
        content: &JournalContent,
        keyring: &Keyring,
    ) -> Result<(), Error> {
        if self.defect.is_some() {
            return Ok(());
        }
        if content.voids.invalidates(self.seq, self.life.epoch) {
            self.exclude(messages::outdated_by_void());
            return Ok(());
        }
        if !keyring.matches(self.key_ids) {
            self.defect = Some(messages::other_protection());
            return Ok(());
        }
        match snapshots.open(self.seq, &self.path).and_then(|file| StateCheck::of(file, content)) {
            Ok(StateCheck { defect: Some(defect), .. }) => self.defect = Some(defect),
            Ok(StateCheck { defect: None, model, trailer }) => {
                let timeline = content.timeline(self.seq);
                self.defect = timeline.and_then(|timeline| {
                    let digest = || timeline.digest_conflict(model, trailer.digest, &content.voids);
                    timeline.link_conflict(trailer.link).or_else(digest)
                });
                self.is_current = self.defect.is_none();
            }
            Err(error) if error.kind() == ErrorKind::Key => return Err(error),
            Err(error) if error.is_forged() => {
                (self.is_forged, self.defect) = (true, Some(messages::forged_snapshot(&error.in_short())));
            }
            // the file is damaged, or the process that has the image open has just removed the file; then another reading finds
            // a newer snapshot
            Err(error) => self.defect = Some(error.in_short()),
        }
        Ok(())
    }
}

/// The result of reading all of a snapshot.
struct StateCheck {
    defect: Option<String>,
    /// Identifies the version and the shape of the snapshot's model.
    model: u64,
    trailer: Trailer,
}

impl StateCheck {
    /// Verifies the checksums. Decodes the state if its shape is known and its size is at most [`DECODED`].
    fn of(file: SnapshotFile, content: &JournalContent) -> Result<StateCheck, Error> {
        let model = DigestMark::model_of(file.header.model_version, file.header.fingerprint);
        let shape = content.models.get(&file.header.fingerprint);
        let (defect, trailer) = match shape.filter(|_| file.len() <= DECODED) {
            Some(shape) => {
                let LoadedSnapshot { state, trailer, .. } = file.bytes()?;
                (state_decodes(shape, &state).err(), trailer)
            }
            None => (None, file.check()?),
        };
        Ok(StateCheck { defect, model, trailer })
    }
}
