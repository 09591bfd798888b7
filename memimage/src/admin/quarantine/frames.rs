//! Reads the intact frames of a copy of a segment, as a salvage reads those of a journal.

use std::path::Path;
use std::sync::Arc;

use crate::disk::{Access, Disk, SimDisk, StoredFile, failed};
use crate::error::Error;
use crate::history::LoggedEvent;
use crate::journal::{
    Frame, FrameKind, FrameVisitor, Headers, IN_MEMORY, Identity, Layout, RecordDamage, SalvageSource, ShapeRows,
    ShapeTable, records, salvage,
};
use crate::keys::{KeyIds, Keyring};
use crate::seq::{SegmentId, Seq};

/// The whole content of a file.
pub(super) fn read_bytes(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, Error> {
    let file = StoredFile::open(disk, path, Access::Read)?;
    let mut bytes = vec![0; file.len()? as usize];
    let read = file.read_up_to(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The intact events that were read.
#[derive(Default)]
pub(super) struct Frames {
    pub(super) events: Vec<LoggedEvent>,
    /// The number of intact events whose shapes are lost, because the frame that declared them is.
    pub(super) undescribed: u64,
    table: Arc<ShapeTable>,
    /// The frames before this offset only declare shapes.
    from: usize,
    uuid: [u8; 16],
}

impl Frames {
    /// Reads the events from offset `from` of a segment on, past all damage. `identity` is that of the image, in case the header is
    /// damaged.
    pub(super) fn read(
        segment: SegmentId,
        bytes: &[u8],
        from: usize,
        identity: Option<&Identity>,
        keyring: &Arc<Keyring>,
    ) -> Result<Frames, Error> {
        let layout = Layout::new(Path::new(IN_MEMORY));
        let disk = disk_with(&layout, segment, bytes)?;
        let headers = Headers::read(&*disk, &layout, &[segment], &[])?;
        let is_readable = headers.has_identity();
        let of_image = identity.filter(|_| !is_readable).map(|identity| (identity.clone(), KeyIds::default()));
        let source = SalvageSource::open(&disk, headers.with_state(of_image), keyring)?;
        let uuid = source.identity().map_or([0; 16], |identity| identity.uuid);
        let mut frames = Frames { from, uuid, ..Frames::default() };
        // as if all events had been synced: then no damage counts as the end of the journal, and the salvage reads on after it
        salvage(&source, segment, Seq::new(u64::MAX), &mut frames)?;
        Ok(frames)
    }
}

impl FrameVisitor for Frames {
    fn frame(&mut self, _: SegmentId, frame: &Frame<'_>, body: &[u8]) -> Vec<RecordDamage> {
        let header = &frame.header;
        if header.kind == FrameKind::Shapes
            && let Ok(rows) = ShapeRows::decode(body)
        {
            // rows after a gap, in which other rows were lost, describe nothing
            let _ = Arc::make_mut(&mut self.table).add(rows);
        }
        if header.kind == FrameKind::Events && frame.offset >= self.from {
            let (shared, hash) = (Arc::new(body.to_vec()), frame.link().hash);
            let decoded = records(body, header.first_seq, header.count, header.time).map_while(Result::ok);
            let event = |record| LoggedEvent::of_record(self.uuid, &self.table, record, &shared, (hash, false));
            for event in decoded.map(event) {
                match event {
                    Some(event) => self.events.push(event),
                    None => self.undescribed += 1,
                }
            }
        }
        Vec::new()
    }

    fn gap(&mut self) {}
}

/// A disk in memory with this segment as the only file of an image.
fn disk_with(layout: &Layout, segment: SegmentId, bytes: &[u8]) -> Result<Arc<dyn Disk>, Error> {
    let disk = SimDisk::new();
    for dir in [layout.root().to_owned(), layout.journal()] {
        disk.create_dir(&dir).map_err(|error| failed("creating", &dir, error))?;
    }
    StoredFile::create(&disk, &layout.segment(segment))?.write_all(bytes, 0)?;
    Ok(Arc::new(disk))
}
