//! Reads a segment up to its last non-zero byte. Memory use is bounded by the data in the file, not by its length.

use std::io::ErrorKind;

use crate::disk::{StoredFile, failed};
use crate::error::Error;
use crate::journal::format::zeros::{is_zero, last_nonzero};

/// The size of one read. Pieces that contain only zeros take no memory.
const PIECE_LEN: usize = 1 << 20;
/// The largest number of zeros at the end of a valid frame, even if its writer does not follow the format. The trailer
/// has eight bytes and starts with the frame's length, which is not zero.
const TRAILING_ZEROS: u64 = 7;

/// Reads the first `len` bytes of a file, and leaves out most zeros at the end: the result ends a few bytes after the last
/// non-zero byte, so that it contains every frame completely. Returns `None` if the file is shorter than `len`.
///
/// Memory use is bounded by the data and not by `len`: the operating system allocates the pages of a zeroed vector only when
/// they are written to, and pieces of zeros are never copied.
pub(crate) fn read_nonzero(file: &StoredFile, len: u64) -> Result<Option<Vec<u8>>, Error> {
    let mut piece = vec![0; len.min(PIECE_LEN as u64) as usize];
    // reads backwards from the end, because most segments end in zeros. In this way the function finds the last non-zero byte
    // without reading any piece twice
    let mut start = len.saturating_sub(1) / PIECE_LEN as u64 * PIECE_LEN as u64;
    piece.truncate((len - start) as usize);
    let last = loop {
        if file.read_up_to(&mut piece, start)? < piece.len() {
            return Ok(None);
        }
        match last_nonzero(&piece) {
            Some(last) => break start + last as u64,
            None if start == 0 => return Ok(Some(Vec::new())),
            None => start -= PIECE_LEN as u64,
        }
        piece.resize(PIECE_LEN, 0);
    };
    let kept_len = len.min(last + 1 + TRAILING_ZEROS);
    let mut bytes = zeros(kept_len).ok_or_else(|| failed("reading", file.path(), ErrorKind::OutOfMemory.into()))?;
    let (before, end) = bytes.split_at_mut(start as usize);
    let kept = end.len().min(piece.len());
    end[..kept].copy_from_slice(&piece[..kept]);
    piece.resize(PIECE_LEN, 0);
    for (place, start) in before.chunks_mut(PIECE_LEN).zip((0..).step_by(PIECE_LEN)) {
        if file.read_up_to(&mut piece, start)? < PIECE_LEN {
            return Ok(None);
        }
        if !is_zero(&piece) {
            place.copy_from_slice(&piece);
        }
    }
    Ok(Some(bytes))
}

/// A vector of zeros; `None` if there is no memory for it. A lack of memory must not abort the process.
fn zeros(len: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(len).ok()?;
    // Only `vec!` allocates zeroed pages without writing to them, but `vec!` cannot report a failure. So this function first
    // makes a trial allocation, which can report a failure.
    Vec::<u8>::new().try_reserve_exact(len).ok()?;
    Some(vec![0; len])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::SimDisk;

    fn file(bytes: &[u8]) -> StoredFile {
        let file = StoredFile::create(&SimDisk::new(), Path::new("/file")).unwrap();
        file.write_all(bytes, 0).unwrap();
        file
    }

    #[test]
    fn all_data_is_read_unchanged_wherever_it_ends() {
        for len in [0, 1, 4096, PIECE_LEN - 1, PIECE_LEN, PIECE_LEN + 1, 3 * PIECE_LEN, 3 * PIECE_LEN + 4096] {
            let (around, far) =
                ([PIECE_LEN - 8, PIECE_LEN - 7, PIECE_LEN - 1, PIECE_LEN], [2 * PIECE_LEN + 5, 3 * PIECE_LEN - 1]);
            let ends = [&[0, 1, 8, 4095][..], &around, &far, &[len.saturating_sub(1)]].concat();
            for last in ends.into_iter().filter(|&last| last < len) {
                for first in [0, last / 2, last] {
                    let mut bytes = vec![0; len];
                    (bytes[first], bytes[last]) = (3, 5);
                    let read = read_nonzero(&file(&bytes), len as u64).unwrap().unwrap();
                    assert_eq!(read.len(), len.min(last + 1 + TRAILING_ZEROS as usize), "{last} of {len}");
                    assert!(read == bytes[..read.len()], "{first} and {last} of {len}");
                }
            }
            assert_eq!(read_nonzero(&file(&vec![0; len]), len as u64).unwrap(), Some(Vec::new()), "nothing but zeros");
        }
    }

    #[test]
    fn a_file_that_has_become_shorter_is_refused() {
        for len in [5001, PIECE_LEN as u64, 5 * PIECE_LEN as u64] {
            assert_eq!(read_nonzero(&file(&[7; 5000]), len).unwrap(), None);
        }
        let bytes = [vec![7; PIECE_LEN], vec![0; PIECE_LEN]].concat();
        assert_eq!(read_nonzero(&file(&bytes), 2 * PIECE_LEN as u64 + 1).unwrap(), None);
    }
}
