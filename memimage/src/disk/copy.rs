//! Copies bytes between files without holding up other writers: a copy is not urgent, and a sync of the journal must never wait
//! until a whole copy is on disk.

use std::time::Duration;

use super::StoredFile;
use crate::error::Error;

/// The length of a piece, in bytes. Each piece is synced after it was written.
const PIECE: usize = 1 << 20;
/// The pause between two pieces. Meanwhile other writers can use the disk.
const PAUSE: Duration = Duration::from_millis(2);

/// Copies a file in pieces, and syncs each piece except the last.
pub(crate) fn copy_in_pieces(from: &StoredFile, to: &StoredFile) -> Result<(), Error> {
    let (mut piece, mut offset) = (vec![0; PIECE], 0);
    loop {
        let read = from.read_up_to(&mut piece, offset)?;
        to.write_all(&piece[..read], offset)?;
        if read < PIECE {
            return Ok(());
        }
        pause_after(to)?;
        offset += read as u64;
    }
}

/// Writes `bytes` to the start of a file and zeros after them, up to the length `len`, in pieces. Syncs each piece except the
/// last.
pub(crate) fn write_in_pieces(bytes: &[u8], len: u64, to: &StoredFile) -> Result<(), Error> {
    for offset in (0..len).step_by(PIECE) {
        let piece = (len - offset).min(PIECE as u64);
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let written = &rest[..rest.len().min(piece as usize)];
        to.write_all(written, offset)?;
        to.write_zeros(piece - written.len() as u64, offset + written.len() as u64)?;
        if offset + piece < len {
            pause_after(to)?;
        }
    }
    Ok(())
}

/// Whether a file has the length `len`, begins with `bytes`, and contains only zeros after them.
pub(crate) fn is_filled_with(file: &StoredFile, bytes: &[u8], len: u64) -> Result<bool, Error> {
    let (mut piece, mut offset) = (vec![0; PIECE], 0);
    while file.len()? == len {
        let read = file.read_up_to(&mut piece, offset)?;
        let expected = bytes.get(offset as usize..).unwrap_or_default();
        let (written, zeros) = piece[..read].split_at(expected.len().min(read));
        if written != &expected[..written.len()] || zeros.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if read < PIECE {
            return Ok(true);
        }
        offset += read as u64;
    }
    Ok(false)
}

fn pause_after(to: &StoredFile) -> Result<(), Error> {
    to.sync_data()?;
    std::thread::sleep(PAUSE);
    Ok(())
}

/// Whether two files have the same length and the same bytes.
pub(crate) fn is_same_content(a: &StoredFile, b: &StoredFile) -> Result<bool, Error> {
    if a.len()? != b.len()? {
        return Ok(false);
    }
    let (mut of_a, mut of_b, mut offset) = (vec![0; PIECE], vec![0; PIECE], 0);
    loop {
        let (read_a, read_b) = (a.read_up_to(&mut of_a, offset)?, b.read_up_to(&mut of_b, offset)?);
        if of_a[..read_a] != of_b[..read_b] {
            return Ok(false);
        }
        if read_a < PIECE {
            return Ok(true);
        }
        offset += read_a as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::disk::{Access, SimDisk};

    fn file(disk: &SimDisk, name: &str, bytes: &[u8]) -> StoredFile {
        let file = StoredFile::create(disk, Path::new(name)).unwrap();
        file.write_all(bytes, 0).unwrap();
        file
    }

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn a_copy_has_the_same_content_whatever_its_length() {
        for len in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE] {
            let disk = SimDisk::new();
            let (from, to) = (file(&disk, "from", &bytes(len)), file(&disk, "to", &[]));
            copy_in_pieces(&from, &to).unwrap();
            assert_eq!(disk.read("to").unwrap(), bytes(len));
            assert!(is_same_content(&from, &to).unwrap());
        }
    }

    #[test]
    fn zeros_follow_the_bytes_up_to_the_length() {
        for (used, len) in [(0, 0), (0, 7), (5, 7), (7, 7), (PIECE, PIECE + 9), (PIECE + 3, 3 * PIECE), (5, 2 * PIECE)]
        {
            let disk = SimDisk::new();
            let to = file(&disk, "to", &[]);
            write_in_pieces(&bytes(used), len as u64, &to).unwrap();
            assert!(is_filled_with(&to, &bytes(used), len as u64).unwrap());
            assert!(!is_filled_with(&to, &bytes(used), len as u64 + 1).unwrap());
            for changed in BTreeSet::from([0, used, len.saturating_sub(1)]).into_iter().filter(|at| *at < len) {
                let other = file(&disk, &format!("{changed}"), &[]);
                copy_in_pieces(&to, &other).unwrap();
                disk.write(format!("{changed}"), changed as u64, &[255]).unwrap();
                assert!(!is_filled_with(&other, &bytes(used), len as u64).unwrap(), "{changed} of {len}");
            }
            let expected = [bytes(used), vec![0; len - used]].concat();
            assert_eq!(disk.read("to").unwrap(), expected, "{used} of {len}");
        }
    }

    #[test]
    fn one_other_bit_or_another_length_is_other_content() {
        let disk = SimDisk::new();
        let len = PIECE + 7;
        file(&disk, "a", &bytes(len));
        let mut changed = bytes(len);
        *changed.last_mut().unwrap() ^= 1;
        file(&disk, "b", &changed);
        file(&disk, "c", &bytes(len - 1));
        let open = |name: &str| StoredFile::open(&disk, Path::new(name), Access::Read).unwrap();
        assert!(is_same_content(&open("a"), &open("a")).unwrap());
        assert!(!is_same_content(&open("a"), &open("b")).unwrap());
        assert!(!is_same_content(&open("a"), &open("c")).unwrap());
    }
}
