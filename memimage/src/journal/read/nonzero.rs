//! The bytes of a segment up to the last that is used. What a file claims to be long costs nothing: zeros are not kept.

use std::io::ErrorKind;

use crate::disk::{StoredFile, failed};
use crate::error::Error;
use crate::journal::format::zeros::{is_zero, last_nonzero};

/// A file is read in pieces of this size; those with nothing but zeros take no memory.
const PIECE: usize = 1 << 20;
/// A good frame may end in so many zeros, if somebody wrote it who does not keep to the format: the length at the start of its
/// trailer is not zero.
const AFTER: u64 = 7;

/// Reads the first `len` bytes of a file up to the last that is used; no frame ends after what is given, and nothing but zeros
/// follows. `None` if the file ends before `len`.
///
/// It takes memory for what is there and not for how long it is: pages of the vector that nothing is copied to are never
/// touched, and an operating system gives those only once they are.
pub(crate) fn read_used(file: &StoredFile, len: u64) -> Result<Option<Vec<u8>>, Error> {
    let mut piece = vec![0; len.min(PIECE as u64) as usize];
    // from the back: what is in the midst is looked at once, and there are zeros at the end of most segments
    let mut start = len.saturating_sub(1) / PIECE as u64 * PIECE as u64;
    piece.truncate((len - start) as usize);
    let last = loop {
        if file.read_up_to(&mut piece, start)? < piece.len() {
            return Ok(None);
        }
        match last_nonzero(&piece) {
            Some(last) => break start + last as u64,
            None if start == 0 => return Ok(Some(Vec::new())),
            None => start -= PIECE as u64,
        }
        piece.resize(PIECE, 0);
    };
    let used = len.min(last + 1 + AFTER);
    let mut bytes = zeros(used).ok_or_else(|| failed("reading", file.path(), ErrorKind::OutOfMemory.into()))?;
    let (before, end) = bytes.split_at_mut(start as usize);
    let kept = end.len().min(piece.len());
    end[..kept].copy_from_slice(&piece[..kept]);
    piece.resize(PIECE, 0);
    for (place, start) in before.chunks_mut(PIECE).zip((0..).step_by(PIECE)) {
        if file.read_up_to(&mut piece, start)? < PIECE {
            return Ok(None);
        }
        if !is_zero(&piece) {
            place.copy_from_slice(&piece);
        }
    }
    Ok(Some(bytes))
}

/// So many zeros; `None` if there is no room for them, which must not end the process.
fn zeros(len: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(len).ok()?;
    // only `vec!` is given pages that were never touched, and it has no way to fail
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
    fn what_is_used_is_read_as_it_is_wherever_it_ends() {
        for len in [0, 1, 4096, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 4096] {
            let (around, far) = ([PIECE - 8, PIECE - 7, PIECE - 1, PIECE], [2 * PIECE + 5, 3 * PIECE - 1]);
            let ends = [&[0, 1, 8, 4095][..], &around, &far, &[len.saturating_sub(1)]].concat();
            for last in ends.into_iter().filter(|&last| last < len) {
                for first in [0, last / 2, last] {
                    let mut bytes = vec![0; len];
                    (bytes[first], bytes[last]) = (3, 5);
                    let used = read_used(&file(&bytes), len as u64).unwrap().unwrap();
                    assert_eq!(used.len(), len.min(last + 1 + AFTER as usize), "{last} of {len}");
                    assert!(used == bytes[..used.len()], "{first} and {last} of {len}");
                }
            }
            assert_eq!(read_used(&file(&vec![0; len]), len as u64).unwrap(), Some(Vec::new()), "nothing but zeros");
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_not_read() {
        for len in [5001, PIECE as u64, 5 * PIECE as u64] {
            assert_eq!(read_used(&file(&[7; 5000]), len).unwrap(), None);
        }
        let bytes = [vec![7; PIECE], vec![0; PIECE]].concat();
        assert_eq!(read_used(&file(&bytes), 2 * PIECE as u64 + 1).unwrap(), None);
    }
}
