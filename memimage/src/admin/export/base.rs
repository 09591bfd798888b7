//! The state with which a pruned journal begins.

use std::path::Path;

use super::lines::{Base, hex_number};
use super::time;
use crate::error::{Error, ErrorDetail};
use crate::journal::Voids;
use crate::recovery::OpenedJournal;
use crate::seq::Seq;
use crate::snapshot::{SnapshotFile, Trailer};
use crate::value::text::hex;

/// The intact base of a pruned journal.
pub(super) struct ExportedBase {
    pub(super) file: SnapshotFile,
    trailer: Trailer,
}

impl ExportedBase {
    /// Finds the newest base that recovery can use or, without one, the oldest such snapshot.
    ///
    /// # Errors
    ///
    /// Returns an error if there is neither.
    pub(super) fn find(journal: &OpenedJournal, voids: &Voids, last: Seq) -> Result<ExportedBase, Error> {
        let snapshots = journal.snapshots();
        let oldest_snapshot_first = snapshots.list()?.into_iter().rev();
        let mut tried = Vec::new();
        for (seq, path) in snapshots.bases().list()?.into_iter().chain(oldest_snapshot_first) {
            if seq > last || !journal.segments().reaches(seq)? {
                continue;
            }
            match usable(journal, voids, (seq, &path)) {
                Ok(base) => return Ok(base),
                Err(error) if error.is_missing() => {}
                Err(error) => tried.push(error.briefly()),
            }
        }
        let path = journal.segments().path(journal.segments().first());
        Err(Error::new(ErrorDetail::Pruned { path, tried, changed: false }))
    }

    pub(super) fn seq(&self) -> Seq {
        self.file.header.seq
    }

    /// The description of the base in the header of the export.
    pub(super) fn line(&self, journal: &OpenedJournal) -> Result<Base, Error> {
        let header = &self.file.header;
        let mark = journal.scan().pruned()?.filter(|mark| mark.fingerprint == header.fingerprint);
        Ok(Base {
            seq: header.seq.get(),
            time: time::to_json(header.time),
            created: time::to_json(header.created),
            model_version: header.model_version,
            fingerprint: hex_number(header.fingerprint),
            shape_bytes: mark.map(|mark| hex(&mark.shape)),
            digest: hex_number(self.trailer.digest),
            requests: header.has_requests,
            requests_since: header.requests_since.get(),
        })
    }
}

fn usable(journal: &OpenedJournal, voids: &Voids, (seq, path): (Seq, &Path)) -> Result<ExportedBase, Error> {
    let unusable = |what: String| Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what });
    let (segments, file) = (journal.segments(), journal.snapshots().open(seq, path)?);
    let header = &file.header;
    if header.identity.uuid != segments.identity().uuid {
        return Err(unusable("the file belongs to another image".to_owned()));
    }
    if let Some(conflict) = segments.life_conflict(header.life) {
        return Err(unusable(conflict));
    }
    if voids.invalidates(seq, header.life.epoch) {
        return Err(unusable("the state contains the effect of an event that became void".to_owned()));
    }
    let trailer = file.check()?;
    Ok(ExportedBase { file: journal.snapshots().open(seq, path)?, trailer })
}
