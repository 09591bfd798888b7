//! The snapshots and bases of an image: whether each can be used.

use std::path::PathBuf;

use super::content::{Content, decodes};
use crate::error::{Error, ErrorKind};
use crate::journal::DigestMark;
use crate::keys::{KeyIds, Keyring};
use crate::seq::Seq;
use crate::snapshot::{SnapshotFile, SnapshotHeader, Snapshots};

/// States that are larger are held against their checksums only, and not decoded: that takes many times their bytes in
/// memory.
const DECODED: u64 = 4 << 20;

/// What is said of all that names an image, where nothing says which this one is.
pub(super) const NOBODYS: &str = "nothing tells whose it is, since no segment's header can be read";

/// A snapshot, or a copy of a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct State {
    pub(in super::super) seq: Seq,
    pub(in super::super) path: PathBuf,
    pub(in super::super) is_base: bool,
    /// By its name and header it proves that the journal was synced up to its seq.
    pub(in super::super) is_evidence: bool,
    /// Why it cannot be used.
    pub(in super::super) flaw: Option<String>,
    /// Were it whole, it could be begun with: it is this image's, and nothing made it hold no longer.
    pub(super) holds: bool,
    /// Its checksums are right, and its keys do not unlock it.
    pub(super) forged: bool,
    /// How it is protected, by its header.
    pub(super) form: KeyIds,
    epoch: u64,
}

impl State {
    /// All there are, newest first, with their headers read.
    pub(in super::super) fn all(snapshots: &Snapshots, uuid: Option<&[u8; 16]>) -> Result<Vec<State>, Error> {
        let mut states = Vec::new();
        let bases: Vec<PathBuf> = snapshots.bases().list()?.into_iter().map(|(_, path)| path).collect();
        for (seq, path) in snapshots.starts()? {
            let is_base = bases.contains(&path);
            let (form, epoch) = (KeyIds::default(), 0);
            let mut state =
                State { seq, path, is_base, is_evidence: false, flaw: None, holds: true, forged: false, form, epoch };
            match snapshots.open(seq, &state.path) {
                Ok(file) => state.look(&file.header, uuid),
                // its owner removed it meanwhile, so there is another
                Err(error) if error.is_missing() => continue,
                // its name was given to it only after the sync, and nothing says that it is another image's
                Err(error) => (state.is_evidence, state.flaw) = (error.is_io(), Some(error.in_short())),
            }
            states.push(state);
        }
        Ok(states)
    }

    fn look(&mut self, header: &SnapshotHeader, uuid: Option<&[u8; 16]>) {
        (self.epoch, self.form) = (header.epoch, header.form);
        let flaw = match uuid {
            Some(uuid) if *uuid == header.uuid => {
                self.is_evidence = true;
                return;
            }
            Some(_) => "it belongs to another image",
            None => NOBODYS,
        };
        (self.holds, self.flaw) = (false, Some(flaw.to_owned()));
    }

    /// Reads all of it. That a key is missing is an error: it may be as good as any.
    pub(in super::super) fn read(
        &mut self,
        snapshots: &Snapshots,
        content: &Content,
        keyring: &Keyring,
    ) -> Result<(), Error> {
        if self.flaw.is_some() {
            return Ok(());
        }
        if content.voids.invalidates(self.seq, self.epoch) {
            (self.holds, self.flaw) = (false, Some("it was made before an event in it became void".to_owned()));
            return Ok(());
        }
        if !keyring.matches(self.form) {
            self.flaw = Some("it is not protected in the way that the image is".to_owned());
            return Ok(());
        }
        if let Some(what) = content.line(self.seq).and_then(|line| line.excludes(self.epoch)) {
            (self.holds, self.flaw) = (false, Some(what));
            return Ok(());
        }
        match snapshots.open(self.seq, &self.path).and_then(|file| whole(file, content)) {
            Ok((Some(flaw), ..)) => self.flaw = Some(flaw),
            Ok((None, model, digest)) => {
                let line = content.line(self.seq);
                self.flaw = line.and_then(|line| line.contradicts(model, digest, &content.voids));
                self.holds = self.flaw.is_none();
            }
            Err(error) if error.kind() == ErrorKind::Key => return Err(error),
            Err(error) if error.is_forged() => {
                let what = "its checksums are right, so it was changed by somebody who has not the key";
                (self.forged, self.flaw) = (true, Some(format!("{}; {what}", error.in_short())));
            }
            // also if it was removed meanwhile: then another reading finds the one that took its place
            Err(error) => self.flaw = Some(error.in_short()),
        }
        Ok(())
    }
}

/// Reads all of a snapshot, and decodes it if its shape is known and it is not too large. Gives what is wrong with it, the
/// number of its model, and its digest.
fn whole(file: SnapshotFile, content: &Content) -> Result<(Option<String>, u64, u64), Error> {
    let model = DigestMark::model_of(file.header.model_version, file.header.fingerprint);
    let shape = content.models.get(&file.header.fingerprint);
    let (flaw, trailer) = match shape.filter(|_| file.len() <= DECODED) {
        Some(shape) => {
            let (bytes, trailer) = file.bytes()?;
            (decodes(shape, &bytes).err(), trailer)
        }
        None => (None, file.check()?),
    };
    Ok((flaw, model, trailer.digest))
}
