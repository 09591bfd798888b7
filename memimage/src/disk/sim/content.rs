//! The content of one simulated file: its written bytes and its synced bytes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::SECTOR;
use super::crash::Fate;
use super::rng::Rng;

/// The page size in bytes. Copies of a disk share a page of a file until one of the disks writes to the page.
const PAGE: usize = 4096;

type Page = [u8; PAGE];

static ZEROS: Page = [0; PAGE];

/// The largest file length, the same as for real files.
const LEN_MAX: u64 = i64::MAX as u64;

#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// The written bytes. A missing page is all zeros, and so is everything beyond `len`.
    pages: BTreeMap<u64, Arc<Page>>,
    len: u64,
    /// The pages whose bytes on disk may differ from the written bytes.
    unsynced: BTreeMap<u64, UnsyncedPage>,
    synced_len: u64,
    /// The number of the last operation that made the file longer.
    grown: Age,
}

/// The number of the operation that made a change. The numbers of operations order all unsynced changes of a disk.
type Age = u64;

#[derive(Debug, Clone)]
struct UnsyncedPage {
    /// The bytes of the page on disk; `None` if they are all zero.
    before: Option<Arc<Page>>,
    /// The sectors written since the last sync, one bit for each sector.
    sectors: u8,
    /// The sectors that a failed sync dropped, one bit for each sector. Readers see the new bytes, the disk has the old bytes,
    /// and no later sync writes the new bytes.
    dropped: u8,
    /// The number of the last operation that wrote each sector.
    written: [Age; PAGE / SECTOR as usize],
}

impl UnsyncedPage {
    fn on_disk(&self) -> &Page {
        self.before.as_deref().unwrap_or(&ZEROS)
    }
}

const _: () = assert!(PAGE as u64 / SECTOR == u8::BITS as u64);

/// An unsynced change of a file, which a power cut may keep or lose.
#[derive(Clone, Copy)]
pub(super) enum UnsyncedPart {
    Sector { index: u64, fresh: bool, age: Age },
    Length { synced: u64, written: u64, age: Age },
}

impl UnsyncedPart {
    pub(super) fn age(self) -> Age {
        match self {
            Self::Sector { age, .. } | Self::Length { age, .. } => age,
        }
    }
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> usize {
        let len = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        for (page, within, chunk) in pieces(offset, len) {
            let from = self.page(page);
            buf[chunk].copy_from_slice(&from[within]);
        }
        len
    }

    pub(super) fn write_at(&mut self, buf: &[u8], offset: u64, age: Age) -> io::Result<usize> {
        let end = end_of(buf, offset)?;
        for (page, within, chunk) in pieces(offset, buf.len()) {
            let before = &self.pages;
            let unsynced = self.unsynced.entry(page).or_insert_with(|| UnsyncedPage {
                before: before.get(&page).cloned(),
                sectors: 0,
                dropped: 0,
                written: Default::default(),
            });
            for sector in within.start / SECTOR as usize..=(within.end - 1) / SECTOR as usize {
                unsynced.sectors |= 1 << sector;
                unsynced.dropped &= !(1 << sector);
                unsynced.written[sector] = age;
            }
            put(&mut self.pages, page, within.start, &buf[chunk]);
        }
        if !buf.is_empty() && end > self.len {
            (self.len, self.grown) = (end, age);
        }
        Ok(buf.len())
    }

    /// Makes the length durable, and all bytes except those of sectors that an earlier sync dropped. The cost is proportional
    /// to the unsynced data.
    pub(super) fn sync(&mut self) {
        self.sync_or_drop(|| true);
        self.synced_len = self.len;
    }

    /// Simulates a failing sync: `reaches` decides for each unsynced sector whether it reaches the disk or is dropped. The
    /// length stays unsynced.
    pub(super) fn sync_or_drop(&mut self, mut reaches: impl FnMut() -> bool) {
        let pages = &self.pages;
        self.unsynced.retain(|page, unsynced| {
            let (reached, lost): (Vec<_>, Vec<_>) = sectors(unsynced.sectors).partition(|_| reaches());
            unsynced.sectors = 0;
            unsynced.dropped |= lost.into_iter().fold(0, |bits, sector| bits | 1 << sector);
            if unsynced.dropped == 0 {
                return false;
            }
            let written = pages.get(page).map_or(&ZEROS, |page| page);
            let on_disk = Arc::make_mut(unsynced.before.get_or_insert_with(|| Arc::new(ZEROS)));
            for sector in reached {
                let bytes = sector * SECTOR as usize..(sector + 1) * SECTOR as usize;
                on_disk[bytes.clone()].copy_from_slice(&written[bytes]);
            }
            true
        });
    }

