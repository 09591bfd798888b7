//! Ordered and unordered collections.

use super::error::DigestError;
use super::hash::HashState;

/// Whether the order of a collection's items is part of its value.
pub(super) enum ItemOrder {
    /// The order is part of the value. `announced` is the number of items that the value's `Serialize` announced before the
    /// first item.
    Significant { announced: usize },
    /// The order is not part of the value: the hashes of the items are added up.
    Insignificant { sum: u64 },
}

impl ItemOrder {
    pub(super) fn ordered(hash: &mut HashState, announced: usize) -> ItemOrder {
        hash.word(announced as u64);
        ItemOrder::Significant { announced }
    }

    #[inline]
    pub(super) fn end(self, hash: &mut HashState, written: usize) -> Result<(), DigestError> {
        match self {
            ItemOrder::Significant { announced } if announced == written => Ok(()),
            ItemOrder::Significant { announced } => {
                Err(DigestError::contradiction(format!("{written} items after it announced {announced}")))
            }
            ItemOrder::Insignificant { sum } => {
                hash.word(written as u64);
                hash.word(sum);
                Ok(())
            }
        }
    }
}
