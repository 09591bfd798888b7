//! A snapshot contains the state after one event, so that recovery need not replay the whole journal. A snapshot is a cache.
//! The journal is authoritative.

mod protection;
mod format;
mod reader;
mod writer;
mod base;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "admin")]
pub(crate) use base::quarantined_base;
pub(crate) use base::{BaseRepair, Bases};
pub(crate) use format::{SnapshotHeader, Trailer};
pub(crate) use reader::{LoadedSnapshot, SnapshotFile};
use writer::WrittenState;

#[cfg(feature = "admin")]
use crate::disk::sync_dir;
use crate::disk::{Disk, StagedFile, failed};
use crate::entropy::random;
use crate::error::{Error, ErrorDetail};
use crate::figures::{Figures, NewestSnapshot};
use crate::journal::{Layout, SNAPSHOT};
use crate::keys::Keyring;
use crate::planted::{Bug, planted};
use crate::progress::ProgressReporter;
use crate::requests::{LogAfter, RequestLog};
use crate::seq::Seq;
use crate::shape::Shape;

/// The snapshots of one image.
#[derive(Clone, Debug)]
pub(crate) struct Snapshots {
    disk: Arc<dyn Disk>,
    layout: Layout,
    keyring: Arc<Keyring>,
    /// The figures of the image that makes snapshots.
    figures: Arc<Figures>,
    /// Reports the progress of loading a snapshot, while an image opens.
    reporter: Option<Arc<ProgressReporter>>,
}

/// A snapshot that is written and synced under a temporary name.
#[derive(Debug)]
pub(crate) struct StagedSnapshot {
    staged: StagedFile,
    /// The length of the file, in bytes.
    pub(crate) bytes: u64,
    newest: NewestSnapshot,
    /// When the write began.
    began: Instant,
}

/// Some bytes of an encoded state, or of the encoded table of requests that follows it.
#[cfg(feature = "admin")]
pub(crate) enum EncodedPart {
    State(Vec<u8>),
    Requests(Vec<u8>),
}

impl Snapshots {
    pub(crate) fn new(disk: &Arc<dyn Disk>, layout: &Layout, keyring: &Arc<Keyring>) -> Snapshots {
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        Snapshots { disk, layout, keyring, figures: Arc::default(), reporter: None }
    }

    /// The same snapshots for an image that opens: the progress of loading one is reported.
    pub(crate) fn reporting_to(&self, reporter: Option<&Arc<ProgressReporter>>) -> Snapshots {
        Snapshots { reporter: reporter.cloned(), ..self.clone() }
    }

    /// The same snapshots for an image that is open: those that are made are counted in `figures`.
    pub(crate) fn counted_in(&self, figures: &Arc<Figures>) -> Snapshots {
        Snapshots { figures: Arc::clone(figures), reporter: None, ..self.clone() }
    }

    /// Lists all snapshots, newest first, from the file names alone.
    pub(crate) fn list(&self) -> Result<Vec<(Seq, PathBuf)>, Error> {
        let dir = self.layout.snapshots();
        let names = self.layout.list_if_exists(&*self.disk, &dir)?;
        let mut found: Vec<_> =
            names.iter().filter_map(|(name, _)| Some((parse_file_name(name)?, dir.join(name)))).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// The bases of the image.
    pub(crate) fn bases(&self) -> Bases<'_> {
        Bases::new(&*self.disk, &self.layout, &self.keyring)
    }

    /// The snapshots and the copies of bases, newest first: the states, other than genesis, from which recovery may start.
    pub(crate) fn start_candidates(&self) -> Result<Vec<(Seq, PathBuf)>, Error> {
        let mut candidates = self.list()?;
        candidates.extend(self.bases().list()?);
        // a stable sort: for the same event, the snapshot comes before the copies of the base
        candidates.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        Ok(candidates)
    }

    /// The path of the snapshot after this event.
    pub(crate) fn path(&self, seq: Seq) -> PathBuf {
        self.layout.snapshots().join(file_name(seq))
    }