    /// Replaces the bytes at `offset` in both the written and the synced data. Other unsynced changes stay unsynced.
    pub(super) fn put_synced(&mut self, buf: &[u8], offset: u64) -> io::Result<()> {
        let end = end_of(buf, offset)?;
        for (page, within, chunk) in pieces(offset, buf.len()) {
            if let Some(unsynced) = self.unsynced.get_mut(&page) {
                let before = Arc::make_mut(unsynced.before.get_or_insert_with(|| Arc::new(ZEROS)));
                before[within.clone()].copy_from_slice(&buf[chunk.clone()]);
            }
            put(&mut self.pages, page, within.start, &buf[chunk]);
        }
        if !buf.is_empty() {
            self.len = self.len.max(end);
            self.synced_len = self.synced_len.max(end);
        }
        Ok(())
    }

    /// Truncates the file, or extends it with zeros; the new length is synced.
    pub(super) fn set_len_synced(&mut self, len: u64) -> io::Result<()> {
        if len > LEN_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (last, kept) = (len / PAGE as u64, (len % PAGE as u64) as usize);
        self.pages.split_off(&(last + 1));
        self.unsynced.split_off(&(last + 1));
        if let Some(page) = self.pages.get_mut(&last) {
            Arc::make_mut(page)[kept..].fill(0);
        }
        if let Some(unsynced) = self.unsynced.get_mut(&last) {
            if let Some(before) = &mut unsynced.before {
                Arc::make_mut(before)[kept..].fill(0);
            }
            let kept = ((1_u16 << kept.div_ceil(SECTOR as usize)) - 1) as u8;
            unsynced.sectors &= kept;
            unsynced.dropped &= kept;
        }
        (self.len, self.synced_len) = (len, len);
        Ok(())
    }

    /// The file after a power cut. Calls `fate` for every unsynced sector whose written and synced bytes differ, and for an
    /// unsynced length.
    pub(super) fn crash(&self, mut fate: impl FnMut(UnsyncedPart) -> Fate) -> Self {
        let mut pages = self.pages.clone();
        let mut len = self.synced_len;
        for (&page, unsynced) in &self.unsynced {
            let (written, on_disk) = (self.page(page), unsynced.on_disk());
            for sector in sectors(unsynced.sectors | unsynced.dropped) {
                let start = sector * SECTOR as usize;
                let bytes = start..start + SECTOR as usize;
                if written[bytes.clone()] == on_disk[bytes.clone()] {
                    continue;
                }
                let end = (page * PAGE as u64 + bytes.end as u64).min(self.len);
                let fate = match unsynced.dropped & 1 << sector {
                    0 => fate(UnsyncedPart::Sector {
                        index: page * (PAGE as u64 / SECTOR) + sector as u64,
                        fresh: on_disk[bytes.clone()] == ZEROS[bytes.clone()],
                        age: unsynced.written[sector],
                    }),
                    _ => Fate::Lost,
                };
                match fate {
                    Fate::Lost => put(&mut pages, page, start, &on_disk[bytes]),
                    Fate::Kept => len = len.max(end),
                    Fate::Garbage(seed) => {
                        // the page is all zeros beyond the end of the file
                        let bytes = start..(end - page * PAGE as u64) as usize;
                        let garbage = garbage(seed, &written[bytes.clone()], &on_disk[bytes]);
                        put(&mut pages, page, start, &garbage);
                        len = len.max(end);
                    }
                }
            }
        }
        if self.len != self.synced_len {
            let growth = UnsyncedPart::Length { synced: self.synced_len, written: self.len, age: self.grown };
            if fate(growth) != Fate::Lost {
                len = self.len;
            }
        }
        Self { pages, len, unsynced: BTreeMap::new(), synced_len: len, grown: 0 }
    }

    fn page(&self, page: u64) -> &Page {
        self.pages.get(&page).map_or(&ZEROS, |page| page)
    }

    #[cfg(test)]
    pub(super) fn pages_held(&self) -> usize {
        self.pages.len()
    }
}

fn put(pages: &mut BTreeMap<u64, Arc<Page>>, page: u64, start: usize, bytes: &[u8]) {
    // Segments are preallocated with zeros, so pages of zeros must use no memory.
    let zeros = *bytes == ZEROS[..bytes.len()];
    if zeros && bytes.len() == PAGE {
        pages.remove(&page);
    } else if !zeros || pages.contains_key(&page) {
        let page = pages.entry(page).or_insert_with(|| Arc::new(ZEROS));
        Arc::make_mut(page)[start..start + bytes.len()].copy_from_slice(bytes);
    }
}

