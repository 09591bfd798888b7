//! Bases: what stands in for the journal's start once that was pruned. A base is a snapshot, byte for byte, and is no
//! cache: it lives beside the journal, in two copies.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::SnapshotFile;
use super::format::{SnapshotHeader, Trailer};
use crate::disk::{Access, Disk, StagedFile, StoredFile, failed, sync_dir};
use crate::error::{Error, Kind};
use crate::journal::{BASE, Layout, Scan, Segments};
use crate::keys::Keyring;
use crate::planted::{Bug, planted};
use crate::seq::{SegmentId, Seq};

/// What each copy of a base is called, after its seq.
const COPIES: [&str; 2] = ["1", "2"];
/// A base is copied and synced in pieces of this size, so that no sync of the journal waits behind all of it.
const CHUNK: usize = 1 << 20;
/// How long to rest between two pieces: nobody waits for a base, and others use the disk.
const PAUSE: Duration = Duration::from_millis(2);

/// What was done to the bases of an image that was opened.
#[derive(Debug)]
pub(crate) struct BaseRepair {
    /// The newest base.
    pub(crate) base: Option<Seq>,
    /// The copies that could not be used, and why.
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

    /// The copies of bases by their names, newest base first.
    pub(crate) fn list(&self) -> Result<Vec<(Seq, PathBuf)>, Error> {
        let dir = self.layout.journal();
        let names = self.layout.list_if_there(self.disk, &dir)?;
        let mut found: Vec<_> =
            names.iter().filter_map(|(name, _)| Some((parse_file_name(name)?, dir.join(name)))).collect();
        found.sort_unstable_by(|(seq, path), (other, than)| other.cmp(seq).then(path.cmp(than)));
        Ok(found)
    }

    /// Copies a snapshot to where a base is, twice, and checks what was written. Nothing is durable before the journal's
    /// directory is synced.
    pub(crate) fn install(&self, snapshot: &Path, seq: Seq) -> Result<Trailer, Error> {
        let mut trailer = self.copy(snapshot, seq, COPIES[0])?;
        for copy in &COPIES[1..] {
            trailer = self.copy(snapshot, seq, copy)?;
        }
        Ok(trailer)
    }

    /// Removes the bases of earlier events than this.
    pub(crate) fn remove_before(&self, seq: Seq) -> Result<(), Error> {
        for (_, path) in self.list()?.into_iter().filter(|(older, _)| *older < seq) {
            self.disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
        }
        Ok(())
    }

    /// Makes sure that what is missing at the journal's start was pruned: a base stands in for it, or the journal says so
    /// itself.
    pub(crate) fn verify_start(&self, scan: &Scan) -> Result<(), Error> {
        let segments = scan.segments();
        if segments.starts_at_genesis() {
            return Ok(());
        }
        let mut unusable = Vec::new();
        for (seq, path) in self.list()? {
            let why = match self.open(seq, &path) {
                Ok(header) if header.uuid != segments.identity().uuid => "it belongs to another image".to_owned(),
                Ok(_) if segments.reaches(seq)? => return Ok(()),
                Ok(_) => "the events after it are not all in the journal".to_owned(),
                Err(error) => error.in_short(),
            };
            unusable.push(format!("`{}`: {why}", path.display()));
        }
        if scan.pruned()?.is_some_and(|mark| segments.first() <= mark.first()) {
            return Ok(());
        }
        let (segment, mut what) = match segments.first() {
            SegmentId::FIRST => (SegmentId::FIRST, "its first events are not there".to_owned()),
            first => (first.before(), "its file is missing".to_owned()),
        };
        if !unusable.is_empty() {
            what.push_str(", and no base stands in for it: ");
            what.push_str(&unusable.join("; "));
        }
        Err(segments.corrupt(segment, None, what))
    }

    /// Makes the base of a pruned journal whole again: a copy that is missing, damaged or another image's is made from the
    /// other. If there is none that is good and `readable`, that is, of a model that this program knows, the snapshot that
    /// recovery `began` with is made one.
    pub(crate) fn repair(
        &self,
        segments: &Segments,
        began: Option<(Seq, &Path)>,
        readable: impl Fn(&SnapshotHeader) -> bool,
    ) -> Result<BaseRepair, Error> {
        let uuid = &segments.identity().uuid;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (seq, path) in self.list()? {
            match self.check(seq, &path, Some(uuid)) {
                Ok(_) => good.push((seq, path)),
                Err(error) => bad.push((path, error.to_string())),
            }
        }
        let newest = good.iter().find(|(seq, path)| self.open(*seq, path).is_ok_and(|header| readable(&header)));
        if let Some((seq, from)) = newest {
            return self.repair_copies(*seq, from, &good, &bad);
        }
        match (began, good.first()) {
            (Some((seq, snapshot)), _) if !segments.starts_at_genesis() => {
                tracing::warn!(%seq, "the base of a pruned journal cannot be used; the snapshot at hand is made one");
                self.install(snapshot, seq)?;
                sync_dir(self.disk, &self.layout.journal())?;
                Ok(BaseRepair { base: Some(seq), unusable: bad })
            }
            (_, Some((seq, from))) => self.repair_copies(*seq, from, &good, &bad),
            _ => Ok(BaseRepair { base: None, unusable: bad }),
        }
    }