    /// Opens a snapshot or a copy of a base and reads its header.
    ///
    /// # Errors
    ///
    /// Returns an error if the header is damaged, or contains another seq than `seq`.
    pub(crate) fn open(&self, seq: Seq, path: &std::path::Path) -> Result<SnapshotFile, Error> {
        let file = SnapshotFile::open(&*self.disk, path, &self.keyring)?;
        if file.header.seq != seq {
            let what = format!("the header names event {}", file.header.seq);
            return Err(Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what }));
        }
        Ok(file.reporting_to(self.reporter.clone()))
    }

    /// The header of a snapshot or a copy of a base; `None` if it cannot be read.
    pub(crate) fn header(&self, path: &std::path::Path) -> Option<SnapshotHeader> {
        SnapshotFile::open(&*self.disk, path, &self.keyring).ok().map(|file| file.header)
    }

    /// The figures of a snapshot or a copy of a base; `None` if its header or its trailer cannot be read.
    pub(crate) fn describe(&self, seq: Seq, path: &std::path::Path) -> Option<NewestSnapshot> {
        let file = self.open(seq, path).ok()?;
        Some(NewestSnapshot { created: file.header.created, state_bytes: file.state_bytes()? })
    }

    /// Writes and syncs a snapshot, with those requests that are remembered, under a temporary name, protected by the current keys.
    /// `link` returns the hash of the frame that contains the last event in the state; `link` is called after the state was
    /// serialized and dropped.
    pub(crate) fn write(
        &self,
        header: SnapshotHeader,
        digest: u64,
        (state, requests): (impl Serialize, &RequestLog),
        link: impl FnOnce() -> Result<u64, Error>,
    ) -> Result<StagedSnapshot, Error> {
        let path = self.path(header.seq);
        let protection = self.keyring.current(&header.identity.uuid, &path)?;
        let key_ids = protection.key_ids();
        let prefix = if key_ids.cipher.is_some() { random()? } else { header.prefix };
        let requests_since = requests.since(header.seq);
        let requests = Some(LogAfter { log: requests, last: header.seq }).filter(|requests| !requests.is_empty());
        let header = SnapshotHeader { key_ids, prefix, has_requests: requests.is_some(), requests_since, ..header };
        #[expect(clippy::disallowed_methods, reason = "the duration of a snapshot is not part of the state")]
        let began = Instant::now();
        let mut written = WrittenState::default();
        let staged = StagedFile::write(&*self.disk, &path, !planted(Bug::SnapshotNamedUnsynced), |file| {
            written = writer::write(file, &header, digest, (state, requests), link, protection)?;
            Ok(())
        });
        let staged = staged.inspect_err(|_| self.figures.report_snapshot_failure())?;
        let WrittenState { file_bytes, state_bytes } = written;
        let newest = NewestSnapshot { created: header.created, state_bytes };
        Ok(StagedSnapshot { staged, bytes: file_bytes, newest, began })
    }

    /// Creates both copies of a base whose state and table of requests are encoded already, protected by the current keys. `next`
    /// returns their parts in order, and `None` after the last one. `link` is the hash of the frame that contains the last event
    /// in the state.
    ///
    /// # Errors
    ///
    /// Returns the errors of `next`, and those of writing and of reading back the copies.
    #[cfg(feature = "admin")]
    pub(crate) fn write_base(
        &self,
        header: SnapshotHeader,
        (digest, link): (u64, u64),
        next: &mut dyn FnMut() -> Result<Option<EncodedPart>, Error>,
    ) -> Result<(), Error> {
        let (path, seq) = (self.path(header.seq), header.seq);
        let protection = self.keyring.current(&header.identity.uuid, &path)?;
        let key_ids = protection.key_ids();
        let prefix = if key_ids.cipher.is_some() { random()? } else { header.prefix };
        let header = SnapshotHeader { key_ids, prefix, ..header };
        let staged = StagedFile::write(&*self.disk, &path, true, |file| {
            writer::write_encoded(file, &header, (digest, link), protection, next).map(drop)
        })?;
        let installed = self.bases().install(staged.temporary(), seq);
        staged.discard(&*self.disk);
        installed?;
        sync_dir(&*self.disk, &self.layout.journal())
    }

    /// Loads a written snapshot. Loading checks the encoding and not the disk, because the page cache serves the reads. The
    /// inner error means that the state does not decode as an `M`.
    pub(crate) fn load<M: Shape + DeserializeOwned>(
        &self,
        written: &StagedSnapshot,
    ) -> Result<Result<M, String>, Error> {
        let file = SnapshotFile::open(&*self.disk, written.staged.temporary(), &self.keyring)?;
        Ok(file.decode()?.map(|loaded| loaded.state))
    }

    /// Renames a written snapshot to its final name.
    pub(crate) fn install(&self, written: &StagedSnapshot) -> Result<(), Error> {
        written.staged.install(&*self.disk)?;
        self.figures.set_snapshot(written.newest);
        self.figures.report_snapshot(written.began.elapsed());
        Ok(())
    }

    /// Removes all snapshots whose seq is not in `kept`.
    pub(crate) fn retain(&self, kept: &[Seq]) -> Result<(), Error> {
        for (_, path) in self.list()?.into_iter().filter(|(seq, _)| !kept.contains(seq)) {
            self.disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
        }
        Ok(())
    }

    /// Removes a written snapshot instead of installing it.
    pub(crate) fn discard(&self, written: &StagedSnapshot) {
        written.staged.discard(&*self.disk);
        self.figures.report_snapshot_failure();
    }
}

/// The file name of a snapshot.
fn file_name(seq: Seq) -> String {
    format!("{:020}{SNAPSHOT}", seq.get())
}

/// Returns the seq in the file name of a quarantined snapshot: the name of a snapshot, followed by a number.
pub(crate) fn quarantined_seq(name: &str) -> Option<Seq> {
    let (name, number) = name.rsplit_once('.')?;
    number.parse::<u32>().ok()?;
    parse_file_name(name)
}

/// Returns the seq in the file name of a snapshot.
fn parse_file_name(name: &str) -> Option<Seq> {
    let seq = Seq::new(name.strip_suffix(SNAPSHOT)?.parse().ok()?);
    (file_name(seq) == name).then_some(seq)
}
