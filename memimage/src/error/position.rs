//! Where in the journal an error was met.

use std::fmt;

use crate::seq::{SegmentId, Seq};

/// Where in the journal an error was met; each part as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The segment; its file is `journal/` and this number.
    pub segment: Option<SegmentId>,
    /// Bytes from the start of the segment's file.
    pub offset: Option<u64>,
    /// The event.
    pub seq: Option<Seq>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.segment.map(|segment| format!("in segment {segment}")),
            self.offset.map(|offset| format!("at byte {offset}")),
            self.seq.map(|seq| format!("where event {seq} belongs")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(" "))
    }
}
