//! What openings and repairs set aside: the copies in the directory `quarantine`, and the events in them. Needs no model and no lock, and
//! changes nothing.

// each module uses only the modules above it
mod kept_file;
mod frames;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) use kept_file::{KeptFile, KeptFileKind};

use crate::disk::{Disk, FileType, UNFINISHED, failed};
use crate::error::Error;
use crate::history::LoggedEvent;
use crate::journal::{Identity, Layout, MAX_SEGMENT, Watermark};
use crate::keys::Keyring;
use crate::seq::SegmentId;
use frames::{Frames, read_bytes};

/// The quarantine of an image.
pub(super) struct Quarantine {
    disk: Arc<dyn Disk>,
    layout: Layout,
    keyring: Arc<Keyring>,
    /// The identity of the image, for copies whose own headers are damaged.
    identity: Option<Identity>,
}

/// An event in a file of the quarantine.
#[derive(Clone, Debug)]
pub(super) struct KeptEvent {
    pub(super) event: LoggedEvent,
    /// Whether the journal has this event, too.
    pub(super) is_in_journal: bool,
}

/// The intact events in a file of the quarantine.
#[derive(Default)]
pub(super) struct KeptEvents {
    pub(super) events: Vec<KeptEvent>,
    /// The number of further events, whose shapes are lost.
    pub(super) undescribed: u64,
}

impl Quarantine {
    pub(super) fn new(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
        identity: Option<&Identity>,
    ) -> Quarantine {
        let (disk, layout, keyring) = (Arc::clone(disk), layout.clone(), Arc::clone(keyring));
        Quarantine { disk, layout, keyring, identity: identity.cloned() }
    }

    /// The files, in the order of their names.
    pub(super) fn files(&self) -> Result<Vec<KeptFile>, Error> {
        let dir = self.layout.quarantine();
        let inspecting = |error| failed("inspecting", &dir, error);
        if self.disk.kind(&dir).map_err(inspecting)?.is_none() {
            return Ok(Vec::new());
        }
        let entries = self.disk.list(&dir).map_err(|error| failed("listing", &dir, error))?;
        let is_copy = |name: &str| !name.ends_with(UNFINISHED);
        let file = |entry: crate::disk::Entry| {
            let name = entry.name.to_string_lossy().into_owned();
            let is_file = entry.kind == FileType::File && is_copy(&name);
            is_file.then(|| KeptFile::new(name, dir.join(&entry.name), entry.len))
        };
        Ok(entries.into_iter().filter_map(file).collect())
    }

    /// The intact events in a file, in its order. A file that has no frames of a journal has no events.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, or if a key is missing.
    pub(super) fn events(&self, file: &KeptFile) -> Result<KeptEvents, Error> {
        let (segment, frames) = match file.kind {
            KeptFileKind::Segment(segment) => (segment, self.frames(segment, read_bytes(&*self.disk, &file.path)?, 0)?),
            KeptFileKind::Torn { segment, offset } => (segment, self.torn(segment, offset, file)?),
            _ => return Ok(KeptEvents::default()),
        };
        let journal = self.journal_frames(segment)?;
        let kept = |event: LoggedEvent| KeptEvent { is_in_journal: journal.contains(&event.key.frame), event };
        let Frames { events, undescribed, .. } = frames;
        Ok(KeptEvents { events: events.into_iter().map(kept).collect(), undescribed })
    }

    /// The watermark in a copy of `journal/durable`; `None` if it is damaged.
    pub(super) fn watermark(&self, file: &KeptFile) -> Result<Option<Watermark>, Error> {
        let bytes = read_bytes(&*self.disk, &file.path)?;
        Ok(self.identity.as_ref().and_then(|identity| Watermark::decode(&bytes, &identity.uuid)))
    }

    /// The frames in bytes that were cleared at `offset` of a segment. The frames before them, which declare the shapes, are still in
    /// the segment, or in a copy of it.
    ///
    /// # Errors
    ///
    /// Returns an error if no segment is so long, because then the name of the file is not one that the library gave it.
    fn torn(&self, segment: SegmentId, offset: u64, file: &KeptFile) -> Result<Frames, Error> {
        if offset.saturating_add(file.bytes) > MAX_SEGMENT {
            let what = format!("by its name, its bytes come from offset {offset}, but no segment has so many bytes");
            return Err(failed("reading", &file.path, io::Error::new(io::ErrorKind::InvalidData, what)));
        }
        let mut bytes = match self.segment_file(segment)? {
            Some(path) => read_bytes(&*self.disk, &path)?,
            // then the shapes of the events are lost
            None => Vec::new(),
        };
        bytes.resize(offset as usize, 0);
        bytes.extend(read_bytes(&*self.disk, &file.path)?);
        self.frames(segment, bytes, offset as usize)
    }

    /// The file of a segment in the journal, or the first copy of it in the quarantine.
    fn segment_file(&self, segment: SegmentId) -> Result<Option<PathBuf>, Error> {
        let path = self.layout.segment(segment);
        if self.disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_some() {
            return Ok(Some(path));
        }
        let of_segment = |file: &KeptFile| file.kind == KeptFileKind::Segment(segment);
        Ok(self.files()?.into_iter().find(of_segment).map(|file| file.path))
    }

    /// The hashes of the frames with events that the journal has in a segment.
    fn journal_frames(&self, segment: SegmentId) -> Result<HashSet<u64>, Error> {
        let path = self.layout.segment(segment);
        if self.disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_none() {
            return Ok(HashSet::new());
        }
        let frames = self.frames(segment, read_bytes(&*self.disk, &path)?, 0)?;
        Ok(frames.events.iter().map(|event| event.key.frame).collect())
    }

    fn frames(&self, segment: SegmentId, bytes: Vec<u8>, from: usize) -> Result<Frames, Error> {
        Frames::read(segment, &bytes, from, self.identity.as_ref(), &self.keyring)
    }
}
