//! How much was tried.

use std::fmt;

/// Counts of crash images.
#[derive(Default)]
pub(crate) struct Tally {
    /// All of them.
    pub(crate) images: u64,
    /// What a kill left, or a kill and a power cut while recovering from it.
    pub(crate) kills: u64,
    /// In which recovery found a torn write.
    pub(crate) torn: u64,
    /// With garbage in a sector.
    pub(crate) garbled: u64,
    /// Of those, which were refused, with a position and nothing changed.
    pub(crate) refused: u64,
    /// Of those, which were repaired, and then had all that must be there.
    pub(crate) mended: u64,
    /// Left by a crash during the recovery from a crash.
    pub(crate) twice: u64,
    /// Left by a crash after going on from that.
    pub(crate) thrice: u64,
    /// With the start of the journal gone, and so opened twice more: without snapshots, and without the base.
    pub(crate) pruned: u64,
    /// With a rewritten image, or the beginnings of one, beside it.
    pub(crate) rewritten: u64,
    /// The scenarios they are of.
    pub(crate) scenarios: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { images, kills, torn, garbled, refused, mended, twice, thrice, pruned, rewritten, scenarios } = self;
        write!(
            f,
            "{images} crash images of {scenarios} scenarios: {kills} of kills, {torn} with a torn write, {garbled} with garbage \
             ({refused} refused, {mended} of them repaired), {twice} of crashed recoveries, {thrice} of what went on from them, {pruned} pruned, \
             {rewritten} of rewrites"
        )
    }
}
