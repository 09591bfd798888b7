//! Reads the requests that a snapshot lacks from the journal: it was made while the image remembered fewer events.

use std::ops::ControlFlow;

use crate::journal::{FrameKind, Scan, records};
use crate::log;
use crate::requests::{OlderRequest, RequestTable};
use crate::seq::Seq;

/// Adds the requests in the window after event `last` that the table does not know, as far as the journal still has them. They get
/// no answers, because their commands are not replayed. But a retry must not run them again.
pub(super) fn complete(requests: RequestTable, scan: &Scan, last: Seq) -> RequestTable {
    let Some(missing) = requests.missing(last) else { return requests };
    let (mut older, mut since) = (Vec::new(), None);
    let read = scan.segment_after(missing.start).and_then(|from| {
        scan.read(from, |segment, frame| {
            let header = &frame.header;
            if header.kind != FrameKind::Events || header.next_seq() <= missing.start {
                return Ok(ControlFlow::Continue(()));
            }
            if header.first_seq >= missing.end {
                return Ok(ControlFlow::Break(()));
            }
            since.get_or_insert(header.first_seq.max(missing.start));
            let body = scan.body(segment, frame)?;
            for record in records(&body, header.first_seq, header.count, header.time) {
                let record = record.map_err(|fault| scan.corrupt_frame(segment, frame, fault.to_string()))?;
                if let Some(key) = record.metadata.request()
                    && missing.contains(&record.seq)
                {
                    older.push(OlderRequest { seq: record.seq, key: key.to_owned(), outcome: record.outcome });
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    });
    match (read, since) {
        (Ok(_), Some(since)) => requests.with_older(&older, since),
        (Ok(_), None) => requests,
        (Err(error), _) => {
            log::warning!(first = %missing.start, end = %missing.end, %error, "the requests among these events are not known");
            requests
        }
    }
}
