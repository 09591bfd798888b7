//! Reports the progress of the replay that opens an image.

use crate::error::Error;
use crate::event::Model;
use crate::progress::{OpeningPhase, Progress, ProgressReporter};
use crate::recovery::{
    Dispatch, OpenedJournal, Recovered, RecoveryGoal, ReplayProgress, recover, recover_with_progress,
};
use crate::seq::SegmentId;

/// Recovers the model with the keys of its own key file, and reports the progress of the replay.
pub(super) fn recover_reporting<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    reporter: Option<&ProgressReporter>,
) -> Result<Recovered<M>, Error> {
    let Some(reporter) = reporter else { return journal.with_own_keys(|| recover(journal, dispatch, goal)) };
    let mut report = ReplayReport { reporter, journal, first: None };
    let mut batch = |replayed: ReplayProgress| report.batch(replayed);
    let recovered = journal.with_own_keys(|| recover_with_progress::<M>(journal, dispatch, goal, &mut batch))?;
    report.end(&recovered);
    Ok(recovered)
}

struct ReplayReport<'a> {
    reporter: &'a ProgressReporter,
    journal: &'a OpenedJournal,
    /// The first segment from which an event was replayed.
    first: Option<SegmentId>,
}

impl ReplayReport<'_> {
    /// Reports that the replay has reached the end of a batch.
    fn batch(&mut self, replayed: ReplayProgress) {
        let ReplayProgress { events, segment, offset, .. } = replayed;
        // recovery may begin again in an earlier segment
        let first = self.first.map_or(segment, |first| first.min(segment));
        self.first = Some(first);
        self.reporter.report_if_due(OpeningPhase::Replay, || {
            let (end_segment, end_offset) = self.journal.expected_end();
            let bytes = self.bytes(first, segment, offset as u64);
            let bytes_total = self.bytes(first, end_segment, end_offset).max(bytes);
            Progress { phase: OpeningPhase::Replay, events, bytes, bytes_total }
        });
    }

    fn end<M>(&self, recovered: &Recovered<M>) {
        let end = recovered.end.as_ref().expect("an opening reads the whole journal");
        let bytes = self.bytes(self.first.unwrap_or(end.segment), end.segment, end.offset as u64);
        let (events, bytes_total) = (recovered.replayed, bytes);
        self.reporter.report(Progress { phase: OpeningPhase::Replay, events, bytes, bytes_total });
    }

    /// The number of bytes from the start of segment `first` to an offset in `segment`.
    fn bytes(&self, first: SegmentId, segment: SegmentId, offset: u64) -> u64 {
        let segments = self.journal.segments();
        let whole = segments.ids().filter(|&of| of >= first && of < segment);
        whole.filter_map(|of| segments.len_of(of)).sum::<u64>() + offset
    }
}
