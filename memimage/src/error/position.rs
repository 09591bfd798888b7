//! The position of an error in the journal.

use std::fmt;

use crate::seq::{SegmentId, Seq};

/// The position of an error in the journal. Each part is `None` if it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The number of the segment. The name of the segment's file in `journal/` contains this number.
    pub segment: Option<SegmentId>,
    /// The offset in the segment's file, in bytes.
    pub offset: Option<u64>,
    /// The seq of the event at this position.
    pub seq: Option<Seq>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.segment.map(|segment| format!("in segment {segment}")),
            self.offset.map(|offset| format!("at byte {offset}")),
            self.seq.map(|seq| format!("(event {seq})")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(" "))
    }
}
