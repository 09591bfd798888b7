//! Finds the nonzero bytes of a segment. Usually, most bytes of a segment are zero.

/// The number of bytes that are tested in one loop without an early exit, so that the compiler vectorizes the loop.
const BLOCK: usize = 256;

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(BLOCK).all(|block| block.iter().fold(0, |all, byte| all | byte) == 0)
}

/// The index of the last byte that is not zero.
pub(crate) fn last_nonzero(bytes: &[u8]) -> Option<usize> {
    let block = bytes.chunks(BLOCK).rposition(|block| !is_zero(block))?;
    let start = block * BLOCK;
    bytes[start..].iter().take(BLOCK).rposition(|&byte| byte != 0).map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nonzero_byte_is_found() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let mut bytes = vec![0; len];
            assert!(is_zero(&bytes) && last_nonzero(&bytes).is_none());
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_zero(&bytes));
                assert_eq!(last_nonzero(&bytes), Some(at));
                bytes[0] = 1;
                assert_eq!(last_nonzero(&bytes), Some(at));
                (bytes[0], bytes[at]) = (0, 0);
            }
        }
    }
}
