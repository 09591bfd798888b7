//! Reads segments in order. While the caller processes one segment, a thread reads the next one.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::Builder;

use super::segments::Segments;
use crate::error::Error;
use crate::seq::SegmentId;

/// A segment that is shorter than this is read without a thread, because starting the thread would take longer.
const LEN_FOR_THREAD: u64 = 1 << 20;

type ReadSegment = (SegmentId, Result<Vec<u8>, Error>);

impl Segments {
    /// Reads these segments in order and passes the bytes of each to `visit`. At most two segments are in memory: the one that
    /// `visit` processes, and the next one. Returns the value with which `visit` breaks; `None` if it never does.
    ///
    /// Errors occur in the order of the segments, as if there were no thread.
    pub(super) fn read_each<T>(
        &self,
        segments: &[SegmentId],
        mut visit: impl FnMut(SegmentId, Vec<u8>) -> Result<ControlFlow<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let each = |(segment, bytes): ReadSegment| visit(segment, bytes?);
        let is_long = |segment: &SegmentId| self.len_of(*segment).is_some_and(|len| len >= LEN_FOR_THREAD);
        let without_thread = segments.iter().map(|&segment| (segment, self.read(segment)));
        if !segments.iter().skip(1).any(is_long) {
            return visit_until_break(without_thread, each);
        }
        std::thread::scope(|scope| {
            // a channel without a buffer: the thread keeps the next segment until the caller takes it
            let (sender, receiver) = sync_channel(0);
            let thread = Builder::new().name("memimage-read".to_owned());
            match thread.spawn_scoped(scope, move || self.send_each(segments, &sender)) {
                Ok(reader) => {
                    let visited = visit_until_break(receiver.into_iter(), each);
                    // the receiver is dropped, so the thread ends
                    reader.join().unwrap_or_else(|panic| resume_unwind(panic));
                    visited
                }
                Err(_) => visit_until_break(without_thread, each),
            }
        })
    }

    /// The body of the thread. Ends after the last segment, after an error, or when the receiver has been dropped.
    fn send_each(&self, segments: &[SegmentId], sender: &SyncSender<ReadSegment>) {
        for &segment in segments {
            let read = self.read(segment);
            let is_last = read.is_err();
            if sender.send((segment, read)).is_err() || is_last {
                return;
            }
        }
    }
}

fn visit_until_break<T>(
    segments: impl Iterator<Item = ReadSegment>,
    mut visit: impl FnMut(ReadSegment) -> Result<ControlFlow<T>, Error>,
) -> Result<Option<T>, Error> {
    for segment in segments {
        if let ControlFlow::Break(value) = visit(segment)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}
