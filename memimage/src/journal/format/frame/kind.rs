//! The kinds of frames.

/// The flag of a frame that readers must not skip if they do not know its kind.
pub(super) const CRITICAL: u8 = 1;

/// The kind of a frame, which determines how its body is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// One batch of events.
    Events,
    /// Rows of the shape table. The index of a row in the table is the number that identifies the row's event in later records.
    Shapes,
    /// The state before the first event.
    Genesis,
    /// The digest of the state after an earlier event, which need not be the last event before this frame.
    Digest,
    /// The seal of a segment: no frame follows in this segment.
    Seal,
    /// A prune mark: the first segments may be absent, because a base replaces them.
    Prune,
    /// A void mark: replay skips one event.
    Void,
    /// A correction of recorded time: events after this frame may have earlier times than events before the frame.
    Time,
    /// A recorded gap: the frames that were here are damaged, and an owner has given them up.
    Gap,
    /// A kind of a later version of the format, which readers may skip.
    Optional(u8),
}

impl FrameKind {
    pub(super) fn code(self) -> u8 {
        match self {
            FrameKind::Events => 1,
            FrameKind::Shapes => 2,
            FrameKind::Genesis => 3,
            FrameKind::Digest => 4,
            FrameKind::Seal => 5,
            FrameKind::Prune => 6,
            FrameKind::Void => 7,
            FrameKind::Time => 8,
            FrameKind::Gap => 9,
            FrameKind::Optional(code) => code,
        }
    }

    /// Readers that do not know digest frames or time frames may skip them; replay needs every other kind.
    pub(super) fn flags(self) -> u8 {
        match self {
            FrameKind::Digest | FrameKind::Time | FrameKind::Optional(_) => 0,
            _ => CRITICAL,
        }
    }

    pub(super) fn from_code(code: u8, flags: u8) -> Option<FrameKind> {
        match code {
            1 => Some(FrameKind::Events),
            2 => Some(FrameKind::Shapes),
            3 => Some(FrameKind::Genesis),
            4 => Some(FrameKind::Digest),
            5 => Some(FrameKind::Seal),
            6 => Some(FrameKind::Prune),
            7 => Some(FrameKind::Void),
            8 => Some(FrameKind::Time),
            9 => Some(FrameKind::Gap),
            _ if flags & CRITICAL == 0 => Some(FrameKind::Optional(code)),
            _ => None,
        }
    }
}
