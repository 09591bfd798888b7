//! The end of a copied journal: how it is found again, and what a crash left behind it.

use std::path::Path;
use std::sync::Arc;

use super::piece::JournalPoint;
use super::segment_header::read_header;
use crate::disk::{Access, Disk, StagedFile, StoredFile, UNFINISHED, copy_in_pieces, failed, sync_dir};
use crate::error::{Error, ErrorDetail, Position};
use crate::journal::{
    BASE, FrameChain, FrameReader, FrameStep, Layout, SEGMENT_HEADER, Watermark, clear, is_segment, other_image,
};
use crate::keys::Keyring;
use crate::log;
use crate::seq::{Life, SegmentId, Seq};
use crate::snapshot::SnapshotFile;

/// Frames are parsed from multiples of this number of bytes on, which is the largest alignment of a frame.
pub(super) const ALIGN: u64 = 4096;

/// The end of the last complete frame of a copy.
#[derive(Debug)]
pub(super) struct CopyEnd {
    pub(super) segment: SegmentId,
    pub(super) file: StoredFile,
    /// The length of the file.
    pub(super) len: u64,
    pub(super) offset: u64,
    pub(super) chain: FrameChain,
    pub(super) sealed: bool,
}

/// The end of a frame, as a point of the journal.
pub(super) fn point(segment: SegmentId, offset: u64, chain: &FrameChain) -> JournalPoint {
    JournalPoint { segment: segment.get(), offset, seq: chain.before(), hash: chain.previous.hash }
}

/// Clears the bytes behind the end that a crash left, if they are not cleared yet. A copy of them goes to the quarantine. Returns `true`.
pub(super) fn clear_rest(disk: &dyn Disk, layout: &Layout, end: &CopyEnd, is_cleared: bool) -> Result<bool, Error> {
    if is_cleared {
        return Ok(true);
    }
    let rest = rest_of(&end.file, end.offset)?;
    if !rest.is_empty() {
        let copy = clear(disk, layout, &end.file, end.segment, &rest, end.offset as usize)?;
        log::warning!(
            segment = %end.segment,
            offset = end.offset,
            copy = %copy.display(),
            "cleared incomplete frames behind the end of the copied journal"
        );
    }
    Ok(true)
}

/// Removes the bases of a copy whose creation was interrupted before its first segment. The bases of an image that was in use stay: it
/// has a watermark.
pub(super) fn remove_lone_bases(disk: &dyn Disk, layout: &Layout) -> Result<(), Error> {
    let journal = layout.journal();
    let names = layout.list_if_exists(disk, &journal)?;
    let was_used = names.iter().any(|(name, _)| is_segment(name) || journal.join(name) == layout.durable());
    if was_used || !layout.list_if_exists(disk, &layout.snapshots())?.is_empty() {
        return Ok(());
    }
    // a temporary file of a base alone would not be taken for the rest of an interrupted creation
    for (name, _) in names.iter().filter(|(name, _)| name.trim_end_matches(UNFINISHED).ends_with(BASE)) {
        let path = journal.join(name);
        disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
    }
    Ok(())
}

/// Finds the end of the frames. Segments without a frame, which an owner created in advance, are removed.
pub(super) fn find_end(
    disk: &dyn Disk,
    layout: &Layout,
    segments: &[SegmentId],
    image: &[u8; 16],
) -> Result<CopyEnd, Error> {
    let watermark = layout.read_watermark(disk, image)?;
    let corrupt = |segment, offset, what: String| {
        let position = Position { segment: Some(segment), offset: Some(offset), seq: None };
        Error::new(ErrorDetail::Corrupt { path: layout.segment(segment), position, what, suspect: false })
    };
    let mut empty = Vec::new();
    for &segment in segments.iter().rev() {
        let header = read_header(disk, layout, segment)?;
        if header.identity.uuid != *image {
            return Err(other_image(layout));
        }
        let path = layout.segment(segment);
        let file = StoredFile::open(disk, &path, Access::ReadWrite)?;
        let mut bytes = vec![0; SEGMENT_HEADER];
        bytes.extend(rest_of(&file, SEGMENT_HEADER as u64)?);
        // so that a frame that ends in zeros is read whole
        bytes.resize((bytes.len() + ALIGN as usize).min(header.len as usize), 0);
        let mut reader = FrameReader::new(&bytes, image, segment, None);
        while let FrameStep::Frame(_) = reader.step() {}
        let Some(chain) = reader.chain() else {
            empty.push(path);
            continue;
        };
        let (offset, sealed) = (reader.offset() as u64, reader.is_sealed());
        if let Some(watermark) = watermark.filter(|watermark| watermark.durable_seq > chain.before()) {
            let what = format!(
                "the frames end with event {}, but event {} was synced; help: make the copy again, or repair the image",
                chain.before(),
                watermark.durable_seq
            );
            return Err(corrupt(segment, offset, what));
        }
        for path in &empty {
            disk.remove(path).map_err(|error| failed("removing", path, error))?;
        }
        if !empty.is_empty() {
            sync_dir(disk, &layout.journal())?;
        }
        // after a failed sync, the frames may be in the page cache only, and a later sync would not write them
        let proven = watermark.filter(|watermark| watermark.segment == segment).map_or(0, |watermark| watermark.offset);
        let from = proven.clamp(SEGMENT_HEADER as u64, offset) as usize;
        let until = (offset as usize).min(bytes.len());
        file.write_all(&bytes[from.min(until)..until], from as u64)?;
        return Ok(CopyEnd { segment, file, len: header.len, offset, chain, sealed });
    }
    Err(corrupt(segments[0], SEGMENT_HEADER as u64, "no segment contains a frame".to_owned()))
}