/// The bytes of a sector whose write the power cut interrupted: new bytes followed by old bytes, or bytes with all bits set, or
/// random bytes.
fn garbage(seed: u64, written: &[u8], on_disk: &[u8]) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    match rng.below(4) {
        0 => {
            let torn = rng.below(written.len() as u64) as usize;
            [&written[..torn], &on_disk[torn..]].concat()
        }
        1 => vec![0xFF; written.len()],
        _ => (0..written.len()).map(|_| rng.below(256) as u8).collect(),
    }
}

/// The positions of the set bits.
fn sectors(bits: u8) -> impl Iterator<Item = usize> {
    (0..u8::BITS as usize).filter(move |sector| bits & 1 << sector != 0)
}

fn end_of(buf: &[u8], offset: u64) -> io::Result<u64> {
    match offset.checked_add(buf.len() as u64) {
        Some(end) if end <= LEN_MAX => Ok(end),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// Splits the `len` bytes from `offset` on at page boundaries. Returns for each piece its page, its range within the page, and
/// its range within the buffer.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = (at % PAGE as u64) as usize;
        let count = (PAGE - start).min(len - done);
        let chunk = done..done + count;
        done += count;
        (count > 0).then(|| (at / PAGE as u64, start..start + count, chunk))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(content: &Content) -> Vec<u8> {
        let mut bytes = vec![0xee; content.len() as usize];
        assert_eq!(content.read_at(&mut bytes, 0), bytes.len());
        bytes
    }

    #[test]
    fn zeros_use_no_pages() {
        let mut content = Content::default();
        for mib in 0..64 {
            content.write_at(&vec![0; 1 << 20], mib << 20, 0).unwrap();
            content.sync();
        }
        assert_eq!((content.len(), content.pages_held()), (64 << 20, 0));
        content.write_at(&[0; 512], 512, 0).unwrap();
        assert_eq!(content.pages_held(), 0);
        content.write_at(&[1; 10], 5 << 20, 0).unwrap();
        assert_eq!(content.pages_held(), 1);
        content.write_at(&[0; 3 * PAGE], (5 << 20) - PAGE as u64, 0).unwrap();
        assert_eq!(content.pages_held(), 0);
    }

    #[test]
    fn copies_share_pages_until_one_is_written() {
        let mut content = Content::default();
        content.write_at(&[1; 10 * PAGE], 0, 0).unwrap();
        let copy = content.clone();
        content.write_at(&[2], 0, 0).unwrap();
        let shared = |page| Arc::ptr_eq(&content.pages[&page], &copy.pages[&page]);
        assert!(!shared(0));
        assert!((1..10).all(shared));
        assert_eq!(bytes(&copy), [1; 10 * PAGE]);
    }

    #[test]
    fn reads_and_writes_cross_pages() {
        let mut content = Content::default();
        let text: Vec<u8> = (0..3 * PAGE).map(|i| (i % 251) as u8).collect();
        assert_eq!(content.write_at(&text, 100, 0).unwrap(), text.len());
        let mut read = vec![0; PAGE + 2];
        assert_eq!(content.read_at(&mut read, 100 + PAGE as u64 - 1), PAGE + 2);
        assert_eq!(read, text[PAGE - 1..2 * PAGE + 1]);
    }

    #[test]
    fn a_write_past_the_largest_offset_is_refused() {
        let mut content = Content::default();
        for offset in [u64::MAX, LEN_MAX] {
            assert_eq!(content.write_at(&[1], offset, 0).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        }
        assert_eq!(content.len(), 0);
    }

    #[test]
    fn truncated_bytes_do_not_come_back() {
        let mut content = Content::default();
        content.write_at(&[1; 2 * PAGE], 0, 0).unwrap();
        content.sync();
        content.write_at(&[2; 2 * PAGE], 0, 0).unwrap();
        content.set_len_synced(700).unwrap();
        content.set_len_synced(2 * PAGE as u64).unwrap();
        let mut lost = 0;
        let crashed = content.crash(|_| {
            lost += 1;
            Fate::Lost
        });
        assert_eq!(lost, 2, "two sectors reach below 700");
        assert_eq!(bytes(&crashed)[..700], [1; 700]);
        assert_eq!(bytes(&crashed)[700..], vec![0; 2 * PAGE - 700]);
    }

    #[test]
    fn bytes_put_as_synced_survive_among_unsynced_ones() {
        let mut content = Content::default();
        content.write_at(&[1; 600], 0, 0).unwrap();
        content.put_synced(&[7], 3).unwrap();
        let crashed = content.crash(|_| Fate::Lost);
        assert_eq!(bytes(&crashed), [0, 0, 0, 7]);
        assert_eq!(bytes(&content)[..5], [1, 1, 1, 7, 1]);
    }
}
