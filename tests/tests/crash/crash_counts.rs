//! Counts of the crash images that were tried.

use std::fmt;

/// Counts of crash images.
#[derive(Default)]
pub(crate) struct CrashCounts {
    /// All images.
    pub(crate) images: u64,
    /// Images after a kill.
    pub(crate) kills: u64,
    /// Images in which recovery found a torn write.
    pub(crate) torn: u64,
    /// Images with garbage in a sector.
    pub(crate) garbled: u64,
    /// Images with garbage that were refused, with a position and without a modification.
    pub(crate) refused: u64,
    /// Refused images that were repaired without the loss of an acknowledged event.
    pub(crate) repaired: u64,
    /// Images after a crash during the recovery from a crash.
    pub(crate) twice: u64,
    /// Images after a crash of an image that was used after two crashes.
    pub(crate) thrice: u64,
    /// Images with a pruned journal. These are also opened without snapshots, and without the base.
    pub(crate) pruned: u64,
    /// Images next to a complete or incomplete rewritten image.
    pub(crate) rewritten: u64,
    /// The number of scenarios.
    pub(crate) scenarios: u64,
}

impl fmt::Display for CrashCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CrashCounts {
            images,
            kills,
            torn,
            garbled,
            refused,
            repaired,
            twice,
            thrice,
            pruned,
            rewritten,
            scenarios,
        } = self;
        write!(
            f,
            "{images} crash images of {scenarios} scenarios: {kills} of kills, {torn} with a torn write, {garbled} with garbage \
             ({refused} refused, {repaired} of them repaired), {twice} of crashed recoveries, {thrice} of images used after those, {pruned} pruned, \
             {rewritten} of rewrites"
        )
    }
}