    fn repair_copies(
        &self,
        seq: Seq,
        from: &Path,
        good: &[(Seq, PathBuf)],
        bad: &[(PathBuf, String)],
    ) -> Result<BaseRepair, Error> {
        let mut unusable = Vec::new();
        for copy in COPIES {
            let path = self.path(seq, copy);
            if good.iter().any(|(_, good)| *good == path) {
                continue;
            }
            let what = bad.iter().find(|(bad, _)| *bad == path).map_or("it is missing", |(_, what)| what);
            tracing::warn!(%seq, copy, what, "a copy of the base cannot be used; it is made again from the other");
            unusable.push((path, what.to_owned()));
            match self.copy(from, seq, copy) {
                Ok(_) => sync_dir(self.disk, &self.layout.journal())?,
                // no reason to refuse what can be rebuilt: the image is no worse than it was
                Err(error) => tracing::error!(%error, "the base could not be copied, and stands there only once"),
            }
        }
        Ok(BaseRepair { base: Some(seq), unusable })
    }

    /// Writes one copy under a temporary name, checks it, and gives it its name.
    fn copy(&self, from: &Path, seq: Seq, copy: &str) -> Result<Trailer, Error> {
        let snapshot = StoredFile::open(self.disk, from, Access::Read)?;
        let synced = !planted(Bug::PrunedBeforeBaseIsSynced);
        let staged =
            StagedFile::write(self.disk, &self.path(seq, copy), synced, |file| copy_in_pieces(&snapshot, file))?;
        let trailer = self.check(seq, staged.temporary(), None).inspect_err(|_| staged.discard(self.disk))?;
        staged.rename(self.disk)?;
        Ok(trailer)
    }

    /// Reads all of a copy, which must be of the image with this UUID. This says nothing of the disk, since it may read from
    /// the cache.
    fn check(&self, seq: Seq, path: &Path, uuid: Option<&[u8; 16]>) -> Result<Trailer, Error> {
        let header = self.open(seq, path)?;
        if uuid.is_some_and(|uuid| header.uuid != *uuid) {
            let what = "it belongs to another image".to_owned();
            return Err(Error::new(Kind::Snapshot { path: path.to_owned(), what }));
        }
        SnapshotFile::open(self.disk, path, self.keyring)?.check()
    }

    fn open(&self, seq: Seq, path: &Path) -> Result<SnapshotHeader, Error> {
        let header = SnapshotFile::open(self.disk, path, self.keyring)?.header.clone();
        if header.seq != seq {
            let what = format!("it is of event {} by its header", header.seq);
            return Err(Error::new(Kind::Snapshot { path: path.to_owned(), what }));
        }
        Ok(header)
    }

    /// Where the copies of a base stand, if they are there.
    pub(crate) fn copies(&self, seq: Seq) -> Vec<PathBuf> {
        COPIES.iter().map(|copy| self.path(seq, copy)).collect()
    }

    fn path(&self, seq: Seq, copy: &str) -> PathBuf {
        self.layout.journal().join(file_name(seq, copy))
    }
}

/// Copies a file and syncs each piece but the last.
fn copy_in_pieces(from: &StoredFile, to: &StoredFile) -> Result<(), Error> {
    let (mut chunk, mut offset) = (vec![0; CHUNK], 0);
    loop {
        let read = from.read_up_to(&mut chunk, offset)?;
        to.write_all(&chunk[..read], offset)?;
        if read < CHUNK {
            return Ok(());
        }
        to.sync_data()?;
        std::thread::sleep(PAUSE);
        offset += read as u64;
    }
}

/// The name of a copy's file.
fn file_name(seq: Seq, copy: &str) -> String {
    format!("{:020}.{copy}{BASE}", seq.get())
}

/// The seq of the base a copy of which has this name.
fn parse_file_name(name: &str) -> Option<Seq> {
    let (seq, copy) = name.strip_suffix(BASE)?.split_once('.')?;
    let seq = Seq::new(seq.parse().ok()?);
    (COPIES.contains(&copy) && file_name(seq, copy) == name).then_some(seq)
}