/// The bytes of a segment from `offset` on, up to the last one that is not zero.
fn rest_of(file: &StoredFile, offset: u64) -> Result<Vec<u8>, Error> {
    const CHUNK: usize = 1 << 20;
    let (mut rest, mut len) = (Vec::new(), 0);
    loop {
        let at = rest.len();
        rest.resize(at + CHUNK, 0);
        let read = file.read_up_to(&mut rest[at..], offset + at as u64)?;
        if let Some(last) = rest[at..at + read].iter().rposition(|byte| *byte != 0) {
            len = at + last + 1;
        }
        if read < CHUNK {
            rest.truncate(len);
            return Ok(rest);
        }
    }
}

/// Records how far a copy is synced, and the life of its owner, in `journal/durable`, whose handle `opened` keeps.
pub(super) fn write_watermark(
    disk: &dyn Disk,
    layout: &Layout,
    image: &[u8; 16],
    end: &CopyEnd,
    life: Life,
    opened: &mut Option<StoredFile>,
) -> Result<(), Error> {
    let watermark = Watermark {
        life,
        durable_seq: end.chain.before(),
        segment: end.segment,
        offset: end.offset,
        previous: end.chain.previous.hash,
        decisions: end.chain.decisions,
    };
    let file = match opened {
        Some(file) => file,
        None => opened.insert(open_watermark(disk, layout)?),
    };
    file.write_all(&watermark.encode(image), 0)
}

/// Opens `journal/durable`, and creates it if it is missing.
fn open_watermark(disk: &dyn Disk, layout: &Layout) -> Result<StoredFile, Error> {
    let path = layout.durable();
    match StoredFile::open(disk, &path, Access::ReadWrite) {
        Err(error) if error.is_missing() => {
            let file = StoredFile::create(disk, &path)?;
            sync_dir(disk, &layout.journal())?;
            Ok(file)
        }
        opened => opened,
    }
}

/// Writes both copies of the base with which a copy begins.
pub(super) fn install_base(disk: &dyn Disk, layout: &Layout, seq: Seq, snapshot: &Path) -> Result<(), Error> {
    let source = StoredFile::open(disk, snapshot, Access::Read)?;
    for copy in ["1", "2"] {
        let path = layout.journal().join(format!("{:020}.{copy}{BASE}", seq.get()));
        StagedFile::write(disk, &path, true, |file| copy_in_pieces(&source, file))?.install(disk)?;
    }
    Ok(())
}

/// The life that a copy records beside its end: that of its frames, or a newer one that has no frame, because the next life must have a higher
/// epoch. Two owners may have begun lives of one epoch, if the first of them shipped nothing. Then the life that has frames counts.
pub(super) fn newest_life(disk: &dyn Disk, layout: &Layout, image: &[u8; 16], of_frames: Life) -> Result<Life, Error> {
    let recorded = match layout.read_watermark(disk, image)? {
        Some(watermark) => Some(watermark.life),
        None => life_of_base(disk, layout)?,
    };
    Ok(recorded.filter(|life| life.epoch > of_frames.epoch).unwrap_or(of_frames))
}

/// The newest life in which a base of the copy was made: its owner may have written no frame in this life.
fn life_of_base(disk: &dyn Disk, layout: &Layout) -> Result<Option<Life>, Error> {
    let journal = layout.journal();
    let mut newest: Option<Life> = None;
    for (name, _) in layout.list_if_exists(disk, &journal)?.iter().filter(|(name, _)| name.ends_with(BASE)) {
        // the header needs no key
        let life = SnapshotFile::open(disk, &journal.join(name), &Arc::new(Keyring::default()))?.header.life;
        newest = newest.filter(|newest| newest.epoch >= life.epoch).or(Some(life));
    }
    Ok(newest)
}
