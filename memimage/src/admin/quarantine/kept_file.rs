//! A file in the quarantine, as its name describes it.

use std::path::PathBuf;

use crate::context::Timestamp;
use crate::disk::changed_at;
use crate::journal::{TORN, segment_of_file};
use crate::seq::{SegmentId, Seq};
use crate::snapshot::{quarantined_base, quarantined_seq};

/// A file that an opening or a repair set aside.
#[derive(Clone, Debug)]
pub(crate) struct KeptFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) kind: KeptFileKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeptFileKind {
    /// Bytes that were cleared at an offset of a segment, where the journal ended.
    Torn {
        segment: SegmentId,
        offset: u64,
    },
    /// A segment, before it was changed or removed.
    Segment(SegmentId),
    Snapshot(Seq),
    Base(Seq),
    /// The file `journal/durable`.
    Watermark,
    /// A file that the library does not know.
    Unknown,
}

impl KeptFile {
    pub(super) fn new(name: String, path: PathBuf, bytes: u64) -> KeptFile {
        KeptFile { kind: KeptFileKind::of(&name), name, path, bytes }
    }

    /// The time at which the file got its content or its name; `None` if the file system does not tell.
    pub(crate) fn changed(&self) -> Option<Timestamp> {
        changed_at(&self.path).ok().map(Timestamp::from_micros)
    }
}

impl KeptFileKind {
    fn of(name: &str) -> KeptFileKind {
        if let Some((segment, offset)) = torn(name) {
            return KeptFileKind::Torn { segment, offset };
        }
        let numbered = name.rsplit_once('.').filter(|(_, number)| number.parse::<u32>().is_ok());
        match numbered.map(|(name, _)| name) {
            Some("durable") => KeptFileKind::Watermark,
            Some(of) => segment_of_file(of)
                .map(KeptFileKind::Segment)
                .or_else(|| quarantined_seq(name).map(KeptFileKind::Snapshot))
                .or_else(|| quarantined_base(name).map(KeptFileKind::Base))
                .unwrap_or(KeptFileKind::Unknown),
            None => KeptFileKind::Unknown,
        }
    }

    /// The name of the kind, in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            KeptFileKind::Torn { .. } => "torn",
            KeptFileKind::Segment(_) => "segment",
            KeptFileKind::Snapshot(_) => "snapshot",
            KeptFileKind::Base(_) => "base",
            KeptFileKind::Watermark => "durable",
            KeptFileKind::Unknown => "unknown",
        }
    }
}

/// The segment and the offset in a name such as `00000003-0000020480-0.torn`.
fn torn(name: &str) -> Option<(SegmentId, u64)> {
    let mut parts = name.strip_suffix(TORN)?.split('-');
    let (segment, offset): (u64, u64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.parse::<u32>().ok()?;
    let is_segment = segment > 0 && parts.next().is_none();
    is_segment.then(|| (SegmentId::new(segment), offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_in_the_quarantine_has_a_kind() {
        for (name, kind) in [
            ("00000003-0000020480-0.torn", KeptFileKind::Torn { segment: SegmentId::new(3), offset: 20480 }),
            ("00000003.journal.0", KeptFileKind::Segment(SegmentId::new(3))),
            ("00000003.journal.12", KeptFileKind::Segment(SegmentId::new(3))),
            ("durable.1", KeptFileKind::Watermark),
            ("00000000000000001234.snapshot.0", KeptFileKind::Snapshot(Seq::new(1234))),
            ("00000000000000001234.2.base.0", KeptFileKind::Base(Seq::new(1234))),
            ("00000003.journal", KeptFileKind::Unknown),
            ("00000000-0000020480-0.torn", KeptFileKind::Unknown),
            ("3-4-5-6.torn", KeptFileKind::Unknown),
            ("notes.txt", KeptFileKind::Unknown),
        ] {
            assert_eq!(KeptFileKind::of(name), kind, "{name}");
        }
    }
}
