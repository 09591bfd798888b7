//! A base replaces the start of a pruned journal. A base has the format of a snapshot, but it is not a cache, so the journal's
//! directory contains two copies of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SnapshotFile;
use super::format::{SnapshotHeader, Trailer};
use crate::disk::{Access, Disk, StagedFile, StoredFile, copy_in_pieces, failed, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::journal::{BASE, Layout, Scan, Segments};
use crate::keys::Keyring;
use crate::log;
use crate::planted::{Bug, planted};
use crate::seq::{SegmentId, Seq};

/// The names of the two copies of a base: the file name of each copy has this name after the seq.
const COPIES: [&str; 2] = ["1", "2"];

/// The result of [`Bases::repair`].
#[derive(Debug)]
pub(crate) struct BaseRepair {
    /// The newest base.
    pub(crate) base: Option<Seq>,
    /// The unusable copies, each with the reason.
    pub(crate) unusable: Vec<(PathBuf, String)>,
}

/// The bases of one image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases<'a> {
    disk: &'a dyn Disk,
    layout: &'a Layout,
    keyring: &'a Arc<Keyring>,
}

impl<'a> Bases<'a> {
    pub(super) fn new(disk: &'a dyn Disk, layout: &'a Layout, keyring: &'a Arc<Keyring>) -> Bases<'a> {
        Bases { disk, layout, keyring }
    }

    /// Lists the copies of all bases, newest base first, from the file names alone.
    pub(crate) fn list(&self) -> Result<Vec<(Seq, PathBuf)>, Error> {
        let dir = self.layout.journal();
        let names = self.layout.list_if_exists(self.disk, &dir)?;
        let mut found: Vec<_> =
            names.iter().filter_map(|(name, _)| Some((parse_file_name(name)?, dir.join(name)))).collect();
        found.sort_unstable_by(|(seq, path), (other, than)| other.cmp(seq).then(path.cmp(than)));
        Ok(found)
    }

    /// The newest base of which both copies exist, from the file names alone.
    pub(crate) fn newest_complete(&self) -> Result<Option<Seq>, Error> {
        let copies = self.list()?;
        let is_complete = |pair: &&[(Seq, PathBuf)]| pair[0].0 == pair[1].0;
        Ok(copies.windows(COPIES.len()).find(is_complete).map(|pair| pair[0].0))
    }

    /// Creates both copies of the base from a snapshot, and verifies them. The copies are durable only once the caller syncs
    /// the journal's directory.
    pub(crate) fn install(&self, snapshot: &Path, seq: Seq) -> Result<Trailer, Error> {
        let mut trailer = self.copy(snapshot, seq, COPIES[0])?;
        for copy in &COPIES[1..] {
            trailer = self.copy(snapshot, seq, copy)?;
        }
        Ok(trailer)
    }

    /// Removes both copies of a base.
    pub(crate) fn remove(&self, seq: Seq) -> Result<(), Error> {
        for (_, path) in self.list()?.into_iter().filter(|(other, _)| *other == seq) {
            self.disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
        }
        Ok(())
    }

    /// Removes all bases that are older than `seq`.
    pub(crate) fn remove_before(&self, seq: Seq) -> Result<(), Error> {
        for (_, path) in self.list()?.into_iter().filter(|(older, _)| *older < seq) {
            self.disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
        }
        Ok(())
    }

    /// Verifies that a missing start of the journal was pruned: either a base replaces the missing events, or a prune mark
    /// covers them.
    ///
    /// # Errors
    ///
    /// Returns an error if the start is missing and was not pruned.
    pub(crate) fn verify_start(&self, scan: &Scan) -> Result<(), Error> {
        let segments = scan.segments();
        if segments.starts_at_genesis() {
            return Ok(());
        }
        let mut unusable = Vec::new();
        for (seq, path) in self.list()? {
            let reason = match self.open(seq, &path) {
                Ok(header) if header.identity.uuid != segments.identity().uuid => {
                    "the file belongs to another image".to_owned()
                }
                Ok(_) if segments.reaches(seq)? => return Ok(()),
                Ok(_) => "the journal does not have all events that follow this base".to_owned(),
                Err(error) => error.in_short(),
            };
            unusable.push(format!("`{}`: {reason}", path.display()));
        }
        if scan.pruned()?.is_some_and(|mark| segments.first() <= mark.first()) {
            return Ok(());
        }
        let (segment, mut what) = match segments.first() {
            SegmentId::FIRST => (SegmentId::FIRST, "the first events are missing".to_owned()),
            first => (first.before(), "the file is missing".to_owned()),
        };
        if !unusable.is_empty() {
            what.push_str(", and no base can replace the missing events: ");
            what.push_str(&unusable.join("; "));
        }
        Err(segments.corrupt(segment, None, what))
    }

    /// Repairs the base of a pruned journal: if one copy is missing, is damaged or belongs to another image, writes it again
    /// from the intact copy. If this program can read no intact base (see `readable`), the snapshot `start`, from which
    /// recovery started, becomes the base.
    pub(crate) fn repair(
        &self,
        segments: &Segments,
        start: Option<(Seq, &Path)>,
        readable: impl Fn(&SnapshotHeader) -> bool,
    ) -> Result<BaseRepair, Error> {
        let uuid = &segments.identity().uuid;
        let (mut intact, mut damaged) = (Vec::new(), Vec::new());
        for (seq, path) in self.list()? {
            match self.check(seq, &path, Some(uuid)) {
                Ok(_) => intact.push((seq, path)),
                Err(error) => damaged.push((path, error.to_string())),
            }
        }
        let newest = intact.iter().find(|(seq, path)| self.open(*seq, path).is_ok_and(|header| readable(&header)));
        if let Some((seq, from)) = newest {
            return self.repair_copies(*seq, from, &intact, &damaged);
        }
        match (start, intact.first()) {
            (Some((seq, snapshot)), _) if !segments.starts_at_genesis() => {
                log::warning!(
                    %seq,
                    "the base of the pruned journal cannot be used; recovery makes a new base by copying the snapshot from which it started"
                );
                self.install(snapshot, seq)?;
                sync_dir(self.disk, &self.layout.journal())?;
                Ok(BaseRepair { base: Some(seq), unusable: damaged })
            }
            (_, Some((seq, from))) => self.repair_copies(*seq, from, &intact, &damaged),
            _ => Ok(BaseRepair { base: None, unusable: damaged }),
        }
    }

    fn repair_copies(
        &self,
        seq: Seq,
        from: &Path,
        intact: &[(Seq, PathBuf)],
        damaged: &[(PathBuf, String)],
    ) -> Result<BaseRepair, Error> {
        let mut unusable = Vec::new();
        for copy in COPIES {
            let path = self.path(seq, copy);
            if intact.iter().any(|(_, intact)| *intact == path) {
                continue;
            }
            let what =
                damaged.iter().find(|(damaged, _)| *damaged == path).map_or("the file is missing", |(_, what)| what);
            log::warning!(%seq, copy, what, "a copy of the base cannot be used; recovery replaces it by the intact copy");
            unusable.push((path, what.to_owned()));
            match self.copy(from, seq, copy) {
                Ok(_) => sync_dir(self.disk, &self.layout.journal())?,
                // a failed copy is no reason to refuse the image, because one intact copy of the base still exists
                Err(error) => {
                    log::error!(
                        %error,
                        "could not copy the base, so only one intact copy exists; help: correct the cause, then open the image again"
                    );
                }
            }
        }
        Ok(BaseRepair { base: Some(seq), unusable })
    }

    /// Writes one copy under a temporary name, verifies it, and renames it to its final name.
    fn copy(&self, from: &Path, seq: Seq, copy: &str) -> Result<Trailer, Error> {
        let snapshot = StoredFile::open(self.disk, from, Access::Read)?;
        let synced = !planted(Bug::PrunedBeforeBaseIsSynced);
        let staged =
            StagedFile::write(self.disk, &self.path(seq, copy), synced, |file| copy_in_pieces(&snapshot, file))?;
        let trailer = self.check(seq, staged.temporary(), None).inspect_err(|_| staged.discard(self.disk))?;
        staged.rename(self.disk)?;
        Ok(trailer)
    }

    /// Reads and verifies a complete copy. If `uuid` is `Some`, the copy must belong to the image with this UUID. The disk
    /// itself is not checked, because the page cache may serve the reads.
    fn check(&self, seq: Seq, path: &Path, uuid: Option<&[u8; 16]>) -> Result<Trailer, Error> {
        let header = self.open(seq, path)?;
        if uuid.is_some_and(|uuid| header.identity.uuid != *uuid) {
            let what = "the file belongs to another image".to_owned();
            return Err(Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what }));
        }
        SnapshotFile::open(self.disk, path, self.keyring)?.check()
    }

    fn open(&self, seq: Seq, path: &Path) -> Result<SnapshotHeader, Error> {
        let header = SnapshotFile::open(self.disk, path, self.keyring)?.header.clone();
        if header.seq != seq {
            let what = format!("the header names event {}", header.seq);
            return Err(Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what }));
        }
        Ok(header)
    }

    /// The paths of the copies of a base, whether they exist or not.
    pub(crate) fn copies(&self, seq: Seq) -> Vec<PathBuf> {
        COPIES.iter().map(|copy| self.path(seq, copy)).collect()
    }

    fn path(&self, seq: Seq, copy: &str) -> PathBuf {
        self.layout.journal().join(file_name(seq, copy))
    }
}

/// The file name of a copy.
fn file_name(seq: Seq, copy: &str) -> String {
    format!("{:020}.{copy}{BASE}", seq.get())
}

/// Returns the seq in the file name of a quarantined copy of a base: the name of the copy, followed by a number.
#[cfg(feature = "admin")]
pub(crate) fn quarantined_base(name: &str) -> Option<Seq> {
    let (name, number) = name.rsplit_once('.')?;
    number.parse::<u32>().ok()?;
    parse_file_name(name)
}

/// Returns the seq in the file name of a copy of a base.
fn parse_file_name(name: &str) -> Option<Seq> {
    let (seq, copy) = name.strip_suffix(BASE)?.split_once('.')?;
    let seq = Seq::new(seq.parse().ok()?);
    (COPIES.contains(&copy) && file_name(seq, copy) == name).then_some(seq)
}
