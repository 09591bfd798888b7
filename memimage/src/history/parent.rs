//! The image from which an image was rewritten, branched or imported.

use std::fmt;

use crate::journal::Identity;
use crate::seq::Seq;

/// The image from which an image was [rewritten](crate::admin::rewrite()), [branched](crate::Journal::branch), or imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parent {
    /// The UUID of the parent.
    pub uuid: [u8; 16],
    /// The last event of the parent that was taken over.
    pub seq: Seq,
}

impl Parent {
    /// The parent of an image; `None` if the image is not rewritten, branched or imported.
    pub(crate) fn of(image: &Identity) -> Option<Parent> {
        image.parent.map(|(uuid, seq)| Parent { uuid, seq })
    }
}

/// Shows the UUID, and the last event that was taken over: `5f0c… up to event 12`.
impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(" up to event ")?;
        self.seq.fmt(f)
    }
}
