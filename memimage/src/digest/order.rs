//! Whether the order of what is in a collection counts.

use super::error::DigestError;
use super::hash::Hash;

/// What is in a list, or together in a set.
pub(super) enum Order {
    /// The order counts, and the number of items was promised before them.
    Counts { promised: usize },
    /// It does not: the items' own hashes are added up.
    Free { sum: u64 },
}

impl Order {
    pub(super) fn ordered(hash: &mut Hash, promised: usize) -> Order {
        hash.word(promised as u64);
        Order::Counts { promised }
    }

    #[inline]
    pub(super) fn end(self, hash: &mut Hash, seen: usize) -> Result<(), DigestError> {
        match self {
            Order::Counts { promised } if promised == seen => Ok(()),
            Order::Counts { promised } => {
                Err(DigestError::contradiction(format!("{seen} items after it announced {promised}")))
            }
            Order::Free { sum } => {
                hash.word(seen as u64);
                hash.word(sum);
                Ok(())
            }
        }
    }
}
